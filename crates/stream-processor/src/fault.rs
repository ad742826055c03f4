//! What goes wrong with an item, and what happens then.

use std::time::Duration;

use stream_model::BoxError;

use crate::moment::Policies;
use crate::{Breaker, Retry};

/// Which stage of a pipeline, counted from 0 in call order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StageId(pub usize);

/// Gives the stages of a pipeline their numbers.
#[derive(Debug, Default)]
pub struct Roll {
    next: usize,
    policies: Policies,
}

impl Roll {
    pub(crate) fn new(policies: Policies) -> Self {
        Self { next: 0, policies }
    }

    /// The next number.
    pub fn take(&mut self) -> StageId {
        let id = StageId(self.next);
        self.next += 1;
        id
    }

    /// How often, and when, `stage` tries an item again that it could not treat.
    pub fn retry(&self, stage: StageId) -> Option<Retry> {
        self.policies.of(Some(stage)).retry
    }

    /// What stands before the calls of `stage`, if anything does.
    pub fn breaker(&self, stage: StageId) -> Option<Breaker> {
        self.policies.of(Some(stage)).breaker.map(Breaker::new)
    }
}

/// Where in the source an item comes from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Origin {
    /// The position of the source item, or of the newest of several.
    pub position: u64,
    /// Whether several source items may have gone into it.
    pub is_joined: bool,
}

/// An item that a stage could not treat.
#[derive(Debug, thiserror::Error)]
#[error("cannot treat the item at position {}", origin.position)]
#[non_exhaustive]
pub struct Fault {
    /// Which stage; `None` if it panicked, which any of them may have done.
    pub stage: Option<StageId>,
    /// Where the item comes from.
    pub origin: Origin,
    /// Why.
    #[source]
    pub cause: Cause,
    /// How often it was tried.
    pub attempts: u32,
    /// The time between the first and the last failure.
    pub spent: Duration,
}

impl Fault {
    /// An item that was tried once.
    pub(crate) fn once(stage: Option<StageId>, origin: Origin, cause: Cause) -> Self {
        Self { stage, origin, cause, attempts: 1, spent: Duration::ZERO }
    }
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
    /// The stage has failed so often that it is not called for a while.
    #[error("circuit open")]
    CircuitOpen,
    /// The stage's future was not ready in time.
    #[error("stage was not done within {after:?}")]
    TimedOut {
        /// How long it had.
        after: Duration,
    },
}
