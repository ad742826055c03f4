//! Events to many SSE connections: publish once, write the same frame to all.
//!
//! # Overload
//!
//! A subscriber's queue is a place in a ring that all of them share, with a bound of its own:
//! [`SseStreamOptions::capacity`] events unless it asks for another.
//! One that falls behind is told how many events it missed ([`SseDelivery::Lagged`], a frame named
//! `lagged`) and goes on with the oldest that is left, unless it asked for another
//! [`Overflow`](stream_core::Overflow); its subscription counts them.
//!
//! # Resume
//!
//! A subscriber that names the id of the last event it has gets what came after it, as long as
//! the ring holds it.
//! If the ring does not, the subscriber is told so first, and starts with the oldest event.
//!
//! # Silence
//!
//! After [`SseStreamOptions::heartbeat`] without an event the subscriber gets a heartbeat.
//! It has no id, so it never moves the place where a client resumes.
//!
//! # Closing
//!
//! [`Stream::unsubscribe`], [`SubscriptionHandle::cancel`] and [`SseStream::close`] wake a waiting
//! consumer; it still gets what was published before, and then the end.
//! Dropping the last handle of the stream closes it; dropping a subscription cancels it.
//!
//! [`SubscriptionHandle::cancel`]: stream_model::SubscriptionHandle::cancel

mod delivery;
mod options;
mod subscription;

use std::sync::Arc;

use async_trait::async_trait;
use stream_core::{
    Capacity, Hub, PublishError, Receipt, Refused, Stream, Subscribe, SubscribeError, Subscribers,
    TryNext,
};
use stream_model::{Epoch, Event, Offset, StreamPosition, Subscription, SubscriptionId, now};

use self::delivery::Published;
pub use self::delivery::SseDelivery;
pub use self::options::SseStreamOptions;
pub use self::subscription::{SseEvents, SseFrames, SseSubscription};

/// A [`Stream`] whose subscribers read server-sent events.
///
/// [`open`](Self::open) gives a subscriber with heartbeats, as events or frames; whoever
/// [subscribes](Stream::subscribe) as to any stream gets the events alone.
/// A clone is another handle to the same stream.
///
/// # Examples
///
/// ```
/// use futures_util::StreamExt as _;
/// use stream_core::{Stream, Subscribe};
/// use stream_model::Event;
/// use stream_sse::SseStream;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let stream = SseStream::default();
/// let mut frames = stream.open(Subscribe::all())?.frames();
/// let event = Event::json(r#"{"n":1}"#)?;
/// let id = event.id().to_string();
/// stream.publish(event).await?;
/// let frame = frames.next().await.expect("the stream is open");
/// assert_eq!(frame, format!("id: {id}\nevent: message\ndata: {{\"n\":1}}\n\n"));
/// # Ok(())
/// # }
/// ```
#[doc(alias = "SSEStream")]
#[derive(Debug, Clone)]
pub struct SseStream(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    hub: Hub<Published>,
    subscribers: Subscribers,
    epoch: Epoch,
    options: SseStreamOptions,
}

impl SseStream {
    /// A stream without events or subscribers.
    pub fn new(options: SseStreamOptions) -> Self {
        Self(Arc::new(Inner {
            hub: Hub::new(Capacity::items(options.capacity)),
            subscribers: Subscribers::default(),
            epoch: now::new_epoch(),
            options,
        }))
    }

    /// Publishes an event to everybody whose subscription takes it; never waits.
    ///
    /// Its frame is made once, when the first subscriber asks for it.
    ///
    /// # Errors
    /// [`PublishError::Full`] where [`publish`](Stream::publish) would wait, and
    /// [`PublishError::Closed`].
    pub fn try_publish(&self, event: Event) -> Result<Receipt, PublishError> {
        let weight = event.data().as_bytes().len();
        match self.0.hub.try_publish(Published::new(event), weight) {
            Ok(number) => Ok(self.receipt(number)),
            Err(Refused::Full(_)) => Err(PublishError::Full),
            Err(_) => Err(PublishError::Closed),
        }
    }

    /// A subscription to be read as events or as frames, with heartbeats; a handler is called
    /// besides.
    ///
    /// # Errors
    /// As [`Stream::subscribe`].
    pub fn open(&self, request: Subscribe) -> Result<SseSubscription, SubscribeError> {
        let from = self.replayed(&request);
        self.open_at(from, false, request)
    }

    /// As [`open`](Self::open), from behind the event with the id `last_event_id`.
    ///
    /// # Errors
    /// As [`Stream::subscribe`].
    pub fn resume(
        &self,
        request: Subscribe,
        last_event_id: &str,
    ) -> Result<SseSubscription, SubscribeError> {
        match self.position_behind(last_event_id) {
            Some(position) => self.open_at(position, false, request),
            None => self.open_at(self.0.hub.first(), true, request),
        }
    }

    fn open_at(
        &self,
        from: u64,
        lost: bool,
        request: Subscribe,
    ) -> Result<SseSubscription, SubscribeError> {
        let request = self.checked(request)?;
        let joined = self.0.subscribers.open(&self.0.hub, from, request)?;
        Ok(SseSubscription::new(joined, self.0.options.heartbeat, lost))
    }

    /// Where to go on behind the newest event with this id, if the ring holds it.
    fn position_behind(&self, id: &str) -> Option<u64> {
        let mut cursor = self.0.hub.cursor_at(self.0.hub.first());
        let mut found = None;
        loop {
            match cursor.try_next() {
                TryNext::Item(published) if published.id() == id => {
                    found = Some(cursor.position());
                }
                TryNext::Item(_) | TryNext::Lagged { .. } => {}
                TryNext::Empty | TryNext::Closed => return found,
            }
        }
    }

    /// How many subscriptions there are.
    pub fn subscriptions(&self) -> usize {
        self.0.subscribers.len()
    }

    /// Ends every subscription once it has read what was published, takes no more events, and
    /// waits until asynchronous handlers have had what was published before.
    ///
    /// Not to be waited for by such a handler, which would wait for itself.
    ///
    /// # Cancel safety
    /// The stream is closed in any case; asynchronous handlers that are not done are aborted.
    pub async fn close(&self) {
        self.0.hub.close();
        self.0.subscribers.cancel_all();
        self.0.subscribers.finished().await;
    }

    /// The request with this stream's bounds.
    fn checked(&self, request: Subscribe) -> Result<Subscribe, SubscribeError> {
        if self.0.hub.is_closed() {
            return Err(SubscribeError::Closed);
        }
        Ok(request.or_queue(self.0.options.capacity))
    }

    fn replayed(&self, request: &Subscribe) -> u64 {
        self.0.hub.recall(request.replayed().min(self.0.options.capacity))
    }

    fn receipt(&self, number: u64) -> Receipt {
        Receipt::new(StreamPosition { epoch: self.0.epoch, offset: Offset::new(number) })
    }
}

/// `publish` waits only for subscribers that asked for it
/// ([`Overflow::Wait`](stream_core::Overflow)), and for handlers that lie very far behind.
#[async_trait]
impl Stream for SseStream {
    async fn publish(&self, event: Event) -> Result<Receipt, PublishError> {
        let weight = event.data().as_bytes().len();
        let sent = self.0.hub.send(Published::new(event), weight).await;
        sent.map(|number| self.receipt(number)).map_err(|_| PublishError::Closed)
    }

    async fn subscribe(&self, request: Subscribe) -> Result<Subscription, SubscribeError> {
        let from = self.replayed(&request);
        self.0.subscribers.join(&self.0.hub, from, self.checked(request)?)
    }

    async fn unsubscribe(&self, id: SubscriptionId) -> bool {
        self.0.subscribers.cancel(id)
    }
}

/// A stream with the default options.
impl Default for SseStream {
    fn default() -> Self {
        Self::new(SseStreamOptions::default())
    }
}
