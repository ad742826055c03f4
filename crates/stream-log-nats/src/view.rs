//! What a server knows of one life of a log, and how a message changes that.

use std::collections::VecDeque;

use stream_log::{Producers, ReadLimit, Record};
use stream_model::Offset;

use crate::head::{Head, Stub};
use crate::limits::STUBS_MAX;
use crate::message::{Link, Message};
use stream_log::codec::narrow;

/// What is known of a log.
#[derive(Debug)]
pub(crate) struct View {
    pub(crate) head: Head,
    /// The newest message that is known.
    pub(crate) last: Link,
    /// `None` as long as they are not read; see [`Self::knows_producers`].
    producers: Option<Producers>,
    /// Consecutive records without their payloads.
    pub(crate) stubs: VecDeque<Stub>,
    recent: Recent,
}

/// What a message was to a view.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// It was known.
    Known,
    /// It was the next one.
    Taken,
    /// Others come before it.
    Missing,
    /// It belongs to another life of the log: the one that is known is over.
    Ended,
    /// It cannot come after what is known: the cluster has lost messages.
    Forked,
}

impl View {
    /// The log as its message with the number `at` says.
    pub(crate) fn new(at: u64, message: &Message) -> Self {
        let mut view = Self {
            head: message.head.stored_at(at),
            last: Link { at, id: message.id },
            producers: None,
            stubs: VecDeque::new(),
            recent: Recent::default(),
        };
        view.begin(at, message);
        view
    }

    /// Takes a message that may be the next one.
    ///
    /// `recent_bytes` is how much of the newest records may be kept.
    pub(crate) fn take(&mut self, at: u64, message: &Message, recent_bytes: usize) -> Step {
        if let Some(step) = self.judge(at, message) {
            return step;
        }
        if message.after.at != self.last.at {
            return Step::Missing;
        }
        if message.after.id != self.last.id {
            return Step::Forked;
        }
        if self.head.producers_at.is_none() {
            self.producers = Some(Producers::default());
        }
        if let Some(producers) = &mut self.producers {
            message.appended().for_each(|(id, state)| producers.put(id, state));
        }
        self.extend_stubs(at, message);
        self.recent.extend(message, recent_bytes);
        self.head = message.head.stored_at(at);
        self.last = Link { at, id: message.id };
        Step::Taken
    }

    /// Goes on from a message, whatever came before it.
    pub(crate) fn jump(&mut self, at: u64, message: &Message) -> Step {
        if let Some(step) = self.judge(at, message) {
            return step;
        }
        if message.head.state.next < self.head.state.next {
            return Step::Forked;
        }
        *self = Self::new(at, message);
        Step::Taken
    }

    /// What a message is, unless it comes after what is known, in the same life of the log.
    fn judge(&mut self, at: u64, message: &Message) -> Option<Step> {
        if at == self.last.at && message.id != self.last.id {
            return Some(Step::Forked);
        }
        if at <= self.last.at {
            return Some(Step::Known);
        }
        if message.head.state.epoch != self.head.state.epoch {
            self.end();
            return Some(Step::Ended);
        }
        None
    }

    /// This life of the log is over.
    pub(crate) fn end(&mut self) {
        self.head.state.deleted = true;
        self.recent = Recent::default();
    }

    pub(crate) fn knows_producers(&self) -> bool {
        self.head.producers_at.is_none() || self.producers.is_some()
    }

    pub(crate) fn producers(&self) -> Option<&Producers> {
        self.producers.as_ref()
    }

    /// Takes what was read of all producers up to the message `last`; useless if others came since.
    pub(crate) fn learn_producers(&mut self, producers: Producers, last: Link) {
        if last == self.last {
            self.producers = Some(producers);
        }
    }

    /// The newest records from `from` on, if they are all kept.
    pub(crate) fn recent(&self, from: Offset, limit: ReadLimit) -> Option<Vec<Record>> {
        self.recent.page(from, limit)
    }

    pub(crate) fn recent_bytes(&self) -> usize {
        self.recent.bytes
    }

    pub(crate) fn forget_recent(&mut self) {
        self.recent = Recent::default();
    }

    fn begin(&mut self, at: u64, message: &Message) {
        if self.head.producers_at.is_none() {
            self.producers = Some(Producers::default());
        }
        self.stubs.extend(message.stubs(at));
        self.stubs.truncate(STUBS_MAX);
    }

    /// Keeps the places of records as long as they follow each other.
    fn extend_stubs(&mut self, at: u64, message: &Message) {
        let follows = self.stubs.back().is_none_or(|back| back.offset.next() == message.first());
        if follows && self.stubs.len() < STUBS_MAX {
            self.stubs.extend(message.stubs(at));
            self.stubs.truncate(STUBS_MAX);
        }
        let earliest = message.head.state.earliest;
        while self.stubs.front().is_some_and(|stub| stub.offset < earliest) {
            self.stubs.pop_front();
        }
    }
}

/// The newest records of a log, without a gap up to its tail.
#[derive(Debug, Default)]
struct Recent {
    records: VecDeque<Record>,
    bytes: usize,
}

impl Recent {
    /// Keeps a message's records, and as many of those before as fit.
    fn extend(&mut self, message: &Message, bytes_max: usize) {
        for record in message.records() {
            self.bytes = self.bytes.saturating_add(weight(&record));
            self.records.push_back(record);
        }
        while self.bytes > bytes_max && self.records.len() > 1 {
            let Some(record) = self.records.pop_front() else { break };
            self.bytes = self.bytes.saturating_sub(weight(&record));
        }
    }

    fn page(&self, from: Offset, limit: ReadLimit) -> Option<Vec<Record>> {
        let skip = from.get().checked_sub(self.records.front()?.offset.get())?;
        let rest = self.records.iter().skip(narrow(skip)).cloned();
        Some(page(rest, limit))
    }
}

fn weight(record: &Record) -> usize {
    record.payload.len().saturating_add(size_of::<Record>())
}

/// As many records as a read may give: at least one, if there is one.
pub(crate) fn page(records: impl IntoIterator<Item = Record>, limit: ReadLimit) -> Vec<Record> {
    let mut page = Vec::new();
    let mut bytes = 0_usize;
    for record in records {
        bytes = bytes.saturating_add(record.payload.len());
        let over = page.len() >= limit.records_max || bytes > limit.bytes_max;
        if over && !page.is_empty() {
            break;
        }
        page.push(record);
    }
    page
}
