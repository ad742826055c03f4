//! What a WebSocket connection must be able to do.

use std::sync::Arc;
use std::task::{Context, Poll};

use stream_model::BoxError;

/// A connected WebSocket, whichever library it is of.
///
/// It answers pings by itself, as those libraries do.
/// Once a method has failed, or the end was received, only a drop follows.
pub trait Transport: Send + 'static {
    /// The next frame, or `None` at the end.
    ///
    /// # Errors
    /// Whatever ends the connection.
    ///
    /// # Cancel safety
    /// A frame that was returned is gone from the connection, and no other.
    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame, BoxError>>>;

    /// Ready when [`start_send`](Self::start_send) may be called once.
    ///
    /// # Errors
    /// Whatever ends the connection.
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>>;

    /// Begins to send a frame.
    ///
    /// # Errors
    /// Whatever ends the connection.
    fn start_send(&mut self, frame: Frame) -> Result<(), BoxError>;

    /// Ready when every frame has gone to the network.
    ///
    /// # Errors
    /// Whatever ends the connection.
    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>>;
}

/// What goes over a WebSocket.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Frame {
    /// A message of text; shared by all clients that it goes to.
    Text(Arc<str>),
    /// A message of bytes.
    Binary(Arc<[u8]>),
    /// Asks for a sign of life.
    Ping,
    /// A sign of life.
    Pong,
    /// The last frame.
    Close {
        /// Why, by RFC 6455 section 7.4; 1005 if the peer does not say.
        code: u16,
        /// Why, in words.
        reason: String,
    },
}
