//! Why a member does not come into a group, or is out for good.

use stream_log::{AppendError, LogNameError, ReadError, StoreError};
use stream_model::{ErrorClass, ProducerIdError};

use crate::limits::{GROUP_NAME_BYTES_MAX, PARTITIONS_MAX};
use crate::{CheckpointError, DeliveryError, RunError, StartError};

/// Why a member does not come into a group, or is out for good.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GroupError {
    /// The name of the group, or of the member, cannot be used.
    #[error("expected a name of 1 to {GROUP_NAME_BYTES_MAX} bytes without control characters")]
    Name,
    /// A group cannot have so many partitions.
    #[error("expected 1 to {PARTITIONS_MAX} partitions, asked for {asked}")]
    TooManyPartitions {
        /// What was asked for.
        asked: u32,
    },
    /// The group was founded with another number of partitions, which it keeps.
    #[error("group has {founded} partitions, asked for {asked}")]
    Partitions {
        /// What it was founded with.
        founded: u32,
        /// What was asked for.
        asked: u32,
    },
    /// The name of an output's producer is too long to have the partition's number behind it.
    #[error("cannot name the producers of partitions")]
    Producer(#[from] ProducerIdError),
    /// The source cannot be read.
    #[error("cannot read the source")]
    Source(#[source] ReadError),
    /// The store does not give the logs of the group.
    #[error("cannot open a log of the group")]
    Store(#[from] StoreError),
    /// The group's log cannot be read.
    #[error("cannot read the log of the group")]
    Read(#[source] ReadError),
    /// The group's log does not take records.
    #[error("cannot append to the log of the group")]
    Append(#[source] AppendError),
    /// What is in the group's log is none of its records, or one of a later version.
    #[error("cannot read the record at offset {offset} of the log of the group")]
    Foreign {
        /// Where the record lies.
        offset: u64,
    },
    /// A partition failed in a way that trying again does not help.
    #[error("partition {partition} failed for good")]
    Partition {
        /// Which one.
        partition: u32,
        /// Why.
        #[source]
        error: PartitionError,
    },
    /// A member needs a tokio runtime to run in, and there is none here.
    #[error("a member of a group needs a tokio runtime")]
    NoRuntime,
    /// The member was stopped.
    #[error("stopped")]
    Stopped,
    /// Something other than a stage panicked.
    #[error("panicked")]
    Panicked,
}

impl From<LogNameError> for GroupError {
    fn from(_: LogNameError) -> Self {
        Self::Name
    }
}

impl GroupError {
    /// What kind of failure it is.
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Name | Self::TooManyPartitions { .. } | Self::Producer(_) => ErrorClass::Invalid,
            Self::Partitions { .. } | Self::Foreign { .. } => ErrorClass::Conflict,
            Self::Source(error) | Self::Read(error) => error.class(),
            Self::Store(error) => error.class(),
            Self::Append(error) => error.class(),
            Self::Partition { .. } | Self::NoRuntime | Self::Stopped | Self::Panicked => {
                ErrorClass::Internal
            }
        }
    }

    /// Whether coming in again may help.
    pub fn is_retryable(&self) -> bool {
        self.class().is_retryable()
    }
}

/// Why a partition does not go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PartitionError {
    /// The log of its checkpoints cannot be named.
    #[error("cannot name the log of checkpoints")]
    Name,
    /// The log of its checkpoints is not to be had.
    #[error("cannot open the log of checkpoints")]
    Store(#[from] StoreError),
    /// The output's producer cannot be named.
    #[error("cannot name the producer of the partition")]
    Producer(#[from] ProducerIdError),
    /// Its pipeline does not start.
    #[error("pipeline does not start")]
    Start(#[from] StartError),
    /// Its pipeline ended before its source.
    #[error("pipeline ended")]
    Run(#[from] RunError),
}

impl PartitionError {
    /// Whether a later owner has shut this one out.
    pub fn is_fenced(&self) -> bool {
        match self {
            Self::Start(error) => error.class() == ErrorClass::Fenced,
            Self::Run(RunError::Checkpoint(error)) => error.class() == ErrorClass::Fenced,
            Self::Run(RunError::Delivery(DeliveryError::NotAppended { error, .. })) => {
                error.class() == ErrorClass::Fenced
            }
            _ => false,
        }
    }

    /// Whether the same pipeline may go on later.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Store(error) => error.class().is_retryable(),
            Self::Start(error) => error.is_retryable(),
            Self::Run(RunError::Delivery(error)) => match error {
                DeliveryError::Refused { error, .. } => error.is_retryable(),
                DeliveryError::NotAppended { error, .. } => error.is_retryable(),
                DeliveryError::CircuitOpen { .. } => true,
                DeliveryError::NoSuchSink { .. } => false,
            },
            Self::Run(RunError::DeadLetter(error)) => error.is_retryable(),
            Self::Run(RunError::Checkpoint(CheckpointError::Append(error))) => error.is_retryable(),
            Self::Run(RunError::Checkpoint(error)) => error.class().is_retryable(),
            _ => false,
        }
    }
}
