//! Why an operation on a log failed, and what is known then.

use stream_model::{BoxError, Epoch, ErrorClass, Offset, ProducerError};

use crate::Durability;

/// Why an append was refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AppendError {
    /// The caller expected another tail; nothing was written.
    #[error("expected tail {expected}, found {actual}")]
    TailMismatch {
        /// What the caller asked for.
        expected: Offset,
        /// What the log has.
        actual: Offset,
    },
    /// The log takes no more records; nothing was written.
    #[error("log closed at offset {tail}")]
    Closed {
        /// Its final tail.
        tail: Offset,
    },
    /// The producer's epoch or sequence does not fit; nothing was written.
    #[error("append out of order")]
    Producer(#[from] ProducerError),
    /// The batch holds no record and does not close the log; nothing was written.
    #[error("expected at least one record")]
    Empty,
    /// The log would exceed its size; nothing was written.
    #[error("log full: it may hold {limit} bytes")]
    Full {
        /// Bytes of payload that it may hold.
        limit: u64,
    },
    /// The batch is larger than the backend takes in one piece; nothing was written.
    #[error("batch of {bytes} bytes exceeds {limit}")]
    TooLarge {
        /// Bytes of the batch as the backend would write it.
        bytes: u64,
        /// Bytes that it takes.
        limit: u64,
    },
    /// The backend cannot give the class that was asked for; nothing was written.
    #[error("expected durability of at most `{available}`, asked for `{asked}`")]
    Durability {
        /// What was asked for.
        asked: Durability,
        /// The strongest class that this backend has.
        available: Durability,
    },
    /// The log was deleted; nothing was written.
    #[error("log deleted")]
    Deleted,
    /// The storage engine failed; the append may or may not have happened.
    #[error("storage failed")]
    Backend(#[source] BoxError),
}

impl AppendError {
    /// Whether the same append may succeed later.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Backend(_))
    }

    /// Whether it is certain that nothing was written.
    pub fn has_no_side_effects(&self) -> bool {
        !matches!(self, Self::Backend(_))
    }

    /// What kind of failure it is.
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::TailMismatch { .. } | Self::Closed { .. } => ErrorClass::Conflict,
            Self::Producer(error) => error.class(),
            Self::Empty | Self::Durability { .. } => ErrorClass::Invalid,
            Self::Full { .. } | Self::TooLarge { .. } => ErrorClass::TooLarge,
            Self::Deleted => ErrorClass::NotFound,
            Self::Backend(_) => ErrorClass::Unavailable,
        }
    }
}

/// Why a read was refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The record was there and has been trimmed.
    #[error("offset {asked} trimmed: the earliest record is {earliest}")]
    Trimmed {
        /// What the caller asked for.
        asked: Offset,
        /// The oldest record that is left.
        earliest: Offset,
    },
    /// The position belongs to another life of the log.
    #[error("expected epoch {current}, position is of epoch {asked}")]
    EpochChanged {
        /// What the caller asked for.
        asked: Epoch,
        /// The life that the log has.
        current: Epoch,
    },
    /// The offset lies beyond the tail: no such record was ever acknowledged.
    #[error("offset {asked} lies beyond the tail {tail}")]
    BeyondTail {
        /// What the caller asked for.
        asked: Offset,
        /// The log's tail.
        tail: Offset,
    },
    /// The storage gives back other bytes than were written; records before and after are whole.
    #[error("records {from} up to {to} damaged")]
    Damaged {
        /// The first record that cannot be read.
        from: Offset,
        /// Where reading may go on.
        to: Offset,
    },
    /// The log was deleted.
    #[error("log deleted")]
    Deleted,
    /// The storage engine failed.
    #[error("storage failed")]
    Backend(#[source] BoxError),
}

impl ReadError {
    /// Whether the same read may succeed later.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Backend(_))
    }

    /// What kind of failure it is.
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Trimmed { .. } | Self::EpochChanged { .. } | Self::Damaged { .. } => {
                ErrorClass::Gone
            }
            Self::BeyondTail { .. } => ErrorClass::Invalid,
            Self::Deleted => ErrorClass::NotFound,
            Self::Backend(_) => ErrorClass::Unavailable,
        }
    }
}

/// Why a log could not be trimmed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrimError {
    /// The offset lies beyond the tail; nothing was trimmed.
    #[error("offset {asked} lies beyond the tail {tail}")]
    BeyondTail {
        /// What the caller asked for.
        asked: Offset,
        /// The log's tail.
        tail: Offset,
    },
    /// The log was deleted.
    #[error("log deleted")]
    Deleted,
    /// The storage engine failed.
    #[error("storage failed")]
    Backend(#[source] BoxError),
}

impl TrimError {
    /// What kind of failure it is.
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::BeyondTail { .. } => ErrorClass::Invalid,
            Self::Deleted => ErrorClass::NotFound,
            Self::Backend(_) => ErrorClass::Unavailable,
        }
    }
}

/// Why a store could not do what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// A log of that name is there already.
    #[error("log exists")]
    Exists,
    /// The store holds as many logs as it may.
    #[error("store full: it may hold {limit} logs")]
    Full {
        /// Logs that it may hold.
        limit: usize,
    },
    /// The storage engine failed.
    #[error("storage failed")]
    Backend(#[source] BoxError),
}

impl StoreError {
    /// What kind of failure it is.
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Exists => ErrorClass::Conflict,
            Self::Full { .. } | Self::Backend(_) => ErrorClass::Unavailable,
        }
    }
}
