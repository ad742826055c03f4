//! The subscriptions of a stream: how each is joined to a hub, found by its id, and ended.

mod event_queue;
mod handler;
mod mailbox;
mod queue;

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use stream_model::{Handler, Subscription, SubscriptionHandle, SubscriptionId};
use tokio::runtime;
use tokio::task::JoinSet;

pub use self::event_queue::EventQueue;
use crate::limits::{QUEUE_EVENTS_MAX, SUBSCRIPTIONS_MAX};
use crate::subscribe::Queue;
use crate::{Carrier, Hub, Subscribe, SubscribeError};

/// The subscriptions of one stream, for those who build streams.
///
/// Delivery is the [`Hub`]'s: this joins a subscription to a hub, in the way that suits it, and
/// ends it again.
///
/// # Closing
///
/// [`cancel_all`](Self::cancel_all) ends every subscription, and
/// [`finished`](Self::finished) waits until asynchronous handlers have had what was published
/// before.
///
/// # Drop
///
/// Dropping it ends every subscription, and the tasks of asynchronous handlers with them.
///
/// # Examples
///
/// ```
/// use stream_core::{Capacity, Hub, Subscribe, Subscribers};
/// use stream_model::Event;
///
/// let hub = Hub::new(Capacity::items(100));
/// let subscribers = Subscribers::default();
/// let mut subscription = subscribers.join(&hub, hub.next(), Subscribe::all())?;
/// hub.publish(Event::text("hello"), 1);
/// assert!(subscribers.cancel(subscription.id()));
/// assert_eq!(subscription.try_next().unwrap()?.data().as_str(), Some("hello"));
/// assert!(subscription.try_next().is_none());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Default)]
pub struct Subscribers(Arc<Members>);

#[derive(Debug, Default)]
struct Members {
    handles: Mutex<HashMap<SubscriptionId, SubscriptionHandle>>,
    /// One for each asynchronous handler.
    tasks: Mutex<JoinSet<()>>,
}

/// What ends a subscription's part in its hub.
type Release = Box<dyn FnOnce() + Send>;

impl Subscribers {
    /// Makes the subscription that is asked for, whose first event is `from` of `hub`.
    ///
    /// # Errors
    /// [`SubscribeError`] if the queue is out of bounds, there are too many subscriptions, or an
    /// asynchronous handler has no runtime to run in.
    pub fn join<C: Carrier>(
        &self,
        hub: &Hub<C>,
        from: u64,
        request: Subscribe,
    ) -> Result<Subscription, SubscribeError> {
        self.join_until(hub, from, request, || {})
    }

    /// As [`join`](Self::join), and calls `ended` when the subscription has ended, or there is none.
    pub(crate) fn join_until<C: Carrier>(
        &self,
        hub: &Hub<C>,
        from: u64,
        request: Subscribe,
        ended: impl FnOnce() + Send + 'static,
    ) -> Result<Subscription, SubscribeError> {
        let ended = OnDrop(Some(ended));
        let (mut subscription, queue) = self.enter(request)?;
        let handle = subscription.handle().clone();
        let release = match handle.handler() {
            Some(handler) => self.handle(hub, from, queue, &handle, handler)?,
            None => {
                let (source, release) = EventQueue::open(hub, from, queue, &handle);
                subscription = subscription.with_source(Box::new(source));
                release
            }
        };
        self.leave_on_cancel(&handle, || {
            release();
            drop(ended);
        });
        Ok(subscription)
    }

    /// Makes a subscription whose queue the stream reads, and not the subscriber; a handler is
    /// called besides.
    ///
    /// # Errors
    /// As [`join`](Self::join).
    pub fn open<C: Carrier>(
        &self,
        hub: &Hub<C>,
        from: u64,
        request: Subscribe,
    ) -> Result<(Subscription, EventQueue<C>), SubscribeError> {
        let (subscription, queue) = self.enter(request)?;
        let handle = subscription.handle();
        let handler = handle.handler();
        let handling =
            handler.map(|handler| self.handle(hub, from, queue, handle, handler)).transpose()?;
        let (source, release) = EventQueue::open(hub, from, queue, handle);
        self.leave_on_cancel(handle, || {
            if let Some(release) = handling {
                release();
            }
            release();
        });
        Ok((subscription, source))
    }

    /// Lets a handler have the events of `hub`; the result ends that.
    fn handle<C: Carrier>(
        &self,
        hub: &Hub<C>,
        from: u64,
        queue: Queue,
        handle: &SubscriptionHandle,
        handler: &Handler,
    ) -> Result<Release, SubscribeError> {
        match handler {
            Handler::Sync(call) => Ok(handler::attach(hub, from, handle, call)),
            Handler::Async(call) => {
                let runtime = runtime::Handle::try_current();
                let runtime = runtime.map_err(|_| SubscribeError::NoRuntime)?;
                let (source, release) = EventQueue::open(hub, from, queue, handle);
                self.spawn(&runtime, handler::run(handle.clone(), Arc::clone(call), source));
                Ok(release)
            }
        }
    }

    /// Ends a subscription, and returns whether it was one of these.
    pub fn cancel(&self, id: SubscriptionId) -> bool {
        let handle = self.get(id);
        handle.is_some_and(|handle| handle.cancel())
    }

    /// Ends every subscription: readers get what was published before, and then the end.
    pub fn cancel_all(&self) {
        self.0.cancel_all();
    }

    /// Waits until every asynchronous handler whose subscription has ended is done.
    ///
    /// # Cancel safety
    /// If the future is dropped, the handlers that are not done are aborted.
    pub async fn finished(&self) {
        let mut tasks = std::mem::take(&mut *self.0.tasks.lock());
        // A handler's panic was caught and counted where it happened.
        while tasks.join_next().await.is_some() {}
    }

    /// The subscription with this id.
    pub fn get(&self, id: SubscriptionId) -> Option<SubscriptionHandle> {
        self.0.handles.lock().get(&id).cloned()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.handles.lock().len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Makes the subscription and notes it; dropped with an error later, it leaves again.
    fn enter(&self, request: Subscribe) -> Result<(Subscription, Queue), SubscribeError> {
        let (builder, queue) = request.into_parts();
        if !(1..=QUEUE_EVENTS_MAX).contains(&queue.events) {
            return Err(SubscribeError::Queue { asked: queue.events, limit: QUEUE_EVENTS_MAX });
        }
        let subscription = builder.build();
        let handle = subscription.handle();
        let mut handles = self.0.handles.lock();
        if handles.len() >= SUBSCRIPTIONS_MAX {
            return Err(SubscribeError::TooMany { limit: SUBSCRIPTIONS_MAX });
        }
        handles.insert(handle.id(), handle.clone());
        drop(handles);
        self.leave_on_cancel(handle, || {});
        Ok((subscription, queue))
    }

    fn leave_on_cancel(
        &self,
        handle: &SubscriptionHandle,
        release: impl FnOnce() + Send + 'static,
    ) {
        let (members, id) = (Arc::downgrade(&self.0), handle.id());
        handle.on_cancel(move || {
            release();
            if let Some(members) = Weak::upgrade(&members) {
                let handle = members.handles.lock().remove(&id);
                // Without the lock: it may be the last, and its handler may own anything.
                drop(handle);
            }
        });
    }

    fn spawn(&self, runtime: &runtime::Handle, task: impl Future<Output = ()> + Send + 'static) {
        let mut tasks = self.0.tasks.lock();
        // Those that are done by now, so that they do not pile up.
        while tasks.try_join_next().is_some() {}
        tasks.spawn_on(task, runtime);
    }
}

/// Calls a function when it is dropped, whichever way that comes about.
struct OnDrop<F: FnOnce()>(Option<F>);

impl<F: FnOnce()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        if let Some(call) = self.0.take() {
            call();
        }
    }
}

impl Members {
    fn cancel_all(&self) {
        let handles: Vec<_> = self.handles.lock().values().cloned().collect();
        for handle in handles {
            handle.cancel();
        }
    }
}

impl Drop for Members {
    fn drop(&mut self) {
        self.cancel_all();
    }
}
