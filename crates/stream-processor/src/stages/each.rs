//! Stages that treat each item for itself.
#![expect(
    clippy::inline_always,
    reason = "a chain is one loop only if every link is inlined, and the compiler judges each alone"
)]

use stream_model::FilterOutput;

use super::debug_by_name;
use crate::state::stateless;
use crate::{Batches, Emit, Flow, Moment, Roll, Stage, StageId};

/// Turns each item into another.
#[derive(Clone)]
pub struct Map<F>(pub(crate) F);

/// Lets through what a predicate holds for.
#[derive(Clone)]
pub struct Filter<F> {
    pub(crate) keep: F,
    pub(crate) id: StageId,
}

/// Turns each item into another, or none.
#[derive(Clone)]
pub struct FilterMap<F>(pub(crate) F);

/// Turns each item into any number of others.
#[derive(Clone)]
pub struct FlatMap<F>(pub(crate) F);

/// Shows each item to a function.
#[derive(Clone)]
pub struct Tap<F>(pub(crate) F);

debug_by_name!(Map<F>, Filter<F>, FilterMap<F>, FlatMap<F>, Tap<F>);

impl<T, U, F: FnMut(T) -> U> Stage<T> for Map<F> {
    type Out = U;

    #[inline(always)]
    fn push<E: Emit<U> + ?Sized>(&mut self, item: T, moment: &mut Moment, out: &mut E) -> Flow {
        out.emit((self.0)(item), moment)
    }

    fn batches(&self) -> Batches {
        Batches::Taken
    }
}

impl<T, O: FilterOutput, F: FnMut(&T) -> O> Stage<T> for Filter<F> {
    type Out = T;

    #[inline(always)]
    fn push<E: Emit<T> + ?Sized>(&mut self, item: T, moment: &mut Moment, out: &mut E) -> Flow {
        match (self.keep)(&item).into_result() {
            Ok(true) => out.emit(item, moment),
            Ok(false) => Flow::Continue(()),
            Err(error) => moment.fail(self.id, error),
        }
    }

    fn enroll(&mut self, roll: &mut Roll) {
        self.id = roll.take();
    }

    fn batches(&self) -> Batches {
        Batches::Taken
    }
}

impl<T, U, F: FnMut(T) -> Option<U>> Stage<T> for FilterMap<F> {
    type Out = U;

    #[inline(always)]
    fn push<E: Emit<U> + ?Sized>(&mut self, item: T, moment: &mut Moment, out: &mut E) -> Flow {
        match (self.0)(item) {
            Some(item) => out.emit(item, moment),
            None => Flow::Continue(()),
        }
    }

    fn batches(&self) -> Batches {
        Batches::Taken
    }
}

impl<T, I: IntoIterator, F: FnMut(T) -> I> Stage<T> for FlatMap<F> {
    type Out = I::Item;

    #[inline(always)]
    fn push<E>(&mut self, item: T, moment: &mut Moment, out: &mut E) -> Flow
    where
        E: Emit<I::Item> + ?Sized,
    {
        (self.0)(item).into_iter().try_for_each(|item| out.emit(item, moment))
    }

    fn batches(&self) -> Batches {
        Batches::Taken
    }
}

impl<T, F: FnMut(&T)> Stage<T> for Tap<F> {
    type Out = T;

    #[inline(always)]
    fn push<E: Emit<T> + ?Sized>(&mut self, item: T, moment: &mut Moment, out: &mut E) -> Flow {
        (self.0)(&item);
        out.emit(item, moment)
    }

    fn batches(&self) -> Batches {
        Batches::Taken
    }
}

stateless!(Map<F>, Filter<F>, FilterMap<F>, FlatMap<F>, Tap<F>);
