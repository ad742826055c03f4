//! One reader's connection: moves frames from the log to the socket, and lets the session say
//! what is to be said between.

use std::time::Instant;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::{Bytes, BytesMut};
use futures_util::stream;
use http::HeaderName;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use stream_log::{Gap, LogReader, Next, ReadError};
use stream_model::{Offset, StreamPosition};
use stream_protocol::CloseCode;
use stream_protocol::session::{Input, Output, Session, SessionOptions};
use tracing::warn;

use crate::frame::{Frame, notice_frame};
use crate::limits::CHUNK_BYTES;
use crate::shutdown::Shutdown;

/// Tells nginx and its kin not to buffer.
const X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");
/// Says how binary data stands in `data`.
const SSE_DATA_ENCODING: HeaderName = HeaderName::from_static("stream-sse-binary-encoding");

/// A reader that is being written to.
pub(crate) struct Connection {
    reader: LogReader<Frame>,
    session: Session,
    shutdown: Shutdown,
    /// Once the server goes down: what must still be delivered.
    drain_to: Option<Offset>,
    chunk: Chunk,
}

/// Frames that are written together.
#[derive(Default)]
struct Chunk {
    first: Option<Frame>,
    joined: BytesMut,
    closed: bool,
}

impl Chunk {
    fn push(&mut self, frame: &Frame) {
        if frame.is_empty() {
            return;
        }
        match self.first.take() {
            // A lone frame is shared with every other reader of it, not copied.
            None if self.joined.is_empty() => self.first = Some(frame.clone()),
            None => self.joined.extend_from_slice(frame),
            Some(first) => {
                self.joined.extend_from_slice(&first);
                self.joined.extend_from_slice(frame);
            }
        }
    }

    fn len(&self) -> usize {
        self.first.as_ref().map_or(self.joined.len(), Bytes::len)
    }

    fn take(&mut self) -> Option<Bytes> {
        match self.first.take() {
            Some(first) => Some(first),
            None if self.joined.is_empty() => None,
            None => Some(self.joined.split().freeze()),
        }
    }
}

/// What a reader found, without the borrow of the frame.
enum Found {
    Delivered(Offset),
    Gap(Gap),
    End { deleted: bool },
}

impl Connection {
    pub(crate) fn new(
        reader: LogReader<Frame>,
        options: SessionOptions,
        shutdown: Shutdown,
    ) -> Self {
        let session = Session::new(options, reader.position(), present());
        Self { reader, session, shutdown, drain_to: None, chunk: Chunk::default() }
    }

    /// The response that carries this connection.
    pub(crate) fn into_response(self) -> Response {
        let chunks = stream::unfold(self, async |mut connection| {
            let chunk = connection.next_chunk().await?;
            Some((Ok::<_, std::convert::Infallible>(chunk), connection))
        });
        let headers = [
            (CONTENT_TYPE, "text/event-stream"),
            (CACHE_CONTROL, "no-cache, no-transform"),
            (X_ACCEL_BUFFERING, "no"),
            (SSE_DATA_ENCODING, "base64"),
        ];
        (headers, Body::from_stream(chunks)).into_response()
    }

    /// Everything that is due, as one piece to write; `None` at the end.
    async fn next_chunk(&mut self) -> Option<Bytes> {
        loop {
            self.say();
            self.gather();
            if let Some(chunk) = self.chunk.take() {
                return Some(chunk);
            }
            if self.chunk.closed {
                return None;
            }
            self.wait().await;
        }
    }

    /// Writes what the session says.
    fn say(&mut self) {
        while let Some(output) = self.session.poll_output() {
            match output {
                Output::Send(notice) => self.chunk.push(&notice_frame(&notice)),
                Output::Close(_) => self.chunk.closed = true,
            }
        }
    }

    /// Adds what is there already, up to the size of one chunk.
    fn gather(&mut self) {
        while !self.chunk.closed && self.chunk.len() < CHUNK_BYTES {
            let Some(next) = self.reader.try_next() else { break };
            let found = take(&mut self.chunk, next);
            self.handle(found);
        }
    }

    /// Waits for a record, a heartbeat's time, or the server's end.
    async fn wait(&mut self) {
        let deadline = self.session.poll_timeout();
        let found = tokio::select! {
            biased;
            () = self.shutdown.begun(), if self.drain_to.is_none() => {
                self.drain_to = Some(self.reader.live().state().next);
                self.end_if_drained();
                return;
            }
            next = self.reader.next() => next.map(|next| take(&mut self.chunk, next)),
            () = tokio::time::sleep_until(deadline.into()) => {
                self.session.handle_timeout(present());
                return;
            }
        };
        match found {
            Ok(found) => self.handle(found),
            Err(error) => self.fail(&error),
        }
    }

    fn handle(&mut self, found: Found) {
        let input = match found {
            Found::Delivered(offset) => Input::Delivered { next: offset.next() },
            Found::Gap(Gap::Trimmed { from, to }) => Input::Trimmed { from, to },
            Found::Gap(Gap::Damaged { from, to }) => Input::Damaged { from, to },
            Found::Gap(Gap::EpochChanged { asked, current, earliest }) => Input::EpochChanged {
                asked,
                earliest: StreamPosition { epoch: current, offset: earliest },
            },
            Found::End { deleted: true } => Input::Ended(CloseCode::Deleted),
            Found::End { deleted: false } => Input::Ended(CloseCode::Ended),
        };
        self.session.handle_input(present(), input);
        self.say();
        self.end_if_drained();
    }

    fn end_if_drained(&mut self) {
        // A stream that is over ends by itself, and is not to be come back to.
        let over = self.reader.live().state().is_final();
        let drained = self.drain_to.is_some_and(|to| self.reader.position().offset >= to);
        if drained && !over {
            self.session.handle_input(present(), Input::Ended(CloseCode::Shutdown));
        }
    }

    fn fail(&mut self, error: &ReadError) {
        warn!(%error, "reader ended: its log cannot be read");
        self.session.handle_input(present(), Input::Ended(CloseCode::Unavailable));
    }
}

/// Adds a record's frame to the chunk, and says what was found.
fn take(chunk: &mut Chunk, next: Next<'_, Frame>) -> Found {
    match next {
        Next::Record(offset, frame) => {
            chunk.push(frame);
            Found::Delivered(offset)
        }
        Next::Gap(gap) => Found::Gap(gap),
        Next::End(state) => Found::End { deleted: state.deleted },
    }
}

/// The present on the clock that timers use, which a test may have paused.
fn present() -> Instant {
    tokio::time::Instant::now().into_std()
}
