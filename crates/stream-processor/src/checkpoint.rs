//! Where a pipeline writes down how far it is.
//!
//! A checkpoint holds, as of one moment: where the source is, what every stage keeps (state by key,
//! open windows, timers, the keys of items that were seen), the events that came out and are not
//! with the sinks yet, and the numbers under which logs will get them.
//! It is one value in a log, so it is there as a whole or not at all, and only the newest is kept.
//!
//! # Exactly once
//!
//! Events are handed to the sinks only after a checkpoint that holds them.
//! When the pipeline goes on from it, it hands them on again under the same numbers, and a log that
//! has them already refuses them as duplicates.
//! So nothing has to come out the same when items are treated again: not the order in which two
//! sources are merged, nor futures, nor what the clock decides.
//! A sink that is no log may get the events of the last checkpoint twice.
//!
//! # Two at a time
//!
//! A checkpoint is appended only where the one before ends, so of two pipelines with the same
//! checkpoints the later one goes on, and the other [ends](CheckpointError::Superseded).

mod ledger;
mod parts;

use std::sync::Arc;
use std::time::Duration;

use stream_log::{AppendError, Log, ReadError};
use stream_model::ErrorClass;

pub(crate) use self::ledger::Ledger;
use crate::StateError;

/// A log in which a pipeline writes down how far it is, and how often it does.
///
/// The log must be used for nothing else; what is in it beside the newest checkpoint is trimmed.
#[derive(Debug, Clone)]
pub struct Checkpoints {
    pub(crate) log: Arc<dyn Log>,
    pub(crate) interval: Duration,
}

impl Checkpoints {
    /// Writes to `log`, every 100 ms if there is something new.
    pub fn new(log: Arc<dyn Log>) -> Self {
        Self { log, interval: Duration::from_millis(100) }
    }

    /// Writes so often; longer intervals cost less, and events come out later.
    ///
    /// Each checkpoint holds everything that the pipeline keeps: one that takes long to write is
    /// followed by a pause of nine times as long.
    #[must_use]
    pub fn interval(mut self, interval: Duration) -> Self {
        self.interval = interval;
        self
    }
}

/// Why a checkpoint could not be made, or used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// The log does not take it.
    #[error("cannot append the checkpoint")]
    Append(#[source] AppendError),
    /// The log cannot be read.
    #[error("cannot read the checkpoints")]
    Read(#[from] ReadError),
    /// What is kept cannot be written down, or what was written down cannot be read.
    #[error("cannot translate what is kept")]
    State(#[from] StateError),
    /// The checkpoint is of a pipeline with other stages.
    #[error("expected a checkpoint of `{present}`, found one of `{written}`")]
    OtherStages {
        /// The stages that wrote it.
        written: String,
        /// The stages that are to go on from it.
        present: String,
    },
    /// What is in the log is no checkpoint, or one of a later version.
    #[error("cannot read the record at offset {offset} as a part of a checkpoint")]
    Foreign {
        /// Where the record lies.
        offset: u64,
    },
    /// Another pipeline has gone on from this one's checkpoints.
    #[error("another pipeline has taken over")]
    Superseded,
    /// More is kept than a checkpoint may hold.
    #[error("checkpoint of {bytes} bytes exceeds {limit}")]
    TooLarge {
        /// Bytes that it would have.
        bytes: usize,
        /// Bytes that it may have.
        limit: usize,
    },
}

impl CheckpointError {
    /// What kind of failure it is.
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Append(error) => error.class(),
            Self::Read(error) => error.class(),
            Self::State(_) => ErrorClass::Invalid,
            Self::OtherStages { .. } | Self::Foreign { .. } => ErrorClass::Conflict,
            Self::Superseded => ErrorClass::Fenced,
            Self::TooLarge { .. } => ErrorClass::TooLarge,
        }
    }
}
