//! Moves one client's frames both ways, and decides nothing.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::task::{Context, Poll, ready};

use stream_core::{EventQueue, Hub};
use stream_model::BoxError;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, Sleep};

use super::published::Published;
use super::{ClientMessage, Frame, Peer, PeerOutput, Transport};

/// Frames that are read, or written, before the other side has its turn.
const FRAMES_AT_ONCE: usize = 32;

/// The close code of a client that is too slow: it may come back later (IANA, 1013).
const TRY_AGAIN_LATER: u16 = 1013;

/// A message to one client alone.
pub(super) struct Direct {
    pub(super) text: Arc<str>,
    /// Told when the message went to the network; dropped if it did not.
    pub(super) sent: oneshot::Sender<()>,
}

/// How a connection ended.
#[derive(Debug)]
pub(super) enum End {
    /// By us: the last frame was written.
    Closed,
    /// By the client.
    Left,
    /// The client neither answered nor took what was written.
    Dead,
    /// The transport failed.
    Failed(BoxError),
}

pub(super) struct Pump<T> {
    pub(super) client_id: Arc<str>,
    pub(super) transport: T,
    pub(super) events: EventQueue<Published>,
    pub(super) direct: mpsc::Receiver<Direct>,
    pub(super) incoming: Hub<ClientMessage>,
    /// The code that the last frame has if this side ends the connection.
    pub(super) close_code: Arc<AtomicU16>,
    pub(super) peer: Peer,
    pub(super) sleep: Pin<Box<Sleep>>,
    pub(super) state: State,
}

/// How far a connection has come.
#[derive(Default, PartialEq, Eq)]
enum Stage {
    #[default]
    Open,
    /// Our last frame was written.
    Closed,
    /// The client's last frame was read; the transport may owe it an answer.
    Left,
}

/// What is under way.
#[derive(Default)]
pub(super) struct State {
    /// A message from the client that its handlers have no room for yet.
    receiving: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    ping: bool,
    unflushed: bool,
    stage: Stage,
    /// Those who wait for the flush.
    sent: Vec<oneshot::Sender<()>>,
}

impl<T: Transport> Pump<T> {
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<End> {
        loop {
            if let Poll::Ready(end) = self.poll_receive(cx) {
                return Poll::Ready(end);
            }
            let sent = match self.state.stage {
                Stage::Left => self.poll_leave(cx),
                Stage::Open | Stage::Closed => self.poll_send(cx),
            };
            if let Poll::Ready(end) = sent {
                return Poll::Ready(end);
            }
            match ready!(self.poll_timer(cx)) {
                Some(PeerOutput::Dead) => return Poll::Ready(End::Dead),
                Some(PeerOutput::Ping) => self.state.ping = true,
                None => {}
            }
        }
    }

    /// Reads what is there; ready at the end.
    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<End> {
        for _ in 0..FRAMES_AT_ONCE {
            if self.state.stage == Stage::Left {
                return Poll::Pending;
            }
            if let Some(receiving) = &mut self.state.receiving {
                ready!(receiving.as_mut().poll(cx));
                self.state.receiving = None;
            }
            let frame = match ready!(self.transport.poll_receive(cx)) {
                None => return Poll::Ready(End::Left),
                Some(Err(error)) => return Poll::Ready(End::Failed(error)),
                Some(Ok(frame)) => frame,
            };
            self.peer.handle_received(Instant::now().into_std());
            if matches!(frame, Frame::Close { .. }) {
                self.state.stage = Stage::Left;
            }
            if matches!(frame, Frame::Text(_) | Frame::Binary(_)) && !self.incoming.is_idle() {
                let client_id = Arc::clone(&self.client_id);
                let (hub, message) = (self.incoming.clone(), ClientMessage { client_id, frame });
                self.state.receiving = Some(Box::pin(async move {
                    // A hub that is closed has no handlers any more.
                    drop(hub.send(message, 1).await);
                }));
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Lets the transport answer the client's last frame; whatever goes wrong, it has left.
    fn poll_leave(&mut self, cx: &mut Context<'_>) -> Poll<End> {
        if self.transport.poll_flush(cx).is_pending() {
            self.peer.handle_blocked(Instant::now().into_std());
            return Poll::Pending;
        }
        Poll::Ready(End::Left)
    }

    /// Writes what is there, a few frames at a time, each time to the network; ready at the end.
    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<End> {
        loop {
            if let Err(error) = ready!(self.poll_flush(cx)) {
                return Poll::Ready(End::Failed(error));
            }
            if self.state.stage == Stage::Closed {
                return Poll::Ready(End::Closed);
            }
            let written = ready!(self.poll_write(cx));
            if let Err(error) = written {
                return Poll::Ready(End::Failed(error));
            }
        }
    }

    /// Begins to send at least one frame, and a few if there are.
    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        for _ in 0..FRAMES_AT_ONCE {
            if self.transport.poll_ready(cx)?.is_pending() {
                self.peer.handle_blocked(Instant::now().into_std());
                break;
            }
            let Poll::Ready(frame) = self.poll_frame(cx) else { break };
            let is_last = matches!(frame, Frame::Close { .. });
            self.transport.start_send(frame)?;
            self.state.unflushed = true;
            if is_last {
                self.state.stage = Stage::Closed;
                break;
            }
        }
        if self.state.unflushed { Poll::Ready(Ok(())) } else { Poll::Pending }
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        if !self.state.unflushed {
            return Poll::Ready(Ok(()));
        }
        if self.transport.poll_flush(cx)?.is_pending() {
            self.peer.handle_blocked(Instant::now().into_std());
            return Poll::Pending;
        }
        self.peer.handle_written();
        self.state.unflushed = false;
        for sent in self.state.sent.drain(..) {
            // Whoever waited may have given up.
            let _given_up = sent.send(());
        }
        Poll::Ready(Ok(()))
    }

    /// The next frame to write: pings first, then messages to this client alone, then events.
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Frame> {
        if std::mem::take(&mut self.state.ping) {
            return Poll::Ready(Frame::Ping);
        }
        if let Poll::Ready(Some(Direct { text, sent })) = self.direct.poll_recv(cx) {
            self.state.sent.push(sent);
            return Poll::Ready(Frame::Text(text));
        }
        loop {
            match ready!(self.events.poll_next(cx)) {
                Some(Ok(published)) => {
                    if let Some(text) = published.text() {
                        return Poll::Ready(Frame::Text(text));
                    }
                }
                // If this ends the subscription, the end says why.
                Some(Err(_)) => self.close_code.store(TRY_AGAIN_LATER, Ordering::Relaxed),
                None => {
                    let code = self.close_code.load(Ordering::Relaxed);
                    return Poll::Ready(Frame::Close { code, reason: String::new() });
                }
            }
        }
    }

    /// Waits until the peer is due for something.
    fn poll_timer(&mut self, cx: &mut Context<'_>) -> Poll<Option<PeerOutput>> {
        let Some(timeout) = self.peer.poll_timeout() else { return Poll::Pending };
        let timeout = Instant::from_std(timeout);
        if self.sleep.deadline() != timeout {
            self.sleep.as_mut().reset(timeout);
        }
        ready!(self.sleep.as_mut().poll(cx));
        self.peer.handle_timeout(Instant::now().into_std());
        Poll::Ready(self.peer.poll_output())
    }
}
