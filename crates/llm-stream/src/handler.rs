//! Runs one stream at a time: through processors, into a buffer and statistics, to callbacks.

mod asynchronous;
mod callbacks;
mod chain;
mod decoded;
mod error;
mod input;
mod isolate;
mod iter;
mod limits;
mod run;

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

pub use asynchronous::HandlerStream;
pub use decoded::DecodedEvents;
pub use error::HandlerError;
pub use input::Input;
pub use iter::HandlerEvents;
pub use limits::{BUFFER_CHARS_MAX, CONTENT_CHARS_MAX};

use self::callbacks::Callbacks;
use self::chain::Chain;
use self::run::Run;
use crate::buffer::StreamBuffer;
use crate::event::{StreamEvent, StreamEventType};
use crate::processor::Processor;
use crate::stats::{StatsRecorder, StreamStats};
use crate::tokens::TokenCounter;

/// Takes a stream through processors, gathers its text and statistics, and tells callbacks.
///
/// A source is anything that yields items which convert to [`Input`]: pieces of text, events (of a
/// [`DecodedEvents`], say), or results of these. It may be
///
/// - an iterator: [`iter_events`](Self::iter_events), [`process_stream`](Self::process_stream);
/// - a [`futures_core::Stream`]: [`stream_events`](Self::stream_events),
///   [`process_stream_async`](Self::process_stream_async);
/// - pushed: [`begin`](Self::begin), [`push`](Self::push), [`finish`](Self::finish), and
///   [`next_event`](Self::next_event) until `None` after each.
///
/// All of them do the same, and each run begins with nothing of the one before: the buffer, the
/// statistics and the processors are fresh.
///
/// # Events of a run
/// First a start: the source's own if it begins with one, else a bare one.
/// Then whatever the processors let out, and last exactly one of
///
/// - an end with the whole text, if the stream is whole;
/// - an error, if it is not: the source or a processor failed, a limit was reached, the provider
///   reported an error and was not done, or its bytes stopped before it said that it was.
///   No end follows; what had arrived stays in [`buffer`](Self::buffer).
///
/// So a decoder's end event counts: [`EndStatus::Failed`](crate::EndStatus::Failed) becomes no
/// event, since its error has been delivered, and
/// [`EndStatus::Incomplete`](crate::EndStatus::Incomplete) becomes an error of code `incomplete`.
/// An error in mid-stream after which the provider goes on is an event like others.
///
/// Starts and ends do not go through the processors, but starts of further generations in the
/// same stream do.
///
/// # Text
/// The text is that of the first choice's [`Channel::Text`](crate::Channel::Text), as the
/// processors let it out.
///
/// # Callbacks
/// They run in the order in which they were registered, in every way of running, before the event
/// is handed out. One that panics is counted in
/// [`callback_failures`](Self::callback_failures) and called again with the next event; it never
/// reaches the others or the stream. A panic in a processor is an error of that processor.
///
/// # Dropped half way
/// A run ends when its iterator or stream is dropped: nothing is delivered any more, and buffer
/// and statistics stay as they are until the next run.
///
/// # Examples
/// ```
/// use std::time::Instant;
///
/// use llm_stream::{EventBody, StreamEvent, StreamHandler};
///
/// let shout = |mut event: StreamEvent| {
///     if let EventBody::Delta(delta) = &mut event.body {
///         delta.text = delta.text.to_uppercase();
///     }
///     Some(event)
/// };
/// let mut handler = StreamHandler::new(Instant::now)
///     .add_processor(shout)
///     .on_end(|end| assert_eq!(end.content(), "HELLO WORLD"));
///
/// let text = handler.process_stream(["Hello", " ", "World"])?;
/// assert_eq!(text.as_deref(), Some("HELLO WORLD"));
/// assert_eq!(handler.stats().events_count, 3);
/// # Ok::<(), llm_stream::HandlerError>(())
/// ```
#[derive(Debug)]
pub struct StreamHandler {
    clock: Option<Clock>,
    keep_content: bool,
    content_chars_max: usize,
    chain: Chain,
    callbacks: Callbacks,
    buffer: StreamBuffer,
    recorder: StatsRecorder,
    queue: VecDeque<StreamEvent>,
    run: Run,
}

/// Tells the time when it is asked.
struct Clock(Box<dyn Fn() -> Instant + Send + Sync>);

impl std::fmt::Debug for Clock {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Clock")
    }
}

impl StreamHandler {
    /// A handler that asks `clock` for the time, `Instant::now` for instance.
    pub fn new(clock: impl Fn() -> Instant + Send + Sync + 'static) -> Self {
        Self { clock: Some(Clock(Box::new(clock))), ..Self::untimed() }
    }

    /// A handler without a clock, which keeps no statistics.
    pub fn untimed() -> Self {
        Self {
            clock: None,
            keep_content: true,
            content_chars_max: CONTENT_CHARS_MAX,
            chain: Chain::default(),
            callbacks: Callbacks::default(),
            buffer: StreamBuffer::with_chars_max(CONTENT_CHARS_MAX),
            recorder: StatsRecorder::default(),
            queue: VecDeque::new(),
            run: Run::none(),
        }
    }

    /// Sets whether the text is kept; without it, ends have no content and there is no result.
    #[must_use]
    pub fn buffer_content(mut self, keep: bool) -> Self {
        self.keep_content = keep;
        self
    }

    /// Sets how many characters of text are kept; see [`CONTENT_CHARS_MAX`].
    #[must_use]
    pub fn content_chars(mut self, chars_max: usize) -> Self {
        self.content_chars_max = chars_max;
        self
    }

    /// Sets who counts tokens where the provider does not; whitespace words without it.
    #[must_use]
    pub fn token_counter(mut self, counter: impl TokenCounter + 'static) -> Self {
        self.recorder = self.recorder.token_counter(counter);
        self
    }

    /// Sets how long a silence of the source is a stall; see
    /// [`STALL_AFTER`](crate::STALL_AFTER).
    #[must_use]
    pub fn stall_after(mut self, silence: Duration) -> Self {
        self.recorder = self.recorder.stall_after(silence);
        self
    }

    /// Adds a processor behind those that there are.
    #[must_use]
    pub fn add_processor(mut self, processor: impl Processor + 'static) -> Self {
        self.chain.add(Box::new(processor));
        self
    }

    /// Calls `callback` with every delta, of any choice and channel.
    #[must_use]
    pub fn on_delta(self, callback: impl FnMut(&StreamEvent) + Send + Sync + 'static) -> Self {
        self.on_event(StreamEventType::Delta, callback)
    }

    /// Calls `callback` with the end of every stream that is whole.
    #[must_use]
    pub fn on_end(self, callback: impl FnMut(&StreamEvent) + Send + Sync + 'static) -> Self {
        self.on_event(StreamEventType::End, callback)
    }

    /// Calls `callback` with every event of one type.
    #[must_use]
    pub fn on_event(
        mut self,
        event_type: StreamEventType,
        callback: impl FnMut(&StreamEvent) + Send + Sync + 'static,
    ) -> Self {
        self.callbacks.register(event_type, Box::new(callback));
        self
    }

    /// The text of this run, or of the last one.
    pub fn buffer(&self) -> &StreamBuffer {
        &self.buffer
    }

    /// The statistics of this run so far, or of the last one.
    pub fn stats(&self) -> StreamStats {
        self.recorder.stats()
    }

    /// How many calls of callbacks have panicked, in all runs.
    pub fn callback_failures(&self) -> u64 {
        self.callbacks.failures()
    }
}
