//! A live interest in a stream's events.
//!
//! A stream keeps a [`SubscriptionHandle`] and the subscriber the [`Subscription`]; both are the
//! same interest, and either can end it.
//!
//! # Lag
//!
//! A subscriber that cannot keep up is told so in its place between the events: [`Lagged`].
//! How much a stream keeps for it, and what else it may do with a slow subscriber, is the
//! stream's to say.
//!
//! # Closing
//!
//! [`Subscription::cancel`] ends the interest at once and for good: nothing published later is
//! received, the stream forgets it, and whoever reads gets what was published before, and then
//! the end.
//! Cancelling again does nothing.
//!
//! # Drop
//!
//! A dropped subscription is cancelled; [`detach`](Subscription::detach) leaves it to the stream.

mod builder;
mod handle;
mod id;

#[cfg(test)]
mod tests;

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use time::OffsetDateTime;

pub use self::builder::SubscriptionBuilder;
pub use self::handle::{SubscriptionCounts, SubscriptionHandle};
pub use self::id::{ParseSubscriptionIdError, SubscriptionId};
use crate::{Event, Selector};

/// A subscriber's own end of a subscription: says what it is about, ends it, and reads its events
/// if there is no handler that gets them.
///
/// As a [`futures_core::Stream`] it yields each event, or how many were missed before the next.
///
/// ```
/// use stream_model::{Event, Subscription};
///
/// let subscription = Subscription::builder().topic("orders").build();
/// let order = Event::builder().meta("topic", "orders").build();
/// assert!(subscription.should_receive(&order));
/// subscription.cancel();
/// assert!(!subscription.should_receive(&order));
/// ```
#[must_use = "a subscription ends when it is dropped"]
pub struct Subscription {
    handle: SubscriptionHandle,
    source: Option<Box<dyn EventSource>>,
    detached: bool,
}

/// Where a subscription's events come from; streams bring their own.
pub trait EventSource: Send + Sync {
    /// The next event, or how many were missed before it; `None` at the end, and ever after.
    ///
    /// # Cancel safety
    /// An event that was returned is gone from the source, and no other.
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Event, Lagged>>>;
}

/// The subscriber was too slow: events are gone that it did not see.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("missed {missed} events")]
pub struct Lagged {
    /// How many events of the stream, whether the subscription selects them or not.
    pub missed: u64,
}

impl Subscription {
    /// Starts a subscription; without more it selects every event.
    pub fn builder() -> SubscriptionBuilder {
        SubscriptionBuilder::default()
    }

    /// Joins the two ends; for streams.
    pub fn new(handle: SubscriptionHandle) -> Self {
        Self { handle, source: None, detached: false }
    }

    /// Reads events from `source`; for streams.
    pub fn with_source(mut self, source: Box<dyn EventSource>) -> Self {
        self.source = Some(source);
        self
    }

    /// What the stream keeps.
    pub fn handle(&self) -> &SubscriptionHandle {
        &self.handle
    }

    /// What it is called.
    pub fn id(&self) -> SubscriptionId {
        self.handle.id()
    }

    /// The topic, or the pattern; `*` for all.
    pub fn topic(&self) -> &str {
        self.handle.selector().as_str()
    }

    /// Which topics it is about.
    pub fn selector(&self) -> &Selector {
        self.handle.selector()
    }

    /// When it was made.
    pub fn created_at(&self) -> OffsetDateTime {
        self.handle.created_at()
    }

    /// Whether it was not cancelled, by either end.
    pub fn is_active(&self) -> bool {
        self.handle.is_active()
    }

    /// What went wrong so far.
    pub fn counts(&self) -> SubscriptionCounts {
        self.handle.counts()
    }

    /// Whether `event` is to be received: the subscription is active, and both its topic and its
    /// filter take the event.
    ///
    /// A filter that fails or panics takes nothing, and is counted.
    pub fn should_receive(&self, event: &Event) -> bool {
        self.handle.should_receive(event)
    }

    /// Ends the subscription: it leaves its stream, and its reader comes to an end after what was
    /// published before.
    ///
    /// Returns whether it was active; doing it again does nothing.
    #[doc(alias = "unsubscribe")]
    pub fn cancel(&self) -> bool {
        self.handle.cancel()
    }

    /// Leaves a subscription with a handler to its stream: it goes on until it is unsubscribed by
    /// its id, or the stream ends.
    pub fn detach(mut self) -> SubscriptionId {
        self.detached = true;
        self.id()
    }

    /// The next event, or how many were missed before it; `None` when the subscription or its
    /// stream has ended, and at once if a handler gets the events.
    ///
    /// # Errors
    /// [`Lagged`] if events are gone that were not read; reading goes on behind them.
    ///
    /// # Cancel safety
    /// Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<Result<Event, Lagged>> {
        poll_fn(|cx| self.poll_event(cx)).await
    }

    /// What is there by now: an event or a gap, `None` if there is nothing or the end was reached.
    ///
    /// # Errors
    /// [`Lagged`] if events are gone that were not read; reading goes on behind them.
    pub fn try_next(&mut self) -> Option<Result<Event, Lagged>> {
        match self.poll_event(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(next) => next,
            Poll::Pending => None,
        }
    }

    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Event, Lagged>>> {
        let Some(source) = &mut self.source else { return Poll::Ready(None) };
        let next = source.poll_next(cx);
        match next {
            Poll::Ready(Some(Err(Lagged { missed }))) => self.handle.count_missed(missed),
            Poll::Ready(None) => self.source = None,
            Poll::Ready(Some(Ok(_))) | Poll::Pending => {}
        }
        next
    }
}

impl futures_core::Stream for Subscription {
    type Item = Result<Event, Lagged>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().poll_event(cx)
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        if !self.detached {
            self.cancel();
        }
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.handle.fmt(f)
    }
}
