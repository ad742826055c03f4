//! What an item goes through before anybody gets it.

use std::pin::Pin;
use std::sync::Arc;

use stream_core::Failure;
use stream_model::BoxError;

use crate::handlers::guarded;

type Outcome<T> = Pin<Box<dyn Future<Output = Result<Option<T>, BoxError>> + Send>>;

/// One step: it lets an item through, changed or not, or drops it.
pub(super) struct Middleware<T>(Arc<dyn Fn(T) -> Outcome<T> + Send + Sync>);

impl<T: 'static> Middleware<T> {
    pub(super) fn new<F, O>(step: F) -> Self
    where
        F: Fn(T) -> O + Send + Sync + 'static,
        O: Future<Output: MiddlewareOutput<T>> + Send + 'static,
    {
        Self(Arc::new(move |item| {
            let future = step(item);
            Box::pin(async move { future.await.into_result() })
        }))
    }

    /// Lets an item through; a panic is a failure.
    pub(super) async fn run(&self, item: T) -> Result<Option<T>, Failure> {
        guarded(|| (self.0)(item)).await
    }
}

impl<T> Clone for Middleware<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

/// What middleware may return: the item to go on with, nothing to drop it, or a failure.
pub trait MiddlewareOutput<T> {
    /// As a result.
    ///
    /// # Errors
    /// The error that the middleware returned.
    fn into_result(self) -> Result<Option<T>, BoxError>;
}

impl<T> MiddlewareOutput<T> for Option<T> {
    fn into_result(self) -> Result<Option<T>, BoxError> {
        Ok(self)
    }
}

impl<T, E: Into<BoxError>> MiddlewareOutput<T> for Result<Option<T>, E> {
    fn into_result(self) -> Result<Option<T>, BoxError> {
        self.map_err(Into::into)
    }
}
