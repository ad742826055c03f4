//! The decoder as its callers see it: push a chunk, read what it holds, end the stream.

use std::time::Duration;

use super::block::Block;
use super::event::Decoded;
use super::field::LastEventId;
use super::gate::Gate;
use super::scan::{Scan, State, Step};
use crate::limits::DecoderLimits;

/// Decodes a stream of server-sent events, cut into chunks at any byte.
///
/// The rules are those of WHATWG HTML 9.2.5 and 9.2.6, so the events are those a browser would
/// dispatch, whatever the chunks are.
/// Content is never an error: what the standard ignores is ignored.
///
/// An event that lies whole in the pushed chunk, with one line of data, is borrowed from it.
/// All others are put together in one buffer that is kept, so no event costs an allocation.
///
/// # Limits
///
/// See [`DecoderLimits`].
///
/// # The end of a stream
///
/// A browser drops a last block without its blank line: call [`end`](Self::end), or drop the
/// decoder.
/// A provider of language models means it to count: call [`finish`](Self::finish).
///
/// # Examples
///
/// ```
/// use stream_sse::{Decoded, Decoder};
///
/// let mut decoder = Decoder::new();
/// let mut seen = Vec::new();
/// for chunk in ["data: he", "llo\n\nevent: end\ndata: bye\n", "\n"] {
///     let mut events = decoder.push(chunk.as_bytes());
///     while let Some(item) = events.next() {
///         if let Decoded::Event(event) = item {
///             seen.push(format!("{} {}", event.event_type_str(), event.data_str()));
///         }
///     }
/// }
/// assert_eq!(seen, ["message hello", "end bye"]);
/// ```
#[derive(Debug)]
pub struct Decoder {
    state: State,
    /// What was pushed but not read because an [`Events`] was dropped early.
    unread: Vec<u8>,
    unread_start: usize,
}

impl Decoder {
    /// A decoder at the start of a stream, with the default limits.
    pub fn new() -> Self {
        Self::with_limits(DecoderLimits::default())
    }

    /// A decoder at the start of a stream, with the given limits.
    pub fn with_limits(limits: DecoderLimits) -> Self {
        let state = State { gate: Gate::new(), block: Block::new(limits), wants_comments: false };
        Self { state, unread: Vec::new(), unread_start: 0 }
    }

    /// Reports comments too: a keep-alive is a sign of life.
    #[must_use]
    pub fn report_comments(mut self) -> Self {
        self.state.wants_comments = true;
        self
    }

    /// Starts with the id that an earlier connection ended with.
    ///
    /// It stays in force until the server sends another one, as in a browser that reconnects.
    #[must_use]
    pub fn resume_from(mut self, last_event_id: &LastEventId<'_>) -> Self {
        self.state.block.resume_from(last_event_id);
        self
    }

    /// Takes the next bytes of the stream; read what they hold from the [`Events`].
    ///
    /// # Dropping the events early
    ///
    /// What was not read is kept and comes first after the next push.
    /// These bytes are the caller's to bound: they are not counted by [`DecoderLimits`].
    #[inline]
    pub fn push<'a>(&'a mut self, chunk: &'a [u8]) -> Events<'a> {
        let scan = if self.unread.is_empty() {
            Scan::new(chunk)
        } else {
            self.queue(chunk);
            Scan::new(&[])
        };
        Events { decoder: self, scan }
    }

    /// Ends the stream so that a last block without its blank line, or line end, still counts.
    ///
    /// Call it until it returns `None`; then the decoder is as after [`end`](Self::end).
    ///
    /// # Examples
    ///
    /// ```
    /// use stream_sse::{Decoded, Decoder};
    ///
    /// let mut decoder = Decoder::new();
    /// assert!(decoder.push(b"data: [DONE]").next().is_none());
    /// let last = decoder.finish().and_then(Decoded::event).map(|event| event.data().to_vec());
    /// assert_eq!(last.as_deref(), Some(&b"[DONE]"[..]));
    /// assert!(decoder.finish().is_none());
    /// ```
    pub fn finish(&mut self) -> Option<Decoded<'_>> {
        let step = self.finish_step()?;
        Some(self.state.present(step))
    }

    /// Ends the stream as a browser does: an unfinished block is dropped.
    ///
    /// The decoder is then ready for the next connection.
    /// The last event id and the reconnection time stay in force.
    pub fn end(&mut self) {
        self.state.block.clear();
        self.state.gate = Gate::new();
        self.unread.clear();
        self.unread_start = 0;
    }

    /// The id to resume with: that of the last complete block that had one, else empty.
    pub fn last_event_id(&self) -> &str {
        self.state.block.last_event_id()
    }

    /// The reconnection time the server asked for last.
    pub fn retry(&self) -> Option<Duration> {
        self.state.block.retry()
    }

    /// The limits in force.
    pub fn limits(&self) -> DecoderLimits {
        self.state.block.limits()
    }

    /// How many bytes of unfinished blocks and unread chunks are held.
    pub fn buffered_bytes(&self) -> usize {
        self.state.block.kept_bytes() + self.unread.len() - self.unread_start
    }

    /// Puts a chunk behind what was not read.
    #[cold]
    fn queue(&mut self, chunk: &[u8]) {
        self.unread.drain(..self.unread_start);
        self.unread_start = 0;
        self.unread.extend_from_slice(chunk);
    }

    /// Takes the next step through what was not read; nothing of it stays borrowed.
    #[cold]
    fn step_unread(&mut self) -> Option<Step<'static>> {
        let mut scan = Scan::new(self.unread.get(self.unread_start..).unwrap_or_default());
        let step =
            scan.step(&mut self.state).map(|step| keep_step(&mut self.state, &mut scan, step));
        self.unread_start = self.unread.len() - scan.rest_len();
        if self.unread_start == self.unread.len() {
            self.unread.clear();
            self.unread_start = 0;
        }
        step
    }

    fn finish_step(&mut self) -> Option<Step<'static>> {
        if !self.unread.is_empty()
            && let Some(step) = self.step_unread()
        {
            return Some(step);
        }
        let State { gate, block, .. } = &mut self.state;
        block.settle();
        if !gate.is_skipping() {
            if block.in_line()
                && let Some(step) = self.state.read_kept_line()
            {
                return Some(step);
            }
            if self.state.block.end(false) {
                self.state.gate = Gate::new();
                return Some(Step::Event { event_type: None, data: None });
            }
        }
        self.end();
        None
    }
}

/// Copies what a step borrows into the block.
fn keep_step(state: &mut State, scan: &mut Scan<'_>, step: Step<'_>) -> Step<'static> {
    match step {
        Step::Event { event_type, data } => {
            if let Some(event_type) = event_type {
                state.block.keep_type(event_type);
            }
            if let Some(data) = data {
                state.block.keep_data(data);
            }
            Step::Event { event_type: None, data: None }
        }
        Step::Comment(text) => {
            scan.keep_block(state);
            state.block.lend_comment(text);
            Step::KeptComment { len: text.len() }
        }
        Step::KeptComment { len } => Step::KeptComment { len },
        Step::Damage(damage) => Step::Damage(damage),
    }
}

impl Default for Decoder {
    fn default() -> Self {
        Self::new()
    }
}

/// The events of one chunk, each borrowed until the next is asked for.
///
/// Dropping it early loses nothing, see [`Decoder::push`].
#[derive(Debug)]
#[must_use = "a chunk is decoded by reading its events"]
pub struct Events<'a> {
    decoder: &'a mut Decoder,
    scan: Scan<'a>,
}

impl Events<'_> {
    /// The next item, or `None` when the chunk is used up and another one must be pushed.
    #[inline]
    #[expect(clippy::should_implement_trait, reason = "an iterator cannot lend its items")]
    pub fn next(&mut self) -> Option<Decoded<'_>> {
        let step = if self.decoder.unread.is_empty() {
            self.scan.step(&mut self.decoder.state)?
        } else {
            self.decoder.step_unread()?
        };
        Some(self.decoder.state.present(step))
    }
}

impl Drop for Events<'_> {
    #[inline]
    fn drop(&mut self) {
        if !self.scan.is_done() {
            self.decoder.state.block.settle();
            self.scan.keep_block(&mut self.decoder.state);
            self.decoder.unread.extend_from_slice(self.scan.take_rest());
        }
    }
}
