//! Why a pipeline does not start, or does not go on.

use stream_core::{PublishError, SubscribeError};
use stream_log::ReadError;
use stream_model::ErrorClass;

use crate::{CheckpointError, DeliveryError, Fault, SourceError};

/// Why a pipeline did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The source refused the subscription.
    #[error("cannot subscribe to the source")]
    Subscribe(#[from] SubscribeError),
    /// The log cannot be read from there.
    #[error("cannot read the source")]
    Log(#[from] ReadError),
    /// The checkpoints cannot be used.
    #[error("cannot go on from the last checkpoint")]
    Checkpoint(#[from] CheckpointError),
    /// A pipeline needs a tokio runtime to run in, and there is none here.
    #[error("a pipeline needs a tokio runtime")]
    NoRuntime,
}

impl StartError {
    /// What kind of failure it is.
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Subscribe(error) => error.class(),
            Self::Log(error) => error.class(),
            Self::Checkpoint(error) => error.class(),
            Self::NoRuntime => ErrorClass::Internal,
        }
    }

    /// Whether the same pipeline may start later.
    pub fn is_retryable(&self) -> bool {
        self.class().is_retryable()
    }
}

/// Why a pipeline ended before its source did.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// A stage could not treat an item, and the policy was to fail.
    #[error("a stage failed for good")]
    Stage(#[source] Fault),
    /// An event was not delivered, and the policy was to fail.
    #[error("an event was not delivered")]
    Delivery(#[source] DeliveryError),
    /// The stream of dead letters did not take one.
    #[error("cannot set an event aside")]
    DeadLetter(#[source] PublishError),
    /// The source failed.
    #[error("cannot read the source")]
    Source(#[source] SourceError),
    /// What the pipeline keeps could not be written down.
    #[error("cannot make a checkpoint")]
    Checkpoint(#[source] CheckpointError),
    /// The pipeline was stopped.
    #[error("stopped")]
    Stopped,
    /// Something other than a stage panicked.
    #[error("panicked")]
    Panicked,
}
