//! A subscription that is read, with heartbeats.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use stream_model::{Event, EventType, Lagged, Subscription};

use crate::idle::Idle;

/// Reads a subscription's events, and a heartbeat after each long silence.
///
/// It ends when the subscription or its stream does; what was published before comes first.
///
/// # Cancel safety
/// Dropping a future that waits for the next event loses nothing; dropping the consumer ends the
/// subscription.
#[derive(Debug)]
#[must_use = "a consumer that is dropped ends its subscription"]
pub struct Consumer {
    subscription: Subscription,
    idle: Idle,
}

impl Consumer {
    /// Reads `subscription`, whichever stream it is from, with a heartbeat after each `idle`.
    pub fn new(subscription: Subscription, idle: Duration) -> Self {
        Self { subscription, idle: Idle::new(idle) }
    }

    /// What is read.
    pub fn subscription(&self) -> &Subscription {
        &self.subscription
    }

    /// Goes on without heartbeats.
    pub fn into_subscription(self) -> Subscription {
        self.subscription
    }
}

/// A heartbeat is an event of the type [`EventType::Heartbeat`], made for this consumer alone.
impl futures_core::Stream for Consumer {
    type Item = Result<Event, Lagged>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let next = Pin::new(&mut self.subscription).poll_next(cx);
        match next {
            Poll::Ready(Some(Ok(_))) => self.idle.interrupt(),
            Poll::Ready(_) => {}
            Poll::Pending => {
                return self
                    .idle
                    .poll(cx)
                    .map(|()| Some(Ok(Event::builder().event_type(EventType::Heartbeat).build())));
            }
        }
        next
    }
}
