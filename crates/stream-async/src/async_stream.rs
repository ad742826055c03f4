//! A stream whose publishers wait for its subscribers.
//!
//! # Backpressure
//!
//! A subscriber may ask what happens when it does not keep up ([`Overflow`]); publishers wait for
//! it unless it says otherwise.
//! Such a one may lie its own queue and the stream's buffer behind, and then publishers wait, at
//! most [`AsyncStreamOptions::publish_timeout`]; after that they are told so
//! ([`PublishError::TimedOut`]), and the event was published to nobody.
//! Without backpressure nobody waits: a subscriber that does not keep up is told what it missed.
//!
//! # Start and stop
//!
//! Until [`AsyncStream::start`] events are held back, as many as the buffer has room for.
//! [`AsyncStream::stop`] refuses further events, gives subscribers what was published before, and
//! ends them; it is final.
//!
//! # Silence
//!
//! [`AsyncStream::consume`] gives a heartbeat after each 30 s without an event.
//!
//! # Drop
//!
//! When the last handle is gone, readers get what was delivered before, and then the end; events
//! that were held back are dropped, and asynchronous handlers aborted.

mod consumer;
mod gate;
mod options;

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use parking_lot::Mutex;
use stream_core::limits::QUEUE_EVENTS_MAX;
use stream_core::{
    Capacity, Hub, Overflow, PublishError, Receipt, Refused, Stream, Subscribe, SubscribeError,
    Subscribers,
};
use stream_model::{Epoch, Event, Offset, StreamPosition, Subscription, SubscriptionId, now};
use tokio::sync::Notify;
use tokio::time::timeout;

pub use self::consumer::Consumer;
use self::gate::{Gate, Offered, Turn};
pub use self::options::{AsyncStreamOptions, BufferError};
use crate::limits::HELD_EVENTS_MAX;

/// A [`Stream`] with backpressure, which is started and stopped.
///
/// A clone is another handle to the same stream.
///
/// # Examples
///
/// ```
/// use futures_util::StreamExt as _;
/// use stream_async::AsyncStream;
/// use stream_core::{Stream, Subscribe};
/// use stream_model::Event;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let stream = AsyncStream::new();
/// let mut events = stream.consume(stream.subscribe(Subscribe::all()).await?);
/// stream.publish(Event::text("held back")).await?;
/// stream.start();
/// stream.stop().await;
/// let event = events.next().await.expect("an event is left")?;
/// assert_eq!(event.data().as_str(), Some("held back"));
/// assert!(events.next().await.is_none());
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct AsyncStream(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    gate: Mutex<Gate<Event>>,
    /// Told when the gate opens or closes.
    turned: Notify,
    hub: Hub<Event>,
    subscribers: Subscribers,
    epoch: Epoch,
    options: AsyncStreamOptions,
    published: AtomicU64,
    timed_out: AtomicU64,
}

/// What happened to a stream's events so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct AsyncStreamCounts {
    /// Events that were taken, those that are held back among them.
    pub published: u64,
    /// Events that are held back until the stream starts.
    pub held: usize,
    /// Events that were not published, since there was no room in time.
    pub timed_out: u64,
}

impl AsyncStream {
    /// A stream with the default options, not started.
    pub fn new() -> Self {
        Self::make(AsyncStreamOptions::default())
    }

    /// A stream that behaves as `options` say, not started.
    ///
    /// # Errors
    /// [`BufferError`] if a buffer holds nothing, or too much.
    pub fn with_options(options: AsyncStreamOptions) -> Result<Self, BufferError> {
        options.checked().map(Self::make)
    }

    fn make(options: AsyncStreamOptions) -> Self {
        let held = if options.backpressure { options.buffer } else { HELD_EVENTS_MAX };
        Self(Arc::new(Inner {
            gate: Mutex::new(Gate::new(held)),
            turned: Notify::new(),
            hub: Hub::new(Capacity::items(options.buffer)),
            subscribers: Subscribers::default(),
            epoch: now::new_epoch(),
            options,
            published: AtomicU64::new(0),
            timed_out: AtomicU64::new(0),
        }))
    }

    /// Lets events go to subscribers, those that were held back first; returns whether this call
    /// did it, which is the case once and not after [`stop`](Self::stop).
    pub fn start(&self) -> bool {
        let opened = self.0.gate.lock().open();
        self.turn();
        opened
    }

    /// Whether it was started, and not stopped.
    pub fn is_started(&self) -> bool {
        self.0.gate.lock().is_open()
    }

    /// Takes no more events, gives subscribers those that were published, also if the stream was
    /// never started, ends them, and waits until asynchronous handlers are done.
    ///
    /// Not to be waited for by such a handler, which would wait for itself.
    ///
    /// # Cancel safety
    /// The stream is stopped in any case; asynchronous handlers that are not done are aborted.
    pub async fn stop(&self) {
        self.0.gate.lock().close();
        self.turn();
        loop {
            let mut turned = pin!(self.0.turned.notified());
            turned.as_mut().enable();
            if self.0.gate.lock().is_closed() {
                break;
            }
            turned.await;
        }
        self.0.subscribers.finished().await;
    }

    /// Reads a subscription of this stream with heartbeats.
    pub fn consume(&self, subscription: Subscription) -> Consumer {
        Consumer::new(subscription, self.0.options.heartbeat)
    }

    /// How many subscriptions there are.
    pub fn subscriptions(&self) -> usize {
        self.0.subscribers.len()
    }

    /// What happened to events so far; what a subscriber missed, its subscription counts.
    pub fn counts(&self) -> AsyncStreamCounts {
        AsyncStreamCounts {
            published: self.0.published.load(Ordering::Relaxed),
            held: self.0.gate.lock().held(),
            timed_out: self.0.timed_out.load(Ordering::Relaxed),
        }
    }

    /// Publishes without waiting.
    ///
    /// # Errors
    /// [`PublishError::Full`] where [`publish`](Stream::publish) would wait, and
    /// [`PublishError::Closed`].
    pub fn try_publish(&self, event: Event) -> Result<Receipt, PublishError> {
        match self.offer(event) {
            Ok(number) => Ok(self.receipt(number)),
            Err(Refused::Full(_)) => Err(PublishError::Full),
            Err(_) => Err(PublishError::Closed),
        }
    }

    /// Does what is to be done at the gate, unless somebody is at it, who then does.
    fn turn(&self) {
        if !self.0.gate.lock().take_turn() {
            return;
        }
        loop {
            // The lock goes before the events do: a handler may call anything.
            let turn = self.0.gate.lock().next();
            match turn {
                Turn::Deliver(events) => {
                    let weighed = events.into_iter().map(|event| {
                        let weight = weight(&event);
                        (event, weight)
                    });
                    self.0.hub.publish_all(weighed);
                }
                Turn::Opened => break,
                Turn::Closed => {
                    self.0.hub.close();
                    self.0.subscribers.cancel_all();
                    break;
                }
            }
        }
        self.0.turned.notify_waiters();
    }

    /// Publishes if there is room, and gives the event back if not.
    fn offer(&self, event: Event) -> Result<u64, Refused<Event>> {
        let offered = self.0.gate.lock().offer(event);
        let number = match offered {
            Offered::Held(number) => number,
            Offered::Full(event) => return Err(Refused::Full(event)),
            Offered::Closed(event) => return Err(Refused::Closed(event)),
            Offered::Pass(event) => self.pass(event)?,
        };
        self.0.published.fetch_add(1, Ordering::Relaxed);
        Ok(number)
    }

    fn pass(&self, event: Event) -> Result<u64, Refused<Event>> {
        let weight = weight(&event);
        match self.0.hub.try_publish(event, weight) {
            Err(Refused::Full(event)) if !self.0.options.backpressure => {
                Ok(self.0.hub.publish(event, weight))
            }
            done => done,
        }
    }

    /// Publishes as soon as there is room.
    async fn publish_later(&self, mut event: Event) -> Result<u64, PublishError> {
        loop {
            let mut turned = pin!(self.0.turned.notified());
            turned.as_mut().enable();
            match self.offer(event) {
                Ok(number) => return Ok(number),
                Err(Refused::Full(back)) => event = back,
                Err(_) => return Err(PublishError::Closed),
            }
            if self.is_started() {
                let weight = weight(&event);
                let sent = self.0.hub.send(event, weight).await;
                self.0.published.fetch_add(u64::from(sent.is_ok()), Ordering::Relaxed);
                return sent.map_err(|_| PublishError::Closed);
            }
            turned.await;
        }
    }

    fn receipt(&self, number: u64) -> Receipt {
        Receipt::new(StreamPosition { epoch: self.0.epoch, offset: Offset::new(number) })
    }

    /// The request, with what the subscriber left to the stream.
    fn completed(&self, request: Subscribe) -> Subscribe {
        let options = &self.0.options;
        let overflow = if options.backpressure { Overflow::Wait } else { Overflow::DropOldest };
        let request = request.or_queue(options.subscriber_buffer).or_overflow(overflow);
        match request.bounds() {
            // The stream's buffer lies before the subscriber's own.
            (Some(events @ 1..=QUEUE_EVENTS_MAX), Some(Overflow::Wait)) => {
                request.queue(events.saturating_add(options.buffer).min(QUEUE_EVENTS_MAX))
            }
            _ => request,
        }
    }
}

fn weight(event: &Event) -> usize {
    event.data().as_bytes().len()
}

#[async_trait]
impl Stream for AsyncStream {
    async fn publish(&self, event: Event) -> Result<Receipt, PublishError> {
        let event = match self.offer(event) {
            Ok(number) => return Ok(self.receipt(number)),
            Err(Refused::Full(event)) => event,
            Err(_) => return Err(PublishError::Closed),
        };
        if !self.0.options.backpressure {
            return Err(PublishError::Full);
        }
        // A timer only for those who wait.
        let after = self.0.options.publish_timeout;
        match timeout(after, self.publish_later(event)).await {
            Ok(done) => done.map(|number| self.receipt(number)),
            Err(_) => {
                self.0.timed_out.fetch_add(1, Ordering::Relaxed);
                Err(PublishError::TimedOut { after })
            }
        }
    }

    async fn subscribe(&self, request: Subscribe) -> Result<Subscription, SubscribeError> {
        if self.0.hub.is_closed() {
            return Err(SubscribeError::Closed);
        }
        let from = self.0.hub.recall(request.replayed().min(self.0.options.buffer));
        self.0.subscribers.join(&self.0.hub, from, self.completed(request))
    }

    async fn unsubscribe(&self, id: SubscriptionId) -> bool {
        self.0.subscribers.cancel(id)
    }
}

impl Default for AsyncStream {
    fn default() -> Self {
        Self::new()
    }
}
