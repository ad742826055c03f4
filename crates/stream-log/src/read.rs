//! What a read takes and gives.

use bytes::Bytes;
use stream_model::{Epoch, Offset, StreamPosition};
use time::OffsetDateTime;

/// Where a read starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadFrom {
    /// The oldest record that is left.
    Earliest,
    /// The live end: what is appended from now on.
    Latest,
    /// This record, in whatever life the log has.
    Offset(Offset),
    /// This record in this life of the log.
    Position(StreamPosition),
}

/// How much one read may give; at least one record is given if there is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadLimit {
    /// At most so many records.
    pub records_max: usize,
    /// At most so many bytes of payload, but for the first record.
    pub bytes_max: usize,
}

/// 1,000 records and 1 MiB.
impl Default for ReadLimit {
    fn default() -> Self {
        Self { records_max: 1000, bytes_max: 1 << 20 }
    }
}

impl ReadLimit {
    /// At most `records_max` records, and 1 MiB.
    pub fn records(records_max: usize) -> Self {
        Self { records_max, ..Self::default() }
    }
}

/// One record of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Its number.
    pub offset: Offset,
    /// When it was appended, by the appender's clock.
    pub timestamp: OffsetDateTime,
    /// What was appended.
    pub payload: Bytes,
}

/// Consecutive records and how the log stood when they were read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadBatch {
    /// The records, in order; empty at the tail.
    pub records: Vec<Record>,
    /// The life of the log.
    pub epoch: Epoch,
    /// Where the next read starts.
    pub next: Offset,
    /// The log's tail.
    pub tail: Offset,
    /// Whether the log is closed.
    pub closed: bool,
}

impl ReadBatch {
    /// Whether nothing more is there: neither now, nor, as the log is closed, ever.
    pub fn is_end(&self) -> bool {
        self.closed && self.next == self.tail
    }
}
