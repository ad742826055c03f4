//! One stream of the cluster: the names of what lies in it, and what this server saw of it.
//!
//! # When a cluster loses what it acknowledged
//!
//! A stream that was put back to an older state gives numbers, and with them offsets, a second
//! time.
//! So each stream has a history, a number that is zero at first and grows by a random step whenever
//! messages are found to be lost.
//! The epoch that readers see of a log is the one in its messages and the history of its stream
//! added together: a new history is a new epoch for all logs of a stream at once, with one message.
//! Steps are small beside the milliseconds in an epoch, so that later lives have larger epochs still.
//! `history` says how a loss is found.

use bytes::Bytes;
use parking_lot::Mutex;
use stream_log::{Durability, Namespace};
use stream_model::Epoch;

use crate::error::NatsError;
use crate::message::{Link, Message};

/// The token of the subjects that mark logs with a time to live.
const MARKS: &str = "ttl";

/// One of the streams that logs are spread over.
#[derive(Debug)]
pub(crate) struct Shard {
    /// The JetStream stream.
    pub(crate) stream: String,
    /// What the subjects of its messages begin with, and those that they are sent out on again.
    root: String,
    live_root: String,
    seen: Mutex<Seen>,
    /// Held by the one who compares what was seen with the cluster.
    pub(crate) comparing: tokio::sync::Mutex<()>,
}

/// What is known of a stream.
#[derive(Debug)]
struct Seen {
    history: u64,
    /// The message that says so; `None` as long as nothing was ever lost.
    told: Option<Link>,
    /// The newest message that was seen; `None` before the first.
    newest: Option<Link>,
    /// The connection since which nothing can be lost; `None` as long as that is in doubt.
    settled: Option<u64>,
    durability: Durability,
}

impl Shard {
    pub(crate) fn new(prefix: &str, number: u16) -> Self {
        let seen = Seen {
            history: 0,
            told: None,
            newest: None,
            settled: None,
            durability: Durability::Memory,
        };
        Self {
            stream: format!("{prefix}_{number}"),
            root: format!("{prefix}.{number}"),
            live_root: format!("{prefix}-live.{number}"),
            seen: Mutex::new(seen),
            comparing: tokio::sync::Mutex::default(),
        }
    }

    /// What the stream stores.
    pub(crate) fn stored(&self) -> String {
        format!("{}.>", self.root)
    }

    /// Where the stream sends out again what it stored.
    pub(crate) fn sent_out(&self) -> String {
        format!("{}.>", self.live_root)
    }

    /// Every log of a space.
    pub(crate) fn logs(&self, namespace: Namespace) -> String {
        format!("{}.{}.*", self.root, space(namespace))
    }

    /// Every mark of a time to live.
    pub(crate) fn marks(&self) -> String {
        format!("{}.{MARKS}.*.*", self.root)
    }

    /// The subject whose newest message says which history this is.
    pub(crate) fn history_subject(&self) -> String {
        format!("{}.history", self.root)
    }

    /// Where such a message is sent out again.
    pub(crate) fn history_sent_out(&self) -> String {
        format!("{}.history", self.live_root)
    }

    /// The subject of messages that are stored to learn their number.
    pub(crate) fn probe_subject(&self) -> String {
        format!("{}.probe", self.root)
    }

    /// The subjects of a log: where it is stored, sent out again, and marked.
    pub(crate) fn subjects(&self, namespace: Namespace, escaped: &str) -> [String; 3] {
        let (Self { root, live_root, .. }, space) = (self, space(namespace));
        [
            format!("{root}.{space}.{escaped}"),
            format!("{live_root}.{space}.{escaped}"),
            format!("{root}.{MARKS}.{space}.{escaped}"),
        ]
    }

    /// Reads the message with the number `at`.
    ///
    /// # Errors
    /// [`NatsError::Malformed`] if it is none of ours, and [`NatsError::Lost`] if it was written in
    /// a later history than is known here: whoever asks next looks for that first.
    pub(crate) fn read(&self, body: &Bytes, at: u64) -> Result<Message, NatsError> {
        let mut message = Message::decode(body, at).ok_or(NatsError::Malformed { at })?;
        let history = self.note(Link { at, id: message.id });
        if message.history > history {
            self.settle(None);
            return Err(NatsError::Lost);
        }
        message.head.state.epoch = seen_epoch(message.head.state.epoch, history);
        Ok(message)
    }

    /// Takes note of a message that is stored, and says which history it belongs to.
    pub(crate) fn note(&self, stored: Link) -> u64 {
        let mut seen = self.seen.lock();
        if seen.newest.is_none_or(|newest| newest.at < stored.at) {
            seen.newest = Some(stored);
        }
        seen.history
    }

    pub(crate) fn history(&self) -> u64 {
        self.seen.lock().history
    }

    pub(crate) fn newest(&self) -> Option<Link> {
        self.seen.lock().newest
    }

    /// The message that told it.
    pub(crate) fn told(&self) -> Option<Link> {
        self.seen.lock().told
    }

    /// Goes on with another history, of which the message that tells it is known and nothing else.
    pub(crate) fn begin(&self, history: u64, told: Option<Link>) {
        let mut seen = self.seen.lock();
        (seen.history, seen.told, seen.newest) = (history, told, told);
    }

    /// Whether what was seen was compared with the cluster in this connection.
    pub(crate) fn is_settled(&self, connection: Option<u64>) -> bool {
        connection.is_some() && self.seen.lock().settled == connection
    }

    /// Notes that it was, or that it must be, whatever the connection.
    pub(crate) fn settle(&self, connection: Option<u64>) {
        self.seen.lock().settled = connection;
    }

    /// What an acknowledged message survives.
    pub(crate) fn durability(&self) -> Durability {
        self.seen.lock().durability
    }

    /// Takes what the stream is now; says what it was, if that has changed.
    pub(crate) fn set_durability(&self, durability: Durability) -> Option<Durability> {
        let before = std::mem::replace(&mut self.seen.lock().durability, durability);
        (before != durability).then_some(before)
    }
}

/// The token of a space.
pub(crate) fn space(namespace: Namespace) -> &'static str {
    namespace.prefix().trim_end_matches('/')
}

/// Writes a message whose epoch is as readers see it in a history.
///
/// It is that of whoever made the message: meanwhile there may be a later one, in which the message
/// must not pass for one of the life that it was meant for.
pub(crate) fn write(message: &Message, history: u64) -> Bytes {
    let mut message = Message { history, ..message.clone() };
    message.head.state.epoch = stored_epoch(message.head.state.epoch, history);
    message.encode()
}

/// The epoch that readers see.
fn seen_epoch(stored: Epoch, history: u64) -> Epoch {
    Epoch::new(stored.get().wrapping_add(history))
}

/// The epoch that messages hold.
fn stored_epoch(seen: Epoch, history: u64) -> Epoch {
    Epoch::new(seen.get().wrapping_sub(history))
}

#[cfg(test)]
mod tests {
    use stream_log::LogConfig;

    use super::*;
    use crate::head::Head;

    #[test]
    fn a_new_history_is_a_new_epoch_of_what_is_stored() {
        let shard = Shard::new("ms", 0);
        let epoch = Epoch::new(7);
        let message = Message::bare(1, Link::NONE, Head::new(epoch, LogConfig::default()));
        let stored = write(&message, shard.history());
        let read = |at| shard.read(&stored, at).unwrap().head.state.epoch;
        assert_eq!(read(1), epoch);
        shard.begin(0xabc, None);
        assert_ne!(read(2), epoch);
        let again = write(&shard.read(&stored, 3).unwrap(), 0xabc);
        assert_eq!(Message::decode(&again, 3).unwrap().head.state.epoch, epoch);
    }

    #[test]
    fn a_message_of_a_later_history_is_not_read_before_that_is_known() {
        let shard = Shard::new("ms", 0);
        let message = Message::bare(1, Link::NONE, Head::new(Epoch::new(7), LogConfig::default()));
        shard.settle(Some(1));
        let later = write(&message, 2);
        assert!(matches!(shard.read(&later, 9), Err(NatsError::Lost)));
        assert!(!shard.is_settled(Some(1)), "whoever asks next compares first");
        shard.begin(2, None);
        assert_eq!(shard.read(&later, 9).unwrap().head.state.epoch, Epoch::new(7));
    }

    #[test]
    fn the_newest_message_is_the_one_with_the_largest_number() {
        let shard = Shard::new("ms", 0);
        for at in [3, 9, 4] {
            shard.note(Link { at, id: at * 10 });
        }
        assert_eq!(shard.newest(), Some(Link { at: 9, id: 90 }));
    }
}
