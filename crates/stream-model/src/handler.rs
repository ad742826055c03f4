//! What a subscriber does with an event.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use crate::{BoxError, Event};

/// What an asynchronous handler returns for one event.
pub type HandlerFuture = Pin<Box<dyn Future<Output = Result<(), BoxError>> + Send>>;

/// A handler that is called.
type SyncHandler = dyn Fn(&Event) -> Result<(), BoxError> + Send + Sync;

/// A handler that is awaited.
type AsyncHandler = dyn Fn(Event) -> HandlerFuture + Send + Sync;

/// A function that is called for each event of a subscription; cloning shares it.
///
/// ```
/// use stream_model::{Event, Handler};
///
/// let handler = Handler::new(|event: &Event| println!("{event:?}"));
/// let careful = Handler::new(|event: &Event| event.parse::<u64>().map(drop));
/// let patient = Handler::asynchronous(async |event: Event| println!("{event:?}"));
/// # drop((handler, careful, patient));
/// ```
#[derive(Clone)]
pub enum Handler {
    /// Called where the event is published; it should be quick.
    Sync(Arc<SyncHandler>),
    /// Awaited in a task of its own, which takes events from a bounded queue.
    Async(Arc<AsyncHandler>),
}

impl Handler {
    /// A function that is called where the event is published.
    pub fn new<F, O>(handler: F) -> Self
    where
        F: Fn(&Event) -> O + Send + Sync + 'static,
        O: HandlerOutput,
    {
        Self::Sync(Arc::new(move |event| handler(event).into_result()))
    }

    /// A function whose future is awaited in a task of its own.
    pub fn asynchronous<F, O>(handler: F) -> Self
    where
        F: Fn(Event) -> O + Send + Sync + 'static,
        O: Future<Output: HandlerOutput> + Send + 'static,
    {
        Self::Async(Arc::new(move |event| {
            let future = handler(event);
            Box::pin(async move { future.await.into_result() })
        }))
    }
}

impl fmt::Debug for Handler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sync(_) => "Handler::Sync",
            Self::Async(_) => "Handler::Async",
        })
    }
}

/// What a handler may return: nothing, or a result.
pub trait HandlerOutput {
    /// As a result.
    ///
    /// # Errors
    /// The error that the handler returned.
    fn into_result(self) -> Result<(), BoxError>;
}

impl HandlerOutput for () {
    fn into_result(self) -> Result<(), BoxError> {
        Ok(())
    }
}

impl<E: Into<BoxError>> HandlerOutput for Result<(), E> {
    fn into_result(self) -> Result<(), BoxError> {
        self.map_err(Into::into)
    }
}

/// What a filter may return: a verdict, or the failure to come to one.
pub trait FilterOutput {
    /// As a result.
    ///
    /// # Errors
    /// The error that the filter returned.
    fn into_result(self) -> Result<bool, BoxError>;
}

impl FilterOutput for bool {
    fn into_result(self) -> Result<bool, BoxError> {
        Ok(self)
    }
}

impl<E: Into<BoxError>> FilterOutput for Result<bool, E> {
    fn into_result(self) -> Result<bool, BoxError> {
        self.map_err(Into::into)
    }
}
