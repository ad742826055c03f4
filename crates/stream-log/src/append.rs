//! What is asked of an append, and what it answers.

use bytes::Bytes;
use stream_model::{Epoch, Offset, Producer, StreamPosition};
use time::OffsetDateTime;

/// How safe an acknowledged append is.
///
/// Classes are ordered: a stronger one includes the weaker ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Durability {
    /// In the memory of this process: lost when it ends.
    Memory,
    /// Handed to the operating system: survives the process, not a power failure.
    Os,
    /// Synced to the disk of this machine: survives a power failure.
    Disk,
    /// Synced on a majority of machines: survives the loss of one.
    Replicated,
}

impl Durability {
    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Os => "os",
            Self::Disk => "disk",
            Self::Replicated => "replicated",
        }
    }
}

impl std::fmt::Display for Durability {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Records to be appended together: all of them or none, without others between.
#[derive(Debug, Clone)]
pub struct AppendBatch {
    /// The payloads, in order; may be empty only if `close` is set.
    pub records: Vec<Bytes>,
    /// The time that the records get; a log reads no clock.
    pub timestamp: OffsetDateTime,
    /// Appends only if the log's tail is here.
    pub expected_tail: Option<Offset>,
    /// Who appends, and which append it is: makes a retry harmless.
    pub producer: Option<Producer>,
    /// The class to wait for; `None` is the log's own default.
    pub durability: Option<Durability>,
    /// Closes the log together with the append.
    pub close: bool,
}

impl AppendBatch {
    /// An empty batch at `timestamp`.
    pub fn new(timestamp: OffsetDateTime) -> Self {
        Self {
            records: Vec::new(),
            timestamp,
            expected_tail: None,
            producer: None,
            durability: None,
            close: false,
        }
    }

    /// Adds a record.
    #[must_use]
    pub fn record(mut self, payload: impl Into<Bytes>) -> Self {
        self.records.push(payload.into());
        self
    }

    /// Adds records.
    #[must_use]
    pub fn records(mut self, payloads: impl IntoIterator<Item = Bytes>) -> Self {
        self.records.extend(payloads);
        self
    }

    /// Appends only if the log's tail is at `offset`.
    #[must_use]
    pub fn expected_tail(mut self, offset: Offset) -> Self {
        self.expected_tail = Some(offset);
        self
    }

    /// Says who appends.
    #[must_use]
    pub fn producer(mut self, producer: Producer) -> Self {
        self.producer = Some(producer);
        self
    }

    /// Waits for this class of durability.
    #[must_use]
    pub fn durability(mut self, durability: Durability) -> Self {
        self.durability = Some(durability);
        self
    }

    /// Closes the log together with the append.
    #[must_use]
    pub fn close(mut self) -> Self {
        self.close = true;
        self
    }

    /// Bytes of all payloads together.
    pub fn payload_bytes(&self) -> usize {
        self.records.iter().map(Bytes::len).sum()
    }
}

/// What an acknowledged append did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "a receipt says where the records are and how safe"]
pub struct AppendReceipt {
    /// The life of the log.
    pub epoch: Epoch,
    /// The first record of the batch.
    pub first: Offset,
    /// The offset after its last record.
    pub next: Offset,
    /// How safe the records are.
    pub durability: Durability,
    /// Whether the producer had appended them before; nothing was appended now.
    pub duplicate: bool,
}

impl AppendReceipt {
    /// Where the first record is.
    pub fn position(&self) -> StreamPosition {
        StreamPosition { epoch: self.epoch, offset: self.first }
    }
}
