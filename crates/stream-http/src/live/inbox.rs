//! What other threads tell a shard.

use std::net::TcpStream;
use std::sync::Arc;
use std::task::Wake;

use parking_lot::Mutex;
use tokio::sync::OwnedSemaphorePermit;

use super::seat::Seat;
use super::source::Page;
use crate::slots::Slot;

/// What is told.
pub(super) enum Message {
    /// A reader comes, whose greeting was written.
    Join(TcpStream, Slot, Box<Seat>),
    /// A log has something new.
    Due(Crowd),
    /// A page was read.
    Page(Asked, Page, OwnedSemaphorePermit),
    /// The server goes down: readers get what there is, and a last word.
    Drain,
    /// No more readers will come.
    Close,
    /// Every connection is cut.
    Cut,
}

/// The readers of one log in one shard; another number whenever there are none in between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Crowd {
    pub(super) key: usize,
    pub(super) number: u64,
}

/// Which page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) crowd: Crowd,
    pub(super) from: u64,
    pub(super) until: Option<u64>,
}

/// The messages that a shard did not look at yet.
#[derive(Debug)]
pub(super) struct Inbox {
    messages: Mutex<Vec<Message>>,
    waker: mio::Waker,
}

impl Inbox {
    pub(super) fn new(waker: mio::Waker) -> Self {
        Self { messages: Mutex::default(), waker }
    }

    /// Leaves a message; only the first one since the shard looked wakes it.
    pub(super) fn put(&self, message: Message) {
        let was_empty = {
            let messages = &mut *self.messages.lock();
            messages.push(message);
            messages.len() == 1
        };
        if was_empty && let Err(error) = self.waker.wake() {
            tracing::error!(%error, "cannot wake a shard");
        }
    }

    /// Takes all messages.
    pub(super) fn take(&self) -> Vec<Message> {
        std::mem::take(&mut self.messages.lock())
    }
}

/// Tells a shard that a log has something new.
pub(super) struct Bell {
    pub(super) inbox: Arc<Inbox>,
    pub(super) crowd: Crowd,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.inbox.put(Message::Due(self.crowd));
    }
}

impl std::fmt::Debug for Message {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Join(..) => "Join",
            Self::Due(_) => "Due",
            Self::Page(..) => "Page",
            Self::Drain => "Drain",
            Self::Close => "Close",
            Self::Cut => "Cut",
        })
    }
}
