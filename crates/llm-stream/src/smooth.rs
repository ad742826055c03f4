//! Lets text out evenly that came in bursts, and never late.

mod limits;
mod queue;

#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

pub use limits::{SMOOTH_BYTES_MAX, SMOOTH_DELAY_MAX, SMOOTH_EVENTS_MAX, SMOOTH_TICK};

use self::queue::Queue;
use crate::event::{Channel, EndStatus, EventBody, StreamEvent};

/// Decides when each piece of a stream's text is let out, so that it reads evenly.
///
/// A pure machine: it owns no clock and sets no timer. After each
/// [`handle_input`](Self::handle_input) and [`handle_timeout`](Self::handle_timeout), take events
/// with [`poll_output`](Self::poll_output) until `None`, and call it again at
/// [`poll_timeout`](Self::poll_timeout).
///
/// # Pace
/// Text is spread over the time until more is expected, judged by the times between the last
/// deltas, so it keeps up with any provider: a steady stream passes almost as it came, and only
/// a burst is spread out. No text is ever let out later than
/// [`delay_max`](SmoothOptions::delay_max) after it came; what comes after a silence begins at
/// once.
///
/// # What stays as it was
/// The text of every part is the same, and nothing overtakes anything: an event waits for the text
/// before it. Text is cut between grapheme clusters only, never inside one, so that no accent or
/// joined emoji falls apart and languages without spaces flow like others. (A cluster that the
/// provider itself cut is joined if its second half comes in time.)
/// Arguments of tools and the deltas that carry [extra](StreamEvent::extra) fields are not cut.
///
/// # Overload and the end
/// An error, an end that is not complete, and [`stop`](Self::stop) let everything out at once. So
/// does text beyond [`SMOOTH_BYTES_MAX`] and more than [`SMOOTH_EVENTS_MAX`] events that wait.
/// A complete end waits for the text before it, as any event does.
///
/// # Examples
/// ```
/// use std::time::Instant;
///
/// use llm_stream::{Smoother, SmoothOptions, StreamEvent};
///
/// let mut now = Instant::now();
/// let mut smoother = Smoother::new(SmoothOptions::default());
/// smoother.handle_input(now, StreamEvent::delta("a burst of text ".repeat(20)));
/// smoother.handle_input(now, StreamEvent::end(""));
///
/// let mut pieces = 0;
/// loop {
///     while let Some(event) = smoother.poll_output() {
///         pieces += usize::from(event.is_content());
///     }
///     let Some(deadline) = smoother.poll_timeout() else { break };
///     now = deadline; // a driver sleeps until then
///     smoother.handle_timeout(now);
/// }
/// assert!(pieces > 5);
/// ```
#[derive(Debug)]
pub struct Smoother {
    options: SmoothOptions,
    queue: Queue,
    /// The smoothed time between deltas, and when the last one came.
    gap: Duration,
    last_input: Option<Instant>,
    /// When the last of the text must be out.
    last_due: Option<Instant>,
    /// When the next piece may be let out.
    next_tick: Option<Instant>,
    stopped: bool,
}

/// How a [`Smoother`] spreads text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SmoothOptions {
    delay_max: Duration,
    tick: Duration,
}

impl Default for SmoothOptions {
    fn default() -> Self {
        Self { delay_max: SMOOTH_DELAY_MAX, tick: SMOOTH_TICK }
    }
}

impl SmoothOptions {
    /// Sets how much later than it came a text may be let out; with no time at all, nothing is
    /// smoothed. See [`SMOOTH_DELAY_MAX`].
    #[must_use]
    pub fn delay_max(mut self, delay: Duration) -> Self {
        self.delay_max = delay;
        self
    }

    /// Sets the time between two pieces, at least a millisecond; see [`SMOOTH_TICK`].
    #[must_use]
    pub fn tick(mut self, tick: Duration) -> Self {
        self.tick = tick.max(Duration::from_millis(1));
        self
    }
}

impl Smoother {
    /// A smoother at the beginning of a stream.
    pub fn new(options: SmoothOptions) -> Self {
        Self {
            options,
            queue: Queue::default(),
            gap: options.delay_max,
            last_input: None,
            last_due: None,
            next_tick: None,
            stopped: false,
        }
    }

    /// Takes an event that came at `now`.
    pub fn handle_input(&mut self, now: Instant, event: StreamEvent) {
        let ends = match &event.body {
            EventBody::Error(_) => true,
            EventBody::End(end) => end.status != EndStatus::Complete,
            _ => false,
        };
        if is_spread(&event) && !self.stopped {
            self.observe_gap(now);
            let due = now.checked_add(self.gap).unwrap_or(now);
            let due = self.last_due.map_or(due, |last| last.max(due));
            self.last_due = Some(due);
            self.queue.push_text(event, due);
        } else {
            self.queue.push_event(event);
        }
        if ends || self.stopped || self.queue.is_over_limit() {
            self.queue.release_all();
        } else {
            self.handle_timeout(now);
        }
    }

    /// Lets out what is due at `now`; early calls do nothing.
    pub fn handle_timeout(&mut self, now: Instant) {
        let is_due = |deadline: Option<Instant>| deadline.is_none_or(|deadline| deadline <= now);
        if is_due(self.next_tick) {
            self.queue.release_share(now, self.options.tick);
            self.next_tick = now.checked_add(self.options.tick);
        }
        self.queue.release_due(now);
    }

    /// The next event to hand on, until `None`.
    pub fn poll_output(&mut self) -> Option<StreamEvent> {
        self.queue.poll_output()
    }

    /// When [`handle_timeout`](Self::handle_timeout) must be called; `None` if nothing waits.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let due = self.queue.next_due()?;
        Some(self.next_tick.map_or(due, |tick| tick.min(due)))
    }

    /// Lets everything out at once, now and from now on: the reader wants no more of it.
    pub fn stop(&mut self) {
        self.stopped = true;
        self.queue.release_all();
    }

    /// Learns from the time since the last delta when to expect the next.
    fn observe_gap(&mut self, now: Instant) {
        if let Some(last) = self.last_input.replace(now) {
            let gap = now.saturating_duration_since(last).min(self.options.delay_max);
            // The mean of the last few: three parts of what was, one of what is.
            self.gap = self.gap.saturating_mul(3).saturating_add(gap) / 4;
        }
    }
}

/// Whether an event is text for people, which may be cut.
fn is_spread(event: &StreamEvent) -> bool {
    matches!(&event.body, EventBody::Delta(delta)
        if delta.channel != Channel::ToolArguments && !delta.text.is_empty())
        && event.extra.is_none()
}
