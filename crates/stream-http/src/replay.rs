//! A recorded provider stream, served as its provider does: for tests and demonstrations.
//!
//! A recording is the body of a response as it was received.
//! It holds no times of its own, so a fixed time passes between two events.

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream::{self, StreamExt};
use http::header::CONTENT_TYPE;
use stream_model::BoxError;

/// What a recording's events are parted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// Server-sent events: blank lines.
    Sse,
    /// Lines of JSON.
    Ndjson,
    /// One JSON document, which is one event.
    Json,
}

impl Framing {
    /// The framing that a file's name tells by its ending; SSE for an unknown one.
    pub fn of_file_name(name: &str) -> Self {
        match name.rsplit('.').next() {
            Some("ndjson" | "jsonl") => Self::Ndjson,
            Some("json") => Self::Json,
            _ => Self::Sse,
        }
    }

    const fn content_type(self) -> &'static str {
        match self {
            Self::Sse => "text/event-stream",
            Self::Ndjson => "application/x-ndjson",
            Self::Json => "application/json",
        }
    }
}

/// How a recording is served.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ReplayOptions {
    interval: Duration,
    chunk_bytes: usize,
    cut_percent: u8,
}

impl Default for ReplayOptions {
    fn default() -> Self {
        Self { interval: Duration::from_millis(20), chunk_bytes: usize::MAX, cut_percent: 100 }
    }
}

impl ReplayOptions {
    /// The time between two events; 20 ms otherwise.
    #[must_use]
    pub fn interval(mut self, interval: Duration) -> Self {
        self.interval = interval;
        self
    }

    /// Cuts each event into pieces of at most this size, 1 byte at the least.
    #[must_use]
    pub fn chunk_bytes(mut self, bytes: usize) -> Self {
        self.chunk_bytes = bytes.max(1);
        self
    }

    /// Breaks the connection after this part of the bytes; 100 serves all of them.
    #[must_use]
    pub fn cut_percent(mut self, percent: u8) -> Self {
        self.cut_percent = percent.min(100);
        self
    }
}

/// One piece of a replay.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Piece {
    bytes: Bytes,
    /// Whether an event begins here, so that time passes first.
    starts_event: bool,
}

/// Answers every request with `recording`.
pub fn router(recording: Bytes, framing: Framing, options: ReplayOptions) -> Router {
    Router::new().fallback(move || {
        let recording = recording.clone();
        async move { respond(&recording, framing, options) }
    })
}

fn respond(recording: &Bytes, framing: Framing, options: ReplayOptions) -> Response {
    let pieces = pieces(recording, framing, options);
    let broken = stream::iter((options.cut_percent < 100).then_some(())).then(|()| async {
        // What was sent must leave before the connection breaks.
        tokio::task::yield_now().await;
        Err(BoxError::from("the recording is cut here, as it was asked for"))
    });
    let body = stream::iter(pieces.into_iter().enumerate())
        .then(move |(place, piece)| async move {
            if place > 0 && piece.starts_event && !options.interval.is_zero() {
                tokio::time::sleep(options.interval).await;
            }
            Ok(piece.bytes)
        })
        .chain(broken);
    ([(CONTENT_TYPE, framing.content_type())], Body::from_stream(body)).into_response()
}

/// The pieces to be sent, in order; together they are the recording up to the cut.
fn pieces(recording: &Bytes, framing: Framing, options: ReplayOptions) -> Vec<Piece> {
    let end = cut_at(recording.len(), options.cut_percent);
    let mut rest = recording.slice(..end);
    let mut pieces = Vec::new();
    while !rest.is_empty() {
        let mut event = rest.split_to(event_end(&rest, framing));
        let mut starts_event = true;
        while !event.is_empty() {
            let bytes = event.split_to(options.chunk_bytes.min(event.len()));
            pieces.push(Piece { bytes, starts_event });
            starts_event = false;
        }
    }
    pieces
}

fn cut_at(bytes: usize, percent: u8) -> usize {
    // In two parts, so that no recording is too large to be multiplied.
    let percent = usize::from(percent);
    bytes / 100 * percent + bytes % 100 * percent / 100
}

/// Where the first event of `bytes` ends, its separator included.
fn event_end(bytes: &[u8], framing: Framing) -> usize {
    let end = match framing {
        Framing::Json => None,
        Framing::Ndjson => bytes.iter().position(|byte| *byte == b'\n').map(|at| at + 1),
        Framing::Sse => blank_line_end(bytes),
    };
    end.unwrap_or(bytes.len())
}

/// The end of the first blank line, whichever way its lines end.
fn blank_line_end(bytes: &[u8]) -> Option<usize> {
    let ends = [&b"\n\n"[..], b"\r\n\r\n", b"\r\r"];
    let found = |end: &[u8]| {
        bytes.windows(end.len()).position(|window| window == end).map(|at| at + end.len())
    };
    ends.into_iter().filter_map(found).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(recording: &'static str, framing: Framing, options: ReplayOptions, want: &[&str]) {
        let pieces = pieces(&Bytes::from_static(recording.as_bytes()), framing, options);
        let found: Vec<_> = pieces
            .iter()
            .map(|piece| {
                let text = std::str::from_utf8(&piece.bytes).unwrap();
                format!("{}{text}", if piece.starts_event { ">" } else { "" })
            })
            .collect();
        assert_eq!(found, want);
    }

    #[test]
    fn events_are_parted_and_cut() {
        let all = ReplayOptions::default();
        check("a: 1\n\nb: 2\n\n", Framing::Sse, all, &[">a: 1\n\n", ">b: 2\n\n"]);
        check("a\r\n\r\nb", Framing::Sse, all, &[">a\r\n\r\n", ">b"]);
        check("a\r\rb\r\r", Framing::Sse, all, &[">a\r\r", ">b\r\r"]);
        check("{}\n{}\n", Framing::Ndjson, all, &[">{}\n", ">{}\n"]);
        check("[1,\n\n2]", Framing::Json, all, &[">[1,\n\n2]"]);
        check("abcd\n\nef\n\n", Framing::Sse, all.chunk_bytes(4), &[">abcd", "\n\n", ">ef\n\n"]);
        check("abcd\n\nefgh", Framing::Sse, all.cut_percent(70), &[">abcd\n\n", ">e"]);
        check("abcd", Framing::Sse, all.cut_percent(0), &[]);
    }

    #[test]
    fn the_name_tells_the_framing() {
        assert_eq!(Framing::of_file_name("a/b.ndjson"), Framing::Ndjson);
        assert_eq!(Framing::of_file_name("b.json"), Framing::Json);
        assert_eq!(Framing::of_file_name("b.sse"), Framing::Sse);
        assert_eq!(Framing::of_file_name("b"), Framing::Sse);
    }
}
