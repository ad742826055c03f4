//! Decides what a member of a group does, from the records of the group's log and a given time.
//!
//! A pure machine: it reads no log and starts no pipeline.
//! Tell it what was read, what became of what it wanted to append, and what became of pipelines;
//! then take its [`Output`]s until there are none.
//!
//! # Time
//!
//! Clocks are not compared.
//! A member counts as dead when it has given no sign of life for as long as it said, by the clock
//! of whoever reads the log, since that one read the last sign.
//! If it has given another one meanwhile, the record that expels it means nothing.
//! A reader that has not looked at its own clock for long was asleep itself, and forgives everybody.

mod run;
mod silence;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use stream_model::{Offset, StreamPosition};
use tracing::info;

pub(crate) use self::run::Ending;
use self::run::{Phase, Run};
use self::silence::Silence;
use super::GroupStats;
use super::roster::{MemberId, Record, Roster};
use crate::limits::{DRAIN_WAIT, GROUP_PAUSE, LEAVE_WAIT, ROSTER_RECORDS, SIGNS_PER_SESSION};

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Output {
    /// These records are to be appended together.
    Append(Vec<Record>),
    /// This is to be appended if the log ends at `at`; then what comes before may be let go of.
    Snapshot { at: Offset, record: Record },
    /// The pipeline of a partition is to begin.
    Start { partition: u32, generation: u64 },
    /// It is to take nothing new, to commit and to end.
    Drain { partition: u32 },
    /// It is to end at once: the partition is another's by now.
    Stop { partition: u32 },
    /// The member is out, as it was to be; nothing follows.
    End,
}

/// What became of the last records that were to be appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Posted {
    Nothing,
    /// Nobody knows yet.
    Sent,
    /// They lie before this offset, and are to be read before more is decided.
    Before(Offset),
    /// They failed; the next try comes then.
    Failed {
        until: Instant,
    },
}

/// A member of a group.
#[derive(Debug)]
pub(crate) struct Coordinator {
    name: String,
    session: Duration,
    life: u64,
    me: MemberId,
    is_member: bool,
    /// When it gives up waiting for others to hear that it goes.
    leaving_until: Option<Instant>,
    is_over: bool,
    roster: Roster,
    /// The record that is read next.
    next: Offset,
    /// Where the last record of the kind [`Record::State`] lies.
    state_at: Offset,
    /// After how many more records it is time for the next one.
    summed_up_after: u64,
    silence: Silence,
    runs: BTreeMap<u32, Run>,
    posted: Posted,
    sent_at: Instant,
    sign_due: Instant,
    outputs: VecDeque<Output>,
    stats: GroupStats,
}

impl Coordinator {
    /// A member that has read nothing yet but the group's first record, which lies at `at`.
    ///
    /// `name` is to be unlike that of any other member, also of one before it.
    pub(crate) fn new(
        name: String,
        session: Duration,
        (at, roster): (Offset, Roster),
        now: Instant,
    ) -> Self {
        let me = MemberId::new(format!("{name}.0"));
        let stats = GroupStats { partitions: roster.partitions(), ..GroupStats::default() };
        let mut coordinator = Self {
            name,
            session,
            life: 0,
            me,
            is_member: false,
            leaving_until: None,
            is_over: false,
            roster,
            next: at.next(),
            state_at: at,
            summed_up_after: ROSTER_RECORDS,
            silence: Silence::new(session, now),
            runs: BTreeMap::new(),
            posted: Posted::Nothing,
            sent_at: now,
            sign_due: now,
            outputs: VecDeque::new(),
            stats,
        };
        coordinator.silence.listen(&coordinator.roster, now);
        coordinator
    }

    /// Where the group began to read its source.
    pub(crate) fn begin(&self) -> StreamPosition {
        self.roster.begin()
    }

    /// The record of the log that is to be read next.
    pub(crate) fn next(&self) -> Offset {
        self.next
    }

    /// What it has come to so far.
    pub(crate) fn stats(&self) -> GroupStats {
        let members = u32::try_from(self.roster.members.len()).unwrap_or(u32::MAX);
        let owned = u32::try_from(self.runs.len()).unwrap_or(u32::MAX);
        let is_running = |run: &&Run| matches!(run.phase, Phase::Running | Phase::Finished);
        let running = u32::try_from(self.runs.values().filter(is_running).count());
        let running = running.unwrap_or(u32::MAX);
        GroupStats { is_member: self.is_member, members, owned, running, ..self.stats }
    }

    /// Takes the next records of the log, each with its offset, and where the next read begins.
    pub(crate) fn read(&mut self, now: Instant, records: &[(Offset, Record)], next: Offset) {
        self.silence.wake(now);
        for (offset, record) in records {
            if matches!(record, Record::State(_)) {
                self.state_at = *offset;
            }
            let members = self.roster.members.len();
            self.roster.apply(record);
            self.stats.rebalances += u64::from(self.roster.members.len() != members);
        }
        self.next = next;
        self.silence.listen(&self.roster, now);
        self.go_on(now);
    }

    /// Takes the offset after the records that were to be appended, or that they may not have been.
    pub(crate) fn appended(&mut self, now: Instant, next: Option<Offset>) {
        self.silence.wake(now);
        self.posted = match next {
            Some(next) => {
                self.sign_due = self.sent_at + self.session / SIGNS_PER_SESSION;
                Posted::Before(next)
            }
            None => {
                // Where this did not get through, signs of life may not have either.
                self.silence.forgive(now);
                Posted::Failed { until: now + GROUP_PAUSE }
            }
        };
        self.go_on(now);
    }

    /// Takes what became of the pipeline of a partition that was started.
    pub(crate) fn ended(&mut self, now: Instant, (partition, generation): (u32, u64), how: Ending) {
        self.silence.wake(now);
        self.stats.fenced += u64::from(how == Ending::Fenced);
        let run = self.runs.get_mut(&partition);
        if let Some(run) = run.filter(|run| run.generation == generation) {
            run.end(now, how);
            self.stats.restarts += u64::from(matches!(run.phase, Phase::Waiting { .. }));
        }
        self.go_on(now);
    }

    /// Looks at the time.
    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        self.silence.wake(now);
        self.go_on(now);
    }

    /// Leaves the group once its partitions have come to rest.
    pub(crate) fn leave(&mut self, now: Instant) {
        self.silence.wake(now);
        self.begin_to_leave(now);
        self.go_on(now);
    }

    /// What is to be done next.
    pub(crate) fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// The instant at which [`handle_timeout`](Self::handle_timeout) must be called.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        if self.is_over {
            return None;
        }
        let restarts = self.runs.values().filter_map(|run| match run.phase {
            Phase::Waiting { until } => Some(until),
            _ => None,
        });
        let posted: Vec<Instant> = match self.posted {
            Posted::Sent | Posted::Before(_) => Vec::new(),
            Posted::Failed { until } => vec![until],
            Posted::Nothing => {
                let deaths = self.silence.deaths(&self.roster, &self.me);
                deaths.map(|(_, _, at)| at).chain([self.sign_due]).collect()
            }
        };
        let look_at = self.silence.look_at();
        restarts.chain(posted).chain(self.leaving_until).chain([look_at]).min()
    }

    fn begin_to_leave(&mut self, now: Instant) {
        self.leaving_until.get_or_insert(now + DRAIN_WAIT + LEAVE_WAIT);
    }

    fn is_leaving(&self) -> bool {
        self.leaving_until.is_some()
    }

    /// Does what follows from how things are.
    fn go_on(&mut self, now: Instant) {
        if self.is_over {
            return;
        }
        self.notice_membership(now);
        self.stop_what_is_lost();
        if self.is_over {
            return;
        }
        if self.roster.is_finished() {
            self.begin_to_leave(now);
        }
        self.start_what_is_owned(now);
        self.drain_what_is_too_much();
        match self.posted {
            Posted::Before(offset) if offset <= self.next => self.posted = Posted::Nothing,
            Posted::Failed { until } if until <= now => self.posted = Posted::Nothing,
            _ => {}
        }
        if self.leaving_until.is_some_and(|until| until <= now) {
            self.end();
        } else if self.posted == Posted::Nothing {
            self.propose(now);
        }
    }

    /// Notices that it has come in, or that it is out.
    fn notice_membership(&mut self, now: Instant) {
        let is_there = self.roster.entry(&self.me).is_some();
        if self.is_member && !is_there {
            if self.is_leaving() {
                self.end();
            } else {
                self.stats.expulsions += 1;
                self.life += 1;
                self.me = MemberId::new(format!("{}.{}", self.name, self.life));
                self.sign_due = now;
            }
        }
        self.is_member = is_there;
    }

    fn end(&mut self) {
        self.outputs
            .extend(self.runs.keys().map(|partition| Output::Stop { partition: *partition }));
        self.runs.clear();
        self.outputs.push_back(Output::End);
        self.is_over = true;
    }

    fn stop_what_is_lost(&mut self) {
        let Self { runs, roster, outputs, me, .. } = self;
        runs.retain(|partition, run| {
            let slot = roster.slot(*partition);
            let is_ours = slot.is_some_and(|slot| {
                slot.owner.as_ref() == Some(me) && slot.generation == run.generation
            });
            if !is_ours && run.is_at_work() {
                outputs.push_back(Output::Stop { partition: *partition });
            }
            is_ours
        });
    }

    fn start_what_is_owned(&mut self, now: Instant) {
        for partition in self.roster.owned(&self.me) {
            let Some(slot) = self.roster.slot(partition) else { continue };
            let generation = slot.generation;
            let is_new = !self.runs.contains_key(&partition);
            self.stats.claims += u64::from(is_new);
            let first = match (slot.is_finished, self.is_leaving()) {
                (true, _) => Phase::Finished,
                (false, true) => Phase::Drained,
                (false, false) => Phase::Waiting { until: now },
            };
            let new = Run::new(generation, first, now);
            if self.runs.entry(partition).or_insert(new).start(now) {
                self.outputs.push_back(Output::Start { partition, generation });
            }
        }
    }

    fn drain_what_is_too_much(&mut self) {
        let surplus = if self.is_leaving() {
            self.runs.keys().copied().collect()
        } else {
            self.roster.share(&self.me).surplus
        };
        for partition in surplus {
            let is_told = self.is_told_finished(partition);
            let Some(run) = self.runs.get_mut(&partition) else { continue };
            match run.phase {
                Phase::Running => {
                    run.phase = Phase::Draining;
                    self.outputs.push_back(Output::Drain { partition });
                }
                Phase::Waiting { .. } => run.phase = Phase::Drained,
                Phase::Finished if is_told => run.phase = Phase::Drained,
                _ => {}
            }
        }
    }

    fn is_told_finished(&self, partition: u32) -> bool {
        self.roster.slot(partition).is_some_and(|slot| slot.is_finished)
    }

    /// Says what the others are to know.
    fn propose(&mut self, now: Instant) {
        if !self.is_member && self.is_leaving() {
            return self.end();
        }
        let mut records = if self.is_member { self.news() } else { Vec::new() };
        self.expel_the_dead(now, &mut records);
        if records.is_empty() && now >= self.sign_due {
            let sign = Record::Sign { member: self.me.clone() };
            records.push(if self.is_member { sign } else { self.joining() });
        }
        if !records.is_empty() {
            self.outputs.push_back(Output::Append(records));
        } else if self.is_keeper() {
            let record = Record::State(self.roster.clone());
            self.outputs.push_back(Output::Snapshot { at: self.next, record });
        } else {
            return;
        }
        (self.posted, self.sent_at) = (Posted::Sent, now);
    }

    fn joining(&self) -> Record {
        let session_ms = u64::try_from(self.session.as_millis()).unwrap_or(u64::MAX);
        Record::Join { member: self.me.clone(), session_ms }
    }

    /// Whether it is its turn to write down what the log amounts to.
    fn is_keeper(&self) -> bool {
        let is_first = self.roster.members.first().is_some_and(|entry| entry.id == self.me);
        is_first && self.next.since(self.state_at) > self.summed_up_after
    }

    /// What a member has to tell.
    fn news(&self) -> Vec<Record> {
        let member = || self.me.clone();
        let mut records = Vec::new();
        for (&partition, &Run { generation, phase, .. }) in &self.runs {
            if phase == Phase::Finished && !self.is_told_finished(partition) {
                records.push(Record::Finish { member: member(), partition, generation });
            } else if phase == Phase::Drained && !self.is_leaving() {
                records.push(Record::Release { member: member(), partition, generation });
            }
        }
        if self.is_leaving() {
            if records.is_empty() && !self.runs.values().any(Run::is_at_work) {
                records.push(Record::Leave { member: member() });
            }
            return records;
        }
        let claims = self.roster.share(&self.me).claims;
        records.extend(
            claims.into_iter().map(|partition| Record::Claim { member: member(), partition }),
        );
        records
    }

    /// Also one that is not in may do this: those who are dead may leave it no room.
    fn expel_the_dead(&self, now: Instant, records: &mut Vec<Record>) {
        let deaths = self.silence.deaths(&self.roster, &self.me);
        for (dead, signs, _) in deaths.filter(|(_, _, at)| *at <= now) {
            info!(member = dead.as_str(), "a member of a group gives no sign of life");
            records.push(Record::Expel { member: dead.clone(), signs });
        }
    }
}
