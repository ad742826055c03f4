//! The newest `Stream-Seq` of a stream.
//!
//! Each append carries the newest one that its server knows, so the end of the log tells it.
//! With one server its last record does; with several, an append without one may have been on its
//! way from a server that had not heard of the newest yet, so more records are looked at.

use bytes::Bytes;
use parking_lot::Mutex;
use stream_log::{Log, ReadFrom, ReadLimit};
use stream_model::Offset;
use stream_protocol::durable::Refusal;
use stream_protocol::durable::record::decode_append;
use tokio::sync::RwLock;

use super::respond::read_refused;
use crate::limits::SEQ_LOOK_BACK;

/// What is known of a stream's sequences.
#[derive(Debug)]
pub(super) struct Seqs {
    known: Mutex<Known>,
    /// Appends that bring one come one by one, others beside each other.
    pub(super) turn: RwLock<()>,
}

#[derive(Debug, Default)]
struct Known {
    newest: Option<Bytes>,
    /// The first record that was not looked at.
    next: Offset,
}

impl Seqs {
    /// Of a stream that was just made.
    pub(super) fn none() -> Self {
        Self { known: Mutex::default(), turn: RwLock::default() }
    }

    /// Of a stream whose log ends at `tail`.
    pub(super) async fn load(log: &dyn Log, tail: Offset) -> Result<Self, Refusal> {
        let seqs = Self::none();
        seqs.known.lock().next = Offset::new(tail.get().saturating_sub(SEQ_LOOK_BACK));
        seqs.hear(log, tail).await?;
        Ok(seqs)
    }

    pub(super) fn newest(&self) -> Option<Bytes> {
        self.known.lock().newest.clone()
    }

    /// Takes note of one; sequences only grow.
    pub(super) fn learn(&self, seq: Bytes) {
        let mut known = self.known.lock();
        if known.newest.as_ref().is_none_or(|newest| *newest < seq) {
            known.newest = Some(seq);
        }
    }

    /// Looks at what was appended up to `tail`.
    pub(super) async fn hear(&self, log: &dyn Log, tail: Offset) -> Result<(), Refusal> {
        loop {
            let next = self.known.lock().next;
            if next >= tail {
                return Ok(());
            }
            let batch = log.read(ReadFrom::Offset(next), ReadLimit::default()).await;
            let batch = batch.map_err(|error| read_refused(&error))?;
            // The first record describes the stream and has none.
            let seqs =
                batch.records.iter().filter_map(|record| decode_append(&record.payload).ok()?.0);
            if let Some(newest) = seqs.max() {
                self.learn(newest);
            }
            let mut known = self.known.lock();
            known.next = known.next.max(batch.next);
        }
    }
}
