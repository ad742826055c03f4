//! Two ways for the items, which join again.

use std::time::Instant;

use super::debug_by_name;
use crate::stage::earliest;
use crate::{Emit, Flow, Loader, Moment, Roll, SaveState, Saver, Stage, StateError};

/// Sends items one of two ways, by a predicate.
#[derive(Clone)]
pub struct Split<F, A, B> {
    goes_first: F,
    first: A,
    second: B,
    first_over: bool,
    second_over: bool,
    first_ended: bool,
}

debug_by_name!(Split<F, A, B>);

impl<F, A, B> Split<F, A, B> {
    pub(crate) fn new(goes_first: F, first: A, second: B) -> Self {
        let (first_over, second_over, first_ended) = (false, false, false);
        Self { goes_first, first, second, first_over, second_over, first_ended }
    }

    /// Whether neither way wants more.
    fn flow(&self) -> Flow {
        if self.first_over && self.second_over { Flow::Break(()) } else { Flow::Continue(()) }
    }
}

impl<T, F, A, B> Stage<T> for Split<F, A, B>
where
    F: FnMut(&T) -> bool,
    A: Stage<T>,
    B: Stage<T, Out = A::Out>,
{
    type Out = A::Out;

    #[inline]
    fn push<E>(&mut self, item: T, moment: &mut Moment, out: &mut E) -> Flow
    where
        E: Emit<A::Out> + ?Sized,
    {
        let mut stops = false;
        let mut emit = |item, moment: &mut Moment| {
            let flow = out.emit(item, moment);
            stops |= flow.is_break();
            flow
        };
        if (self.goes_first)(&item) {
            if !self.first_over {
                self.first_over = self.first.push(item, moment, &mut emit).is_break();
            }
        } else if !self.second_over {
            self.second_over = self.second.push(item, moment, &mut emit).is_break();
        }
        // A way that is over leaves the other open; the end of what follows, or a failure that
        // ends the pipeline, is the end of both.
        if stops || moment.is_fatal() { Flow::Break(()) } else { self.flow() }
    }

    fn advance<E>(&mut self, moment: &mut Moment, out: &mut E) -> Flow
    where
        E: Emit<A::Out> + ?Sized,
    {
        let mut stops = false;
        let mut emit = |item, moment: &mut Moment| {
            let flow = out.emit(item, moment);
            stops |= flow.is_break();
            flow
        };
        self.first_over |= self.first.advance(moment, &mut emit).is_break();
        self.second_over |= self.second.advance(moment, &mut emit).is_break();
        if stops || moment.is_fatal() { Flow::Break(()) } else { self.flow() }
    }

    fn finish<E>(&mut self, moment: &mut Moment, out: &mut E) -> bool
    where
        E: Emit<A::Out> + ?Sized,
    {
        self.first_ended = self.first_ended || self.first.finish(moment, out);
        self.first_ended && self.second.finish(moment, out)
    }

    fn enroll(&mut self, roll: &mut Roll) {
        roll.take();
        self.first.enroll(roll);
        self.second.enroll(roll);
    }

    fn is_ready(&self) -> bool {
        self.first.is_ready() && self.second.is_ready()
    }

    fn deadline(&self) -> Option<Instant> {
        earliest(self.first.deadline(), self.second.deadline())
    }

    fn held(&self) -> Option<u64> {
        earliest(self.first.held(), self.second.held())
    }
}

impl<F, A: SaveState, B: SaveState> SaveState for Split<F, A, B> {
    fn is_settled(&self) -> bool {
        self.first.is_settled() && self.second.is_settled()
    }

    fn save(&self, to: &mut Saver) -> Result<(), StateError> {
        to.put(&(self.first_over, self.second_over, self.first_ended))?;
        self.first.save(to)?;
        self.second.save(to)
    }

    fn restore(&mut self, from: &mut Loader<'_>) -> Result<(), StateError> {
        (self.first_over, self.second_over, self.first_ended) = from.take()?;
        self.first.restore(from)?;
        self.second.restore(from)
    }
}
