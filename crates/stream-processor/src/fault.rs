//! What goes wrong with an item, and what happens then.

use std::fmt;
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

    /// The number that will be taken next.
    pub(crate) fn next(&self) -> StageId {
        StageId(self.next)
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
///
/// One word, as it goes along with every item.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Origin(u64);

impl Origin {
    /// The bit that says that several items went into one; positions have those below it.
    const JOINED: u64 = 1 << 63;

    /// The source item at `position`, of which the lowest 63 bits count.
    #[must_use]
    #[inline]
    pub const fn at(position: u64) -> Self {
        Self(position & !Self::JOINED)
    }

    /// The same place, into whose item others may have gone as well.
    #[must_use]
    #[inline]
    pub const fn joined(self) -> Self {
        Self(self.0 | Self::JOINED)
    }

    /// The position of the source item, or of the newest of several.
    #[inline]
    pub const fn position(self) -> u64 {
        self.0 & !Self::JOINED
    }

    /// Whether several source items may have gone into it.
    #[inline]
    pub const fn is_joined(self) -> bool {
        self.0 & Self::JOINED != 0
    }
}

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Origin")
            .field("position", &self.position())
            .field("is_joined", &self.is_joined())
            .finish()
    }
}

/// An item that a stage could not treat.
#[derive(Debug, thiserror::Error)]
#[error("cannot treat the item at position {}", origin.position())]
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
