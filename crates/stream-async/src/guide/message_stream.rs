//! A stream of messages, handled by receiver.

use std::sync::Arc;

use stream_core::Failure;

use super::Message;
use super::exchange::{Counts, Delivery, Exchange, HandlerId, Route, SendError};
use super::middleware::{Middleware, MiddlewareOutput};
use crate::handlers::{ItemHandler, NoRuntime};
use crate::limits::GUIDE_ITEMS;

/// A stream of [`Message`]s whose handlers are chosen by the message's receiver.
///
/// A message without a receiver goes to all; one for whom there is no handler is
/// [`Delivery::Undeliverable`], and counted.
/// A clone is another handle to the same stream.
///
/// # Examples
///
/// ```
/// use stream_async::{Delivery, ItemHandler, Message, MessageStream};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let stream = MessageStream::new();
/// for name in ["bob", "eve"] {
///     stream.register(name, ItemHandler::new(move |message: &Message<&str>| {
///         println!("{name} hears {}", message.content);
///     }))?;
/// }
/// assert_eq!(stream.send(Message::new("alice", "bob", "hi")).await?, Delivery::Handled(1));
/// assert_eq!(stream.send(Message::to_all("alice", "hi")).await?, Delivery::Handled(2));
/// assert_eq!(stream.send(Message::new("alice", "ann", "hi")).await?, Delivery::Undeliverable);
/// assert_eq!(stream.counts().undeliverable, 1);
/// # Ok(())
/// # }
/// ```
#[doc(alias = "AdvancedMessageStream")]
pub struct MessageStream<T>(Arc<Exchange<Message<T>>>);

impl<T: Clone + Send + Sync + 'static> MessageStream<T> {
    /// A stream that lets [`GUIDE_ITEMS`] wait for whoever processes.
    pub fn new() -> Self {
        Self::with_capacity(GUIDE_ITEMS)
    }

    /// A stream that lets `messages` wait for whoever processes (1 at the least).
    pub fn with_capacity(messages: usize) -> Self {
        Self(Arc::new(Exchange::new(messages)))
    }

    /// How many messages may wait for whoever processes.
    pub fn capacity(&self) -> usize {
        self.0.queue.capacity()
    }

    /// Lets each message go through `middleware`, which may change or drop it; in the order in
    /// which they are added.
    #[doc(alias = "use")]
    pub fn add_middleware<F, O>(&self, middleware: F)
    where
        F: Fn(Message<T>) -> O + Send + Sync + 'static,
        O: Future<Output: MiddlewareOutput<Message<T>>> + Send + 'static,
    {
        self.0.add_middleware(Middleware::new(middleware));
    }

    /// Lets `handler` have the messages to a receiver, and those to all from now on.
    ///
    /// # Errors
    /// [`NoRuntime`] for an asynchronous handler outside of a tokio runtime.
    pub fn register(
        &self,
        receiver: &str,
        handler: ItemHandler<Message<T>>,
    ) -> Result<HandlerId, NoRuntime> {
        self.0.enter(receiver, handler)
    }

    /// Takes a handler out, which gets what was published before; `false` if it is not there.
    pub fn unregister(&self, id: HandlerId) -> bool {
        self.0.leave(id)
    }

    /// Tells `handler` when a handler of this receiver fails or panics, in the stead of the one
    /// that was set before.
    pub fn on_error<F>(&self, receiver: &str, handler: F)
    where
        F: Fn(&Failure, &Message<T>) + Send + Sync + 'static,
    {
        self.0.on_error(receiver, Arc::new(handler));
    }

    /// Gives a message to the handlers of its receiver, or lets it wait if somebody processes.
    ///
    /// # Errors
    /// [`SendError`]; then nobody got the message.
    ///
    /// # Cancel safety
    /// A dropped future may have given the message to some handlers.
    pub async fn send(&self, message: Message<T>) -> Result<Delivery, SendError> {
        self.0.send(message, Self::route).await
    }

    /// Handles what comes in from now on, until the stream is closed and all was handled; it is
    /// handled here and nowhere else.
    ///
    /// # Cancel safety
    /// A dropped future may leave the message that it was at with some handlers only; those that
    /// wait are handled by whoever processes next, or before the next message that comes.
    pub async fn process(&self) {
        self.0.process(Self::route).await;
    }

    /// What happened so far.
    pub fn counts(&self) -> Counts {
        self.0.counts()
    }

    /// Takes no more messages, and waits until asynchronous handlers are done.
    ///
    /// What waits for whoever processes is handled first, if nobody does.
    ///
    /// # Cancel safety
    /// The stream is closed in any case; asynchronous handlers that are not done are aborted.
    pub async fn close(&self) {
        self.0.finish(Self::route).await;
    }

    fn route(message: &Message<T>) -> Route {
        message.receiver.clone().map_or(Route::ToAll, Route::To)
    }
}

impl<T: Clone + Send + Sync + 'static> Default for MessageStream<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Clone for MessageStream<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> std::fmt::Debug for MessageStream<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("MessageStream").field(&self.0).finish()
    }
}
