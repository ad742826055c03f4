//! A function that may fail, and may be tried again.

use std::collections::VecDeque;
use std::time::Instant;

use stream_model::BoxError;

use super::debug_by_name;
use super::pace::Held;
use crate::{
    Breaker, Cause, Emit, Fault, Flow, Loader, Moment, Origin, Retry, Roll, SaveState, Saver,
    Stage, StageId, StateError,
};

/// Turns each item into another, or fails.
///
/// While an item waits for its next attempt, those behind it wait, too, and with them the source.
pub struct TryMap<T, F> {
    turn: F,
    id: StageId,
    retry: Option<Retry>,
    breaker: Option<Breaker>,
    parked: Option<Parked<T>>,
    waiting: VecDeque<Held<T>>,
}

debug_by_name!(TryMap<T, F>);

/// An item that will be tried again.
pub(super) struct Parked<T> {
    pub(super) item: T,
    pub(super) trial: Trial,
    pub(super) due: Instant,
}

/// How it went so far with an item.
#[derive(Clone, Copy)]
pub(super) struct Trial {
    pub(super) origin: Origin,
    failures: u32,
    /// When it failed first.
    since: Option<Instant>,
}

impl Trial {
    pub(super) fn new(origin: Origin) -> Self {
        Self { origin, failures: 0, since: None }
    }

    /// Notes a failure, and returns when to try again, if that is to be.
    pub(super) fn fail(&mut self, retry: Option<&Retry>, moment: &mut Moment) -> Option<Instant> {
        self.failures += 1;
        self.since.get_or_insert(moment.now());
        let chance = moment.chance();
        let delay = retry.and_then(|retry| retry.delay(self.failures, chance))?;
        moment.now().checked_add(delay)
    }

    /// What is told of it in the end.
    pub(super) fn fault(self, stage: StageId, cause: Cause, now: Instant) -> Fault {
        let spent = self.since.map(|since| now.saturating_duration_since(since));
        let (stage, spent) = (Some(stage), spent.unwrap_or_default());
        Fault { stage, origin: self.origin, cause, attempts: self.failures, spent }
    }
}

/// Whether a circuit lets a call through; tells its state if that has changed.
pub(super) fn admit(
    breaker: &mut Breaker,
    id: StageId,
    moment: &mut Moment,
) -> Result<(), Instant> {
    let admitted = breaker.admit(moment.now());
    moment.circuit(id, breaker);
    admitted
}

/// Tells a circuit what a call has come to, and its state if that has changed.
pub(super) fn record(breaker: &mut Breaker, is_ok: bool, id: StageId, moment: &mut Moment) {
    breaker.record(is_ok, moment.now());
    moment.circuit(id, breaker);
}

impl<T, F> TryMap<T, F> {
    pub(crate) fn new(turn: F) -> Self {
        let (id, waiting) = (StageId::default(), VecDeque::new());
        Self { turn, id, retry: None, breaker: None, parked: None, waiting }
    }
}

/// A clone has nothing to try again.
impl<T, F: Clone> Clone for TryMap<T, F> {
    fn clone(&self) -> Self {
        Self::new(self.turn.clone())
    }
}

impl<T, F> TryMap<T, F> {
    #[inline]
    fn attempt<U, X, E>(
        &mut self,
        item: T,
        trial: Option<Trial>,
        moment: &mut Moment,
        out: &mut E,
    ) -> Flow
    where
        F: FnMut(&T) -> Result<U, X>,
        X: Into<BoxError>,
        E: Emit<U> + ?Sized,
    {
        if let Some(breaker) = &mut self.breaker
            && let Err(due) = admit(breaker, self.id, moment)
        {
            let trial = trial.unwrap_or_else(|| Trial::new(moment.origin()));
            if breaker.refuses() {
                return moment.fault(trial.fault(self.id, Cause::CircuitOpen, moment.now()));
            }
            self.parked = Some(Parked { item, trial, due });
            return Flow::Continue(());
        }
        let result = (self.turn)(&item);
        if let Some(breaker) = &mut self.breaker {
            record(breaker, result.is_ok(), self.id, moment);
        }
        match result {
            Ok(item) => out.emit(item, moment),
            Err(error) => {
                let mut trial = trial.unwrap_or_else(|| Trial::new(moment.origin()));
                match trial.fail(self.retry.as_ref(), moment) {
                    Some(due) => {
                        self.parked = Some(Parked { item, trial, due });
                        Flow::Continue(())
                    }
                    None => {
                        let cause = Cause::Error(error.into());
                        moment.fault(trial.fault(self.id, cause, moment.now()))
                    }
                }
            }
        }
    }
}

impl<T, U, X, F> Stage<T> for TryMap<T, F>
where
    F: FnMut(&T) -> Result<U, X>,
    X: Into<BoxError>,
{
    type Out = U;

    #[inline]
    fn push<E: Emit<U> + ?Sized>(&mut self, item: T, moment: &mut Moment, out: &mut E) -> Flow {
        if self.parked.is_none() && self.waiting.is_empty() {
            return self.attempt(item, None, moment, out);
        }
        self.waiting.push_back(Held { item, origin: moment.origin() });
        Flow::Continue(())
    }

    fn advance<E: Emit<U> + ?Sized>(&mut self, moment: &mut Moment, out: &mut E) -> Flow {
        if let Some(Parked { item, trial, .. }) =
            self.parked.take_if(|parked| parked.due <= moment.now())
        {
            let origin = trial.origin;
            moment.at(origin, |moment| self.attempt(item, Some(trial), moment, out))?;
        }
        while self.parked.is_none() {
            let Some(Held { item, origin }) = self.waiting.pop_front() else { break };
            moment.at(origin, |moment| self.attempt(item, None, moment, out))?;
        }
        Flow::Continue(())
    }

    fn finish<E: Emit<U> + ?Sized>(&mut self, moment: &mut Moment, out: &mut E) -> bool {
        self.advance(moment, out).is_break() || self.is_ready()
    }

    #[inline]
    fn is_ready(&self) -> bool {
        self.parked.is_none() && self.waiting.is_empty()
    }

    fn deadline(&self) -> Option<Instant> {
        self.parked.as_ref().map(|parked| parked.due)
    }

    fn enroll(&mut self, roll: &mut Roll) {
        self.id = roll.take();
        self.retry = roll.retry(self.id);
        self.breaker = roll.breaker(self.id);
    }

    fn depth(&self) -> usize {
        usize::from(self.parked.is_some()) + self.waiting.len()
    }

    fn held(&self) -> Option<u64> {
        let parked = self.parked.iter().map(|parked| parked.trial.origin);
        let waiting = self.waiting.iter().map(|held| held.origin);
        parked.chain(waiting).map(Origin::position).min()
    }
}

/// It has nothing to write down while nothing waits.
impl<T, F> SaveState for TryMap<T, F> {
    fn is_settled(&self) -> bool {
        self.parked.is_none() && self.waiting.is_empty()
    }

    fn save(&self, _to: &mut Saver) -> Result<(), StateError> {
        Ok(())
    }

    fn restore(&mut self, _from: &mut Loader<'_>) -> Result<(), StateError> {
        Ok(())
    }
}
