//! The WebSocket connections of axum as transports.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::Error;
use axum::extract::ws::{CloseFrame, Message, WebSocket};
use futures_core::Stream;
use futures_util::Sink;
use stream_async::{Frame, Transport};
use stream_model::BoxError;

/// The code of a close frame that gives none (RFC 6455 section 7.1.5).
const NO_STATUS: u16 = 1005;

/// A WebSocket that axum has accepted, for a
/// [`WebSocketStream`](stream_async::WebSocketStream).
///
/// # Examples
///
/// ```
/// use axum::extract::{Path, State, WebSocketUpgrade};
/// use axum::response::Response;
/// use stream_async::WebSocketStream;
/// use stream_http::AxumSocket;
///
/// async fn connect(
///     Path(client): Path<String>,
///     State(stream): State<WebSocketStream>,
///     upgrade: WebSocketUpgrade,
/// ) -> Response {
///     upgrade.on_upgrade(async move |socket| {
///         // A client that is refused is dropped.
///         stream.connect(&client, AxumSocket::new(socket)).ok();
///     })
/// }
/// # let _: axum::Router<WebSocketStream> =
/// #     axum::Router::new().route("/{client}", axum::routing::any(connect));
/// ```
#[derive(Debug)]
pub struct AxumSocket(WebSocket);

impl AxumSocket {
    /// The transport of a connection.
    pub fn new(socket: WebSocket) -> Self {
        Self(socket)
    }
}

impl Transport for AxumSocket {
    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame, BoxError>>> {
        let received = Pin::new(&mut self.0).poll_next(cx);
        received.map(|message| message.map(|message| Ok(frame(message?))))
    }

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Pin::new(&mut self.0).poll_ready(cx).map_err(Into::into)
    }

    fn start_send(&mut self, frame: Frame) -> Result<(), BoxError> {
        let message = message(frame).ok_or("a frame of an unknown kind")?;
        Pin::new(&mut self.0).start_send(message).map_err(Error::into_inner)
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Pin::new(&mut self.0).poll_flush(cx).map_err(Into::into)
    }
}

fn frame(message: Message) -> Frame {
    match message {
        Message::Text(text) => Frame::Text(text.as_str().into()),
        Message::Binary(bytes) => Frame::Binary(bytes.as_ref().into()),
        Message::Ping(_) => Frame::Ping,
        Message::Pong(_) => Frame::Pong,
        Message::Close(None) => Frame::Close { code: NO_STATUS, reason: String::new() },
        Message::Close(Some(close)) => {
            Frame::Close { code: close.code, reason: close.reason.as_str().to_owned() }
        }
    }
}

fn message(frame: Frame) -> Option<Message> {
    Some(match frame {
        Frame::Text(text) => Message::text(&*text),
        Frame::Binary(bytes) => Message::binary(bytes.to_vec()),
        Frame::Ping => Message::Ping(Vec::new().into()),
        Frame::Pong => Message::Pong(Vec::new().into()),
        Frame::Close { code: NO_STATUS, .. } => Message::Close(None),
        Frame::Close { code, reason } => {
            Message::Close(Some(CloseFrame { code, reason: reason.into() }))
        }
        _ => return None,
    })
}
