//! Windows of one length that begin at regular times.

use std::hash::Hash;
use std::time::{Duration, Instant};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::panes::Panes;
use super::watermark::Watermark;
use super::{Lateness, Windowed, to_ms};
use crate::stages::debug_by_name;
use crate::{Batches, Emit, Flow, Loader, Moment, SaveState, Saver, Stage, StateError};

/// Adds the items of each key and window up.
///
/// `F` is `FnMut(&T) -> (i64, K)`: the time of an item in milliseconds and its key; `G` is
/// `FnMut(&mut A, &T)`.
#[derive(Clone)]
pub struct HoppingWindow<K, A, F, G> {
    length_ms: i64,
    step_ms: i64,
    /// The start of the last window that the newest item was in: most items are in it, too, and
    /// dividing costs more than a comparison.
    newest_ms: i64,
    watermark: Watermark,
    place: F,
    initial: A,
    add: G,
    panes: Panes<K, A>,
}

debug_by_name!(HoppingWindow<K, A, F, G>);

impl<K, A, F, G> HoppingWindow<K, A, F, G> {
    /// Windows of `length` that begin every `step`; one that is longer counts as `length`, so that
    /// no item is between two windows.
    pub(crate) fn new(
        (length, step): (Duration, Duration),
        lateness: Lateness,
        place: F,
        initial: A,
        add: G,
    ) -> Self {
        let length_ms = to_ms(length);
        let step_ms = to_ms(step).min(length_ms);
        let (watermark, panes) = (Watermark::new(lateness), Panes::new(length_ms));
        let newest_ms = i64::MIN;
        Self { length_ms, step_ms, newest_ms, watermark, place, initial, add, panes }
    }
}

impl<K, A, F, G> HoppingWindow<K, A, F, G> {
    /// The start of the last window that an item at `at_ms` is in.
    #[inline]
    fn last_start(&mut self, at_ms: i64) -> i64 {
        // Also where the difference wraps it is no less than the step.
        if at_ms.wrapping_sub(self.newest_ms).cast_unsigned() >= self.step_ms.cast_unsigned() {
            self.newest_ms = at_ms - at_ms.rem_euclid(self.step_ms);
        }
        self.newest_ms
    }

    /// Closes the windows that end by `end_ms`.
    fn close<T, E>(&mut self, end_ms: i64, moment: &mut Moment, out: &mut E) -> Flow
    where
        E: Emit<Windowed<K, A, T>> + ?Sized,
    {
        while let Some(pane) = self.panes.first().filter(|pane| pane.end_ms <= end_ms) {
            let (start_ms, end_ms) = (pane.start_ms, pane.end_ms);
            self.watermark.close(end_ms);
            while let Some((key, value)) = pane.take_first() {
                let closed = Windowed::Closed { key, start_ms, end_ms, value };
                moment.joined(|moment| out.emit(closed, moment))?;
            }
            self.panes.drop_first();
        }
        Flow::Continue(())
    }
}

impl<T, K, A, F, G> Stage<T> for HoppingWindow<K, A, F, G>
where
    K: Hash + Eq + Clone,
    A: Clone,
    F: FnMut(&T) -> (i64, K),
    G: FnMut(&mut A, &T),
{
    type Out = Windowed<K, A, T>;

    #[inline]
    fn push<E>(&mut self, item: T, moment: &mut Moment, out: &mut E) -> Flow
    where
        E: Emit<Self::Out> + ?Sized,
    {
        let (at_ms, key) = (self.place)(&item);
        let (position, mut missed, mut hash) = (moment.origin().position(), 0, None);
        let mut start_ms = self.last_start(at_ms);
        while start_ms.saturating_add(self.length_ms) > at_ms {
            if start_ms.saturating_add(self.length_ms) <= self.watermark.before_ms {
                missed += 1;
            } else {
                let (pane, initial) = (self.panes.open(start_ms, position), &self.initial);
                let value = pane.and_then(|pane| pane.value(&key, &mut hash, || initial.clone()));
                if let Some(value) = value {
                    (self.add)(value, &item);
                }
            }
            start_ms = start_ms.saturating_sub(self.step_ms);
        }
        let has_moved = self.watermark.see(at_ms, moment.now());
        if missed > 0 {
            out.emit(Windowed::Late { item, missed }, moment)?;
        }
        if has_moved && self.panes.has_ended(self.watermark.before_ms) {
            self.close(self.watermark.before_ms, moment, out)
        } else {
            Flow::Continue(())
        }
    }

    fn advance<E: Emit<Self::Out> + ?Sized>(&mut self, moment: &mut Moment, out: &mut E) -> Flow {
        if self.watermark.take_idle(moment.now()) {
            return self.close(i64::MAX, moment, out);
        }
        if self.watermark.follow(moment) {
            return self.close(self.watermark.before_ms, moment, out);
        }
        Flow::Continue(())
    }

    fn finish<E: Emit<Self::Out> + ?Sized>(&mut self, moment: &mut Moment, out: &mut E) -> bool {
        self.close(i64::MAX, moment, out).is_break() || self.panes.is_empty()
    }

    fn deadline(&self) -> Option<Instant> {
        if self.panes.is_empty() { None } else { self.watermark.idle_at() }
    }

    fn held(&self) -> Option<u64> {
        self.panes.held()
    }

    fn batches(&self) -> Batches {
        Batches::Taken
    }
}

impl<K, A, F, G> SaveState for HoppingWindow<K, A, F, G>
where
    K: Serialize + DeserializeOwned + Hash + Eq + Clone,
    A: Serialize + DeserializeOwned,
{
    fn save(&self, to: &mut Saver) -> Result<(), StateError> {
        self.watermark.save(to)?;
        self.panes.save(to)
    }

    fn restore(&mut self, from: &mut Loader<'_>) -> Result<(), StateError> {
        self.watermark.restore(from)?;
        self.panes.restore(from)
    }
}
