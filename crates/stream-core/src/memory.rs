//! A stream in memory.
//!
//! # Limits
//!
//! It remembers the newest [`RECENT_EVENTS`](crate::limits::RECENT_EVENTS), or as many as it is
//! told, and forgets the oldest first.
//! A queue holds at most what its subscriber asked for, up to
//! [`QUEUE_EVENTS_MAX`](crate::limits::QUEUE_EVENTS_MAX).
//!
//! # Lag
//!
//! A subscriber's queue is a place among the events of the stream, whose number counts, whether
//! the subscriber selects them or not; only [`Overflow::DropNewest`] has a queue of its own.
//! When too much waits, [`Overflow`] says what happens, and the subscriber is told.
//! A handler that is not asynchronous has no queue: it is called by whoever publishes, so one that
//! is slow slows publishers, and no other subscriber misses anything for it.
//!
//! # Closing
//!
//! [`InMemoryStream::close`] ends every subscription, and waits until asynchronous handlers have
//! had what was published before.
//! Nothing is published after it.
//!
//! # Drop
//!
//! When the last handle is gone, readers get what was published before, and then the end;
//! asynchronous handlers are aborted, so who cares for them closes first.
//!
//! [`Overflow`]: crate::Overflow
//! [`Overflow::DropNewest`]: crate::Overflow::DropNewest

use std::sync::Arc;

use async_trait::async_trait;
use stream_model::{Epoch, Event, Offset, StreamPosition, Subscription, SubscriptionId, now};

use crate::limits::RECENT_EVENTS;
use crate::{
    Capacity, Cursor, Hub, PublishError, Receipt, Refused, Stream, Subscribe, SubscribeError,
    Subscribers,
};

/// A [`Stream`] that lives in memory and remembers its newest events.
///
/// A clone is another handle to the same stream.
///
/// # Examples
///
/// ```
/// use stream_core::{InMemoryStream, Stream, Subscribe};
/// use stream_model::Event;
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let stream = InMemoryStream::new();
/// let subscription = stream
///     .subscribe(Subscribe::all().async_handler(async |event: Event| println!("{event:?}")))
///     .await?;
/// stream.publish(Event::serialize(&("alice", 7))?).await?;
/// assert_eq!(stream.recent(10).len(), 1);
/// // The handler has had the event when this returns.
/// stream.close().await;
/// assert!(!subscription.is_active());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct InMemoryStream(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    hub: Hub<Event>,
    subscribers: Subscribers,
    epoch: Epoch,
    remembered: usize,
}

impl InMemoryStream {
    /// A stream that remembers [`RECENT_EVENTS`].
    pub fn new() -> Self {
        Self::with_capacity(RECENT_EVENTS)
    }

    /// A stream that remembers `events`; with 0 it remembers none.
    pub fn with_capacity(events: usize) -> Self {
        Self(Arc::new(Inner {
            hub: Hub::new(Capacity::items(events)),
            subscribers: Subscribers::default(),
            epoch: now::new_epoch(),
            remembered: events,
        }))
    }

    /// Publishes without waiting.
    ///
    /// What a handler uses that is not asynchronous: the event comes after the one it is called
    /// for.
    ///
    /// # Errors
    /// [`PublishError::Full`] where [`publish`](Stream::publish) would wait, and
    /// [`PublishError::Closed`].
    pub fn try_publish(&self, event: Event) -> Result<Receipt, PublishError> {
        let weight = event.data().as_bytes().len();
        match self.hub().try_publish(event, weight) {
            Ok(number) => Ok(self.receipt(number)),
            Err(Refused::Full(_)) => Err(PublishError::Full),
            Err(Refused::Closed(_)) => Err(PublishError::Closed),
        }
    }

    /// The newest `count` events, oldest first, as they were at one instant.
    #[doc(alias = "get_recent_events")]
    pub fn recent(&self, count: usize) -> Vec<Event> {
        self.hub().recent(count.min(self.capacity()))
    }

    /// How many events it remembers at most.
    pub fn capacity(&self) -> usize {
        self.0.remembered
    }

    /// The position that the next event gets.
    pub fn tail(&self) -> StreamPosition {
        self.position(self.hub().next())
    }

    /// How many subscriptions there are.
    pub fn subscriptions(&self) -> usize {
        self.0.subscribers.len()
    }

    /// How often a handler failed or panicked.
    pub fn handler_failures(&self) -> u64 {
        self.hub().failures()
    }

    /// Reads events as they come without copying a pointer: the fastest way to many readers.
    pub fn cursor(&self) -> Cursor<Event> {
        self.hub().cursor()
    }

    /// Ends the stream and every subscription, and waits until asynchronous handlers have had what
    /// was published before.
    ///
    /// Not to be waited for by such a handler, which would wait for itself.
    ///
    /// # Cancel safety
    /// The stream is closed in any case; asynchronous handlers that are not done are aborted.
    pub async fn close(&self) {
        self.hub().close();
        self.0.subscribers.cancel_all();
        self.0.subscribers.finished().await;
    }

    /// Whether it was closed.
    pub fn is_closed(&self) -> bool {
        self.hub().is_closed()
    }

    fn hub(&self) -> &Hub<Event> {
        &self.0.hub
    }

    fn position(&self, number: u64) -> StreamPosition {
        StreamPosition { epoch: self.0.epoch, offset: Offset::new(number) }
    }

    fn receipt(&self, number: u64) -> Receipt {
        Receipt::new(self.position(number))
    }
}

/// `publish` waits only for subscribers that asked for it ([`Overflow::Wait`](crate::Overflow)),
/// and for handlers that lie very far behind.
#[async_trait]
impl Stream for InMemoryStream {
    async fn publish(&self, event: Event) -> Result<Receipt, PublishError> {
        let weight = event.data().as_bytes().len();
        let number = self.hub().send(event, weight).await.map_err(|_| PublishError::Closed)?;
        Ok(self.receipt(number))
    }

    async fn subscribe(&self, request: Subscribe) -> Result<Subscription, SubscribeError> {
        if self.is_closed() {
            return Err(SubscribeError::Closed);
        }
        let from = self.hub().recall(request.replayed().min(self.capacity()));
        self.0.subscribers.join(self.hub(), from, request)
    }

    async fn unsubscribe(&self, id: SubscriptionId) -> bool {
        self.0.subscribers.cancel(id)
    }
}

impl Default for InMemoryStream {
    fn default() -> Self {
        Self::new()
    }
}
