//! One reader's connection: moves frames from the log to the socket, and lets the session say
//! what is to be said between.

use std::time::Instant;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue};
use stream_log::{Gap, LogReader, Next, ReadError};
use stream_model::{Offset, StreamPosition};
use stream_protocol::CloseCode;
use stream_protocol::session::{Input, Output, Session, SessionOptions};
use tracing::warn;

use crate::app::App;
use crate::chunk::Chunk;
use crate::limits::CHUNK_BYTES;
use crate::metrics::{Kind, ReaderMeter};
use crate::rendition::Rendition;
use crate::shutdown::Shutdown;

/// Tells nginx and its kin not to buffer.
const X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");
/// Says how binary data stands in `data`.
const SSE_DATA_ENCODING: HeaderName = HeaderName::from_static("stream-sse-binary-encoding");

/// A reader that is being written to.
pub(crate) struct Connection<R: Rendition> {
    reader: LogReader<R::Item>,
    rendition: R,
    session: Session,
    shutdown: Shutdown,
    /// Once the server goes down: what must still be delivered.
    drain_to: Option<Offset>,
    meter: ReaderMeter,
    chunk: Chunk,
    closed: bool,
}

/// The headers of a stream of events.
pub(crate) fn event_stream_headers() -> HeaderMap {
    HeaderMap::from_iter([
        (CONTENT_TYPE, HeaderValue::from_static("text/event-stream")),
        (SSE_DATA_ENCODING, HeaderValue::from_static("base64")),
    ])
}

/// What a reader found, without the borrow of the frame.
enum Found {
    Delivered(Offset),
    Gap(Gap),
    End { deleted: bool },
}

/// The body was broken off, so that it does not look whole.
#[derive(Debug, thiserror::Error)]
#[error("stream broken off before its end")]
struct BrokenOff;

impl<R: Rendition> Connection<R> {
    pub(crate) fn new(
        app: &App,
        reader: LogReader<R::Item>,
        rendition: R,
        options: SessionOptions,
        kind: Kind,
    ) -> Self {
        let session = Session::new(options, reader.position(), present());
        Self {
            reader,
            rendition,
            session,
            shutdown: app.shutdown_signal(),
            drain_to: None,
            meter: app.metrics().reader(kind),
            chunk: Chunk::default(),
            closed: false,
        }
    }

    /// The response that carries this connection; `headers` go with it.
    pub(crate) fn into_response(self, headers: HeaderMap) -> Response {
        let chunks = stream::unfold(Some(self), async |connection| {
            let mut connection = connection?;
            match connection.next_chunk().await? {
                Ok(chunk) => Some((Ok(chunk), Some(connection))),
                Err(broken) => Some((Err(broken), None)),
            }
        });
        let fixed = [
            (CACHE_CONTROL, HeaderValue::from_static("no-cache, no-transform")),
            (X_ACCEL_BUFFERING, HeaderValue::from_static("no")),
        ];
        (fixed, headers, Body::from_stream(chunks)).into_response()
    }

    /// Everything that is due, as one piece to write; `None` at the end.
    async fn next_chunk(&mut self) -> Option<Result<Bytes, BrokenOff>> {
        loop {
            self.say();
            self.gather();
            self.meter.flush();
            if let Some(chunk) = self.chunk.take() {
                return Some(Ok(chunk));
            }
            if self.closed {
                return (!self.rendition.tells_its_end()).then_some(Err(BrokenOff));
            }
            self.wait().await;
        }
    }

    /// Writes what the session says.
    fn say(&mut self) {
        while let Some(output) = self.session.poll_output() {
            match output {
                Output::Send(notice) => self.rendition.notice(&notice, &mut self.chunk),
                Output::Close(_) => self.closed = true,
            }
        }
    }

    /// Adds what is there already, up to the size of one chunk.
    fn gather(&mut self) {
        while !self.closed && self.chunk.len() < CHUNK_BYTES {
            let Some(next) = self.reader.try_next() else { break };
            let found = take(&mut self.rendition, &mut self.chunk, next);
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
            next = self.reader.next() => {
                next.map(|next| take(&mut self.rendition, &mut self.chunk, next))
            }
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
        match &found {
            Found::Delivered(_) => self.meter.delivered(),
            Found::Gap(gap) => self.meter.gap(*gap),
            Found::End { .. } => {}
        }
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
        self.closed |= self.rendition.is_over();
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
fn take<R: Rendition>(rendition: &mut R, chunk: &mut Chunk, next: Next<'_, R::Item>) -> Found {
    match next {
        Next::Record(offset, item) => {
            rendition.record(offset, item, chunk);
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
