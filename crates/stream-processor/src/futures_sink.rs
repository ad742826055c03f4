//! `futures_sink::Sink` at both ends of a pipeline.

use std::collections::VecDeque;
use std::fmt;
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use async_trait::async_trait;
use futures_sink::Sink;
use parking_lot::Mutex;
use stream_core::{PublishError, Receipt, Stream, Subscribe, SubscribeError};
use stream_model::{BoxError, Epoch, Event, Offset, StreamPosition, Subscription, SubscriptionId};

use crate::{Arrival, Source, Sourced};

/// A [`futures_sink::Sink`] as a sink of a pipeline; each event is flushed before the next.
///
/// Nobody can subscribe to it.
pub struct IntoSink<S> {
    sink: tokio::sync::Mutex<(Pin<Box<S>>, u64)>,
}

impl<S> IntoSink<S> {
    /// Sends events into `sink`.
    pub fn new(sink: S) -> Self {
        Self { sink: tokio::sync::Mutex::new((Box::pin(sink), 0)) }
    }
}

impl<S> fmt::Debug for IntoSink<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IntoSink").finish_non_exhaustive()
    }
}

#[async_trait]
impl<S> Stream for IntoSink<S>
where
    S: Sink<Event, Error: Into<BoxError>> + Send,
{
    async fn publish(&self, event: Event) -> Result<Receipt, PublishError> {
        let mut guard = self.sink.lock().await;
        let (sink, sent) = &mut *guard;
        let failed = |error: S::Error| PublishError::Backend(error.into());
        std::future::poll_fn(|cx| sink.as_mut().poll_ready(cx)).await.map_err(failed)?;
        sink.as_mut().start_send(event).map_err(failed)?;
        std::future::poll_fn(|cx| sink.as_mut().poll_flush(cx)).await.map_err(failed)?;
        let offset = Offset::new(*sent);
        *sent += 1;
        Ok(Receipt::new(StreamPosition { epoch: Epoch::new(0), offset }))
    }

    async fn subscribe(&self, _request: Subscribe) -> Result<Subscription, SubscribeError> {
        Err(SubscribeError::TooMany { limit: 0 })
    }

    async fn unsubscribe(&self, _id: SubscriptionId) -> bool {
        false
    }
}

/// A [`futures_sink::Sink`] whose items are the source of a pipeline, and that source.
///
/// While `limit` items wait for the pipeline, the sink is not ready; it is flushed when the
/// pipeline has taken everything, and the source ends when it is closed or dropped.
///
/// # Examples
///
/// ```
/// use futures_util::{SinkExt, StreamExt};
/// use stream_processor::{StreamProcessor, sink_source};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let (mut input, source) = sink_source(8.try_into()?);
/// let output = StreamProcessor::from_source(source).map(|n: u32| n * n).open().await?;
/// let (sent, squares) = tokio::join!(
///     async {
///         input.send_all(&mut futures_util::stream::iter((1..=3).map(Ok))).await?;
///         input.close().await
///     },
///     output.map(|n| n.expect("nothing fails")).collect::<Vec<u32>>(),
/// );
/// sent?;
/// assert_eq!(squares, [1, 4, 9]);
/// # Ok(())
/// # }
/// ```
pub fn sink_source<T>(limit: NonZeroUsize) -> (SinkInput<T>, SinkSource<T>) {
    let queue = Queue {
        items: VecDeque::new(),
        limit: limit.get(),
        is_closed: false,
        is_gone: false,
        sender: None,
        receiver: None,
    };
    let queue = Arc::new(Mutex::new(queue));
    (SinkInput { queue: Arc::clone(&queue) }, SinkSource { queue, next: 0 })
}

struct Queue<T> {
    items: VecDeque<T>,
    limit: usize,
    is_closed: bool,
    /// Whether the pipeline has ended.
    is_gone: bool,
    sender: Option<Waker>,
    receiver: Option<Waker>,
}

/// What [`sink_source`] makes for those who send.
pub struct SinkInput<T> {
    queue: Arc<Mutex<Queue<T>>>,
}

/// What [`sink_source`] makes for the pipeline.
pub struct SinkSource<T> {
    queue: Arc<Mutex<Queue<T>>>,
    next: u64,
}

/// The pipeline has ended, and takes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the pipeline has ended")]
pub struct PipelineGone;

fn wake(waker: &mut Option<Waker>) {
    if let Some(waker) = waker.take() {
        waker.wake();
    }
}

impl<T> SinkInput<T> {
    /// Ready once `is_ready` is true of the queue.
    fn poll_until(
        &self,
        cx: &Context<'_>,
        is_ready: impl FnOnce(&Queue<T>) -> bool,
    ) -> Poll<Result<(), PipelineGone>> {
        let mut queue = self.queue.lock();
        if is_ready(&queue) {
            return Poll::Ready(Ok(()));
        }
        if queue.is_gone {
            return Poll::Ready(Err(PipelineGone));
        }
        queue.sender = Some(cx.waker().clone());
        Poll::Pending
    }

    fn end(&self) {
        let mut queue = self.queue.lock();
        queue.is_closed = true;
        wake(&mut queue.receiver);
    }
}

impl<T> Sink<T> for SinkInput<T> {
    type Error = PipelineGone;

    fn poll_ready(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), PipelineGone>> {
        self.poll_until(cx, |queue| !queue.is_gone && queue.items.len() < queue.limit)
    }

    fn start_send(self: Pin<&mut Self>, item: T) -> Result<(), PipelineGone> {
        let mut queue = self.queue.lock();
        if queue.is_gone {
            return Err(PipelineGone);
        }
        queue.items.push_back(item);
        wake(&mut queue.receiver);
        Ok(())
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), PipelineGone>> {
        self.poll_until(cx, |queue| queue.items.is_empty())
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), PipelineGone>> {
        self.end();
        self.poll_until(cx, |queue| queue.items.is_empty())
    }
}

impl<T> Drop for SinkInput<T> {
    fn drop(&mut self) {
        self.end();
    }
}

impl<T: Send> Source for SinkSource<T> {
    type Item = T;

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Arrival<T>>> {
        let mut queue = self.queue.lock();
        if let Some(item) = queue.items.pop_front() {
            wake(&mut queue.sender);
            let position = self.next;
            self.next += 1;
            return Poll::Ready(Some(Ok(Sourced { position, item })));
        }
        if queue.is_closed {
            return Poll::Ready(None);
        }
        queue.receiver = Some(cx.waker().clone());
        Poll::Pending
    }

    fn close(&mut self) {
        self.queue.lock().is_closed = true;
    }
}

impl<T> Drop for SinkSource<T> {
    fn drop(&mut self) {
        let mut queue = self.queue.lock();
        queue.is_gone = true;
        wake(&mut queue.sender);
    }
}

impl<T> fmt::Debug for SinkInput<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SinkInput").finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for SinkSource<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SinkSource").field("next", &self.next).finish_non_exhaustive()
    }
}
