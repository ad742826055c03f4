//! A function whose futures run at the same time.
//!
//! A future that is ready at once costs neither a task nor an allocation.
//! Any other goes on in a task of its own, so it makes progress whatever the pipeline is waiting
//! for.

mod tasks;

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use stream_model::BoxError;

use self::tasks::Tasks;
use super::try_map::{Trial, admit, record};
use crate::limits::IN_FLIGHT_MAX;
use crate::{
    Breaker, Cause, Emit, Fault, Flow, Loader, Moment, Origin, Retry, Roll, SaveState, Saver,
    Stage, StageId, StateError,
};

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
    options: MapAsyncOptions,
    /// Copies an item that may be tried again.
    copy: Option<fn(&T) -> T>,
    id: StageId,
    retry: Option<Retry>,
    breaker: Option<Breaker>,
    /// Where a future is tried; used again if it was ready.
    slot: Option<Pin<Box<Option<Fut>>>>,
    tasks: Tasks<R::Out>,
    /// What is under way, by its number.
    jobs: HashMap<u64, Job<T, G::Key>>,
    next: u64,
    /// Results in the order of their items, where that matters.
    results: VecDeque<Place<R::Out>>,
    /// Items that cannot be begun yet.
    waiting: VecDeque<Waiting<T, G::Key>>,
}

/// An item that was begun.
struct Job<T, K> {
    trial: Trial,
    lane: Option<K>,
    /// A copy, if it may be tried again.
    spare: Option<T>,
    /// When it is tried again; `None` while a task is at it.
    due: Option<Instant>,
}

/// A result that others wait behind.
enum Place<U> {
    /// It is not there yet.
    Open {
        number: u64,
        origin: Origin,
    },
    Done {
        origin: Origin,
        result: Result<U, Fault>,
    },
}

/// An item that was not begun.
struct Waiting<T, K> {
    item: T,
    origin: Origin,
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
        let copy = Self::new(self.call.clone(), self.lane.clone(), self.options);
        Self { copy: self.copy, ..copy }
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
            options: MapAsyncOptions { limit, ..options },
            copy: None,
            id: StageId::default(),
            retry: None,
            breaker: None,
            slot: None,
            tasks: Tasks::default(),
            jobs: HashMap::new(),
            next: 0,
            results: VecDeque::new(),
            waiting: VecDeque::new(),
        }
    }

    /// Lets items be tried again.
    pub(crate) fn with_copies(mut self) -> Self
    where
        T: Clone,
    {
        self.copy = Some(T::clone);
        self
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
        let is_free = |lane| self.jobs.values().all(|job| job.lane.as_ref() != Some(lane));
        self.jobs.len() < self.limit()
            && self.results.len() < self.limit()
            && lane.is_none_or(is_free)
    }

    /// Tries a future; what is ready at once goes on, or to its place among the results.
    ///
    /// A job has a number once it was not done at once.
    #[inline]
    fn attempt<E>(
        &mut self,
        item: T,
        (number, mut job): (Option<u64>, Job<T, G::Key>),
        moment: &mut Moment,
        out: &mut E,
    ) -> Flow
    where
        E: Emit<R::Out> + ?Sized,
    {
        if let Some(breaker) = &mut self.breaker
            && let Err(due) = admit(breaker, self.id, moment)
        {
            let refuses = breaker.refuses();
            if !refuses {
                (job.spare, job.due) = (Some(item), Some(due));
            }
            let number = self.enter(number, job, moment);
            if refuses {
                return self.close(number, Err(Cause::CircuitOpen), moment, out);
            }
            return Flow::Continue(());
        }
        if self.retry.is_some() {
            job.spare = self.copy.map(|copy| copy(&item));
        }
        let mut slot = self.slot.take().unwrap_or_else(|| Box::pin(None));
        slot.set(Some((self.call)(item)));
        let mut task = Context::from_waker(moment.waker());
        let polled = slot.as_mut().as_pin_mut().map(|future| future.poll(&mut task));
        let Some(Poll::Ready(output)) = polled else {
            let number = self.enter(number, job, moment);
            return match self.tasks.spawn::<Fut, R>(slot, number, self.options.timeout) {
                Ok(()) => Flow::Continue(()),
                Err(cause) => self.close(number, Err(cause), moment, out),
            };
        };
        slot.set(None);
        self.slot = Some(slot);
        let settled = R::settle(output);
        self.record(settled.is_ok(), moment);
        match settled {
            Ok(item) if number.is_none() && self.results.is_empty() => out.emit(item, moment),
            result => {
                let number = self.enter(number, job, moment);
                self.close(number, result.map_err(Cause::Error), moment, out)
            }
        }
    }

    /// Tells the circuit what a call has come to.
    #[inline]
    fn record(&mut self, is_ok: bool, moment: &mut Moment) {
        if let Some(breaker) = &mut self.breaker {
            record(breaker, is_ok, self.id, moment);
        }
    }

    /// Notes a job as one that is not done, and returns its number.
    fn enter(&mut self, number: Option<u64>, job: Job<T, G::Key>, moment: &Moment) -> u64 {
        // A set of tasks that was empty knows no waker: it must be asked again.
        moment.waker().wake_by_ref();
        let (number, origin) = (number.unwrap_or(self.next), job.trial.origin);
        if number == self.next {
            self.next += 1;
            if self.options.order == Order::Input {
                self.results.push_back(Place::Open { number, origin });
            }
        }
        self.jobs.insert(number, job);
        number
    }

    /// Ends an attempt: hands the result on, or parks the job until it is tried again.
    fn close<E>(
        &mut self,
        number: u64,
        result: Result<R::Out, Cause>,
        moment: &mut Moment,
        out: &mut E,
    ) -> Flow
    where
        E: Emit<R::Out> + ?Sized,
    {
        let Some(mut job) = self.jobs.remove(&number) else { return Flow::Continue(()) };
        let result = match result {
            Ok(item) => Ok(item),
            Err(cause) => {
                let retry = self.retry.as_ref().filter(|_| job.spare.is_some());
                job.due = job.trial.fail(retry, moment);
                if job.due.is_some() {
                    self.jobs.insert(number, job);
                    return Flow::Continue(());
                }
                Err(job.trial.fault(self.id, cause, moment.now()))
            }
        };
        let origin = job.trial.origin;
        if self.options.order == Order::Completion {
            return hand_on(origin, result, moment, out);
        }
        let is_it = |place: &&mut Place<R::Out>| match place {
            Place::Open { number: open, .. } => *open == number,
            Place::Done { .. } => false,
        };
        if let Some(place) = self.results.iter_mut().find(is_it) {
            *place = Place::Done { origin, result };
        }
        self.hand_on_results(moment, out)
    }

    /// Hands on the results that nothing is before any more.
    fn hand_on_results<E>(&mut self, moment: &mut Moment, out: &mut E) -> Flow
    where
        E: Emit<R::Out> + ?Sized,
    {
        while let Some(place) = self.results.pop_front() {
            match place {
                Place::Done { origin, result } => hand_on(origin, result, moment, out)?,
                Place::Open { .. } => {
                    self.results.push_front(place);
                    break;
                }
            }
        }
        Flow::Continue(())
    }

    /// Hands on what is done by now, and begins what is due, or has room then.
    fn go_on<E>(&mut self, moment: &mut Moment, out: &mut E) -> Flow
    where
        E: Emit<R::Out> + ?Sized,
    {
        while let Some((number, result)) = self.tasks.poll_done(moment.waker()) {
            self.record(result.is_ok(), moment);
            self.close(number, result, moment, out)?;
        }
        while let Some((number, mut job)) = self.take_due(moment.now()) {
            if let Some(item) = job.spare.take() {
                let origin = job.trial.origin;
                moment.at(origin, |moment| self.attempt(item, (Some(number), job), moment, out))?;
            }
        }
        self.begin_waiting(moment, out)
    }

    /// A job whose time has come to be tried again.
    fn take_due(&mut self, now: Instant) -> Option<(u64, Job<T, G::Key>)> {
        let is_due = |job: &Job<T, G::Key>| job.due.is_some_and(|due| due <= now);
        let due = self.jobs.iter().filter(|(_, job)| is_due(job)).map(|(number, _)| *number).min();
        let (number, job) = due.and_then(|number| self.jobs.remove_entry(&number))?;
        Some((number, Job { due: None, ..job }))
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
            } else if let Some(Waiting { item, origin, lane }) = self.waiting.remove(at) {
                let job = (None, Job::new(origin, lane));
                moment.at(origin, |moment| self.attempt(item, job, moment, out))?;
            }
        }
        Flow::Continue(())
    }

    /// Lets go of everything.
    fn abandon(&mut self) {
        self.tasks = Tasks::default();
        self.jobs.clear();
        self.results.clear();
        self.waiting.clear();
    }
}

impl<T, K> Job<T, K> {
    fn new(origin: Origin, lane: Option<K>) -> Self {
        Self { trial: Trial::new(origin), lane, spare: None, due: None }
    }
}

/// Emits a result, or tells of the fault that it is.
fn hand_on<U, E: Emit<U> + ?Sized>(
    origin: Origin,
    result: Result<U, Fault>,
    moment: &mut Moment,
    out: &mut E,
) -> Flow {
    match result {
        Ok(item) => moment.at(origin, |moment| out.emit(item, moment)),
        Err(fault) => moment.fault(fault),
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
        let is_before = |waiting: &Waiting<T, G::Key>| lane.is_none() || waiting.lane == lane;
        if self.can_begin(lane.as_ref()) && !self.waiting.iter().any(is_before) {
            return self.attempt(item, (None, Job::new(moment.origin(), lane)), moment, out);
        }
        self.waiting.push_back(Waiting { item, origin: moment.origin(), lane });
        Flow::Continue(())
    }

    fn advance<E>(&mut self, moment: &mut Moment, out: &mut E) -> Flow
    where
        E: Emit<R::Out> + ?Sized,
    {
        let flow = self.go_on(moment, out);
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
        self.advance(moment, out).is_break() || (self.jobs.is_empty() && self.waiting.is_empty())
    }

    /// Some items may wait for their lanes without holding up the others.
    #[inline]
    fn is_ready(&self) -> bool {
        self.waiting.is_empty()
            || (self.waiting.len() < self.limit()
                && self.waiting.iter().all(|waiting| waiting.lane.is_some()))
    }

    fn deadline(&self) -> Option<Instant> {
        self.jobs.values().filter_map(|job| job.due).min()
    }

    fn enroll(&mut self, roll: &mut Roll) {
        self.id = roll.take();
        self.retry = roll.retry(self.id);
        self.breaker = roll.breaker(self.id);
    }

    fn depth(&self) -> usize {
        self.jobs.len() + self.waiting.len()
    }

    fn held(&self) -> Option<u64> {
        let waiting = self.waiting.iter().map(|waiting| waiting.origin);
        let jobs = self.jobs.values().map(|job| job.trial.origin);
        let results = self.results.iter().map(|place| match place {
            Place::Open { origin, .. } | Place::Done { origin, .. } => *origin,
        });
        waiting.chain(jobs).chain(results).map(Origin::position).min()
    }
}

/// Futures cannot be written down: everything that was begun must be done.
impl<T, F, Fut, R, G> SaveState for MapAsync<T, F, Fut, R, G>
where
    Fut: Future,
    R: Settle<Fut::Output>,
    G: Lane<T>,
{
    fn is_settled(&self) -> bool {
        self.jobs.is_empty() && self.results.is_empty() && self.waiting.is_empty()
    }

    fn save(&self, _to: &mut Saver) -> Result<(), StateError> {
        Ok(())
    }

    fn restore(&mut self, _from: &mut Loader<'_>) -> Result<(), StateError> {
        Ok(())
    }
}
