//! What the guide's streams have in common: middleware, a hub for each route, error handlers, and
//! a queue for whoever processes.

use std::collections::HashMap;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use parking_lot::{Mutex, RwLock};
use stream_core::{Capacity, Failure, Hub};
use tokio::sync::Notify;
use tracing::warn;

use super::middleware::Middleware;
use super::work_queue::WorkQueue;
use crate::handlers::{ItemHandler, Joined, NoRuntime, Report, Task};

/// Names a handler of one stream, to take it out again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HandlerId(u64);

/// What became of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Delivery {
    /// It went to so many handlers.
    Handled(usize),
    /// It waits for whoever processes.
    Queued,
    /// A filter or middleware dropped it.
    Dropped,
    /// There is nobody to get it, which is counted.
    Undeliverable,
}

/// Why an item was not taken; nobody got it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// The stream is closed.
    #[error("the stream is closed")]
    Closed,
    /// A filter, transformer or middleware failed or panicked.
    #[error("middleware failed: {0}")]
    Middleware(Failure),
}

/// What happened to a stream's items so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counts {
    /// Items that filters or middleware dropped.
    pub dropped: u64,
    /// Items that there was nobody for.
    pub undeliverable: u64,
    /// Chunks that were not kept for a reader, since subscribers had had them and nobody read.
    pub unread: u64,
    /// How often a handler failed or panicked.
    pub failures: u64,
    /// How many of those failures no error handler was told of.
    pub unhandled: u64,
}

#[derive(Debug, Default)]
struct Counters {
    dropped: AtomicU64,
    undeliverable: AtomicU64,
    unread: AtomicU64,
    failures: AtomicU64,
    unhandled: AtomicU64,
}

/// Where an item goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Route {
    /// To the handlers of this name.
    To(String),
    /// To all handlers.
    ToAll,
}

/// The handlers of one name.
struct Table<T> {
    hub: Hub<T>,
    handlers: Vec<(HandlerId, Joined<T>)>,
    /// How many are about to be added.
    joining: usize,
}

impl<T> Table<T> {
    fn new() -> Self {
        Self { hub: Hub::new(Capacity::items(1)), handlers: Vec::new(), joining: 0 }
    }

    fn is_needed(&self) -> bool {
        self.joining > 0 || !self.handlers.is_empty()
    }
}

pub(super) type ErrorHandler<T> = Arc<dyn Fn(&Failure, &T) + Send + Sync>;
type ErrorHandlers<T> = Arc<RwLock<HashMap<String, ErrorHandler<T>>>>;

pub(super) struct Exchange<T> {
    tables: Mutex<HashMap<String, Table<T>>>,
    next_id: AtomicU64,
    /// Handlers that were taken out, and are at what was published before.
    leaving: Mutex<Vec<Task>>,
    filters: RwLock<Vec<Middleware<T>>>,
    middleware: RwLock<Vec<Middleware<T>>>,
    error_handlers: ErrorHandlers<T>,
    counters: Arc<Counters>,
    pub(super) queue: WorkQueue<T>,
    /// How many process.
    processors: AtomicUsize,
    /// Told when somebody has processed.
    processed: Notify,
}

impl<T: Clone + Send + Sync + 'static> Exchange<T> {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            tables: Mutex::default(),
            next_id: AtomicU64::new(0),
            leaving: Mutex::default(),
            filters: RwLock::default(),
            middleware: RwLock::default(),
            error_handlers: Arc::default(),
            counters: Arc::default(),
            queue: WorkQueue::new(capacity),
            processors: AtomicUsize::new(0),
            processed: Notify::new(),
        }
    }

    /// Adds a handler for the items that go to `name`.
    pub(super) fn enter(
        &self,
        name: &str,
        handler: ItemHandler<T>,
    ) -> Result<HandlerId, NoRuntime> {
        let id = HandlerId(self.next_id.fetch_add(1, Ordering::Relaxed));
        let hub = {
            let mut tables = self.tables.lock();
            let table = tables.entry(name.to_owned()).or_insert_with(Table::new);
            table.joining += 1;
            table.hub.clone()
        };
        // Without the lock: what is published meanwhile is handled here.
        let joined = Joined::new(&hub, handler, self.report(name.to_owned()));
        let mut tables = self.tables.lock();
        let entered = joined.map(|joined| {
            if let Some(table) = tables.get_mut(name) {
                table.handlers.push((id, joined));
            }
        });
        if let Some(table) = tables.get_mut(name) {
            table.joining -= 1;
        }
        tables.retain(|_, table| table.is_needed());
        drop(tables);
        self.queue.look_again();
        entered.map(|()| id)
    }

    /// Takes a handler out; `false` if it is not there.
    pub(super) fn leave(&self, id: HandlerId) -> bool {
        let mut left = None;
        let mut tables = self.tables.lock();
        for table in tables.values_mut() {
            if let Some(index) = table.handlers.iter().position(|(other, _)| *other == id) {
                left = Some(table.handlers.remove(index));
            }
        }
        tables.retain(|_, table| table.is_needed());
        // The lock goes first: a handler may own anything.
        drop(tables);
        let Some((_, joined)) = left else { return false };
        let mut leaving = self.leaving.lock();
        leaving.retain(|task| !task.is_done());
        leaving.extend(joined.leave());
        true
    }

    /// How many handlers there are.
    pub(super) fn handlers(&self) -> usize {
        self.tables.lock().values().map(|table| table.handlers.len()).sum()
    }

    /// Adds a step that comes before all middleware, whenever that was added.
    pub(super) fn add_filter(&self, filter: Middleware<T>) {
        self.filters.write().push(filter);
    }

    pub(super) fn add_middleware(&self, middleware: Middleware<T>) {
        self.middleware.write().push(middleware);
    }

    /// Tells `handler` of the failures of the handlers of `name`, in the stead of the last one.
    pub(super) fn on_error(&self, name: &str, handler: ErrorHandler<T>) {
        let replaced = self.error_handlers.write().insert(name.to_owned(), handler);
        drop(replaced);
    }

    fn report(&self, name: String) -> Report<T> {
        let (counters, handlers) = (Arc::clone(&self.counters), Arc::clone(&self.error_handlers));
        Arc::new(move |failure, item| {
            counters.failures.fetch_add(1, Ordering::Relaxed);
            let handler = handlers.read().get(&name).cloned();
            if let Some(handler) = handler {
                handler(failure, item);
            } else {
                counters.unhandled.fetch_add(1, Ordering::Relaxed);
                warn!(%failure, route = name, "handler failed");
            }
        })
    }

    /// Lets an item through filters and middleware; `None` if one drops it.
    pub(super) async fn prepare(&self, item: T) -> Result<Option<T>, SendError> {
        if self.queue.is_closed() {
            return Err(SendError::Closed);
        }
        let mut steps = self.filters.read().clone();
        steps.extend(self.middleware.read().iter().cloned());
        let mut item = item;
        for step in &steps {
            match step.run(item).await.map_err(SendError::Middleware)? {
                Some(next) => item = next,
                None => {
                    self.counters.dropped.fetch_add(1, Ordering::Relaxed);
                    return Ok(None);
                }
            }
        }
        Ok(Some(item))
    }

    /// Handles an item, or leaves that to whoever processes.
    pub(super) async fn send(
        &self,
        item: T,
        route: impl Fn(&T) -> Route,
    ) -> Result<Delivery, SendError> {
        let Some(item) = self.prepare(item).await? else { return Ok(Delivery::Dropped) };
        if self.processors.load(Ordering::SeqCst) > 0 {
            let queued = self.queue.push(item, || false).await;
            return queued.map(|_| Delivery::Queued).map_err(|_| SendError::Closed);
        }
        // What somebody who processed has left behind comes first.
        while let Some(earlier) = self.queue.try_pop() {
            let route = route(&earlier);
            self.deliver(earlier, &route).await;
        }
        let route = route(&item);
        Ok(self.deliver(item, &route).await)
    }

    /// Handles what comes in, until the stream is closed and all was handled.
    pub(super) async fn process(&self, route: impl Fn(&T) -> Route) {
        let _processing = Processing::new(self);
        while let Some(item) = self.queue.pop().await {
            let route = route(&item);
            self.deliver(item, &route).await;
        }
    }

    /// Gives an item to the handlers on its route.
    pub(super) async fn deliver(&self, item: T, route: &Route) -> Delivery {
        let hubs: Vec<(Hub<T>, usize)> = {
            let tables = self.tables.lock();
            let found = match route {
                Route::To(name) => tables.get(name).into_iter().collect::<Vec<_>>(),
                Route::ToAll => tables.values().collect(),
            };
            found.into_iter().map(|table| (table.hub.clone(), table.handlers.len())).collect()
        };
        let handlers: usize = hubs.iter().map(|(_, handlers)| handlers).sum();
        if handlers == 0 {
            self.counters.undeliverable.fetch_add(1, Ordering::Relaxed);
            return Delivery::Undeliverable;
        }
        for (hub, _) in &hubs {
            // A hub that is closed meanwhile has no handlers any more.
            drop(hub.send(item.clone(), 1).await);
        }
        Delivery::Handled(handlers)
    }

    /// Counts a chunk that was not kept.
    pub(super) fn count_unread(&self) {
        self.counters.unread.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a failure of a processor, of which nobody else is told.
    pub(super) fn count_failure(&self, failure: &Failure) {
        self.counters.failures.fetch_add(1, Ordering::Relaxed);
        self.counters.unhandled.fetch_add(1, Ordering::Relaxed);
        warn!(%failure, "processor failed");
    }

    pub(super) fn counts(&self) -> Counts {
        let Counters { dropped, undeliverable, unread, failures, unhandled } = &*self.counters;
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counts {
            dropped: get(dropped),
            undeliverable: get(undeliverable),
            unread: get(unread),
            failures: get(failures),
            unhandled: get(unhandled),
        }
    }

    /// Takes no more items, handles those that wait, unless somebody processes, and waits until
    /// asynchronous handlers are done.
    pub(super) async fn finish(&self, route: impl Fn(&T) -> Route) {
        self.queue.close();
        loop {
            let mut processed = pin!(self.processed.notified());
            processed.as_mut().enable();
            if self.processors.load(Ordering::SeqCst) == 0 {
                break;
            }
            processed.await;
        }
        self.process(route).await;
        self.close().await;
    }

    /// Takes no more items, and waits until asynchronous handlers are done.
    pub(super) async fn close(&self) {
        self.queue.close();
        let tables = std::mem::take(&mut *self.tables.lock());
        for (_, Table { hub, handlers, .. }) in tables {
            hub.close();
            for (_, handler) in handlers {
                handler.finished().await;
            }
        }
        let leaving = std::mem::take(&mut *self.leaving.lock());
        for task in leaving {
            task.done().await;
        }
    }
}

impl<T> std::fmt::Debug for Exchange<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Exchange").field("counters", &self.counters).finish_non_exhaustive()
    }
}

/// Counts whoever processes, as long as he does.
struct Processing<'a, T>(&'a Exchange<T>);

impl<'a, T> Processing<'a, T> {
    fn new(exchange: &'a Exchange<T>) -> Self {
        exchange.processors.fetch_add(1, Ordering::SeqCst);
        Self(exchange)
    }
}

impl<T> Drop for Processing<'_, T> {
    fn drop(&mut self) {
        self.0.processors.fetch_sub(1, Ordering::SeqCst);
        self.0.processed.notify_waiters();
    }
}
