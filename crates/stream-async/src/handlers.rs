//! Handlers of items of any kind, joined to a hub.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use stream_core::{Attachment, Callback, Cursor, Failure, Hub, Remote, TryNext};
use stream_model::{BoxError, HandlerFuture, HandlerOutput};
use tokio::runtime;
use tokio::task::JoinHandle;

use crate::limits::HANDLER_ITEMS;

/// A handler that is called.
type SyncHandler<T> = dyn Fn(&T) -> Result<(), BoxError> + Send + Sync;

/// A handler that is awaited.
type AsyncHandler<T> = dyn Fn(T) -> HandlerFuture + Send + Sync;

/// A function that is called for each item; cloning shares it.
///
/// As [`Handler`](stream_model::Handler) for events, but for items of any type.
pub enum ItemHandler<T> {
    /// Called where the item is published; it should be quick.
    Sync(Arc<SyncHandler<T>>),
    /// Awaited in a task of its own, one item at a time, which takes them from a bounded queue.
    Async(Arc<AsyncHandler<T>>),
}

impl<T> ItemHandler<T> {
    /// A function that is called where the item is published.
    pub fn new<F, O>(handler: F) -> Self
    where
        F: Fn(&T) -> O + Send + Sync + 'static,
        O: HandlerOutput,
    {
        Self::Sync(Arc::new(move |item| handler(item).into_result()))
    }

    /// A function whose future is awaited in a task of its own.
    pub fn asynchronous<F, O>(handler: F) -> Self
    where
        F: Fn(T) -> O + Send + Sync + 'static,
        O: Future<Output: HandlerOutput> + Send + 'static,
    {
        Self::Async(Arc::new(move |item| {
            let future = handler(item);
            Box::pin(async move { future.await.into_result() })
        }))
    }
}

impl<T> Clone for ItemHandler<T> {
    fn clone(&self) -> Self {
        match self {
            Self::Sync(call) => Self::Sync(Arc::clone(call)),
            Self::Async(call) => Self::Async(Arc::clone(call)),
        }
    }
}

impl<T> std::fmt::Debug for ItemHandler<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Sync(_) => "ItemHandler::Sync",
            Self::Async(_) => "ItemHandler::Async",
        })
    }
}

/// An asynchronous handler needs a tokio runtime to run in, and there is none here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an asynchronous handler needs a tokio runtime")]
pub struct NoRuntime;

/// Whom to tell of a failure, and for which item.
pub(crate) type Report<T> = Arc<dyn Fn(&Failure, &T) + Send + Sync>;

/// A handler's stay in a hub; dropping it ends that at once.
pub(crate) enum Joined<T> {
    Sync {
        _attachment: Attachment<T>,
    },
    Async {
        task: Task,
        /// The number of the first item that the handler does not get any more.
        end: Arc<AtomicU64>,
        remote: Remote<T>,
    },
}

/// The end of a stay that goes on.
const OPEN: u64 = u64::MAX;

/// An owned task.
#[derive(Debug)]
pub(crate) struct Task(JoinHandle<()>);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Task {
    pub(crate) fn new(handle: JoinHandle<()>) -> Self {
        Self(handle)
    }

    pub(crate) fn is_done(&self) -> bool {
        self.0.is_finished()
    }

    /// Waits until it is done.
    pub(crate) async fn done(mut self) {
        // Whatever a handler panics with was caught where it happened.
        drop((&mut self.0).await);
    }
}

impl<T: Clone + Send + Sync + 'static> Joined<T> {
    /// Lets `hub` call `handler` for what is published from now on; failures go to `report`.
    pub(crate) fn new(
        hub: &Hub<T>,
        handler: ItemHandler<T>,
        report: Report<T>,
    ) -> Result<Self, NoRuntime> {
        match handler {
            ItemHandler::Sync(call) => {
                let callback = Callback::new(move |item: &T| {
                    let called = catch_unwind(AssertUnwindSafe(|| call(item)));
                    tell(&report, outcome(called), item);
                });
                Ok(Self::Sync { _attachment: hub.attach(callback) })
            }
            ItemHandler::Async(call) => {
                let runtime = runtime::Handle::try_current().map_err(|_| NoRuntime)?;
                let cursor = hub.paced_cursor(HANDLER_ITEMS);
                let (remote, end) = (cursor.remote(), Arc::new(AtomicU64::new(OPEN)));
                let reader = Reader { cursor, end: Arc::clone(&end) };
                let task = Task::new(runtime.spawn(reader.run(call, report)));
                Ok(Self::Async { task, end, remote })
            }
        }
    }

    /// Ends the stay behind what was published; the result is a task that is still at that.
    pub(crate) fn leave(self) -> Option<Task> {
        match self {
            Self::Sync { .. } => None,
            Self::Async { task, end, remote } => {
                end.store(remote.next().unwrap_or(0), Ordering::SeqCst);
                remote.release();
                remote.wake();
                Some(task)
            }
        }
    }

    /// Waits until the handler has had everything, once its hub is closed.
    pub(crate) async fn finished(self) {
        if let Self::Async { task, .. } = self {
            task.done().await;
        }
    }
}

/// Reads a hub for an asynchronous handler.
struct Reader<T> {
    cursor: Cursor<T>,
    end: Arc<AtomicU64>,
}

impl<T: Clone + Send + Sync + 'static> Reader<T> {
    async fn run(mut self, call: Arc<AsyncHandler<T>>, report: Report<T>) {
        while let Some(item) = poll_fn(|cx| self.poll_next(cx)).await {
            tell(&report, guarded(|| call(item.clone())).await, &item);
        }
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<T>> {
        loop {
            let is_ready = !self.is_over() && self.cursor.poll_ready(cx).is_ready();
            // The end may have come between the look and the registration.
            if self.is_over() {
                return Poll::Ready(None);
            }
            if !is_ready {
                return Poll::Pending;
            }
            match self.cursor.try_next() {
                TryNext::Item(item) => return Poll::Ready(Some(item.clone())),
                TryNext::Closed => return Poll::Ready(None),
                // Publishers wait for this cursor, so it misses nothing.
                TryNext::Empty | TryNext::Lagged { .. } => {}
            }
        }
    }

    fn is_over(&self) -> bool {
        self.cursor.position() >= self.end.load(Ordering::SeqCst)
    }
}

impl<T> std::fmt::Debug for Joined<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Sync { .. } => "Joined::Sync",
            Self::Async { .. } => "Joined::Async",
        })
    }
}

/// Tells of a failure; a report that fails itself is dropped.
fn tell<T>(report: &Report<T>, outcome: Result<(), Failure>, item: &T) {
    if let Err(failure) = outcome {
        drop(catch_unwind(AssertUnwindSafe(|| report(&failure, item))));
    }
}

fn outcome<O>(caught: std::thread::Result<Result<O, BoxError>>) -> Result<O, Failure> {
    match caught {
        Ok(result) => result.map_err(Failure::Error),
        Err(panic) => Err(Failure::from_panic(&*panic)),
    }
}

/// Makes a foreign future and awaits it; a panic becomes a failure.
pub(crate) async fn guarded<O>(
    make: impl FnOnce() -> Pin<Box<dyn Future<Output = Result<O, BoxError>> + Send>>,
) -> Result<O, Failure> {
    let mut future = match catch_unwind(AssertUnwindSafe(make)) {
        Ok(future) => future,
        Err(panic) => return Err(Failure::from_panic(&*panic)),
    };
    poll_fn(|cx| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) {
        Ok(Poll::Pending) => Poll::Pending,
        Ok(Poll::Ready(done)) => Poll::Ready(done.map_err(Failure::Error)),
        Err(panic) => Poll::Ready(Err(Failure::from_panic(&*panic))),
    })
    .await
}
