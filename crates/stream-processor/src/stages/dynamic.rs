//! Stages whose type is forgotten, for pipelines that are put together at run time.

use std::fmt;
use std::time::Instant;

use crate::{Emit, Flow, Moment, Roll, Stage};

/// Any stage from `In` to `Out`.
///
/// It costs two calls through a pointer for each item.
pub struct BoxStage<In, Out> {
    stage: Box<dyn DynStage<In, Out> + Send>,
    /// What the stage said last, so that asking costs no call.
    is_ready: bool,
}

impl<In, Out> BoxStage<In, Out> {
    /// Forgets what `stage` is.
    pub fn new(stage: impl Stage<In, Out = Out> + Send + 'static) -> Self {
        Self { is_ready: stage.is_ready(), stage: Box::new(stage) }
    }
}

impl<In, Out> fmt::Debug for BoxStage<In, Out> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BoxStage").finish_non_exhaustive()
    }
}

/// What of a [`Stage`] can be called through a pointer.
trait DynStage<In, Out> {
    /// Takes an item, and says whether the stage is ready for another.
    fn push(&mut self, item: In, moment: &mut Moment, out: &mut dyn Emit<Out>) -> (Flow, bool);
    fn advance(&mut self, moment: &mut Moment, out: &mut dyn Emit<Out>) -> (Flow, bool);
    fn finish(&mut self, moment: &mut Moment, out: &mut dyn Emit<Out>) -> bool;
    fn enroll(&mut self, roll: &mut Roll);
    fn deadline(&self) -> Option<Instant>;
    fn held(&self) -> Option<u64>;
    fn depth(&self) -> usize;
}

impl<In, S: Stage<In>> DynStage<In, S::Out> for S {
    fn push(&mut self, item: In, moment: &mut Moment, out: &mut dyn Emit<S::Out>) -> (Flow, bool) {
        (Stage::push(self, item, moment, out), self.is_ready())
    }

    fn advance(&mut self, moment: &mut Moment, out: &mut dyn Emit<S::Out>) -> (Flow, bool) {
        (Stage::advance(self, moment, out), self.is_ready())
    }

    fn finish(&mut self, moment: &mut Moment, out: &mut dyn Emit<S::Out>) -> bool {
        Stage::finish(self, moment, out)
    }

    fn enroll(&mut self, roll: &mut Roll) {
        Stage::enroll(self, roll);
    }

    fn deadline(&self) -> Option<Instant> {
        Stage::deadline(self)
    }

    fn held(&self) -> Option<u64> {
        Stage::held(self)
    }

    fn depth(&self) -> usize {
        Stage::depth(self)
    }
}

/// An [`Emit`] of unknown size behind a reference, so that it can be made an object.
struct Thin<'a, E: ?Sized>(&'a mut E);

impl<T, E: Emit<T> + ?Sized> Emit<T> for Thin<'_, E> {
    #[inline]
    fn emit(&mut self, item: T, moment: &mut Moment) -> Flow {
        self.0.emit(item, moment)
    }
}

impl<In, Out> Stage<In> for BoxStage<In, Out> {
    type Out = Out;

    #[inline]
    fn push<E>(&mut self, item: In, moment: &mut Moment, out: &mut E) -> Flow
    where
        E: Emit<Out> + ?Sized,
    {
        let (flow, is_ready) = self.stage.push(item, moment, &mut Thin(out));
        self.is_ready = is_ready;
        flow
    }

    fn advance<E>(&mut self, moment: &mut Moment, out: &mut E) -> Flow
    where
        E: Emit<Out> + ?Sized,
    {
        let (flow, is_ready) = self.stage.advance(moment, &mut Thin(out));
        self.is_ready = is_ready;
        flow
    }

    fn finish<E>(&mut self, moment: &mut Moment, out: &mut E) -> bool
    where
        E: Emit<Out> + ?Sized,
    {
        self.stage.finish(moment, &mut Thin(out))
    }

    fn enroll(&mut self, roll: &mut Roll) {
        self.stage.enroll(roll);
    }

    #[inline]
    fn is_ready(&self) -> bool {
        self.is_ready
    }

    fn deadline(&self) -> Option<Instant> {
        self.stage.deadline()
    }

    fn held(&self) -> Option<u64> {
        self.stage.held()
    }

    fn depth(&self) -> usize {
        self.stage.depth()
    }
}
