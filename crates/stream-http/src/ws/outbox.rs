//! Messages that are written to a WebSocket together.

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket};
use bytes::{Bytes, BytesMut};
use futures_util::SinkExt;
use serde_json::Value;
use stream_protocol::CloseCode;
use tracing::error;

use super::Gone;
use crate::limits::{CHUNK_BYTES, WS_WRITE_TIMEOUT};

/// Messages in order; about [`CHUNK_BYTES`] at most.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    messages: Vec<Message>,
    bytes: usize,
    scratch: BytesMut,
}

impl Outbox {
    /// Adds a message.
    pub(super) fn push(&mut self, message: &Value) {
        self.push_bytes(message.to_string().into());
    }

    /// Adds a message that `write` makes.
    pub(super) fn write(&mut self, write: impl FnOnce(&mut BytesMut)) {
        write(&mut self.scratch);
        let bytes = self.scratch.split().freeze();
        self.push_bytes(bytes);
    }

    fn push_bytes(&mut self, bytes: Bytes) {
        self.bytes += bytes.len();
        match Utf8Bytes::try_from(bytes) {
            Ok(text) => self.messages.push(Message::Text(text)),
            // JSON is always UTF-8.
            Err(bug) => error!(error = %bug, "message is no text"),
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
