//! The WebSocket connections of tokio-tungstenite as transports.

use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::{Sink, Stream};
use stream_model::BoxError;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Error, Message};

use super::{Frame, Transport};

/// The code of a close frame that gives none (RFC 6455 section 7.1.5).
const NO_STATUS: u16 = 1005;

/// A connection of tokio-tungstenite, from either side.
#[derive(Debug)]
pub struct Tungstenite<S>(WebSocketStream<S>);

impl<S> Tungstenite<S> {
    /// The transport of a connection whose handshake is done.
    pub fn new(connection: WebSocketStream<S>) -> Self {
        Self(connection)
    }
}

impl<S> Transport for Tungstenite<S>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame, BoxError>>> {
        let received = Pin::new(&mut self.0).poll_next(cx);
        received.map(|message| match message? {
            Ok(message) => Some(Ok(frame(message))),
            Err(Error::ConnectionClosed | Error::AlreadyClosed) => None,
            Err(error) => Some(Err(error.into())),
        })
    }

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Pin::new(&mut self.0).poll_ready(cx).map_err(Into::into)
    }

    fn start_send(&mut self, frame: Frame) -> Result<(), BoxError> {
        Ok(Pin::new(&mut self.0).start_send(message(frame))?)
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        match Pin::new(&mut self.0).poll_flush(cx) {
            // After a close frame the connection is as flushed as it gets.
            Poll::Ready(Err(Error::ConnectionClosed)) => Poll::Ready(Ok(())),
            other => other.map_err(Into::into),
        }
    }
}

fn frame(message: Message) -> Frame {
    match message {
        Message::Text(text) => Frame::Text(text.as_str().into()),
        Message::Binary(bytes) => Frame::Binary(bytes.as_ref().into()),
        Message::Ping(_) => Frame::Ping,
        // A raw frame never comes up from a connection.
        Message::Pong(_) | Message::Frame(_) => Frame::Pong,
        Message::Close(None) => Frame::Close { code: NO_STATUS, reason: String::new() },
        Message::Close(Some(close)) => {
            Frame::Close { code: close.code.into(), reason: close.reason.as_str().to_owned() }
        }
    }
}

fn message(frame: Frame) -> Message {
    match frame {
        Frame::Text(text) => Message::text(&*text),
        Frame::Binary(bytes) => Message::binary(bytes.to_vec()),
        Frame::Ping => Message::Ping(Vec::new().into()),
        Frame::Pong => Message::Pong(Vec::new().into()),
        Frame::Close { code: NO_STATUS, .. } => Message::Close(None),
        Frame::Close { code, reason } => {
            Message::Close(Some(CloseFrame { code: code.into(), reason: reason.into() }))
        }
    }
}
