//! Consumer groups: several processes share one source by key; [`Group`] says how.

mod coordinator;
mod error;
mod feed;
mod key;
mod member;
mod roster;
mod source;
mod steward;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use stream_log::{LogName, LogNameError, LogStore, Namespace};

pub use self::error::{GroupError, PartitionError};
pub use self::key::partition_of;
pub use self::member::Member;
use crate::limits::{GROUP_NAME_BYTES_MAX, PARTITIONS_MAX, SESSION_MAX, SESSION_MIN};
#[cfg(doc)]
use crate::{Checkpoints, LogSink, OnError, StreamProcessor, limits};

/// A consumer group: which one, and how to be in it.
///
/// [`StreamProcessor::join_group`] runs the same stages as
/// [`resume`](StreamProcessor::resume) would, once for each partition that the process owns.
/// Whoever runs the same pipeline with a [`Group`] of the same name, in the same store, is a member.
///
/// # Partitions
///
/// A group has a fixed number of partitions, which its own log records when it is founded; a member
/// that asks for another number is [refused](GroupError::Partitions).
/// [`partition_of`] says which partition the key of an item belongs to, so all items of a key are
/// treated by one pipeline, in the order of the source.
/// Each partition has its own copy of the stages, its own position, and its own
/// [`Checkpoints`]: position, state and output are committed together.
///
/// # Who owns what
///
/// The members talk through one log: who comes, who is alive, who goes, who takes or gives back
/// which partition.
/// A record is a proposal.
/// The order of the log decides, and every member judges each record by those before it in the same
/// way; one that does not fit means nothing.
/// So nobody leads, there is nothing to elect, and whoever does not know whether its record was
/// appended appends it again.
/// The log does not grow: every [`ROSTER_RECORDS`](limits::ROSTER_RECORDS) records one member writes
/// down what they amount to, at exactly the place that it is true of, and lets go of what comes
/// before.
///
/// Each member has as many partitions as any other, give or take one.
/// Whoever comes gets its part from those that have more, and of those that stay nobody gives up
/// anything that it need not.
/// A partition is handed over in turns: its owner takes nothing new, commits, and gives it back,
/// and only then does another claim it; all other partitions go on meanwhile.
///
/// # Who is dead
///
/// A member that has given no sign of life for its [`session`](Group::session) is expelled by the
/// others, and its partitions are claimed.
/// The time runs on the clock of whoever waits, from when that one read the last sign, so clocks
/// need not agree.
/// Who was expelled and lives, because it was stopped or cut off, finds out by reading on: it stops
/// what is not its any more, and comes in again by itself.
///
/// # Why the dead do no harm
///
/// Nobody can know that a silent owner does nothing any more, so safety does not rest on that.
/// Each claim of a partition has a higher generation than the one before.
/// The first thing that a new owner does is to append a checkpoint with its generation, where the
/// last one ends.
/// From then on the owner before it cannot commit, as its next checkpoint would have to lie there,
/// and an owner with a lower generation does not even begin.
/// What had been committed and was perhaps not delivered is delivered by the new owner under the
/// numbers that it has had all along, so a log takes it once, whoever comes first.
/// After that the new owner appends as a later life of the partition's producer
/// (`NAME/PARTITION`, with the generation as its epoch), and the log itself refuses the earlier one.
/// What a [`LogSink`] gets is therefore exactly what one undisturbed process would
/// have given it, for each key; other sinks may get again what came out between two commits.
///
/// # Reading
///
/// A process reads the source once, however many partitions it owns, and decodes every record, as
/// the key is in it.
/// The reader goes on from the partition that is furthest behind: one that was taken over gets what
/// it has missed, and the others of that process wait meanwhile.
/// What cannot be decoded has no key, and is told by partition 0.
/// Records that were trimmed before they were read are told by each partition that missed them;
/// nobody knows whose they were.
///
/// # Overload
///
/// A partition that cannot keep up makes the reader wait once
/// [`FEED_PARCELS`](limits::FEED_PARCELS) reads wait for it, and with it the process's other
/// partitions; nothing is lost.
///
/// # Failures
///
/// A partition that fails because something cannot be reached, or was taken over, is started again
/// after a pause.
/// Any other failure is the end of the member, which hands over first; the next owner will meet the
/// same, so say with [`OnError`] what is to happen to items that cannot be treated.
///
/// # End
///
/// [`Member::leave`] commits, gives everything back and tells the others.
/// A member that is dropped just ends, and the others wait for its session to run out.
/// When the source is closed and every partition has come to its end, all members end.
#[derive(Clone)]
pub struct Group {
    store: Arc<dyn LogStore>,
    name: String,
    partitions: u32,
    session: Duration,
    interval: Duration,
    member: String,
}

impl Group {
    /// The group `name` with 16 partitions, whose logs are in `store`.
    pub fn new(store: Arc<dyn LogStore>, name: &str) -> Self {
        Self {
            store,
            name: name.to_owned(),
            partitions: 16,
            session: Duration::from_secs(10),
            interval: Duration::from_millis(100),
            member: "member".to_owned(),
        }
    }

    /// Into how many parts the source is divided, and so how many processes can share it; fixed
    /// once the group is founded.
    ///
    /// Each partition has a log of checkpoints, so a few for each process are plenty.
    #[must_use]
    pub fn partitions(mut self, partitions: u32) -> Self {
        self.partitions = partitions;
        self
    }

    /// How long this member may be silent before the others take it for dead, 10 s unless it is
    /// told otherwise; within [`SESSION_MIN`] and [`SESSION_MAX`].
    ///
    /// It gives four signs of life in that time.
    #[must_use]
    pub fn session(mut self, session: Duration) -> Self {
        self.session = session.clamp(SESSION_MIN, SESSION_MAX);
        self
    }

    /// How often each partition commits, if there is something new; as
    /// [`Checkpoints::interval`].
    #[must_use]
    pub fn interval(mut self, interval: Duration) -> Self {
        self.interval = interval;
        self
    }

    /// What this member is called in the group's log; a number of its own is added.
    #[must_use]
    pub fn member(mut self, name: &str) -> Self {
        name.clone_into(&mut self.member);
        self
    }

    fn check(&self) -> Result<(), GroupError> {
        let fits = |name: &str| {
            (1..=GROUP_NAME_BYTES_MAX).contains(&name.len()) && !name.chars().any(char::is_control)
        };
        if !fits(&self.name) || !fits(&self.member) {
            return Err(GroupError::Name);
        }
        if !(1..=PARTITIONS_MAX).contains(&self.partitions) {
            return Err(GroupError::TooManyPartitions { asked: self.partitions });
        }
        Ok(())
    }

    /// The log in which the members talk.
    fn members_log(&self) -> Result<LogName, LogNameError> {
        LogName::new(Namespace::Group, &format!("{}/members", self.name))
    }

    /// The log of a partition's checkpoints.
    fn partition_log(&self, partition: u32) -> Result<LogName, LogNameError> {
        LogName::new(Namespace::Group, &format!("{}/{partition}", self.name))
    }
}

impl fmt::Debug for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Group")
            .field("name", &self.name)
            .field("partitions", &self.partitions)
            .field("session", &self.session)
            .field("interval", &self.interval)
            .field("member", &self.member)
            .finish_non_exhaustive()
    }
}

/// How a member sees its group, and what happened to it since it came.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct GroupStats {
    /// Whether it is in, as far as it knows.
    pub is_member: bool,
    /// Members of the group.
    pub members: u32,
    /// Partitions of the group.
    pub partitions: u32,
    /// Partitions that this member owns.
    pub owned: u32,
    /// Those of them that are at work, or at the end of the source.
    pub running: u32,
    /// Partitions that it has claimed.
    pub claims: u64,
    /// Times that somebody came, left or was expelled.
    pub rebalances: u64,
    /// Times that it was taken for dead itself.
    pub expulsions: u64,
    /// Times that it was to commit or to append, and another member had taken the partition over.
    pub fenced: u64,
    /// Times that a partition failed and was started again.
    pub restarts: u64,
}
