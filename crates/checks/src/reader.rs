//! A reader of server-sent events that can be cut at any byte.

use anyhow::{Context, ensure};
use axum::body::{Body, BodyDataStream};
use axum::http::StatusCode;
use futures_util::StreamExt;
use millstream::sse::{Decoded, Decoder};

use crate::http::send;

/// One event as a browser's script would see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// What resumes after it.
    pub id: String,
    /// Its type.
    pub event: String,
    /// Its data.
    pub data: String,
}

/// The server answered with another status than a stream of events has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refused {
    /// What it said.
    pub status: StatusCode,
}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "answered {}", self.status)
    }
}

impl std::error::Error for Refused {}

/// One connection to a stream of events.
#[derive(Debug)]
pub struct Reader {
    body: BodyDataStream,
    decoder: Decoder,
    seen: std::collections::VecDeque<Seen>,
}

impl Reader {
    /// Connects to `url`, after `last_event_id` if there is one.
    ///
    /// `None` if the server says that there is nothing more: 204.
    ///
    /// # Errors
    /// Says that the answer is no stream of events; a [`Refused`] is among the causes if the
    /// server said so.
    ///
    /// # Cancel safety
    /// Dropping the future closes the connection.
    pub async fn open(url: &str, last_event_id: Option<&str>) -> anyhow::Result<Option<Self>> {
        let headers: Vec<_> = [("accept", "text/event-stream")]
            .into_iter()
            .chain(last_event_id.map(|id| ("last-event-id", id)))
            .collect();
        let response = send("GET", url, &headers, Body::empty()).await?;
        if response.status() == StatusCode::NO_CONTENT {
            return Ok(None);
        }
        if response.status() != StatusCode::OK {
            return Err(Refused { status: response.status() }).with_context(|| url.to_owned());
        }
        let content_type = response.headers().get("content-type").context("no content type")?;
        ensure!(content_type == "text/event-stream", "content type {content_type:?}");
        Ok(Some(Self {
            body: response.into_body().into_data_stream(),
            decoder: Decoder::new(),
            seen: std::collections::VecDeque::new(),
        }))
    }

    /// What the reader would resume after: the last id, also one without an event.
    pub fn last_event_id(&self) -> &str {
        self.decoder.last_event_id()
    }

    /// The next event; `None` at the end of the connection.
    ///
    /// # Errors
    /// Says that the connection broke.
    ///
    /// # Cancel safety
    /// Dropping the future loses nothing.
    pub async fn next(&mut self) -> anyhow::Result<Option<Seen>> {
        while self.seen.is_empty() {
            let Some(chunk) = self.body.next().await else { return Ok(None) };
            self.decode(&chunk?);
        }
        Ok(self.seen.pop_front())
    }

    /// Every event up to the end of the connection.
    ///
    /// # Errors
    /// Says that the connection broke.
    ///
    /// # Cancel safety
    /// Dropping the future loses what was read.
    pub async fn read_to_end(&mut self) -> anyhow::Result<Vec<Seen>> {
        let mut all = Vec::new();
        while let Some(event) = self.next().await? {
            all.push(event);
        }
        Ok(all)
    }

    /// Every event among the next `bytes` bytes; what lies behind them is never seen.
    ///
    /// # Errors
    /// Says that the connection broke.
    ///
    /// # Cancel safety
    /// Dropping the future leaves what was read to [`take`](Self::take).
    pub async fn read_bytes(&mut self, mut bytes: usize) -> anyhow::Result<Vec<Seen>> {
        while bytes > 0 {
            let Some(chunk) = self.body.next().await else { break };
            let chunk = chunk?;
            let taken = bytes.min(chunk.len());
            self.decode(chunk.get(..taken).unwrap_or(&chunk));
            bytes -= taken;
        }
        Ok(self.take())
    }

    /// Every event that has come and was not given yet.
    pub fn take(&mut self) -> Vec<Seen> {
        self.seen.drain(..).collect()
    }

    fn decode(&mut self, bytes: &[u8]) {
        let mut events = self.decoder.push(bytes);
        while let Some(item) = events.next() {
            if let Decoded::Event(event) = item {
                self.seen.push_back(Seen {
                    id: event.last_event_id().to_owned(),
                    event: event.event_type_str().into_owned(),
                    data: event.data_str().into_owned(),
                });
            }
        }
    }
}
