//! What a stage is, and how two of them become one.
#![expect(
    clippy::inline_always,
    reason = "a chain is one loop only if every link is inlined, and the compiler judges each alone"
)]

use std::ops::ControlFlow;
use std::time::Instant;

use crate::state::stateless;
use crate::{Loader, Moment, Roll, SaveState, Saver, StateError};

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

    /// The oldest source position of which something is held back here.
    ///
    /// The source may forget what lies before it, and nothing else.
    fn held(&self) -> Option<u64> {
        None
    }
}

/// Where the items go that a stage makes.
pub trait Emit<T> {
    /// Takes an item; `Break` says that no more are wanted.
    fn emit(&mut self, item: T, moment: &mut Moment) -> Flow;
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
}
