//! What a stage is told about an item besides the item itself.

use std::task::Waker;
use std::time::Instant;

use stream_model::BoxError;

use crate::{Cause, Fault, Flow, OnError, StageId};

/// When an item is treated, and where it comes from.
///
/// One moment serves a whole pipeline; its driver sets it before each call.
#[derive(Debug)]
pub struct Moment {
    now: Instant,
    position: u64,
    waker: Waker,
    policies: Policies,
    faults: Vec<Fault>,
}

/// What happens to items that a stage cannot treat.
#[derive(Debug, Clone, Default)]
pub(crate) struct Policies {
    /// Where a stage has none of its own.
    pub(crate) pipeline: OnError,
    pub(crate) stages: Vec<(StageId, OnError)>,
}

impl Policies {
    /// Takes over what was said about stages that now follow `before` others.
    pub(crate) fn append(&mut self, other: Self, before: usize) {
        let moved = other.stages.into_iter().map(|(id, policy)| (StageId(id.0 + before), policy));
        self.stages.extend(moved);
    }

    pub(crate) fn of(&self, stage: Option<StageId>) -> OnError {
        let own = self.stages.iter().find(|(id, _)| Some(*id) == stage);
        own.map_or(self.pipeline, |(_, policy)| *policy)
    }
}

impl Moment {
    /// The moment `now`, for whoever drives stages without a pipeline's driver.
    pub fn new(now: Instant) -> Self {
        let (waker, policies) = (Waker::noop().clone(), Policies::default());
        Self { now, position: 0, waker, policies, faults: Vec::new() }
    }

    pub(crate) fn with_policies(mut self, policies: Policies) -> Self {
        self.policies = policies;
        self
    }

    /// The time.
    pub fn now(&self) -> Instant {
        self.now
    }

    /// Where in the source the item lies that is being treated, or from which the newest part of
    /// it came.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Wakes the pipeline, so that its stages are [advanced](crate::Stage::advance).
    pub fn waker(&self) -> &Waker {
        &self.waker
    }

    /// Says that `stage` cannot treat its item, because of `error`.
    ///
    /// Returns what the stage returns: `Break` if the pipeline is to fail.
    #[cold]
    pub fn fail(&mut self, stage: StageId, error: impl Into<BoxError>) -> Flow {
        let position = self.position;
        self.fault(Fault { stage: Some(stage), position, cause: Cause::Error(error.into()) })
    }

    /// As [`fail`](Self::fail), for an item that is older than the present one.
    #[cold]
    pub(crate) fn fault(&mut self, fault: Fault) -> Flow {
        let policy = self.policies.of(fault.stage);
        self.faults.push(fault);
        if policy == OnError::Fail { Flow::Break(()) } else { Flow::Continue(()) }
    }

    /// Goes to another time.
    pub fn set_now(&mut self, now: Instant) {
        self.now = now;
    }

    /// Goes to another item of the source.
    #[inline]
    pub fn set_position(&mut self, position: u64) {
        self.position = position;
    }

    /// Calls `with` as if the item at `position` were treated.
    pub(crate) fn at<R>(&mut self, position: u64, with: impl FnOnce(&mut Self) -> R) -> R {
        let present = std::mem::replace(&mut self.position, position);
        let result = with(self);
        self.position = present;
        result
    }

    pub(crate) fn set_waker(&mut self, waker: &Waker) {
        self.waker.clone_from(waker);
    }

    /// What went wrong since this was asked last.
    pub fn take_faults(&mut self) -> Vec<Fault> {
        std::mem::take(&mut self.faults)
    }

    pub(crate) fn policy(&self, stage: Option<StageId>) -> OnError {
        self.policies.of(stage)
    }

    pub(crate) fn has_faults(&self) -> bool {
        !self.faults.is_empty()
    }

    /// Whether something went wrong that ends the pipeline.
    pub(crate) fn is_fatal(&self) -> bool {
        self.faults.iter().any(|fault| self.policies.of(fault.stage) == OnError::Fail)
    }
}
