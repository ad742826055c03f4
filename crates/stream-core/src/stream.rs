//! What every stream of events can do.

use std::sync::Arc;

use async_trait::async_trait;
use stream_model::{Event, StreamPosition, Subscription, SubscriptionId};

use crate::{PublishError, Subscribe, SubscribeError};

/// A stream of events: one publishes, many receive.
///
/// # Guarantees
///
/// - Every subscriber sees the events in one and the same order.
/// - An event whose publishing has returned `Ok` reaches every subscription that was made before,
///   selects it, and keeps up; one that does not keep up is told how many events it missed.
/// - A subscriber's handler or filter that fails or panics harms neither the publisher nor others.
/// - No lock is held while foreign code runs: a handler may publish, subscribe and unsubscribe.
///
/// What is durable, and what survives the stream, is each implementation's to say.
///
/// # Examples
///
/// ```
/// use stream_core::{InMemoryStream, Stream, Subscribe};
/// use stream_model::Event;
///
/// async fn greet(stream: &dyn Stream) -> Result<(), Box<dyn std::error::Error>> {
///     let mut subscription = stream.subscribe(Subscribe::all()).await?;
///     stream.publish(Event::text("hello")).await?;
///     let event = subscription.next().await.expect("the stream is open")?;
///     assert_eq!(event.data().as_str(), Some("hello"));
///     assert!(stream.unsubscribe(subscription.id()).await);
///     Ok(())
/// }
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(greet(&InMemoryStream::new()))?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[async_trait]
pub trait Stream: Send + Sync {
    /// Publishes `event` to every subscription that selects it.
    ///
    /// # Errors
    /// [`PublishError`] says whether anybody may have received the event.
    ///
    /// # Cancel safety
    /// If the future is dropped before it is ready, the event was not published, unless the
    /// implementation says otherwise.
    async fn publish(&self, event: Event) -> Result<Receipt, PublishError>;

    /// Subscribes as `request` says.
    ///
    /// # Errors
    /// [`SubscribeError`]; then there is no subscription.
    ///
    /// # Cancel safety
    /// If the future is dropped before it is ready, there is no subscription.
    async fn subscribe(&self, request: Subscribe) -> Result<Subscription, SubscribeError>;

    /// Ends a subscription, and returns whether this stream had it.
    ///
    /// Its reader gets what was published before, and then the end.
    ///
    /// # Cancel safety
    /// It may be called again.
    async fn unsubscribe(&self, id: SubscriptionId) -> bool;
}

/// A shared stream is the stream.
#[async_trait]
impl<S: Stream + ?Sized> Stream for Arc<S> {
    async fn publish(&self, event: Event) -> Result<Receipt, PublishError> {
        (**self).publish(event).await
    }

    async fn subscribe(&self, request: Subscribe) -> Result<Subscription, SubscribeError> {
        (**self).subscribe(request).await
    }

    async fn unsubscribe(&self, id: SubscriptionId) -> bool {
        (**self).unsubscribe(id).await
    }
}

/// Proof that an event was published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Receipt {
    /// Which event of its stream it is, and of which life of the stream.
    pub position: StreamPosition,
}

impl Receipt {
    /// The receipt for the event at `position`; for streams.
    pub const fn new(position: StreamPosition) -> Self {
        Self { position }
    }
}
