//! A function whose futures run at the same time.
//!
//! A future that is ready at once costs neither a task nor an allocation.
//! Any other goes on in a task of its own, so it makes progress whatever the pipeline is waiting
//! for.

mod tasks;

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::marker::PhantomData;
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use stream_model::BoxError;

use self::tasks::{Done, Tasks};
use crate::limits::IN_FLIGHT_MAX;
use crate::{Cause, Emit, Fault, Flow, Moment, Roll, Stage, StageId};

/// In which order results go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Order {
    /// As the items came; one that takes long holds up those behind it.
    Input,
    /// As they are ready.
    Completion,
}

/// Turns each item into another by a future, of which several are under way.
///
/// `G` says which lane an item belongs to: the items of a lane are treated one after the other.
pub struct MapAsync<T, F, Fut: Future, R: Settle<Fut::Output>, G: Lane<T> = NoLanes> {
    call: F,
    lane: G,
    id: StageId,
    options: MapAsyncOptions,
    /// Where a future is tried; used again if it was ready.
    slot: Option<Pin<Box<Option<Fut>>>>,
    tasks: Tasks<R::Out>,
    /// The lanes of what is under way, by its number.
    busy: HashMap<u64, G::Key>,
    /// Results in the order of their items, where that matters.
    results: VecDeque<Place<R::Out>>,
    /// Items that cannot be begun yet.
    waiting: VecDeque<Waiting<T, G::Key>>,
    settle: PhantomData<fn() -> R>,
}

/// A result that others wait behind.
enum Place<U> {
    /// It is not there yet.
    Open {
        number: u64,
        position: u64,
    },
    Done(Done<U>),
}

/// An item, where it came from, and its lane.
struct Waiting<T, K> {
    item: T,
    position: u64,
    lane: Option<K>,
}

/// How the output of a future becomes a result.
pub trait Settle<O> {
    /// What goes on.
    type Out: Send + 'static;

    /// The result.
    ///
    /// # Errors
    /// The error that the future came to.
    fn settle(output: O) -> Result<Self::Out, BoxError>;
}

/// The output is what goes on.
#[derive(Debug)]
pub struct Plain;

/// The output is a result.
#[derive(Debug)]
pub struct Fallible;

/// Every item has a lane of its own.
#[derive(Debug, Clone, Copy)]
pub struct NoLanes;

/// Says which lane an item belongs to.
pub trait Lane<T> {
    /// What a lane is known by.
    type Key: Eq;

    /// The lane's key; `None` if the item has one of its own.
    fn key(&mut self, item: &T) -> Option<Self::Key>;
}

impl<T> Lane<T> for NoLanes {
    type Key = ();

    fn key(&mut self, _item: &T) -> Option<()> {
        None
    }
}

/// Lanes by a function's result.
#[derive(Clone)]
pub struct ByKey<F>(pub(crate) F);

super::debug_by_name!(ByKey<F>);

impl<T, K: Eq, F: FnMut(&T) -> K> Lane<T> for ByKey<F> {
    type Key = K;

    fn key(&mut self, item: &T) -> Option<K> {
        Some((self.0)(item))
    }
}

impl<O: Send + 'static> Settle<O> for Plain {
    type Out = O;

    fn settle(output: O) -> Result<O, BoxError> {
        Ok(output)
    }
}

impl<U: Send + 'static, X: Into<BoxError>> Settle<Result<U, X>> for Fallible {
    type Out = U;

    fn settle(output: Result<U, X>) -> Result<U, BoxError> {
        output.map_err(Into::into)
    }
}

impl<T, F, Fut: Future, R: Settle<Fut::Output>, G: Lane<T>> fmt::Debug
    for MapAsync<T, F, Fut, R, G>
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MapAsync").field("options", &self.options).finish_non_exhaustive()
    }
}

/// A clone has nothing under way.
impl<T, F: Clone, Fut: Future, R: Settle<Fut::Output>, G: Lane<T> + Clone> Clone
    for MapAsync<T, F, Fut, R, G>
{
    fn clone(&self) -> Self {
        Self::new(self.call.clone(), self.lane.clone(), self.options)
    }
}

/// How many futures, in which order, and for how long.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MapAsyncOptions {
    pub(crate) order: Order,
    pub(crate) limit: NonZeroUsize,
    pub(crate) timeout: Option<Duration>,
}

impl<T, F, Fut: Future, R: Settle<Fut::Output>, G: Lane<T>> MapAsync<T, F, Fut, R, G> {
    pub(crate) fn new(call: F, lane: G, options: MapAsyncOptions) -> Self {
        let limit = options.limit.min(IN_FLIGHT_MAX);
        Self {
            call,
            lane,
            id: StageId::default(),
            options: MapAsyncOptions { limit, ..options },
            slot: None,
            tasks: Tasks::default(),
            busy: HashMap::new(),
            results: VecDeque::new(),
            waiting: VecDeque::new(),
            settle: PhantomData,
        }
    }

    /// Gives up on futures that take longer.
    pub(crate) fn set_timeout(&mut self, limit: Duration) {
        self.options.timeout = Some(limit);
    }

    fn limit(&self) -> usize {
        self.options.limit.get()
    }
}

impl<T, F, Fut, R, G> MapAsync<T, F, Fut, R, G>
where
    F: FnMut(T) -> Fut,
    Fut: Future<Output: Send> + Send + 'static,
    R: Settle<Fut::Output> + 'static,
    G: Lane<T>,
{
    fn can_begin(&self, lane: Option<&G::Key>) -> bool {
        self.tasks.len() < self.limit()
            && self.results.len() < self.limit()
            && lane.is_none_or(|lane| self.busy.values().all(|busy| busy != lane))
    }

    /// Begins an item; one that is done at once goes on, or to its place among the results.
    #[inline]
    fn begin<E>(&mut self, item: T, lane: Option<G::Key>, moment: &mut Moment, out: &mut E) -> Flow
    where
        E: Emit<R::Out> + ?Sized,
    {
        let mut slot = self.slot.take().unwrap_or_else(|| Box::pin(None));
        slot.set(Some((self.call)(item)));
        let mut task = Context::from_waker(moment.waker());
        let polled = slot.as_mut().as_pin_mut().map(|future| future.poll(&mut task));
        let Some(Poll::Ready(output)) = polled else { return self.go_on(slot, lane, moment) };
        slot.set(None);
        self.slot = Some(slot);
        match R::settle(output) {
            Ok(item) if self.results.is_empty() => out.emit(item, moment),
            result => {
                let (result, position) = (result.map_err(Cause::Error), moment.position());
                self.complete(None, Done { position, result }, moment, out)
            }
        }
    }

    /// Lets a future that was not ready at once go on in a task.
    fn go_on(
        &mut self,
        slot: Pin<Box<Option<Fut>>>,
        lane: Option<G::Key>,
        moment: &mut Moment,
    ) -> Flow {
        let position = moment.position();
        match self.tasks.spawn::<Fut, R>(slot, position, self.options.timeout) {
            Ok(number) => {
                // A set of tasks that was empty knows no waker: it must be asked again.
                moment.waker().wake_by_ref();
                if let Some(lane) = lane {
                    self.busy.insert(number, lane);
                }
                if self.options.order == Order::Input {
                    self.results.push_back(Place::Open { number, position });
                }
                Flow::Continue(())
            }
            Err(cause) => moment.fault(Fault { stage: Some(self.id), position, cause }),
        }
    }

    /// Puts a result where it belongs, and hands on what nothing is before any more.
    fn complete<E>(
        &mut self,
        number: Option<u64>,
        done: Done<R::Out>,
        moment: &mut Moment,
        out: &mut E,
    ) -> Flow
    where
        E: Emit<R::Out> + ?Sized,
    {
        if self.options.order == Order::Completion {
            return self.hand_on(done, moment, out);
        }
        let is_it = |place: &Place<R::Out>| matches!(place, Place::Open { number: n, .. } if Some(*n) == number);
        match self.results.iter_mut().find(|place| is_it(place)) {
            Some(place) => *place = Place::Done(done),
            None => self.results.push_back(Place::Done(done)),
        }
        while let Some(Place::Done(_)) = self.results.front() {
            if let Some(Place::Done(done)) = self.results.pop_front() {
                self.hand_on(done, moment, out)?;
            }
        }
        Flow::Continue(())
    }

    fn hand_on<E>(&self, done: Done<R::Out>, moment: &mut Moment, out: &mut E) -> Flow
    where
        E: Emit<R::Out> + ?Sized,
    {
        let Done { position, result } = done;
        match result {
            Ok(item) => moment.at(position, |moment| out.emit(item, moment)),
            Err(cause) => moment.fault(Fault { stage: Some(self.id), position, cause }),
        }
    }

    /// Hands on what is done by now, and begins what has room then.
    fn hand_on_done<E>(&mut self, moment: &mut Moment, out: &mut E) -> Flow
    where
        E: Emit<R::Out> + ?Sized,
    {
        while let Some((number, done)) = self.tasks.poll_done(moment.waker()) {
            self.busy.remove(&number);
            self.complete(Some(number), done, moment, out)?;
            self.begin_waiting(moment, out)?;
        }
        Flow::Continue(())
    }

    /// Lets go of everything.
    fn abandon(&mut self) {
        self.tasks = Tasks::default();
        self.busy.clear();
        self.results.clear();
        self.waiting.clear();
    }

    /// Begins what waits, as far as there is room; the items of a lane stay in order.
    fn begin_waiting<E>(&mut self, moment: &mut Moment, out: &mut E) -> Flow
    where
        E: Emit<R::Out> + ?Sized,
    {
        let mut at = 0;
        while let Some(waiting) = self.waiting.get(at) {
            if !self.can_begin(waiting.lane.as_ref()) {
                if waiting.lane.is_none() {
                    break;
                }
                at += 1;
            } else if let Some(Waiting { item, position, lane }) = self.waiting.remove(at) {
                moment.at(position, |moment| self.begin(item, lane, moment, out))?;
            }
        }
        Flow::Continue(())
    }
}

impl<T, F, Fut, R, G> Stage<T> for MapAsync<T, F, Fut, R, G>
where
    F: FnMut(T) -> Fut,
    Fut: Future<Output: Send> + Send + 'static,
    R: Settle<Fut::Output> + 'static,
    G: Lane<T>,
{
    type Out = R::Out;

    #[inline]
    fn push<E>(&mut self, item: T, moment: &mut Moment, out: &mut E) -> Flow
    where
        E: Emit<R::Out> + ?Sized,
    {
        let lane = self.lane.key(&item);
        let is_next = |waiting: &Waiting<T, G::Key>| lane.is_none() || waiting.lane == lane;
        if self.can_begin(lane.as_ref()) && !self.waiting.iter().any(is_next) {
            return self.begin(item, lane, moment, out);
        }
        self.waiting.push_back(Waiting { item, position: moment.position(), lane });
        Flow::Continue(())
    }

    fn advance<E>(&mut self, moment: &mut Moment, out: &mut E) -> Flow
    where
        E: Emit<R::Out> + ?Sized,
    {
        let flow = self.hand_on_done(moment, out);
        if flow.is_break() {
            // Nobody wants what is under way, and nobody would begin what waits.
            self.abandon();
        }
        flow
    }

    fn finish<E>(&mut self, moment: &mut Moment, out: &mut E) -> bool
    where
        E: Emit<R::Out> + ?Sized,
    {
        self.advance(moment, out).is_break() || (self.tasks.len() == 0 && self.waiting.is_empty())
    }

    /// Some items may wait for their lanes without holding up the others.
    #[inline]
    fn is_ready(&self) -> bool {
        self.waiting.is_empty()
            || (self.waiting.len() < self.limit()
                && self.waiting.iter().all(|waiting| waiting.lane.is_some()))
    }

    fn enroll(&mut self, roll: &mut Roll) {
        self.id = roll.take();
    }

    fn held(&self) -> Option<u64> {
        let waiting = self.waiting.iter().map(|waiting| waiting.position);
        let results = self.results.iter().map(|place| match place {
            Place::Open { position, .. } | Place::Done(Done { position, .. }) => *position,
        });
        waiting.chain(results).chain(self.tasks.positions()).min()
    }
}
