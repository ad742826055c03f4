//! When items become a batch.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::options::{BatchOptions, Timing};

/// Collects items into batches by count, weight and time.
///
/// A pure machine: it owns no clock and sets no timer.
/// Bring it items and the time, then take its batches; none is empty.
///
/// # Examples
///
/// ```
/// use std::time::{Duration, Instant};
/// use stream_async::{BatchOptions, Batcher, Timing};
///
/// let start = Instant::now();
/// let options = BatchOptions::default().events(2).timing(Timing::Linger);
/// let mut batcher = Batcher::new(options);
/// batcher.start(start);
/// batcher.handle_input(start, 'a', 1);
/// assert_eq!(batcher.poll_timeout(), Some(start + Duration::from_secs(1)));
/// batcher.handle_input(start, 'b', 1);
/// assert_eq!(batcher.poll_output(), Some(vec!['a', 'b']));
/// assert_eq!(batcher.poll_timeout(), None);
/// ```
#[derive(Debug)]
pub struct Batcher<T> {
    items: Vec<T>,
    weight: usize,
    /// Batches that are full, and not taken yet.
    full: VecDeque<Vec<T>>,
    options: BatchOptions,
    started: bool,
    deadline: Option<Instant>,
}

impl<T> Batcher<T> {
    /// A batcher without items, whose time has not begun.
    pub fn new(options: BatchOptions) -> Self {
        Self {
            items: Vec::new(),
            weight: 0,
            full: VecDeque::new(),
            options,
            started: false,
            deadline: None,
        }
    }

    /// Begins its time, which it has only once; `false` if it has begun.
    pub fn start(&mut self, now: Instant) -> bool {
        if std::mem::replace(&mut self.started, true) {
            return false;
        }
        if self.options.timing == Timing::FreeRunning || !self.items.is_empty() {
            self.deadline = now.checked_add(self.options.interval);
        }
        true
    }

    /// Adds an item; one that would make the batch too heavy begins the next.
    pub fn handle_input(&mut self, now: Instant, item: T, weight: usize) {
        let is_too_heavy = self.weight.saturating_add(weight) > self.options.bytes;
        if is_too_heavy && !self.items.is_empty() {
            self.flush();
        }
        let begins = self.items.is_empty();
        self.items.push(item);
        self.weight = self.weight.saturating_add(weight);
        if begins && self.started && self.options.timing == Timing::Linger {
            self.deadline = now.checked_add(self.options.interval);
        }
        if self.items.len() >= self.options.events || self.weight >= self.options.bytes {
            self.flush();
        }
    }

    /// Ends the batch if its time has come; early calls do nothing.
    pub fn handle_timeout(&mut self, now: Instant) {
        let Some(deadline) = self.deadline.filter(|deadline| *deadline <= now) else { return };
        self.flush();
        if self.options.timing == Timing::FreeRunning {
            self.deadline = next_tick(deadline, self.options.interval, now);
        }
    }

    /// Ends the batch, if it has items.
    pub fn flush(&mut self) {
        if self.options.timing == Timing::Linger {
            self.deadline = None;
        }
        if !self.items.is_empty() {
            self.weight = 0;
            self.full.push_back(std::mem::take(&mut self.items));
        }
    }

    /// The oldest batch that is full.
    pub fn poll_output(&mut self) -> Option<Vec<T>> {
        self.full.pop_front()
    }

    /// When [`handle_timeout`](Self::handle_timeout) must be called, if at all.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.deadline
    }

    /// The items of the batch that is not full.
    pub fn items(&self) -> &[T] {
        &self.items
    }

    /// How many batches are full, and not taken yet.
    pub fn outputs(&self) -> usize {
        self.full.len()
    }
}

/// The first tick after `now`, of those that are `interval` apart: ticks that were missed are not
/// made up for.
fn next_tick(last: Instant, interval: Duration, now: Instant) -> Option<Instant> {
    let late = now.saturating_duration_since(last).as_nanos();
    let ticks = late / interval.as_nanos().max(1) + 1;
    let ahead = interval.checked_mul(u32::try_from(ticks).ok()?)?;
    last.checked_add(ahead)
}

#[cfg(test)]
mod tests;
