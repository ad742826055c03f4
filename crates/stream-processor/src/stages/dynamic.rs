//! Stages whose type is forgotten, for pipelines that are put together at run time.

use std::fmt;
use std::time::Instant;

use crate::limits::BOXED_ITEMS;
use crate::stage::earliest;
use crate::{Batches, Emit, Flow, Items, Moment, Roll, Stage};

/// Any stage from `In` to `Out`.
///
/// It costs two calls through a pointer for each item, or, in a running pipeline whose stages
/// [allow it](Stage::batches), for each [`BOXED_ITEMS`].
pub struct BoxStage<In, Out> {
    stage: Box<dyn DynStage<In, Out> + Send>,
    /// What the stage said last, so that asking costs no call.
    is_ready: bool,
    /// Items that wait for others; none do once the stage was advanced.
    waiting: Items<In>,
    /// What came of those before, if it could not go on yet.
    made: Items<Out>,
    /// Whether it, or what follows it, wanted no more while items waited.
    is_over: bool,
}

impl<In, Out> BoxStage<In, Out> {
    /// Forgets what `stage` is.
    pub fn new(stage: impl Stage<In, Out = Out> + Send + 'static) -> Self {
        let (waiting, made) = (Items::default(), Items::default());
        Self { is_ready: stage.is_ready(), stage: Box::new(stage), waiting, made, is_over: false }
    }

    /// Treats the items that wait.
    ///
    /// They are among its own until they are treated, so if one of them panics, the others follow
    /// when the stage is called next; if one of them ends the pipeline, the others stay.
    fn treat_waiting<E>(&mut self, moment: &mut Moment, out: &mut E) -> Flow
    where
        E: Emit<Out> + ?Sized,
    {
        let Self { stage, waiting, made, .. } = self;
        if self.is_over || (waiting.is_empty() && made.is_empty()) {
            return self.flow();
        }
        let flow = stage.push_all(waiting, moment, &mut Made { made, out: &mut Thin(out) });
        // What it made before it wanted no more goes on all the same.
        let handed_on = out.emit_all(made, moment);
        self.is_over = flow.is_break() || handed_on.is_break();
        self.flow()
    }

    fn flow(&self) -> Flow {
        if self.is_over { Flow::Break(()) } else { Flow::Continue(()) }
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
    fn push_all(
        &mut self,
        items: &mut Items<In>,
        moment: &mut Moment,
        out: &mut Made<'_, Out>,
    ) -> Flow;
    fn batches(&self) -> Batches;
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

    fn push_all(
        &mut self,
        items: &mut Items<In>,
        moment: &mut Moment,
        out: &mut Made<'_, S::Out>,
    ) -> Flow {
        Stage::push_all(self, items, moment, out)
    }

    fn batches(&self) -> Batches {
        Stage::batches(self)
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

/// Collects what a stage makes, and hands it on whenever there are [`BOXED_ITEMS`].
struct Made<'a, Out> {
    made: &'a mut Items<Out>,
    out: &'a mut dyn Emit<Out>,
}

impl<Out> Made<'_, Out> {
    /// Makes room.
    #[cold]
    fn hand_on(&mut self, moment: &mut Moment) -> Flow {
        let flow = self.out.emit_all(self.made, moment);
        self.made.reserve(BOXED_ITEMS);
        flow
    }
}

impl<Out> Emit<Out> for Made<'_, Out> {
    #[inline]
    fn emit(&mut self, item: Out, moment: &mut Moment) -> Flow {
        let flow = if self.made.is_full() { self.hand_on(moment) } else { Flow::Continue(()) };
        self.made.push(item, moment);
        flow
    }
}

/// An [`Emit`] of unknown size behind a reference, so that it can be made an object.
struct Thin<'a, E: ?Sized>(&'a mut E);

impl<T, E: Emit<T> + ?Sized> Emit<T> for Thin<'_, E> {
    #[inline]
    fn emit(&mut self, item: T, moment: &mut Moment) -> Flow {
        self.0.emit(item, moment)
    }

    fn emit_all(&mut self, items: &mut Items<T>, moment: &mut Moment) -> Flow {
        self.0.emit_all(items, moment)
    }
}

impl<In, Out> Stage<In> for BoxStage<In, Out> {
    type Out = Out;

    #[inline]
    fn push<E>(&mut self, item: In, moment: &mut Moment, out: &mut E) -> Flow
    where
        E: Emit<Out> + ?Sized,
    {
        if moment.is_batching() {
            self.waiting.push(item, moment);
            if self.waiting.len() < BOXED_ITEMS {
                return self.flow();
            }
            return self.treat_waiting(moment, out);
        }
        let (flow, is_ready) = self.stage.push(item, moment, &mut Thin(out));
        self.is_ready = is_ready;
        flow
    }

    fn push_all<E>(&mut self, items: &mut Items<In>, moment: &mut Moment, out: &mut E) -> Flow
    where
        E: Emit<Out> + ?Sized,
    {
        if moment.is_batching() && self.waiting.is_empty() {
            std::mem::swap(&mut self.waiting, items);
            return self.treat_waiting(moment, out);
        }
        items.each(moment, |item, moment| Stage::push(self, item, moment, out))
    }

    fn queue(&mut self) -> Option<&mut Items<In>> {
        Some(&mut self.waiting)
    }

    fn batches(&self) -> Batches {
        match self.stage.batches() {
            Batches::Refused => Batches::Refused,
            Batches::Taken | Batches::Wanted => Batches::Wanted,
        }
    }

    fn advance<E>(&mut self, moment: &mut Moment, out: &mut E) -> Flow
    where
        E: Emit<Out> + ?Sized,
    {
        self.treat_waiting(moment, out)?;
        let (flow, is_ready) = self.stage.advance(moment, &mut Thin(out));
        self.is_ready = is_ready;
        flow
    }

    fn finish<E>(&mut self, moment: &mut Moment, out: &mut E) -> bool
    where
        E: Emit<Out> + ?Sized,
    {
        let flow = self.treat_waiting(moment, out);
        flow.is_break() || self.stage.finish(moment, &mut Thin(out))
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
        let own = earliest(self.waiting.held(), self.made.held());
        earliest(own, self.stage.held())
    }

    fn depth(&self) -> usize {
        self.waiting.len() + self.made.len() + self.stage.depth()
    }
}
