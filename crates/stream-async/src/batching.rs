//! Events in batches.
//!
//! # Order
//!
//! Batches go out in the order in which they were filled, each to every handler in the order in
//! which the handlers came, then event by event to the subscribers.
//!
//! # Limits
//!
//! A batch ends by count, by bytes, or by time ([`BatchOptions`]).
//! While [`BATCHES_WAITING`](crate::limits::BATCHES_WAITING) batches are on their way, whoever
//! adds waits.
//!
//! # Start and stop
//!
//! The time of batches begins with [`BatchingStream::start`]; count and bytes end a batch before
//! that, too.
//! [`BatchingStream::stop`] flushes the rest, ends subscriptions and handlers, and is final: an
//! event that comes later is refused.
//!
//! # Failures
//!
//! A handler that fails or panics is logged and counted, and harms neither whoever adds, nor the
//! other handlers, nor the ticks.
//!
//! # Drop
//!
//! When the last handle is gone the ticks end, and the events of the last batch are dropped; who
//! cares for them stops first.

mod batcher;
mod options;

use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use async_trait::async_trait;
use parking_lot::Mutex;
use stream_core::{
    Capacity, Failure, Hub, PublishError, Receipt, Stream, Subscribe, SubscribeError, Subscribers,
};
use stream_model::{Epoch, Event, Offset, StreamPosition, Subscription, SubscriptionId, now};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};
use tracing::warn;

pub use self::batcher::Batcher;
pub use self::options::{BatchOptions, Timing};
use crate::handlers::{ItemHandler, Joined, NoRuntime, Task};
use crate::limits::BATCHES_WAITING;

/// The events of a batch, which nobody can change; a clone is the same batch.
pub type Batch = Arc<[Event]>;

/// A [`Stream`] whose events go out in batches.
///
/// A clone is another handle to the same stream.
///
/// # Examples
///
/// ```
/// use stream_async::{Batch, BatchOptions, BatchingStream, ItemHandler};
/// use stream_model::Event;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let stream = BatchingStream::with_options(BatchOptions::default().events(2));
/// stream.on_batch(ItemHandler::new(|batch: &Batch| println!("{} events", batch.len())))?;
/// stream.start();
/// for word in ["one", "two", "three"] {
///     stream.add(Event::text(word)).await?;
/// }
/// assert_eq!(stream.pending().len(), 1);
/// stream.stop().await;
/// assert!(stream.pending().is_empty());
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct BatchingStream(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    state: Mutex<State>,
    /// Told when a batch went out.
    gone: Notify,
    /// Told when the time of the next tick has changed.
    timing: Arc<Notify>,
    batches: Hub<Batch>,
    events: Hub<Event>,
    handlers: Mutex<Vec<Joined<Batch>>>,
    subscribers: Subscribers,
    ticks: Mutex<Option<Task>>,
    failures: Arc<AtomicU64>,
    epoch: Epoch,
}

#[derive(Debug)]
struct State {
    batcher: Batcher<Event>,
    added: u64,
    stopped: bool,
    /// The batch that is on its way.
    delivery: Option<Delivery>,
    /// Whether somebody delivers; one at a time does.
    busy: bool,
}

/// A batch, and how far it has come: what is done stays done if whoever delivers gives up.
#[derive(Debug, Clone)]
struct Delivery {
    batch: Batch,
    /// 0 until the handlers have the batch; then one more than events that are out.
    steps: usize,
}

/// What whoever wants to deliver does next.
enum Turn {
    Deliver(Delivery),
    /// Somebody is at it, and far behind.
    Wait,
    Done,
}

impl State {
    fn turn(&mut self) -> Turn {
        if self.busy {
            let is_behind = self.batcher.outputs() >= BATCHES_WAITING;
            return if is_behind { Turn::Wait } else { Turn::Done };
        }
        if self.delivery.is_none() {
            let events = self.batcher.poll_output();
            self.delivery = events.map(|events| Delivery { batch: events.into(), steps: 0 });
        }
        let Some(delivery) = self.delivery.clone() else { return Turn::Done };
        self.busy = true;
        Turn::Deliver(delivery)
    }

    /// Whether nothing is on its way.
    fn is_quiet(&self) -> bool {
        !self.busy && self.delivery.is_none() && self.batcher.outputs() == 0
    }
}

impl BatchingStream {
    /// A stream with the default options, not started.
    pub fn new() -> Self {
        Self::with_options(BatchOptions::default())
    }

    /// A stream that batches as `options` say, not started.
    pub fn with_options(options: BatchOptions) -> Self {
        let (batcher, added) = (Batcher::new(options), 0);
        Self(Arc::new(Inner {
            state: Mutex::new(State {
                batcher,
                added,
                stopped: false,
                delivery: None,
                busy: false,
            }),
            gone: Notify::new(),
            timing: Arc::default(),
            batches: Hub::new(Capacity::items(1)),
            events: Hub::new(Capacity::items(1)),
            handlers: Mutex::default(),
            subscribers: Subscribers::default(),
            ticks: Mutex::default(),
            failures: Arc::default(),
            epoch: now::new_epoch(),
        }))
    }

    /// Gives `handler` every batch from now on.
    ///
    /// # Errors
    /// [`NoRuntime`] for an asynchronous handler outside of a tokio runtime.
    pub fn on_batch(&self, handler: ItemHandler<Batch>) -> Result<(), NoRuntime> {
        let failures = Arc::clone(&self.0.failures);
        let report = Arc::new(move |failure: &Failure, batch: &Batch| {
            failures.fetch_add(1, Ordering::Relaxed);
            warn!(%failure, events = batch.len(), "batch handler failed");
        });
        let joined = Joined::new(&self.0.batches, handler, report)?;
        self.0.handlers.lock().push(joined);
        Ok(())
    }

    /// Adds an event to the batch, and delivers the batch if that fills it.
    ///
    /// # Errors
    /// [`PublishError::Closed`] after [`stop`](Self::stop).
    ///
    /// # Cancel safety
    /// Once polled, the event is in the batch; what a dropped future leaves undelivered goes out
    /// with the next batch, or at the next tick.
    pub async fn add(&self, event: Event) -> Result<Receipt, PublishError> {
        let receipt = self.collect(event)?;
        self.deliver().await;
        Ok(receipt)
    }

    /// Delivers the batch as it is, if it has events.
    ///
    /// # Cancel safety
    /// As [`add`](Self::add).
    pub async fn flush(&self) {
        self.0.state.lock().batcher.flush();
        self.deliver().await;
    }

    /// Begins the time of batches, and returns whether this call did.
    ///
    /// # Errors
    /// [`NoRuntime`] outside of a tokio runtime.
    pub fn start(&self) -> Result<bool, NoRuntime> {
        let runtime = tokio::runtime::Handle::try_current().map_err(|_| NoRuntime)?;
        let mut state = self.0.state.lock();
        if state.stopped || !state.batcher.start(Instant::now().into_std()) {
            return Ok(false);
        }
        drop(state);
        let ticks = tick(Arc::downgrade(&self.0), Arc::clone(&self.0.timing));
        *self.0.ticks.lock() = Some(Task::new(runtime.spawn(ticks)));
        Ok(true)
    }

    /// Takes no more events, delivers the rest, ends subscriptions, and waits until asynchronous
    /// handlers are done.
    ///
    /// Not to be waited for by such a handler, which would wait for itself.
    ///
    /// # Cancel safety
    /// The stream takes nothing any more in any case; it may be called again for the rest.
    pub async fn stop(&self) {
        self.0.state.lock().stopped = true;
        let ticks = self.0.ticks.lock().take();
        drop(ticks);
        self.flush().await;
        self.quiet().await;
        self.0.batches.close();
        self.0.events.close();
        self.0.subscribers.cancel_all();
        self.0.subscribers.finished().await;
        let handlers = std::mem::take(&mut *self.0.handlers.lock());
        for handler in handlers {
            handler.finished().await;
        }
    }

    /// The events of the batch that is not full, oldest first.
    pub fn pending(&self) -> Vec<Event> {
        self.0.state.lock().batcher.items().to_vec()
    }

    /// How often a handler of batches failed or panicked.
    pub fn handler_failures(&self) -> u64 {
        self.0.failures.load(Ordering::Relaxed)
    }

    /// How many subscriptions there are.
    pub fn subscriptions(&self) -> usize {
        self.0.subscribers.len()
    }

    fn collect(&self, event: Event) -> Result<Receipt, PublishError> {
        let mut state = self.0.state.lock();
        if state.stopped {
            return Err(PublishError::Closed);
        }
        let weight = event.data().as_bytes().len();
        let timeout = state.batcher.poll_timeout();
        state.batcher.handle_input(Instant::now().into_std(), event, weight);
        let offset = Offset::new(state.added);
        state.added += 1;
        if state.batcher.poll_timeout() != timeout {
            self.0.timing.notify_one();
        }
        Ok(Receipt::new(StreamPosition { epoch: self.0.epoch, offset }))
    }

    /// Delivers every batch that is full, unless somebody is at it, who then does; waits for that
    /// one if he is far behind.
    async fn deliver(&self) {
        loop {
            let mut gone = pin!(self.0.gone.notified());
            gone.as_mut().enable();
            let turn = self.0.state.lock().turn();
            match turn {
                Turn::Deliver(delivery) => {
                    let _turn = HasTurn(&self.0);
                    self.0.send(delivery).await;
                }
                Turn::Wait => gone.await,
                Turn::Done => return,
            }
        }
    }

    /// Waits until nothing is on its way.
    async fn quiet(&self) {
        loop {
            let mut gone = pin!(self.0.gone.notified());
            gone.as_mut().enable();
            if self.0.state.lock().is_quiet() {
                return;
            }
            self.deliver().await;
            if self.0.state.lock().is_quiet() {
                return;
            }
            gone.await;
        }
    }
}

impl Inner {
    async fn send(&self, Delivery { batch, steps }: Delivery) {
        if steps == 0 {
            // It is closed only when nothing is on its way.
            drop(self.batches.send(Arc::clone(&batch), 1).await);
            self.advance();
        }
        for event in batch.iter().skip(steps.saturating_sub(1)) {
            let weight = event.data().as_bytes().len();
            drop(self.events.send(event.clone(), weight).await);
            self.advance();
        }
        self.state.lock().delivery = None;
    }

    fn advance(&self) {
        if let Some(delivery) = &mut self.state.lock().delivery {
            delivery.steps += 1;
        }
    }
}

/// Gives the turn back, however delivering ends.
struct HasTurn<'a>(&'a Inner);

impl Drop for HasTurn<'_> {
    fn drop(&mut self) {
        self.0.state.lock().busy = false;
        self.0.gone.notify_waiters();
    }
}

/// Waits for the time of each batch; keeps the stream alive only while a batch goes out.
async fn tick(stream: Weak<Inner>, timing: Arc<Notify>) {
    loop {
        let Some(timeout) = stream.upgrade().map(|inner| inner.state.lock().batcher.poll_timeout())
        else {
            return;
        };
        let due = async {
            match timeout {
                Some(timeout) => sleep_until(timeout.into()).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = due => {}
            () = timing.notified() => continue,
        }
        let Some(stream) = stream.upgrade().map(BatchingStream) else { return };
        stream.0.state.lock().batcher.handle_timeout(Instant::now().into_std());
        stream.deliver().await;
    }
}

/// Subscribers get the events of a batch when it goes out.
#[async_trait]
impl Stream for BatchingStream {
    /// As [`add`](BatchingStream::add).
    async fn publish(&self, event: Event) -> Result<Receipt, PublishError> {
        self.add(event).await
    }

    async fn subscribe(&self, request: Subscribe) -> Result<Subscription, SubscribeError> {
        if self.0.events.is_closed() {
            return Err(SubscribeError::Closed);
        }
        if request.replayed() > 0 {
            return Err(SubscribeError::NoReplay);
        }
        self.0.subscribers.join(&self.0.events, self.0.events.next(), request)
    }

    async fn unsubscribe(&self, id: SubscriptionId) -> bool {
        self.0.subscribers.cancel(id)
    }
}

impl Default for BatchingStream {
    fn default() -> Self {
        Self::new()
    }
}
