//! What every stream can do besides, by way of the three things it must do.

use stream_model::{Data, Event, HandlerOutput, Selector, Subscription};

use crate::{PublishError, Receipt, Stream, Subscribe, SubscribeError};

/// Shorter ways to say the common things; every [`Stream`] has them.
///
/// # Examples
///
/// ```
/// use stream_core::{InMemoryStream, StreamExt};
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let stream = InMemoryStream::new();
/// let mut orders = stream.listen("orders").await?;
/// stream.publish_to("orders", serde_json::json!({"n": 7})).await?;
/// stream.publish_data(serde_json::json!("without a topic")).await?;
/// let order = orders.next().await.expect("the stream is open")?;
/// assert_eq!(order.data().to_value()?["n"], 7);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait StreamExt: Stream {
    /// Publishes a message with this data.
    ///
    /// # Errors
    /// As [`Stream::publish`].
    ///
    /// # Cancel safety
    /// As [`Stream::publish`].
    fn publish_data(
        &self,
        data: impl Into<Data> + Send,
    ) -> impl Future<Output = Result<Receipt, PublishError>> + Send {
        self.publish(Event::new(data))
    }

    /// Publishes a message with this data and `topic` in its metadata.
    ///
    /// # Errors
    /// As [`Stream::publish`].
    ///
    /// # Cancel safety
    /// As [`Stream::publish`].
    fn publish_to(
        &self,
        topic: &str,
        data: impl Into<Data> + Send,
    ) -> impl Future<Output = Result<Receipt, PublishError>> + Send {
        self.publish(Event::builder().data(data).meta("topic", topic).build())
    }

    /// Subscribes to a topic, a pattern or `*`, to be read.
    ///
    /// # Errors
    /// As [`Stream::subscribe`].
    ///
    /// # Cancel safety
    /// As [`Stream::subscribe`].
    fn listen(
        &self,
        topic: impl Into<Selector> + Send,
    ) -> impl Future<Output = Result<Subscription, SubscribeError>> + Send {
        self.subscribe(Subscribe::to(topic))
    }

    /// Calls `handler` for the events of a topic, a pattern or `*`.
    ///
    /// # Errors
    /// As [`Stream::subscribe`].
    ///
    /// # Cancel safety
    /// As [`Stream::subscribe`].
    fn on<F, O>(
        &self,
        topic: impl Into<Selector> + Send,
        handler: F,
    ) -> impl Future<Output = Result<Subscription, SubscribeError>> + Send
    where
        F: Fn(&Event) -> O + Send + Sync + 'static,
        O: HandlerOutput,
    {
        self.subscribe(Subscribe::to(topic).handler(handler))
    }

    /// Awaits `handler` for the events of a topic, a pattern or `*`, one at a time.
    ///
    /// # Errors
    /// As [`Stream::subscribe`].
    ///
    /// # Cancel safety
    /// As [`Stream::subscribe`].
    fn on_async<F, O>(
        &self,
        topic: impl Into<Selector> + Send,
        handler: F,
    ) -> impl Future<Output = Result<Subscription, SubscribeError>> + Send
    where
        F: Fn(Event) -> O + Send + Sync + 'static,
        O: Future<Output: HandlerOutput> + Send + 'static,
    {
        self.subscribe(Subscribe::to(topic).async_handler(handler))
    }
}

impl<S: Stream + ?Sized> StreamExt for S {}
