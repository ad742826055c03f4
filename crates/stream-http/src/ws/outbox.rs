//! Messages that are written to a WebSocket together.

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket};
use bytes::Bytes;
use futures_util::SinkExt;
use serde_json::Value;
use stream_model::BoxError;
use stream_protocol::CloseCode;
use stream_protocol::session::Notice;
use tracing::error;

use super::Gone;
use super::subscriptions::Place;
use super::words::Words;
use crate::item::TopicItem;
use crate::limits::{CHUNK_BYTES, WS_WRITE_TIMEOUT};

/// Messages in order; about [`CHUNK_BYTES`] at most.
#[derive(Debug)]
pub(super) struct Outbox {
    words: Words,
    messages: Vec<Message>,
    bytes: usize,
}

impl Outbox {
    pub(super) fn new(words: Words) -> Self {
        Self { words, messages: Vec::new(), bytes: 0 }
    }

    /// How the client words what it says.
    pub(super) fn words(&self) -> &Words {
        &self.words
    }

    /// Adds an answer.
    pub(super) fn push(&mut self, answer: &Value) {
        let worded = self.words.answer(answer);
        self.add(worded);
    }

    /// Adds an event of a subscription, which stands at `resume` then.
    pub(super) fn event(&mut self, item: &TopicItem, subscription: &str, resume: &str) {
        let worded = self.words.event(item, subscription, resume);
        self.add(worded);
    }

    /// Adds what the server itself says, of one subscription with its position or of all.
    pub(super) fn notice(&mut self, notice: &Notice<Place>, concerned: Option<(&str, &str)>) {
        let worded = self.words.notice(notice, concerned);
        self.add(worded);
    }

    fn add(&mut self, worded: Result<Bytes, impl Into<BoxError>>) {
        let text = worded
            .map_err(Into::into)
            .and_then(|bytes| Utf8Bytes::try_from(bytes).map_err(BoxError::from));
        match text {
            Ok(text) => {
                self.bytes += text.len();
                self.messages.push(Message::Text(text));
            }
            // JSON is always UTF-8, and only a timestamp beyond the year 9999 is no JSON.
            Err(error) => error!(error, "a message cannot be written"),
        }
    }

    /// Asks the peer for a sign of life.
    pub(super) fn ping(&mut self) {
        self.messages.push(Message::Ping(Bytes::new()));
    }

    /// Whether what there is should be written before more is added.
    pub(super) fn is_full(&self) -> bool {
        self.bytes >= CHUNK_BYTES
    }

    /// Writes everything; a peer that takes nothing for [`WS_WRITE_TIMEOUT`] counts as gone.
    pub(super) async fn flush(&mut self, socket: &mut WebSocket) -> Result<(), Gone> {
        if self.messages.is_empty() {
            return Ok(());
        }
        self.bytes = 0;
        let messages = std::mem::take(&mut self.messages);
        in_time(async {
            for message in messages {
                socket.feed(message).await?;
            }
            socket.flush().await
        })
        .await
    }
}

/// Says why the connection ends, and ends it.
pub(super) async fn close(socket: &mut WebSocket, code: CloseCode) -> Result<(), Gone> {
    let frame = CloseFrame { code: code.code(), reason: code.reason().into() };
    in_time(async {
        socket.send(Message::Close(Some(frame))).await?;
        // The peer's own close frame, or the end of the connection (RFC 6455, 7.1.1).
        while let Some(Ok(message)) = socket.recv().await {
            if matches!(message, Message::Close(_)) {
                break;
            }
        }
        Ok(())
    })
    .await
}

async fn in_time(write: impl Future<Output = Result<(), axum::Error>>) -> Result<(), Gone> {
    match tokio::time::timeout(WS_WRITE_TIMEOUT, write).await {
        Ok(written) => Ok(written?),
        Err(_) => Err(Gone::Stuck),
    }
}
