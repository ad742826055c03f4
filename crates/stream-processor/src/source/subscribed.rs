//! A subscription as a source.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use stream_core::{Overflow, Stream, Subscribe};
use stream_model::{Event, Lagged, Selector, Subscription};

use super::{Arrival, Connect, Source, SourceError, Sourced};
use crate::StartError;
use crate::limits::QUEUE_EVENTS;

/// The events of a [`Stream`] from the start of the pipeline on.
///
/// Publishers wait while [`QUEUE_EVENTS`] wait for the pipeline, unless it is told otherwise.
#[derive(Clone)]
pub struct Subscribed<S> {
    stream: S,
    topic: Selector,
    queue: usize,
    overflow: Overflow,
}

impl<S: Stream> Subscribed<S> {
    /// All events of `stream`.
    pub fn new(stream: S) -> Self {
        let topic = Selector::default();
        Self { stream, topic, queue: QUEUE_EVENTS, overflow: Overflow::Wait }
    }

    /// Only the events of a topic, or of a pattern.
    #[must_use]
    pub fn topic(mut self, topic: impl Into<Selector>) -> Self {
        self.topic = topic.into();
        self
    }

    /// Lets at most `events` wait.
    #[must_use]
    pub fn queue(mut self, events: usize) -> Self {
        self.queue = events;
        self
    }

    /// Says what happens when more wait.
    #[must_use]
    pub fn overflow(mut self, overflow: Overflow) -> Self {
        self.overflow = overflow;
        self
    }
}

impl<S> fmt::Debug for Subscribed<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { topic, queue, overflow, .. } = self;
        f.debug_struct("Subscribed")
            .field("topic", topic)
            .field("queue", queue)
            .field("overflow", overflow)
            .finish_non_exhaustive()
    }
}

impl<S: Stream> Connect for Subscribed<S> {
    type Item = Event;
    type Source = SubscribedSource<S>;

    async fn connect(self) -> Result<SubscribedSource<S>, StartError> {
        let Self { stream, topic, queue, overflow } = self;
        let request = Subscribe::to(topic).queue(queue).overflow(overflow);
        let subscription = stream.subscribe(request).await?;
        Ok(SubscribedSource { subscription, next: 0, _stream: stream })
    }
}

/// A subscription that a pipeline reads; its events are counted from 0.
pub struct SubscribedSource<S> {
    subscription: Subscription,
    next: u64,
    /// A stream that nobody holds any more ends its subscriptions.
    _stream: S,
}

impl<S> fmt::Debug for SubscribedSource<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.subscription.fmt(f)
    }
}

impl<S: Stream> Source for SubscribedSource<S> {
    type Item = Event;

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Arrival<Event>>> {
        let events = Pin::new(&mut self.subscription);
        let next = std::task::ready!(futures_core::Stream::poll_next(events, cx));
        Poll::Ready(next.map(|next| match next {
            Ok(item) => {
                let position = self.next;
                self.next += 1;
                Ok(Sourced { position, item })
            }
            Err(Lagged { missed }) => Err(SourceError::Missed { missed }),
        }))
    }

    fn close(&mut self) {
        self.subscription.cancel();
    }
}
