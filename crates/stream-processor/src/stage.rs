//! What a stage is, and how two of them become one.
#![expect(
    clippy::inline_always,
    reason = "a chain is one loop only if every link is inlined, and the compiler judges each alone"
)]

use std::ops::ControlFlow;
use std::time::Instant;

use crate::state::stateless;
use crate::{Items, Loader, Moment, Roll, SaveState, Saver, StateError};

/// Whether a stage wants more: `Break` says that nothing it is given from now on has an effect.
pub type Flow = ControlFlow<()>;

/// One step of a pipeline: items go in, items come out, at once or later.
///
/// A stage is a pure machine: it owns no clock, sets no timer and sends nothing.
/// It is told the time with each call ([`Moment::now`]), says when it wants to be called again
/// ([`deadline`](Self::deadline)), and pushes what it makes into an [`Emit`].
/// Since the next stage is such an `Emit`, a chain of stages is one function after compilation.
///
/// # Failures
///
/// A stage that cannot treat an item says so with [`Moment::fail`] and goes on to the next.
/// What happens to the item is the pipeline's to decide.
///
/// # Examples
///
/// ```
/// use stream_processor::{Emit, Flow, Moment, Pipeline, Stage};
///
/// /// Hands on the sum of each two numbers.
/// #[derive(Debug, Default)]
/// struct Pairs(Option<u32>);
///
/// impl Stage<u32> for Pairs {
///     type Out = u32;
///
///     fn push<E: Emit<u32> + ?Sized>(&mut self, n: u32, moment: &mut Moment, out: &mut E) -> Flow {
///         match self.0.take() {
///             Some(first) => out.emit(first + n, moment),
///             None => {
///                 self.0 = Some(n);
///                 Flow::Continue(())
///             }
///         }
///     }
/// }
///
/// let pairs = Pipeline::<u32>::empty().then(Pairs::default()).map(|sum| sum * 10);
/// assert_eq!(pairs.over([1, 2, 3, 4, 5]), [30, 70]);
/// ```
pub trait Stage<In> {
    /// What comes out.
    type Out;

    /// Takes an item.
    ///
    /// It may be called while [`is_ready`](Self::is_ready) is false, with what an earlier stage
    /// makes of one source item; then the item waits.
    fn push<E>(&mut self, item: In, moment: &mut Moment, out: &mut E) -> Flow
    where
        E: Emit<Self::Out> + ?Sized;

    /// Takes items one after the other, until it wants no more; the rest stays with the caller.
    ///
    /// A stage need not have this method; with one of its own it can be quicker.
    #[inline]
    fn push_all<E>(&mut self, items: &mut Items<In>, moment: &mut Moment, out: &mut E) -> Flow
    where
        E: Emit<Self::Out> + ?Sized,
    {
        items.each(moment, |item, moment| self.push(item, moment, out))
    }

    /// Whether items may be kept back a little, to be given to it together.
    fn batches(&self) -> Batches {
        Batches::Refused
    }

    /// Where items may be put in place of pushing them, to be treated when it is advanced.
    ///
    /// Drivers ask for it that let items wait.
    fn queue(&mut self) -> Option<&mut Items<In>> {
        None
    }

    /// As [`queue`](Self::queue), where `next` follows: what changes nothing has its queue.
    fn queue_with<'a, B>(&'a mut self, next: &'a mut B) -> Option<&'a mut Items<In>>
    where
        B: Stage<Self::Out>,
    {
        let _ = next;
        self.queue()
    }

    /// Emits what is due, or done, or worth handing on now that nothing more waits at the source.
    ///
    /// It is called after each batch of items, when the deadline has come, and when the waker of
    /// the moment was woken.
    fn advance<E>(&mut self, moment: &mut Moment, out: &mut E) -> Flow
    where
        E: Emit<Self::Out> + ?Sized,
    {
        let _ = (moment, out);
        Flow::Continue(())
    }

    /// Emits what is left, as no item follows, and returns whether that was all.
    ///
    /// It is called again until it was.
    fn finish<E>(&mut self, moment: &mut Moment, out: &mut E) -> bool
    where
        E: Emit<Self::Out> + ?Sized,
    {
        let _ = (moment, out);
        true
    }

    /// Whether it has room for what one source item becomes.
    fn is_ready(&self) -> bool {
        true
    }

    /// The next instant at which [`advance`](Self::advance) must be called.
    fn deadline(&self) -> Option<Instant> {
        None
    }

    /// Takes a number for itself, and one for each stage in it.
    ///
    /// It is called once, before anything else; a stage that may fail notes its number.
    fn enroll(&mut self, roll: &mut Roll) {
        roll.take();
    }

    /// How many items are in it: under way, or waiting.
    fn depth(&self) -> usize {
        0
    }

    /// The oldest source position of which something is held back here.
    ///
    /// The source may forget what lies before it, and nothing else.
    fn held(&self) -> Option<u64> {
        None
    }
}

/// Whether the items of a stage may be kept back until there are several.
///
/// They are never kept back longer than to the end of what is ready at the source, and what comes
/// out is the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Batches {
    /// No: it may want no more of them, or have no room, or lead them along several ways.
    Refused,
    /// Yes: it wants every item, always has room, and keeps their order.
    Taken,
    /// Yes, and it is quicker then.
    Wanted,
}

/// Where the items go that a stage makes.
pub trait Emit<T> {
    /// Takes an item; `Break` says that no more are wanted.
    fn emit(&mut self, item: T, moment: &mut Moment) -> Flow;

    /// Takes items one after the other, until no more are wanted; the rest stays with the caller.
    #[inline]
    fn emit_all(&mut self, items: &mut Items<T>, moment: &mut Moment) -> Flow {
        items.each(moment, |item, moment| self.emit(item, moment))
    }
}

impl<T, F: FnMut(T, &mut Moment) -> Flow> Emit<T> for F {
    #[inline]
    fn emit(&mut self, item: T, moment: &mut Moment) -> Flow {
        self(item, moment)
    }
}

impl<T> Emit<T> for Vec<T> {
    #[inline]
    fn emit(&mut self, item: T, _moment: &mut Moment) -> Flow {
        self.push(item);
        Flow::Continue(())
    }
}

/// The chain without a stage: what goes in comes out.
#[derive(Debug, Clone, Copy, Default)]
pub struct Identity;

impl<In> Stage<In> for Identity {
    type Out = In;

    #[inline(always)]
    fn push<E: Emit<In> + ?Sized>(&mut self, item: In, moment: &mut Moment, out: &mut E) -> Flow {
        out.emit(item, moment)
    }

    #[inline]
    fn push_all<E>(&mut self, items: &mut Items<In>, moment: &mut Moment, out: &mut E) -> Flow
    where
        E: Emit<In> + ?Sized,
    {
        out.emit_all(items, moment)
    }

    fn queue_with<'a, B>(&'a mut self, next: &'a mut B) -> Option<&'a mut Items<In>>
    where
        B: Stage<In>,
    {
        next.queue()
    }

    fn batches(&self) -> Batches {
        Batches::Taken
    }

    fn enroll(&mut self, _roll: &mut Roll) {}
}

stateless!(Identity);

/// Two stages as one: what comes out of the first goes into the second.
#[derive(Debug, Clone)]
pub struct Chain<A, B> {
    first: A,
    second: B,
    /// Whether the first has emitted its last.
    first_ended: bool,
}

impl<A, B> Chain<A, B> {
    pub(crate) const fn new(first: A, second: B) -> Self {
        Self { first, second, first_ended: false }
    }

    pub(crate) fn map_second<D>(self, change: impl FnOnce(B) -> D) -> Chain<A, D> {
        Chain::new(self.first, change(self.second))
    }

    pub(crate) const fn second_mut(&mut self) -> &mut B {
        &mut self.second
    }
}

impl<In, A: Stage<In>, B: Stage<A::Out>> Stage<In> for Chain<A, B> {
    type Out = B::Out;

    #[inline(always)]
    fn push<E>(&mut self, item: In, moment: &mut Moment, out: &mut E) -> Flow
    where
        E: Emit<B::Out> + ?Sized,
    {
        self.first.push(item, moment, &mut Into { second: &mut self.second, out })
    }

    #[inline]
    fn push_all<E>(&mut self, items: &mut Items<In>, moment: &mut Moment, out: &mut E) -> Flow
    where
        E: Emit<B::Out> + ?Sized,
    {
        self.first.push_all(items, moment, &mut Into { second: &mut self.second, out })
    }

    fn queue(&mut self) -> Option<&mut Items<In>> {
        self.first.queue_with(&mut self.second)
    }

    fn batches(&self) -> Batches {
        match (self.first.batches(), self.second.batches()) {
            (Batches::Refused, _) | (_, Batches::Refused) => Batches::Refused,
            (Batches::Wanted, _) | (_, Batches::Wanted) => Batches::Wanted,
            (Batches::Taken, Batches::Taken) => Batches::Taken,
        }
    }

    #[inline]
    fn advance<E>(&mut self, moment: &mut Moment, out: &mut E) -> Flow
    where
        E: Emit<B::Out> + ?Sized,
    {
        let first = self.first.advance(moment, &mut Into { second: &mut self.second, out });
        let second = self.second.advance(moment, out);
        if first.is_break() { first } else { second }
    }

    fn finish<E>(&mut self, moment: &mut Moment, out: &mut E) -> bool
    where
        E: Emit<B::Out> + ?Sized,
    {
        if !self.first_ended {
            let mut into = Into { second: &mut self.second, out };
            self.first_ended = self.first.finish(moment, &mut into);
        }
        self.first_ended && self.second.finish(moment, out)
    }

    fn enroll(&mut self, roll: &mut Roll) {
        self.first.enroll(roll);
        self.second.enroll(roll);
    }

    #[inline]
    fn is_ready(&self) -> bool {
        self.first.is_ready() && self.second.is_ready()
    }

    fn deadline(&self) -> Option<Instant> {
        earliest(self.first.deadline(), self.second.deadline())
    }

    fn held(&self) -> Option<u64> {
        earliest(self.first.held(), self.second.held())
    }

    fn depth(&self) -> usize {
        self.first.depth() + self.second.depth()
    }
}

impl<A: SaveState, B: SaveState> SaveState for Chain<A, B> {
    fn is_settled(&self) -> bool {
        self.first.is_settled() && self.second.is_settled()
    }

    fn save(&self, to: &mut Saver) -> Result<(), StateError> {
        to.put(&self.first_ended)?;
        self.first.save(to)?;
        self.second.save(to)
    }

    fn restore(&mut self, from: &mut Loader<'_>) -> Result<(), StateError> {
        self.first_ended = from.take()?;
        self.first.restore(from)?;
        self.second.restore(from)
    }
}

/// The smaller one of those that are there.
pub(crate) fn earliest<T: Ord>(a: Option<T>, b: Option<T>) -> Option<T> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

/// The way into the second stage of a chain.
struct Into<'a, B, E: ?Sized> {
    second: &'a mut B,
    out: &'a mut E,
}

impl<T, B: Stage<T>, E: Emit<B::Out> + ?Sized> Emit<T> for Into<'_, B, E> {
    #[inline(always)]
    fn emit(&mut self, item: T, moment: &mut Moment) -> Flow {
        self.second.push(item, moment, self.out)
    }

    #[inline]
    fn emit_all(&mut self, items: &mut Items<T>, moment: &mut Moment) -> Flow {
        self.second.push_all(items, moment, self.out)
    }
}
