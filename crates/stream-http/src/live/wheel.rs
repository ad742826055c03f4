//! When something is due to a reader, for many readers: a wheel of slots, each for one tick.
//!
//! An entry costs four bytes and is never looked for: whoever puts a key in again remembers the
//! tick of the newest entry, and passes over the others when they come up.

use std::time::{Duration, Instant};

/// Slots of a wheel; what is due later than after so many ticks comes up earlier, to be put in
/// again.
const SLOTS: u32 = 512;

/// Ticks since a wheel was made; those of a second, up to a hundred.
pub(super) type Tick = u32;

/// Keys by the tick at which they come up.
#[derive(Debug)]
pub(super) struct Wheel {
    begin: Instant,
    tick: Duration,
    /// The first tick that did not come up yet.
    next: Tick,
    slots: Vec<Vec<u32>>,
    entries: usize,
}

impl Wheel {
    /// An empty wheel for waits of about `wait`.
    pub(super) fn new(begin: Instant, wait: Duration) -> Self {
        let tick = wait.checked_div(SLOTS / 2).unwrap_or_default();
        let tick = tick.clamp(Duration::from_millis(1), Duration::from_millis(100));
        let slots = (0..SLOTS).map(|_| Vec::new()).collect();
        Self { begin, tick, next: 0, slots, entries: 0 }
    }

    /// The tick of `at`, or the next one if it lies between two; a wheel lasts as long as its
    /// ticks can be counted, which is some weeks at the least.
    pub(super) fn tick(&self, at: Instant) -> Tick {
        let since = at.saturating_duration_since(self.begin);
        let ticks = since.as_nanos().div_ceil(self.tick.as_nanos().max(1));
        Tick::try_from(ticks).unwrap_or(Tick::MAX)
    }

    /// The ticks of a time, one at the least.
    pub(super) fn ticks(&self, time: Duration) -> Tick {
        let ticks = time.as_nanos().div_ceil(self.tick.as_nanos().max(1));
        Tick::try_from(ticks).unwrap_or(Tick::MAX).max(1)
    }

    /// Has `key` come up at `at`, or before if that is far away; says when.
    pub(super) fn put(&mut self, key: u32, at: Tick) -> Tick {
        let at = at.clamp(self.next, self.next.saturating_add(SLOTS - 1));
        if let Some(slot) = self.slots.get_mut(slot(at)) {
            slot.push(key);
            self.entries = self.entries.saturating_add(1);
        }
        at
    }

    /// The keys that have come up by `now`, each with its tick.
    pub(super) fn turn(&mut self, now: Instant) -> Vec<(Tick, u32)> {
        let mut due = Vec::new();
        // The present tick is over only when the next one begins.
        let end = self.tick(now);
        while self.next < end && self.entries > 0 {
            if let Some(slot) = self.slots.get_mut(slot(self.next)) {
                self.entries = self.entries.saturating_sub(slot.len());
                due.extend(std::mem::take(slot).into_iter().map(|key| (self.next, key)));
            }
            self.next = self.next.saturating_add(1);
        }
        self.next = self.next.max(end);
        due
    }

    /// When [`turn`](Self::turn) will find something.
    pub(super) fn deadline(&self) -> Option<Instant> {
        if self.entries == 0 {
            return None;
        }
        let ticks = self.next..self.next.saturating_add(SLOTS);
        let filled = |tick: &Tick| self.slots.get(slot(*tick)).is_some_and(|keys| !keys.is_empty());
        let tick = ticks.into_iter().find(filled)?;
        // Not before the tick is over.
        self.begin.checked_add(self.tick.checked_mul(tick)?.checked_add(Duration::from_micros(1))?)
    }
}

fn slot(tick: Tick) -> usize {
    usize::try_from(tick % SLOTS).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TICK: Duration = Duration::from_millis(2);

    fn wheel() -> (Wheel, Instant) {
        let begin = Instant::now();
        (Wheel::new(begin, TICK * (SLOTS / 2)), begin)
    }

    #[test]
    fn keys_come_up_when_they_are_due_and_not_before() {
        let (mut wheel, begin) = wheel();
        assert_eq!(wheel.deadline(), None);
        for (key, ticks) in [(1, 5), (2, 3), (3, 5), (4, 0)] {
            let at = wheel.tick(begin + TICK * ticks);
            assert_eq!(wheel.put(key, at), ticks);
        }
        let mut seen = Vec::new();
        let mut now = begin;
        while let Some(deadline) = wheel.deadline() {
            assert!(deadline > now);
            assert_eq!(wheel.turn(deadline.checked_sub(Duration::from_micros(1)).unwrap()), []);
            now = deadline;
            seen.push(wheel.turn(now));
        }
        assert_eq!(seen, [vec![(0, 4)], vec![(3, 2)], vec![(5, 1), (5, 3)]]);
        assert_eq!(wheel.turn(now + TICK * 1000), []);
    }

    #[test]
    fn what_is_far_away_comes_up_early_and_what_is_past_at_once() {
        let (mut wheel, begin) = wheel();
        assert_eq!(wheel.put(1, wheel.tick(begin + TICK * 10_000)), SLOTS - 1);
        assert_eq!(wheel.turn(begin + TICK * SLOTS), [(SLOTS - 1, 1)]);
        assert_eq!(wheel.put(1, 3), SLOTS);
        assert_eq!(wheel.turn(begin + TICK * (SLOTS + 1)), [(SLOTS, 1)]);
        assert_eq!(wheel.deadline(), None);
    }

    #[test]
    fn a_tick_has_bounds() {
        let begin = Instant::now();
        let second = begin + Duration::from_secs(1);
        assert_eq!(Wheel::new(begin, Duration::ZERO).tick(second), 1000);
        assert_eq!(Wheel::new(begin, Duration::from_hours(9)).tick(second), 10);
        assert_eq!(Wheel::new(begin, Duration::from_hours(9)).tick(begin), 0);
    }
}
