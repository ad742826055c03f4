//! One reader's connection: moves what its feed has to the socket, and lets the session say what
//! is to be said between.

use std::time::Instant;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue};
use stream_log::ReadError;
use stream_protocol::CloseCode;
use stream_protocol::session::{Input, Output, Session, SessionOptions};
use tracing::warn;

use crate::app::App;
use crate::chunk::Chunk;
use crate::feed::{Feed, Found};
use crate::limits::CHUNK_BYTES;
use crate::metrics::{Kind, ReaderMeter};
use crate::shutdown::Shutdown;

/// Tells nginx and its kin not to buffer.
const X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");
/// Says how binary data stands in `data`.
const SSE_DATA_ENCODING: HeaderName = HeaderName::from_static("stream-sse-binary-encoding");

/// A reader that is being written to.
pub(crate) struct Connection<F: Feed> {
    feed: F,
    session: Session<F::Source>,
    shutdown: Shutdown,
    draining: bool,
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

/// Keeps whatever lies between from holding a stream back.
pub(crate) fn unbuffered() -> [(HeaderName, HeaderValue); 2] {
    [
        (CACHE_CONTROL, HeaderValue::from_static("no-cache, no-transform")),
        (X_ACCEL_BUFFERING, HeaderValue::from_static("no")),
    ]
}

/// The headers of a stream of lines.
pub(crate) fn lines_headers() -> HeaderMap {
    HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson"))])
}

/// The body was broken off, so that it does not look whole.
#[derive(Debug, thiserror::Error)]
#[error("stream broken off before its end")]
struct BrokenOff;

impl<F: Feed> Connection<F> {
    pub(crate) fn new(app: &App, feed: F, options: SessionOptions, kind: Kind) -> Self {
        Self {
            feed,
            session: Session::new(options, present()),
            shutdown: app.shutdown_signal(),
            draining: false,
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
        (unbuffered(), headers, Body::from_stream(chunks)).into_response()
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
                return (!self.feed.tells_its_end()).then_some(Err(BrokenOff));
            }
            self.wait().await;
        }
    }

    /// Writes what the session says.
    fn say(&mut self) {
        while let Some(output) = self.session.poll_output() {
            match output {
                Output::Send(notice) => self.feed.notice(&notice, &mut self.chunk),
                Output::Close(_) => self.closed = true,
            }
        }
    }

    /// Adds what is there already, up to the size of one chunk.
    fn gather(&mut self) {
        while !self.closed && self.chunk.len() < CHUNK_BYTES {
            let Some(found) = self.feed.try_take(&mut self.chunk) else { break };
            self.handle(found);
        }
    }

    /// Waits for a record, a heartbeat's time, or the server's end.
    async fn wait(&mut self) {
        let deadline = self.session.poll_timeout();
        let found = tokio::select! {
            biased;
            () = self.shutdown.begun(), if !self.draining => {
                self.draining = true;
                self.feed.begin_drain();
                self.end_if_drained();
                return;
            }
            found = self.feed.take(&mut self.chunk) => found,
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

    fn handle(&mut self, found: Found<F::Source>) {
        let input = match found {
            Found::Record => {
                self.meter.delivered();
                Some(Input::Delivered)
            }
            Found::Nothing => None,
            Found::Gap(source, gap) => {
                self.meter.gap(&gap);
                Some(Input::Gap(source, gap))
            }
            Found::Deleted(source) => Some(Input::Deleted(source)),
            Found::End(code) => Some(Input::Ended(code)),
        };
        if let Some(input) = input {
            self.session.handle_input(present(), input);
            self.say();
        }
        self.closed |= self.feed.is_over();
        self.end_if_drained();
    }

    fn end_if_drained(&mut self) {
        if self.draining && self.feed.is_drained() {
            self.session.handle_input(present(), Input::Ended(CloseCode::Shutdown));
        }
    }

    fn fail(&mut self, error: &ReadError) {
        warn!(%error, "reader ended: its log cannot be read");
        self.session.handle_input(present(), Input::Ended(CloseCode::Unavailable));
    }
}

/// The present on the clock that timers use, which a test may have paused.
pub(crate) fn present() -> Instant {
    tokio::time::Instant::now().into_std()
}
