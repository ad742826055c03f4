//! A stream of events, handled by type.

use std::sync::Arc;

use stream_core::Failure;

use super::GenericEvent;
use super::exchange::{Counts, Delivery, Exchange, HandlerId, Route, SendError};
use super::middleware::{Middleware, MiddlewareOutput};
use crate::handlers::{ItemHandler, NoRuntime};
use crate::limits::GUIDE_ITEMS;

/// A stream of [`GenericEvent`]s whose handlers are chosen by the event's type.
///
/// A clone is another handle to the same stream.
///
/// # Examples
///
/// ```
/// use stream_async::{Delivery, EventStream, GenericEvent, ItemHandler};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let stream = EventStream::new();
/// stream.add_middleware(async |event: GenericEvent<String>| {
///     (!event.data.is_empty()).then_some(event)
/// });
/// stream.on_error("paid", |failure, event| println!("{failure}: {event:?}"));
/// let id = stream.on("paid", ItemHandler::new(|event: &GenericEvent<String>| {
///     event.data.parse::<u32>().map(|sum| println!("{sum} EUR"))
/// }))?;
/// let event = |text: &str| GenericEvent::new("paid", text.to_owned());
/// assert_eq!(stream.emit(event("7")).await?, Delivery::Handled(1));
/// assert_eq!(stream.emit(event("")).await?, Delivery::Dropped);
/// assert_eq!(stream.emit(event("seven")).await?, Delivery::Handled(1));
/// assert!(stream.off(id));
/// assert_eq!(stream.emit(event("8")).await?, Delivery::Undeliverable);
/// # Ok(())
/// # }
/// ```
#[doc(alias = "AdvancedEventStream")]
pub struct EventStream<T>(Arc<Exchange<GenericEvent<T>>>);

impl<T: Clone + Send + Sync + 'static> EventStream<T> {
    /// A stream that lets [`GUIDE_ITEMS`] wait for whoever processes.
    pub fn new() -> Self {
        Self::with_capacity(GUIDE_ITEMS)
    }

    /// A stream that lets `events` wait for whoever processes (1 at the least).
    pub fn with_capacity(events: usize) -> Self {
        Self(Arc::new(Exchange::new(events)))
    }

    /// How many events may wait for whoever processes.
    pub fn capacity(&self) -> usize {
        self.0.queue.capacity()
    }

    /// Lets each event go through `middleware`, which may change or drop it; in the order in
    /// which they are added.
    #[doc(alias = "use")]
    pub fn add_middleware<F, O>(&self, middleware: F)
    where
        F: Fn(GenericEvent<T>) -> O + Send + Sync + 'static,
        O: Future<Output: MiddlewareOutput<GenericEvent<T>>> + Send + 'static,
    {
        self.0.add_middleware(Middleware::new(middleware));
    }

    /// Lets `handler` have the events of a type from now on.
    ///
    /// # Errors
    /// [`NoRuntime`] for an asynchronous handler outside of a tokio runtime.
    pub fn on(
        &self,
        event_type: &str,
        handler: ItemHandler<GenericEvent<T>>,
    ) -> Result<HandlerId, NoRuntime> {
        self.0.enter(event_type, handler)
    }

    /// Takes a handler out, which gets what was published before; `false` if it is not there.
    pub fn off(&self, id: HandlerId) -> bool {
        self.0.leave(id)
    }

    /// Tells `handler` when a handler of this type fails or panics, in the stead of the one
    /// that was set before.
    pub fn on_error<F>(&self, event_type: &str, handler: F)
    where
        F: Fn(&Failure, &GenericEvent<T>) + Send + Sync + 'static,
    {
        self.0.on_error(event_type, Arc::new(handler));
    }

    /// Gives an event to the handlers of its type, or lets it wait if somebody processes.
    ///
    /// # Errors
    /// [`SendError`]; then nobody got the event.
    ///
    /// # Cancel safety
    /// A dropped future may have given the event to some handlers.
    pub async fn emit(&self, event: GenericEvent<T>) -> Result<Delivery, SendError> {
        self.0.send(event, Self::route).await
    }

    /// Handles what comes in from now on, until the stream is closed and all was handled; it is
    /// handled here and nowhere else.
    ///
    /// # Cancel safety
    /// A dropped future may leave the event that it was at with some handlers only; those that
    /// wait are handled by whoever processes next, or before the next event that comes.
    pub async fn process(&self) {
        self.0.process(Self::route).await;
    }

    /// What happened so far.
    pub fn counts(&self) -> Counts {
        self.0.counts()
    }

    /// Takes no more events, and waits until asynchronous handlers are done.
    ///
    /// What waits for whoever processes is handled first, if nobody does.
    ///
    /// # Cancel safety
    /// The stream is closed in any case; asynchronous handlers that are not done are aborted.
    pub async fn close(&self) {
        self.0.finish(Self::route).await;
    }

    fn route(event: &GenericEvent<T>) -> Route {
        Route::To(event.event_type.clone())
    }
}

impl<T: Clone + Send + Sync + 'static> Default for EventStream<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Clone for EventStream<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> std::fmt::Debug for EventStream<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("EventStream").field(&self.0).finish()
    }
}
