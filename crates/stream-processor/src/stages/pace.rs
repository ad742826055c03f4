//! Stages that change when items go on.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::debug_by_name;
use crate::{Emit, Flow, Loader, Moment, Origin, SaveState, Saver, Stage, StateError};

/// An item that waits, and where it comes from.
#[derive(Debug, Clone)]
pub(super) struct Held<T> {
    pub(super) item: T,
    pub(super) origin: Origin,
}

/// Lets items through at a rate at most; others wait, in order, and with them the source.
///
/// The rate is a bucket of tokens (the generic cell rate algorithm): `burst` items may go at once,
/// and one more every `interval`.
#[derive(Debug, Clone)]
pub struct Throttle<T> {
    interval: Duration,
    /// How far ahead of time the bucket may be: what the burst takes.
    ahead: Duration,
    /// When the bucket is full again.
    full_at: Option<Instant>,
    waiting: VecDeque<Held<T>>,
}

/// Lets an item through once none has followed for a while; others are left out.
#[derive(Debug, Clone)]
pub struct Debounce<T> {
    quiet: Duration,
    held: Option<Held<T>>,
    due: Option<Instant>,
}

/// Lets the newest item through at the end of each interval, counted from the first item.
#[derive(Debug, Clone)]
pub struct Sample<T> {
    interval: Duration,
    held: Option<Held<T>>,
    due: Option<Instant>,
}

/// Merges what comes while the pipeline is busy with what came before.
#[derive(Clone)]
pub struct Conflate<T, F> {
    merge: F,
    held: Option<Held<T>>,
}

debug_by_name!(Conflate<T, F>);

impl<T> Throttle<T> {
    pub(crate) fn new(interval: Duration, burst: u32) -> Self {
        let ahead = interval.saturating_mul(burst.saturating_sub(1));
        Self { interval, ahead, full_at: None, waiting: VecDeque::new() }
    }

    /// When the next item may go; `None` if it may at once.
    fn due(&self) -> Option<Instant> {
        self.full_at.and_then(|full_at| full_at.checked_sub(self.ahead))
    }

    /// Takes a token, if there is one at `now`.
    fn take(&mut self, now: Instant) -> bool {
        if self.due().is_some_and(|due| due > now) {
            return false;
        }
        let from = self.full_at.map_or(now, |full_at| full_at.max(now));
        self.full_at = from.checked_add(self.interval);
        true
    }
}

impl<T> Stage<T> for Throttle<T> {
    type Out = T;

    fn push<E: Emit<T> + ?Sized>(&mut self, item: T, moment: &mut Moment, out: &mut E) -> Flow {
        if self.waiting.is_empty() && self.take(moment.now()) {
            return out.emit(item, moment);
        }
        self.waiting.push_back(Held { item, origin: moment.origin() });
        Flow::Continue(())
    }

    fn advance<E: Emit<T> + ?Sized>(&mut self, moment: &mut Moment, out: &mut E) -> Flow {
        while !self.waiting.is_empty() && self.take(moment.now()) {
            if let Some(held) = self.waiting.pop_front() {
                held.emit(moment, out)?;
            }
        }
        Flow::Continue(())
    }

    fn finish<E: Emit<T> + ?Sized>(&mut self, moment: &mut Moment, out: &mut E) -> bool {
        self.advance(moment, out).is_break() || self.waiting.is_empty()
    }

    fn is_ready(&self) -> bool {
        self.waiting.is_empty()
    }

    fn deadline(&self) -> Option<Instant> {
        self.waiting.front().and_then(|_| self.due())
    }

    fn depth(&self) -> usize {
        self.waiting.len()
    }

    fn held(&self) -> Option<u64> {
        self.waiting.front().map(|held| held.origin.position())
    }
}

impl<T> Debounce<T> {
    pub(crate) fn new(quiet: Duration) -> Self {
        Self { quiet, held: None, due: None }
    }
}

impl<T> Stage<T> for Debounce<T> {
    type Out = T;

    fn push<E: Emit<T> + ?Sized>(&mut self, item: T, moment: &mut Moment, out: &mut E) -> Flow {
        // The time of the item before may have come before this one did.
        self.advance(moment, out)?;
        self.held = Some(Held { item, origin: moment.origin() });
        self.due = moment.now().checked_add(self.quiet);
        Flow::Continue(())
    }

    fn advance<E: Emit<T> + ?Sized>(&mut self, moment: &mut Moment, out: &mut E) -> Flow {
        if self.due.is_none_or(|due| due > moment.now()) {
            return Flow::Continue(());
        }
        self.due = None;
        emit_held(&mut self.held, moment, out)
    }

    fn finish<E: Emit<T> + ?Sized>(&mut self, moment: &mut Moment, out: &mut E) -> bool {
        self.due = None;
        emit_held(&mut self.held, moment, out).is_break() || self.held.is_none()
    }

    fn deadline(&self) -> Option<Instant> {
        self.due
    }

    fn depth(&self) -> usize {
        usize::from(self.held.is_some())
    }

    fn held(&self) -> Option<u64> {
        self.held.as_ref().map(|held| held.origin.position())
    }
}

impl<T> Sample<T> {
    pub(crate) fn new(interval: Duration) -> Self {
        let interval = interval.max(Duration::from_millis(1));
        Self { interval, held: None, due: None }
    }
}

impl<T> Stage<T> for Sample<T> {
    type Out = T;

    fn push<E: Emit<T> + ?Sized>(&mut self, item: T, moment: &mut Moment, out: &mut E) -> Flow {
        self.advance(moment, out)?;
        if self.due.is_none() {
            self.due = moment.now().checked_add(self.interval);
        }
        self.held = Some(Held { item, origin: moment.origin() });
        Flow::Continue(())
    }

    fn advance<E: Emit<T> + ?Sized>(&mut self, moment: &mut Moment, out: &mut E) -> Flow {
        let Some(due) = self.due.filter(|due| *due <= moment.now()) else {
            return Flow::Continue(());
        };
        // The intervals are counted from the first item; those that nobody saw are passed over.
        let late = moment.now().saturating_duration_since(due).as_nanos();
        let passed = late / self.interval.as_nanos().max(1) + 1;
        let ahead = u32::try_from(passed).ok().and_then(|n| self.interval.checked_mul(n));
        self.due = ahead.and_then(|ahead| due.checked_add(ahead));
        emit_held(&mut self.held, moment, out)
    }

    fn finish<E: Emit<T> + ?Sized>(&mut self, moment: &mut Moment, out: &mut E) -> bool {
        self.due = None;
        emit_held(&mut self.held, moment, out).is_break() || self.held.is_none()
    }

    fn deadline(&self) -> Option<Instant> {
        self.held.as_ref().and(self.due)
    }

    fn depth(&self) -> usize {
        usize::from(self.held.is_some())
    }

    fn held(&self) -> Option<u64> {
        self.held.as_ref().map(|held| held.origin.position())
    }
}

impl<T, F> Conflate<T, F> {
    pub(crate) fn new(merge: F) -> Self {
        Self { merge, held: None }
    }
}

impl<T, F: FnMut(T, T) -> T> Stage<T> for Conflate<T, F> {
    type Out = T;

    fn push<E: Emit<T> + ?Sized>(&mut self, item: T, moment: &mut Moment, _out: &mut E) -> Flow {
        self.held = Some(match self.held.take() {
            Some(old) => {
                // What is held begins with the older one.
                let origin = old.origin.joined();
                Held { item: (self.merge)(old.item, item), origin }
            }
            None => Held { item, origin: moment.origin() },
        });
        Flow::Continue(())
    }

    fn advance<E: Emit<T> + ?Sized>(&mut self, moment: &mut Moment, out: &mut E) -> Flow {
        emit_held(&mut self.held, moment, out)
    }

    fn finish<E: Emit<T> + ?Sized>(&mut self, moment: &mut Moment, out: &mut E) -> bool {
        emit_held(&mut self.held, moment, out).is_break() || self.held.is_none()
    }

    fn depth(&self) -> usize {
        usize::from(self.held.is_some())
    }

    fn held(&self) -> Option<u64> {
        self.held.as_ref().map(|held| held.origin.position())
    }
}

impl<T> Held<T> {
    fn emit<E: Emit<T> + ?Sized>(self, moment: &mut Moment, out: &mut E) -> Flow {
        moment.at(self.origin, |moment| out.emit(self.item, moment))
    }
}

fn emit_held<T, E>(held: &mut Option<Held<T>>, moment: &mut Moment, out: &mut E) -> Flow
where
    E: Emit<T> + ?Sized,
{
    held.take().map_or(Flow::Continue(()), |held| held.emit(moment, out))
}

/// It has nothing to write down while nothing waits; a burst is there again.
impl<T> SaveState for Throttle<T> {
    fn is_settled(&self) -> bool {
        self.waiting.is_empty()
    }

    fn save(&self, _to: &mut Saver) -> Result<(), StateError> {
        Ok(())
    }

    fn restore(&mut self, _from: &mut Loader<'_>) -> Result<(), StateError> {
        Ok(())
    }
}

/// It has nothing to write down while nothing waits.
impl<T> SaveState for Debounce<T> {
    fn is_settled(&self) -> bool {
        self.held.is_none()
    }

    fn save(&self, _to: &mut Saver) -> Result<(), StateError> {
        Ok(())
    }

    fn restore(&mut self, _from: &mut Loader<'_>) -> Result<(), StateError> {
        Ok(())
    }
}

/// It has nothing to write down while nothing waits.
impl<T> SaveState for Sample<T> {
    fn is_settled(&self) -> bool {
        self.held.is_none()
    }

    fn save(&self, _to: &mut Saver) -> Result<(), StateError> {
        Ok(())
    }

    fn restore(&mut self, _from: &mut Loader<'_>) -> Result<(), StateError> {
        Ok(())
    }
}

/// It has nothing to write down while nothing waits.
impl<T, F> SaveState for Conflate<T, F> {
    fn is_settled(&self) -> bool {
        self.held.is_none()
    }

    fn save(&self, _to: &mut Saver) -> Result<(), StateError> {
        Ok(())
    }

    fn restore(&mut self, _from: &mut Loader<'_>) -> Result<(), StateError> {
        Ok(())
    }
}
