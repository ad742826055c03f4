//! Where the events of a subscription wait.

use std::task::{Context, Poll};

use stream_model::{Event, EventSource, Lagged, SubscriptionHandle};

use super::Release;
use super::mailbox::{self, Reader};
use super::queue::{self, HubQueue};
use crate::subscribe::{Overflow, Queue};
use crate::{Carrier, Hub};

/// A subscription's events as its hub carries them, for a stream that makes more of them.
pub struct EventQueue<C> {
    handle: SubscriptionHandle,
    source: Source<C>,
}

enum Source<C> {
    Place(HubQueue<C>),
    Mailbox(Reader<C>),
}

impl<C: Carrier> EventQueue<C> {
    /// Lets the events of `hub` wait as `queue` says; the second ends that.
    pub(super) fn open(
        hub: &Hub<C>,
        from: u64,
        queue: Queue,
        handle: &SubscriptionHandle,
    ) -> (Self, Release) {
        let (source, release) = match queue.overflow {
            Overflow::DropNewest => {
                let (reader, release) = mailbox::open(hub, from, queue.events, handle);
                (Source::Mailbox(reader), release)
            }
            Overflow::DropOldest | Overflow::Wait | Overflow::Disconnect => {
                let (place, release) = queue::open(hub, from, queue, handle);
                (Source::Place(place), release)
            }
        };
        (Self { handle: handle.clone(), source }, release)
    }

    /// The next event, or how many were missed before it, which the subscription counts; `None` at
    /// the end, and ever after.
    ///
    /// # Cancel safety
    /// An event that was returned is gone from the queue, and no other.
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<C, Lagged>>> {
        let next = self.poll_uncounted(cx);
        if let Poll::Ready(Some(Err(Lagged { missed }))) = next {
            self.handle.count_missed(missed);
        }
        next
    }

    fn poll_uncounted(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<C, Lagged>>> {
        match &mut self.source {
            Source::Place(place) => place.poll_next(cx),
            Source::Mailbox(reader) => reader.poll_next(cx),
        }
    }
}

/// What is missed is counted by the one who reads.
impl<C: Carrier> EventSource for EventQueue<C> {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Event, Lagged>>> {
        self.poll_uncounted(cx).map(|next| next.map(|event| event.map(Into::into)))
    }
}

impl<C> std::fmt::Debug for EventQueue<C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EventQueue")
            .field("subscription", &self.handle.id())
            .finish_non_exhaustive()
    }
}
