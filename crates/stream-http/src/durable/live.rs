//! Readers that stay: long polls and server-sent events.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use futures_util::stream;
use stream_log::{ReadLimit, TailWatch};
use stream_model::now::now;
use stream_protocol::durable::limits::PAGE_APPENDS;
use stream_protocol::durable::read::{Page, Read};
use stream_protocol::durable::{Refusal, cursor, sse};
use tokio::time::Instant;
use tracing::warn;

use super::crowd::{StreamSource, common_cursor};
use super::respond::{read_refused, respond, respond_empty};
use super::stream::Stream;
use super::streams::stream_log;
use crate::app::App;
use crate::limits::{LIVE_EVENT_BYTES, SSE_LIFETIME};
use crate::live::{Ending, Seat, Ticket};
use crate::metrics::{Kind, ReaderMeter};
use crate::shutdown::Shutdown;

/// Waits until there is something after `at`, nothing can come, or the time is over.
pub(super) async fn long_poll(
    stream: &Stream,
    read: &Read,
    at: u64,
    timeout: Duration,
    mut shutdown: Shutdown,
) -> Result<Response, Refusal> {
    let deadline = Instant::now() + timeout;
    let mut watch = stream.tail().await?.1.watch;
    loop {
        let page = stream.page(at).await?;
        let cursor = cursor::next(now(), read.cursor.as_deref(), fastrand::u64(..));
        if page.has_data() {
            let (answer, body) = page.answer(read, &stream.description, now(), Some(cursor));
            return Ok(respond(answer, body));
        }
        if page.closed || !wait(&mut watch, deadline, &mut shutdown).await {
            return Ok(respond_empty(page.answer_nothing(cursor)));
        }
    }
}

/// Waits for a change; `false` if the time is over first, or nothing will ever change.
async fn wait(watch: &mut TailWatch, deadline: Instant, shutdown: &mut Shutdown) -> bool {
    tokio::select! {
        state = watch.changed() => state.is_some_and(|state| !state.deleted),
        () = tokio::time::sleep_until(deadline) => false,
        () = shutdown.begun() => false,
    }
}

/// When a live reader is sent away: after a while, or when its token expires.
fn end(expires: Option<std::time::Instant>) -> Instant {
    let end = Instant::now() + SSE_LIFETIME;
    expires.map_or(end, |expires| end.min(expires.into()))
}

/// Lets a live reader leave the HTTP library, and answers with the head alone; `None` if there is
/// nothing left to follow, or its cursor is unlike any that the others get.
pub(super) async fn seat(
    app: &App,
    stream: &Arc<Stream>,
    read: &Read,
    (at, expires): (u64, Option<std::time::Instant>),
    ticket: &Ticket,
) -> Result<Option<Response>, Refusal> {
    let (common, name) = (common_cursor(), stream_log(&stream.path));
    let own = cursor::next(now(), read.cursor.as_deref(), fastrand::u64(..));
    if own.to_string().len() != common.to_string().len() {
        return Ok(None);
    }
    let live = app.appends().follow(&name, Arc::clone(&stream.log)).await;
    let live = live.map_err(|error| read_refused(&error))?;
    let limit = ReadLimit { records_max: PAGE_APPENDS, bytes_max: LIVE_EVENT_BYTES };
    let page = stream.page_of(at, limit).await?;
    if page.closed {
        return Ok(None);
    }
    ticket.give(Seat {
        source: Arc::new(StreamSource { stream: Arc::clone(stream), live }),
        kind: Kind::Durable,
        greeting: sse::events(&stream.description, &page, own),
        next: at.saturating_add(page.pieces.len() as u64),
        ends: Some((end(expires).into(), Ending::Silent)),
        cursor: (own > common).then_some(own),
    });
    Ok(Some(respond_empty(sse::head(&stream.description))))
}

/// A live reader's server-sent events.
pub(super) async fn sse(
    app: &App,
    stream: Arc<Stream>,
    read: Read,
    (at, expires): (u64, Option<std::time::Instant>),
) -> Result<Response, Refusal> {
    let watch = stream.tail().await?.1.watch;
    let head = sse::head(&stream.description);
    let reader = LiveReader {
        stream,
        at,
        seen: read.cursor,
        cursor: 0,
        watch,
        deadline: end(expires),
        shutdown: app.shutdown_signal(),
        stage: Stage::First,
        meter: app.metrics().reader(Kind::Durable),
    };
    let chunks = stream::unfold(reader, async |mut reader| {
        let chunk = reader.next_chunk().await?;
        Some((Ok::<_, std::convert::Infallible>(chunk), reader))
    });
    Ok(respond(head, Body::from_stream(chunks)))
}

/// One connection.
struct LiveReader {
    stream: Arc<Stream>,
    at: u64,
    /// The cursor that the reader came with.
    seen: Option<String>,
    /// The newest one that it was sent.
    cursor: u64,
    watch: TailWatch,
    deadline: Instant,
    shutdown: Shutdown,
    stage: Stage,
    meter: ReaderMeter,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// It has been told nothing yet, and is told where it is even if there is no data.
    First,
    /// It is told what comes.
    Live,
    /// It has been told the last.
    Ended,
}

impl LiveReader {
    /// What is due, as soon as something is; `None` at the end.
    async fn next_chunk(&mut self) -> Option<Bytes> {
        while self.stage != Stage::Ended {
            let page = match self.stream.page(self.at).await {
                Ok(page) => page,
                Err(refusal) => {
                    warn!(path = %self.stream.path, ?refusal, "live reader ended");
                    return None;
                }
            };
            if page.has_data() || page.closed || self.stage == Stage::First {
                return Some(self.tell(&page));
            }
            if !wait(&mut self.watch, self.deadline, &mut self.shutdown).await {
                return None;
            }
        }
        None
    }

    fn tell(&mut self, page: &Page) -> Bytes {
        self.at = self.at.saturating_add(page.pieces.len() as u64);
        page.pieces.iter().for_each(|_| self.meter.delivered());
        self.meter.flush();
        let next = cursor::next(now(), self.seen.as_deref(), fastrand::u64(..));
        self.cursor = self.cursor.max(next);
        self.stage = if page.closed { Stage::Ended } else { Stage::Live };
        sse::events(&self.stream.description, page, self.cursor).into()
    }
}
