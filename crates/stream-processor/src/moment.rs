//! What a stage is told about an item besides the item itself.

use std::task::Waker;
use std::time::Instant;

use stream_model::BoxError;

use crate::policy::LastResort;
use crate::{Breaker, Cause, Circuit, Fault, Flow, OnError, Origin, StageId};

/// When an item is treated, and where it comes from.
///
/// One moment serves a whole pipeline; its driver sets it before each call.
#[derive(Debug)]
pub struct Moment {
    now: Instant,
    origin: Origin,
    is_batching: bool,
    watermark_ms: Option<i64>,
    waker: Waker,
    policies: Policies,
    faults: Vec<Fault>,
    circuits: Vec<(StageId, Circuit)>,
    random: fastrand::Rng,
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
    /// The moment `now`, for whoever drives stages without a pipeline's driver; what it leaves to
    /// chance is the same each time.
    pub fn new(now: Instant) -> Self {
        Self::of(Policies::default(), now, 0)
    }

    pub(crate) fn of(policies: Policies, now: Instant, seed: u64) -> Self {
        let (waker, random) = (Waker::noop().clone(), fastrand::Rng::with_seed(seed));
        let (origin, faults, circuits) = (Origin::default(), Vec::new(), Vec::new());
        Self {
            now,
            origin,
            is_batching: false,
            watermark_ms: None,
            waker,
            policies,
            faults,
            circuits,
            random,
        }
    }

    /// The time.
    pub fn now(&self) -> Instant {
        self.now
    }

    /// Where the item comes from that is being treated.
    #[inline]
    pub fn origin(&self) -> Origin {
        self.origin
    }

    /// The time up to which everything was given, in milliseconds since 1970, if the source knows.
    pub fn watermark_ms(&self) -> Option<i64> {
        self.watermark_ms
    }

    /// Says up to which time everything was given; then stages are to be
    /// [advanced](crate::Stage::advance).
    pub fn set_watermark_ms(&mut self, at_ms: i64) {
        self.watermark_ms = Some(at_ms);
    }

    /// A number from 0 up to, not including, 1, by chance.
    pub fn chance(&mut self) -> f64 {
        self.random.f64()
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
        let cause = Cause::Error(error.into());
        self.fault(Fault::once(Some(stage), self.origin, cause))
    }

    /// As [`fail`](Self::fail), with all that is known.
    #[cold]
    pub(crate) fn fault(&mut self, fault: Fault) -> Flow {
        let last = self.last_resort(&fault);
        self.faults.push(fault);
        if last == LastResort::Fail { Flow::Break(()) } else { Flow::Continue(()) }
    }

    /// What happens because of `fault`.
    pub(crate) fn last_resort(&self, fault: &Fault) -> LastResort {
        match self.policies.of(fault.stage).last {
            LastResort::DeadLetter if fault.origin.is_joined() => LastResort::Fail,
            last => last,
        }
    }

    /// Goes to another time.
    pub fn set_now(&mut self, now: Instant) {
        self.now = now;
    }

    /// Goes to another item of the source.
    #[inline]
    pub fn set_position(&mut self, position: u64) {
        self.origin = Origin::at(position);
    }

    /// Goes to another item.
    #[inline]
    pub(crate) fn set_origin(&mut self, origin: Origin) {
        self.origin = origin;
    }

    /// Whether items may wait in a stage until it is advanced, to be treated together.
    ///
    /// Drivers say so that advance their stages after each batch of items.
    #[inline]
    pub(crate) fn is_batching(&self) -> bool {
        self.is_batching
    }

    /// Lets items wait in a stage until it is advanced, or not.
    pub(crate) fn set_batching(&mut self, is_batching: bool) {
        self.is_batching = is_batching;
    }

    /// Calls `with` while an item from `origin` is treated.
    pub fn at<R>(&mut self, origin: Origin, with: impl FnOnce(&mut Self) -> R) -> R {
        let present = std::mem::replace(&mut self.origin, origin);
        let result = with(self);
        self.origin = present;
        result
    }

    /// Calls `with` while an item is treated that several source items went into.
    pub fn joined<R>(&mut self, with: impl FnOnce(&mut Self) -> R) -> R {
        self.at(self.origin.joined(), with)
    }

    pub(crate) fn set_waker(&mut self, waker: &Waker) {
        self.waker.clone_from(waker);
    }

    /// What went wrong since this was asked last.
    pub fn take_faults(&mut self) -> Vec<Fault> {
        std::mem::take(&mut self.faults)
    }

    /// Tells what states the circuit of `stage` has come into.
    pub fn circuit(&mut self, stage: StageId, breaker: &mut Breaker) {
        while let Some(circuit) = breaker.poll_change() {
            self.circuits.push((stage, circuit));
        }
    }

    /// The circuits that have come into another state since this was asked last.
    pub fn take_circuits(&mut self) -> Vec<(StageId, Circuit)> {
        std::mem::take(&mut self.circuits)
    }

    pub(crate) fn has_circuits(&self) -> bool {
        !self.circuits.is_empty()
    }

    /// What went wrong since it was taken last.
    pub(crate) fn faults(&self) -> &[Fault] {
        &self.faults
    }

    pub(crate) fn has_faults(&self) -> bool {
        !self.faults.is_empty()
    }

    /// Whether something went wrong that ends the pipeline.
    pub(crate) fn is_fatal(&self) -> bool {
        self.faults.iter().any(|fault| self.last_resort(fault) == LastResort::Fail)
    }
}
