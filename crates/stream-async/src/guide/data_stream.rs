//! A stream of data: subscribers see each chunk, and readers take it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use stream_model::FilterOutput;
use tokio::time::timeout;

use super::DataChunk;
use super::exchange::{Counts, Delivery, Exchange, HandlerId, Route, SendError};
use super::middleware::{Middleware, MiddlewareOutput};
use crate::handlers::{ItemHandler, NoRuntime};
use crate::limits::GUIDE_ITEMS;

/// A stream of [`DataChunk`]s with a buffer for readers.
///
/// Every subscriber sees each chunk; each chunk is taken by one reader, with
/// [`get`](Self::get) or [`process`](Self::process).
/// A clone is another handle to the same stream.
///
/// # Examples
///
/// ```
/// use stream_async::{DataChunk, DataStream, ItemHandler};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let stream = DataStream::new();
/// stream.add_filter(async |chunk: DataChunk<i32>| chunk.data > 2);
/// stream.add_transformer(async |chunk: DataChunk<i32>| {
///     Some(DataChunk { data: chunk.data * 10, ..chunk })
/// });
/// stream.subscribe(ItemHandler::new(|chunk: &DataChunk<i32>| println!("{}", chunk.data)))?;
/// for n in 1..=3 {
///     stream.put(DataChunk::new(n)).await?;
/// }
/// let chunk = stream.get().await.expect("a chunk is there");
/// assert_eq!(chunk.data, 30);
/// # Ok(())
/// # }
/// ```
#[doc(alias = "AdvancedDataStream")]
pub struct DataStream<T> {
    exchange: Arc<Exchange<DataChunk<T>>>,
    /// Whether somebody has ever read.
    read: Arc<AtomicBool>,
}

/// The one route: everybody is on it.
const ROUTE: &str = "";

impl<T: Clone + Send + Sync + 'static> DataStream<T> {
    /// A stream that keeps [`GUIDE_ITEMS`] for its readers.
    pub fn new() -> Self {
        Self::with_capacity(GUIDE_ITEMS)
    }

    /// A stream that keeps `chunks` for its readers (1 at the least).
    pub fn with_capacity(chunks: usize) -> Self {
        Self { exchange: Arc::new(Exchange::new(chunks)), read: Arc::default() }
    }

    /// How many chunks it keeps at most.
    pub fn capacity(&self) -> usize {
        self.exchange.queue.capacity()
    }

    /// How many chunks wait for a reader.
    pub fn len(&self) -> usize {
        self.exchange.queue.len()
    }

    /// Whether none does.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Lets only those chunks in for which `filter` returns `true`, or `Ok(true)`; all filters
    /// come before all transformers.
    pub fn add_filter<F, O>(&self, filter: F)
    where
        F: Fn(DataChunk<T>) -> O + Send + Sync + 'static,
        O: Future<Output: FilterOutput> + Send + 'static,
    {
        self.exchange.add_filter(Middleware::new(move |chunk: DataChunk<T>| {
            let verdict = filter(chunk.clone());
            async move { verdict.await.into_result().map(|takes| takes.then_some(chunk)) }
        }));
    }

    /// Changes each chunk that is let in, or drops it; in the order in which they are added.
    pub fn add_transformer<F, O>(&self, transformer: F)
    where
        F: Fn(DataChunk<T>) -> O + Send + Sync + 'static,
        O: Future<Output: MiddlewareOutput<DataChunk<T>>> + Send + 'static,
    {
        self.exchange.add_middleware(Middleware::new(transformer));
    }

    /// Lets `subscriber` see each chunk from now on.
    ///
    /// # Errors
    /// [`NoRuntime`] for an asynchronous handler outside of a tokio runtime.
    pub fn subscribe(&self, subscriber: ItemHandler<DataChunk<T>>) -> Result<HandlerId, NoRuntime> {
        self.exchange.enter(ROUTE, subscriber)
    }

    /// Takes a subscriber out, which gets what was put before; `false` if it is not there.
    pub fn unsubscribe(&self, id: HandlerId) -> bool {
        self.exchange.leave(id)
    }

    /// Puts a chunk in; waits for room if it is needed.
    ///
    /// # Errors
    /// [`SendError`]; then nobody got the chunk.
    ///
    /// # Cancel safety
    /// A dropped future may have given the chunk to readers, or to some subscribers.
    pub async fn put(&self, chunk: DataChunk<T>) -> Result<Delivery, SendError> {
        let Some(chunk) = self.exchange.prepare(chunk).await? else {
            return Ok(Delivery::Dropped);
        };
        let may_drop = || !self.read.load(Ordering::SeqCst) && self.exchange.handlers() > 0;
        let pushed = self.exchange.queue.push(chunk.clone(), may_drop).await;
        if pushed.map_err(|_| SendError::Closed)?.is_some() {
            self.exchange.count_unread();
        }
        if self.exchange.handlers() == 0 {
            return Ok(Delivery::Queued);
        }
        Ok(self.exchange.deliver(chunk, &Route::ToAll).await)
    }

    /// Takes the oldest chunk, waiting for it; `None` when the stream is closed and empty.
    ///
    /// # Cancel safety
    /// Dropping the future loses nothing.
    pub async fn get(&self) -> Option<DataChunk<T>> {
        self.read.store(true, Ordering::SeqCst);
        self.exchange.queue.pop().await
    }

    /// As [`get`](Self::get), but waits no longer than `patience`.
    ///
    /// # Cancel safety
    /// Dropping the future loses nothing.
    pub async fn get_timeout(&self, patience: Duration) -> Option<DataChunk<T>> {
        timeout(patience, self.get()).await.ok().flatten()
    }

    /// Takes every chunk and gives what `processor` makes of it to the subscribers, until the
    /// stream is closed and empty.
    ///
    /// A result never comes back into the buffer, so nothing is processed twice.
    /// A processor that fails or panics loses that one chunk, which is logged and counted.
    ///
    /// # Cancel safety
    /// A dropped future loses the chunk that it was at.
    pub async fn process<F, O>(&self, processor: F)
    where
        F: Fn(DataChunk<T>) -> O + Send + Sync + 'static,
        O: Future<Output: MiddlewareOutput<DataChunk<T>>> + Send + 'static,
    {
        let processor = Middleware::new(processor);
        while let Some(chunk) = self.get().await {
            match processor.run(chunk).await {
                Ok(Some(result)) if self.exchange.handlers() > 0 => {
                    self.exchange.deliver(result, &Route::ToAll).await;
                }
                Ok(_) => {}
                Err(failure) => self.exchange.count_failure(&failure),
            }
        }
    }

    /// What happened so far.
    pub fn counts(&self) -> Counts {
        self.exchange.counts()
    }

    /// Takes no more chunks; readers get what is there, subscribers are done when this returns.
    ///
    /// # Cancel safety
    /// The stream is closed in any case; asynchronous handlers that are not done are aborted.
    pub async fn close(&self) {
        self.exchange.close().await;
    }
}

impl<T: Clone + Send + Sync + 'static> Default for DataStream<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Clone for DataStream<T> {
    fn clone(&self) -> Self {
        Self { exchange: Arc::clone(&self.exchange), read: Arc::clone(&self.read) }
    }
}

impl<T> std::fmt::Debug for DataStream<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DataStream").field("exchange", &self.exchange).finish_non_exhaustive()
    }
}
