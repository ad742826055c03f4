//! A connection that a test holds the other side of.

use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use stream_async::{Frame, Transport};
use stream_model::BoxError;
use tokio::sync::mpsc;

/// The stream's side.
#[derive(Debug)]
pub(crate) struct Socket {
    said: mpsc::UnboundedReceiver<Frame>,
    shared: Arc<Mutex<Shared>>,
}

/// The client's side; dropping it ends the connection.
#[derive(Debug)]
pub(crate) struct Client {
    say: mpsc::UnboundedSender<Frame>,
    shared: Arc<Mutex<Shared>>,
}

#[derive(Debug, Default)]
struct Shared {
    sent: Vec<Frame>,
    /// Whether what is written stays where it is.
    blocked: bool,
    fails: bool,
    waker: Option<Waker>,
}

pub(crate) fn socket() -> (Socket, Client) {
    let (say, said) = mpsc::unbounded_channel();
    let shared = Arc::default();
    (Socket { said, shared: Arc::clone(&shared) }, Client { say, shared })
}

impl Client {
    pub(crate) fn say(&self, frame: Frame) {
        // The stream may have gone by now.
        let _gone = self.say.send(frame);
    }

    /// What was sent since last asked: the data of events, and the names of other frames.
    pub(crate) fn sent(&self) -> Vec<String> {
        let sent = std::mem::take(&mut self.shared.lock().unwrap().sent);
        sent.iter().map(text).collect()
    }

    /// Whether the stream has let go of its side.
    pub(crate) fn is_abandoned(&self) -> bool {
        self.say.is_closed()
    }

    pub(crate) fn block(&self, blocked: bool) {
        let mut shared = self.shared.lock().unwrap();
        shared.blocked = blocked;
        if let Some(waker) = shared.waker.take() {
            waker.wake();
        }
    }

    pub(crate) fn fail(&self) {
        self.shared.lock().unwrap().fails = true;
    }
}

fn text(frame: &Frame) -> String {
    match frame {
        Frame::Text(text) => {
            let dict: serde_json::Value = serde_json::from_str(text).unwrap();
            dict["data"].to_string()
        }
        Frame::Close { code, .. } => format!("close {code}"),
        other => format!("{other:?}").to_lowercase(),
    }
}

impl Transport for Socket {
    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame, BoxError>>> {
        self.said.poll_recv(cx).map(|frame| frame.map(Ok))
    }

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn start_send(&mut self, frame: Frame) -> Result<(), BoxError> {
        let mut shared = self.shared.lock().unwrap();
        if shared.fails {
            return Err("broken pipe".into());
        }
        shared.sent.push(frame);
        Ok(())
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        let mut shared = self.shared.lock().unwrap();
        if shared.blocked {
            shared.waker = Some(cx.waker().clone());
            return Poll::Pending;
        }
        Poll::Ready(Ok(()))
    }
}
