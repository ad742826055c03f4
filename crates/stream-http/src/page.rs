//! A page of a topic's history.

use serde::Serialize;
use stream_log::{ReadBatch, Record};
use stream_model::{Epoch, Event, Offset, StreamPosition};
use stream_protocol::ResumeToken;

/// Consecutive events and where to read on.
#[derive(Debug, Serialize)]
pub(crate) struct Page {
    epoch: Epoch,
    /// The offset of the next page.
    next: Offset,
    /// The offset that the next event will get.
    tail: Offset,
    closed: bool,
    events: Vec<Entry>,
}

#[derive(Debug, Serialize)]
struct Entry {
    offset: Offset,
    /// What resumes a live reader after this event.
    resume: String,
    #[serde(flatten)]
    what: What,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum What {
    Event(Box<Event>),
    /// The record is no event of ours; the reader must know that something is missing.
    Damage {
        error: String,
    },
}

impl Page {
    pub(crate) fn new(batch: ReadBatch) -> Self {
        let ReadBatch { records, epoch, next, tail, closed } = batch;
        let events = records.iter().map(|record| Entry::new(epoch, record)).collect();
        Self { epoch, next, tail, closed, events }
    }
}

impl Entry {
    fn new(epoch: Epoch, record: &Record) -> Self {
        let offset = record.offset;
        let what = match Event::decode(&record.payload) {
            Ok(event) => What::Event(Box::new(event)),
            Err(damage) => What::Damage { error: damage.to_string() },
        };
        let resume = ResumeToken::after(StreamPosition { epoch, offset }).to_string();
        Self { offset, resume, what }
    }
}
