//! One subscriber: its queue and its clock.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use stream_core::EventQueue;
use stream_model::{Lagged, Subscription, SubscriptionHandle, SubscriptionId};
use tokio::time::{Instant, Sleep};

use super::delivery::{Published, SseDelivery, heartbeat_frame, lagged_frame};
use crate::Heartbeat;

/// A subscription that nobody reads yet; read it as events or as frames.
///
/// It has one consumer, by type: two could only steal events from each other.
#[derive(Debug)]
#[must_use = "a subscription that is dropped is cancelled"]
pub struct SseSubscription {
    subscription: Subscription,
    queue: EventQueue<Published>,
    heartbeat: Heartbeat,
    /// Sleeps until the next heartbeat; made when it is first waited for.
    sleep: Option<Pin<Box<Sleep>>>,
    /// The subscriber's last id is not in the ring, and it has not been told yet.
    lost: bool,
}

/// What a subscriber gets, in no form yet.
enum Found {
    Event(Published),
    Heartbeat,
    Lagged(Option<u64>),
}

impl SseSubscription {
    pub(super) fn new(
        (subscription, queue): (Subscription, EventQueue<Published>),
        heartbeat: Duration,
        lost: bool,
    ) -> Self {
        let heartbeat = Heartbeat::new(heartbeat, Instant::now().into_std());
        Self { subscription, queue, heartbeat, sleep: None, lost }
    }

    /// What it is called, for [`Stream::unsubscribe`](stream_core::Stream::unsubscribe).
    pub fn id(&self) -> SubscriptionId {
        self.subscription.id()
    }

    /// A handle that ends it from anywhere, and counts what it missed.
    pub fn handle(&self) -> &SubscriptionHandle {
        self.subscription.handle()
    }

    /// Reads it as events.
    pub fn events(self) -> SseEvents {
        SseEvents(self)
    }

    /// Reads it as the bytes of SSE frames.
    pub fn frames(self) -> SseFrames {
        SseFrames(self)
    }

    fn poll_found(&mut self, cx: &mut Context<'_>) -> Poll<Option<Found>> {
        if std::mem::take(&mut self.lost) {
            return Poll::Ready(Some(Found::Lagged(None)));
        }
        match self.queue.poll_next(cx) {
            Poll::Pending => self.poll_heartbeat(cx),
            Poll::Ready(Some(Ok(published))) => {
                self.heartbeat.handle_delivered(Instant::now().into_std());
                Poll::Ready(Some(Found::Event(published)))
            }
            Poll::Ready(Some(Err(Lagged { missed }))) => {
                Poll::Ready(Some(Found::Lagged(Some(missed))))
            }
            Poll::Ready(None) => Poll::Ready(None),
        }
    }

    fn poll_heartbeat(&mut self, cx: &mut Context<'_>) -> Poll<Option<Found>> {
        let Some(deadline) = self.heartbeat.poll_timeout() else { return Poll::Pending };
        let deadline = Instant::from_std(deadline);
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(deadline)));
        if sleep.deadline() != deadline {
            sleep.as_mut().reset(deadline);
        }
        loop {
            if sleep.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            if self.heartbeat.handle_timeout(Instant::now().into_std()) {
                return Poll::Ready(Some(Found::Heartbeat));
            }
            // The timer was early by its own granularity.
            sleep.as_mut().reset(Instant::now() + Duration::from_millis(1));
        }
    }
}

/// A subscription as events; ends when it is cancelled or the stream is closed.
#[derive(Debug)]
pub struct SseEvents(SseSubscription);

/// A subscription as SSE frames; ends when it is cancelled or the stream is closed.
#[derive(Debug)]
pub struct SseFrames(SseSubscription);

impl SseEvents {
    /// The subscription that is read.
    pub fn subscription(&self) -> &SseSubscription {
        &self.0
    }
}

impl SseFrames {
    /// The subscription that is read.
    pub fn subscription(&self) -> &SseSubscription {
        &self.0
    }
}

impl futures_core::Stream for SseEvents {
    type Item = SseDelivery;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<SseDelivery>> {
        self.0.poll_found(cx).map(|found| {
            found.map(|found| match found {
                Found::Event(published) => SseDelivery::Event(published.into()),
                Found::Heartbeat => SseDelivery::Heartbeat,
                Found::Lagged(missed) => SseDelivery::Lagged { missed },
            })
        })
    }
}

impl futures_core::Stream for SseFrames {
    type Item = Bytes;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        self.0.poll_found(cx).map(|found| {
            found.map(|found| match found {
                Found::Event(published) => published.frame(),
                Found::Heartbeat => heartbeat_frame(),
                Found::Lagged(missed) => lagged_frame(missed),
            })
        })
    }
}
