//! What goes wrong with an item, and what happens then.

use stream_model::BoxError;

/// Which stage of a pipeline, counted from 0 in call order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StageId(pub usize);

/// Gives the stages of a pipeline their numbers.
#[derive(Debug, Default)]
pub struct Roll(usize);

impl Roll {
    /// The next number.
    pub fn take(&mut self) -> StageId {
        let id = StageId(self.0);
        self.0 += 1;
        id
    }
}

/// An item that a stage could not treat.
#[derive(Debug, thiserror::Error)]
#[error("cannot treat the item at position {position}")]
#[non_exhaustive]
pub struct Fault {
    /// Which stage; `None` if it panicked, which any of them may have done.
    pub stage: Option<StageId>,
    /// Where in the source the item lies, or from which the newest part of it came.
    pub position: u64,
    /// Why.
    #[source]
    pub cause: Cause,
}

/// Why an item could not be treated.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Cause {
    /// The stage returned an error.
    #[error(transparent)]
    Error(BoxError),
    /// The stage panicked.
    #[error("stage panicked: {message}")]
    Panic {
        /// What it said, if that was text.
        message: String,
    },
    /// The stage's future was not ready in time.
    #[error("stage was not done within {after:?}")]
    TimedOut {
        /// How long it had.
        after: std::time::Duration,
    },
}

/// What happens when a stage cannot treat an item; in either case it is counted and told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OnError {
    /// The item is left out, and the pipeline goes on.
    #[default]
    Skip,
    /// The pipeline ends with the error.
    Fail,
}
