//! Stages that let a part of the items through, by where they stand among the others.

use super::debug_by_name;
use crate::state::keeps;
use crate::{Batches, Emit, Flow, Moment, Stage};

/// Lets the first items through, and then ends the pipeline.
#[derive(Debug, Clone)]
pub struct Take {
    pub(crate) left: u64,
}

/// Lets items through while a predicate holds, and then ends the pipeline.
#[derive(Clone)]
pub struct TakeWhile<F> {
    pub(crate) holds: F,
    pub(crate) over: bool,
}

/// Lets items through up to the first for which a predicate holds, and ends the pipeline after it.
#[derive(Clone)]
pub struct TakeUntil<F> {
    pub(crate) is_last: F,
    pub(crate) over: bool,
}

/// Leaves out the first items.
#[derive(Debug, Clone)]
pub struct Skip {
    pub(crate) left: u64,
}

/// Leaves out items while a predicate holds, and lets all others through.
#[derive(Clone)]
pub struct SkipWhile<F> {
    pub(crate) holds: F,
    pub(crate) over: bool,
}

debug_by_name!(TakeWhile<F>, TakeUntil<F>, SkipWhile<F>);

impl<T> Stage<T> for Take {
    type Out = T;

    #[inline]
    fn push<E: Emit<T> + ?Sized>(&mut self, item: T, moment: &mut Moment, out: &mut E) -> Flow {
        let Some(left) = self.left.checked_sub(1) else { return Flow::Break(()) };
        self.left = left;
        out.emit(item, moment)?;
        if left == 0 { Flow::Break(()) } else { Flow::Continue(()) }
    }
}

impl<T, F: FnMut(&T) -> bool> Stage<T> for TakeWhile<F> {
    type Out = T;

    #[inline]
    fn push<E: Emit<T> + ?Sized>(&mut self, item: T, moment: &mut Moment, out: &mut E) -> Flow {
        if self.over || !(self.holds)(&item) {
            self.over = true;
            return Flow::Break(());
        }
        out.emit(item, moment)
    }
}

impl<T, F: FnMut(&T) -> bool> Stage<T> for TakeUntil<F> {
    type Out = T;

    #[inline]
    fn push<E: Emit<T> + ?Sized>(&mut self, item: T, moment: &mut Moment, out: &mut E) -> Flow {
        if self.over {
            return Flow::Break(());
        }
        self.over = (self.is_last)(&item);
        out.emit(item, moment)?;
        if self.over { Flow::Break(()) } else { Flow::Continue(()) }
    }
}

impl<T> Stage<T> for Skip {
    type Out = T;

    #[inline]
    fn push<E: Emit<T> + ?Sized>(&mut self, item: T, moment: &mut Moment, out: &mut E) -> Flow {
        match self.left.checked_sub(1) {
            Some(left) => {
                self.left = left;
                Flow::Continue(())
            }
            None => out.emit(item, moment),
        }
    }

    fn batches(&self) -> Batches {
        Batches::Taken
    }
}

impl<T, F: FnMut(&T) -> bool> Stage<T> for SkipWhile<F> {
    type Out = T;

    #[inline]
    fn push<E: Emit<T> + ?Sized>(&mut self, item: T, moment: &mut Moment, out: &mut E) -> Flow {
        self.over = self.over || !(self.holds)(&item);
        if self.over { out.emit(item, moment) } else { Flow::Continue(()) }
    }

    fn batches(&self) -> Batches {
        Batches::Taken
    }
}

keeps!(Take, left);
keeps!(TakeWhile<F>, over);
keeps!(TakeUntil<F>, over);
keeps!(Skip, left);
keeps!(SkipWhile<F>, over);
