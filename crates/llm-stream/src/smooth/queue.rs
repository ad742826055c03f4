//! What waits to be let out, in order: runs of text, and events between them.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use time::OffsetDateTime;
use unicode_segmentation::GraphemeCursor;

use super::limits::{SMOOTH_BYTES_MAX, SMOOTH_EVENTS_MAX};
use crate::event::{Channel, Delta, EventBody, StreamEvent};

#[derive(Debug, Default)]
pub(super) struct Queue {
    waiting: VecDeque<Waiting>,
    /// The run that is out in full and that nothing has followed: more of its text may come, and
    /// belong to its last grapheme.
    spent: Option<Run>,
    output: VecDeque<StreamEvent>,
    /// Bytes of text that wait, and deltas and events.
    bytes: usize,
    events: usize,
}

#[derive(Debug)]
enum Waiting {
    Run(Run),
    Event(StreamEvent),
}

/// Deltas of one part that follow each other.
#[derive(Debug)]
struct Run {
    choice: u32,
    part: u32,
    channel: Channel,
    text: String,
    /// Bytes of `text` that are out.
    start: usize,
    /// The deltas that are not out in full.
    marks: VecDeque<Mark>,
}

/// Where a delta ends in its run, and when it must be out.
#[derive(Debug)]
struct Mark {
    end: usize,
    due: Instant,
    timestamp: Option<OffsetDateTime>,
}

impl Queue {
    /// Adds an event that waits for the text before it.
    pub(super) fn push_event(&mut self, event: StreamEvent) {
        self.spent = None;
        if self.waiting.is_empty() {
            self.output.push_back(event);
        } else {
            self.events += 1;
            self.waiting.push_back(Waiting::Event(event));
        }
    }

    /// Adds text that must be out at `due`, which is no earlier than that of any text before it.
    pub(super) fn push_text(&mut self, event: StreamEvent, due: Instant) {
        let EventBody::Delta(delta) = event.body else { return self.push_event(event) };
        self.bytes += delta.text.len();
        self.events += 1;
        let timestamp = event.timestamp;
        if let Some(spent) = self.spent.take().filter(|spent| spent.is_of(&delta)) {
            self.waiting.push_back(Waiting::Run(spent));
        }
        match self.waiting.back_mut() {
            Some(Waiting::Run(run)) if run.is_of(&delta) => run.append(&delta.text, due, timestamp),
            _ => self.waiting.push_back(Waiting::Run(Run::new(delta, due, timestamp))),
        }
    }

    pub(super) fn is_over_limit(&self) -> bool {
        self.bytes > SMOOTH_BYTES_MAX || self.events > SMOOTH_EVENTS_MAX
    }

    pub(super) fn poll_output(&mut self) -> Option<StreamEvent> {
        self.output.pop_front()
    }

    /// When the oldest text must be out.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.marks().next().map(|(mark, _)| mark.due)
    }

    /// Lets everything out.
    pub(super) fn release_all(&mut self) {
        self.release(usize::MAX);
    }

    /// Lets out the text that must be out at `now`.
    pub(super) fn release_due(&mut self, now: Instant) {
        let due = self.bytes_until(|mark| mark.due <= now);
        if due > 0 {
            self.release(due);
        }
    }

    /// Lets out as much as goes out in a `tick` at the slowest even pace that keeps all deadlines.
    pub(super) fn release_share(&mut self, now: Instant, tick: Duration) {
        let mut bytes = 0;
        let mut share = 0;
        for (mark, length) in self.marks() {
            bytes += length;
            let left = mark.due.saturating_duration_since(now);
            share = share.max(bytes.div_ceil(ticks(left, tick)));
        }
        if share > 0 {
            self.release(share);
        }
    }

    /// Bytes of the text in front up to the last delta of those that `wanted` holds for.
    fn bytes_until(&self, wanted: impl Fn(&Mark) -> bool) -> usize {
        self.marks().take_while(|(mark, _)| wanted(mark)).map(|(_, length)| length).sum()
    }

    /// The deltas that wait and how many bytes of each do.
    fn marks(&self) -> impl Iterator<Item = (&Mark, usize)> {
        let runs = self.waiting.iter().filter_map(|waiting| match waiting {
            Waiting::Run(run) => Some(run),
            Waiting::Event(_) => None,
        });
        runs.flat_map(|run| {
            let starts = std::iter::once(run.start).chain(run.marks.iter().map(|mark| mark.end));
            run.marks.iter().zip(starts).map(|(mark, start)| (mark, mark.end - start))
        })
    }

    /// Lets out `bytes` of text or a little more, and the events behind it.
    fn release(&mut self, bytes: usize) {
        let mut left = bytes;
        while let Some(front) = self.waiting.pop_front() {
            match front {
                Waiting::Event(event) => {
                    self.events -= 1;
                    self.output.push_back(event);
                }
                Waiting::Run(run) if left == 0 => {
                    self.waiting.push_front(Waiting::Run(run));
                    return;
                }
                Waiting::Run(mut run) => {
                    let deltas = run.marks.len();
                    let (event, released) = run.release(left);
                    left = left.saturating_sub(released);
                    self.bytes -= released;
                    self.events -= deltas - run.marks.len();
                    self.output.push_back(event);
                    if !run.marks.is_empty() {
                        self.waiting.push_front(Waiting::Run(run));
                        return;
                    }
                    if self.waiting.is_empty() {
                        run.forget();
                        self.spent = Some(run);
                    }
                }
            }
        }
    }
}

impl Run {
    fn new(delta: Delta, due: Instant, timestamp: Option<OffsetDateTime>) -> Self {
        let Delta { choice, part, channel, text } = delta;
        let mark = Mark { end: text.len(), due, timestamp };
        Self { choice, part, channel, text, start: 0, marks: VecDeque::from([mark]) }
    }

    fn is_of(&self, delta: &Delta) -> bool {
        (self.choice, self.part, self.channel) == (delta.choice, delta.part, delta.channel)
    }

    fn append(&mut self, text: &str, due: Instant, timestamp: Option<OffsetDateTime>) {
        // Only when it is the larger part, so that each byte moves once or twice.
        if self.start > self.text.len() / 2 {
            self.forget();
        }
        self.text.push_str(text);
        self.marks.push_back(Mark { end: self.text.len(), due, timestamp });
    }

    /// Drops the text that is out, but for its last grapheme, which may go on.
    fn forget(&mut self) {
        let mut cursor = GraphemeCursor::new(self.start, self.text.len(), true);
        let kept = cursor.prev_boundary(&self.text, 0).ok().flatten().unwrap_or(0);
        self.text.drain(..kept);
        self.start -= kept;
        self.marks.iter_mut().for_each(|mark| mark.end -= kept);
    }

    /// Takes `bytes` off the front, and what is left of the last grapheme in them.
    fn release(&mut self, bytes: usize) -> (StreamEvent, usize) {
        let end = self.boundary(self.start.saturating_add(bytes));
        let text = self.text.get(self.start..end).unwrap_or_default().to_owned();
        let timestamp = self.marks.front().and_then(|mark| mark.timestamp);
        while self.marks.front().is_some_and(|mark| mark.end <= end) {
            self.marks.pop_front();
        }
        self.start = end;
        let released = text.len();
        let (choice, part, channel) = (self.choice, self.part, self.channel);
        let body = EventBody::Delta(Delta { choice, part, channel, text });
        (StreamEvent { body, timestamp, extra: None }, released)
    }

    /// The first border between graphemes at `place` or behind it.
    fn boundary(&self, place: usize) -> usize {
        let length = self.text.len();
        let is_border = |place: usize| {
            self.text.is_char_boundary(place)
                && GraphemeCursor::new(place, length, true).is_boundary(&self.text, 0) == Ok(true)
        };
        (place..length).find(|place| is_border(*place)).unwrap_or(length)
    }
}

/// How many ticks there are in a time, at least one.
fn ticks(time: Duration, tick: Duration) -> usize {
    let ticks = time.as_nanos().checked_div(tick.as_nanos()).unwrap_or(1);
    usize::try_from(ticks).unwrap_or(usize::MAX).max(1)
}
