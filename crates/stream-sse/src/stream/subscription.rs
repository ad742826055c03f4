//! One subscriber: its place in the ring, its filter, and its clock.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_core::Stream;
use parking_lot::Mutex;
use stream_core::{Cursor, Readiness, TryNext};
use stream_model::{Event, TopicFilter};
use tokio::time::{Instant, Sleep};

use super::cancel::{Cancel, SseCanceller};
use super::delivery::{Published, SseDelivery, heartbeat_frame, lagged_frame};
use super::{SseStream, Subscribers};
use crate::Heartbeat;

/// A subscription that nobody reads yet; read it as events or as frames.
///
/// It has one consumer, by type: two could only steal events from each other.
#[derive(Debug)]
#[must_use = "a subscription that is dropped is cancelled"]
pub struct SseSubscription {
    id: u64,
    cursor: Cursor<Published>,
    filter: TopicFilter,
    cancel: Arc<Cancel>,
    subscribers: Arc<Mutex<Subscribers>>,
    heartbeat: Heartbeat,
    /// Sleeps until the next heartbeat; made when it is first waited for.
    sleep: Option<Pin<Box<Sleep>>>,
    /// The subscriber's last id is not in the ring, and it has not been told yet.
    lost: bool,
    missed: u64,
}

/// What a subscriber gets, without the borrow of the ring.
enum Found {
    Event(Published),
    Heartbeat,
    Lagged(Option<u64>),
}

impl SseSubscription {
    pub(super) fn new(
        id: u64,
        stream: &SseStream,
        filter: TopicFilter,
        position: u64,
        lost: bool,
        cancel: Arc<Cancel>,
    ) -> Self {
        let now = Instant::now().into_std();
        Self {
            id,
            cursor: stream.hub.cursor_at(position),
            filter,
            cancel,
            subscribers: Arc::clone(&stream.subscribers),
            heartbeat: Heartbeat::new(stream.options.heartbeat, now),
            sleep: None,
            lost,
            missed: 0,
        }
    }

    /// Its number, for [`SseStream::unsubscribe`].
    pub fn id(&self) -> u64 {
        self.id
    }

    /// How many events it missed so far because it was slow.
    pub fn missed(&self) -> u64 {
        self.missed
    }

    /// A handle that ends it from anywhere.
    pub fn canceller(&self) -> SseCanceller {
        SseCanceller(Arc::clone(&self.cancel))
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
        loop {
            if self.cancel.poll_end(cx.waker()).is_some_and(|end| self.cursor.position() >= end) {
                return Poll::Ready(None);
            }
            match self.cursor.poll_ready(cx) {
                Poll::Ready(Readiness::Closed) => return Poll::Ready(None),
                Poll::Ready(Readiness::Item | Readiness::Lagged { .. }) => {
                    if let Some(found) = self.take() {
                        return Poll::Ready(Some(found));
                    }
                }
                Poll::Pending => return self.poll_heartbeat(cx),
            }
        }
    }

    /// What is next in the ring, if the filter takes it.
    fn take(&mut self) -> Option<Found> {
        match self.cursor.try_next() {
            TryNext::Item(published) if takes(&self.filter, published.event()) => {
                let found = Found::Event(published.clone());
                self.heartbeat.handle_delivered(Instant::now().into_std());
                Some(found)
            }
            TryNext::Lagged { missed } => {
                self.missed = self.missed.saturating_add(missed);
                Some(Found::Lagged(Some(missed)))
            }
            TryNext::Item(_) | TryNext::Empty | TryNext::Closed => None,
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
            sleep.as_mut().reset(Instant::now() + std::time::Duration::from_millis(1));
        }
    }
}

/// An event without a topic goes to those who take all topics.
fn takes(filter: &TopicFilter, event: &Event) -> bool {
    filter.is_all() || event.topic().is_some_and(|topic| filter.matches_str(topic))
}

impl Drop for SseSubscription {
    fn drop(&mut self) {
        self.subscribers.lock().cancels.remove(&self.id);
        self.cancel.cancel();
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

impl Stream for SseEvents {
    type Item = SseDelivery;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<SseDelivery>> {
        self.0.poll_found(cx).map(|found| {
            found.map(|found| match found {
                Found::Event(published) => SseDelivery::Event(published.event().clone()),
                Found::Heartbeat => SseDelivery::Heartbeat,
                Found::Lagged(missed) => SseDelivery::Lagged { missed },
            })
        })
    }
}

impl Stream for SseFrames {
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
