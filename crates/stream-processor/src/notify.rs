//! Events as notifications that a webhook gets.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use stream_core::{PublishError, Receipt, Stream, Subscribe, SubscribeError};
use stream_model::{BoxError, Epoch, Event, Offset, StreamPosition, Subscription, SubscriptionId};
use tracing::warn;

use crate::{DeadLetter, Retry};

/// Posts a body to a place; what speaks HTTP lies behind it.
#[async_trait]
pub trait Webhook: Send + Sync {
    /// Posts `body`, which is JSON, and returns the status of the answer.
    ///
    /// # Errors
    /// Why there is no answer.
    ///
    /// # Cancel safety
    /// If the future is dropped, the body may have been posted or not.
    async fn post(&self, body: Bytes) -> Result<u16, BoxError>;
}

/// One notification on its way: a pure machine that is told each answer and the time.
///
/// # Examples
///
/// ```
/// use std::time::{Duration, Instant};
/// use stream_processor::{Notification, Notified, Retry};
///
/// let (now, retry) = (Instant::now(), Retry::default().first(Duration::from_secs(1)).jitter(0.0));
/// let mut notification = Notification::new(retry);
/// let again = notification.handle_answer(now, Ok(503), 0.0);
/// assert!(matches!(again, Notified::Again { at } if at == now + Duration::from_secs(1)));
/// assert!(matches!(notification.handle_answer(now, Ok(204), 0.0), Notified::Done));
/// ```
#[derive(Debug, Clone)]
pub struct Notification {
    retry: Retry,
    attempts: u32,
    since: Option<Instant>,
}

/// What an answer means for a notification.
#[derive(Debug)]
#[non_exhaustive]
pub enum Notified {
    /// It was taken.
    Done,
    /// It is to be posted again.
    Again {
        /// When.
        at: Instant,
    },
    /// It will not be taken.
    Failed {
        /// Why.
        error: NotifyError,
        /// How often it was posted.
        attempts: u32,
        /// The time between the first and the last failure.
        spent: Duration,
    },
}

/// Why a webhook did not take a notification.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NotifyError {
    /// It answered so.
    #[error("webhook answered {status}")]
    Refused {
        /// The status.
        status: u16,
    },
    /// It did not answer.
    #[error("webhook did not answer")]
    Unreachable(#[source] BoxError),
}

impl NotifyError {
    /// Whether the same notification may be taken later: timeouts, conflicts of time, too many
    /// requests, and failures of the server.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Refused { status } => matches!(status, 408 | 425 | 429 | 500..),
            Self::Unreachable(_) => true,
        }
    }
}

impl Notification {
    /// One that was not posted yet.
    pub fn new(retry: Retry) -> Self {
        Self { retry, attempts: 0, since: None }
    }

    /// Takes the status of an answer, or why there is none; `chance` is between 0 and 1.
    pub fn handle_answer(
        &mut self,
        now: Instant,
        answer: Result<u16, BoxError>,
        chance: f64,
    ) -> Notified {
        let error = match answer {
            Ok(200..300) => return Notified::Done,
            Ok(status) => NotifyError::Refused { status },
            Err(error) => NotifyError::Unreachable(error),
        };
        self.attempts += 1;
        let since = *self.since.get_or_insert(now);
        let delay = self.retry.delay(self.attempts, chance).filter(|_| error.is_retryable());
        match delay.and_then(|delay| now.checked_add(delay)) {
            Some(at) => Notified::Again { at },
            None => {
                let spent = now.saturating_duration_since(since);
                Notified::Failed { error, attempts: self.attempts, spent }
            }
        }
    }
}

/// A sink that posts each event to a webhook, as its JSON form, one after the other.
///
/// What the webhook does not take is posted again as [`Retry`] says, and then set aside as a
/// [`DeadLetter`]; where there is no place for it, publishing fails.
/// Nobody can subscribe to it.
pub struct NotificationSink<W> {
    webhook: W,
    retry: Retry,
    letters: Option<Arc<dyn Stream>>,
    taken: AtomicU64,
}

impl<W: Webhook> NotificationSink<W> {
    /// Posts to `webhook`.
    pub fn new(webhook: W) -> Self {
        Self { webhook, retry: Retry::default(), letters: None, taken: AtomicU64::new(0) }
    }

    /// Says how often, and when, a notification is posted again.
    #[must_use]
    pub fn retry(mut self, retry: Retry) -> Self {
        self.retry = retry;
        self
    }

    /// Publishes what the webhook does not take to `target`.
    #[must_use]
    pub fn dead_letters(mut self, target: impl Stream + 'static) -> Self {
        self.letters = Some(Arc::new(target));
        self
    }

    /// Posts `body` until it is taken or will not be.
    async fn notify(&self, body: Bytes) -> Result<(), (NotifyError, u32, Duration)> {
        let mut notification = Notification::new(self.retry);
        loop {
            let answer = self.webhook.post(body.clone()).await;
            let now = tokio::time::Instant::now().into_std();
            match notification.handle_answer(now, answer, fastrand::f64()) {
                Notified::Done => return Ok(()),
                Notified::Again { at } => tokio::time::sleep_until(at.into()).await,
                Notified::Failed { error, attempts, spent } => {
                    return Err((error, attempts, spent));
                }
            }
        }
    }
}

#[async_trait]
impl<W: Webhook> Stream for NotificationSink<W> {
    async fn publish(&self, event: Event) -> Result<Receipt, PublishError> {
        let body =
            serde_json::to_vec(&event).map_err(|error| PublishError::Backend(error.into()))?;
        if let Err((error, attempts, spent)) = self.notify(body.into()).await {
            warn!(%error, attempts, id = %event.id(), "a notification was not taken");
            let Some(letters) = &self.letters else {
                return Err(PublishError::Backend(error.into()));
            };
            let told = DeadLetter::new("webhook".to_owned(), &error, attempts).after(spent);
            letters.publish(DeadLetter { is_sink: true, ..told }.letter(&event)).await?;
        }
        let offset = Offset::new(self.taken.fetch_add(1, Ordering::Relaxed));
        Ok(Receipt::new(StreamPosition { epoch: Epoch::new(0), offset }))
    }

    async fn subscribe(&self, _request: Subscribe) -> Result<Subscription, SubscribeError> {
        Err(SubscribeError::TooMany { limit: 0 })
    }

    async fn unsubscribe(&self, _id: SubscriptionId) -> bool {
        false
    }
}

impl<W> std::fmt::Debug for NotificationSink<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NotificationSink").field("retry", &self.retry).finish_non_exhaustive()
    }
}
