//! What a hub calls for each item.

use std::any::Any;
use std::fmt;

use stream_model::{BoxError, HandlerOutput};
use tracing::warn;

use crate::sync::Arc;

/// A function that is called for each item.
pub type Call<T> = dyn Fn(&T) -> Result<(), BoxError> + Send + Sync;
pub(super) type Report = dyn Fn(&Failure) + Send + Sync;

/// A function that a hub calls for each item, and whom to tell when that goes wrong.
pub struct Callback<T> {
    call: Arc<Call<T>>,
    report: Option<Arc<Report>>,
}

/// What went wrong with a callback; it is called again for the next item.
#[derive(Debug)]
#[non_exhaustive]
pub enum Failure {
    /// It returned an error.
    Error(BoxError),
    /// It panicked.
    Panic {
        /// What it said, if that was text.
        message: String,
    },
    /// It was too slow, and items left the ring before it saw them.
    Lagged {
        /// How many.
        missed: u64,
    },
}

impl<T> Callback<T> {
    /// Calls `call`, which may return nothing or a result; what goes wrong is logged.
    pub fn new<O: HandlerOutput>(call: impl Fn(&T) -> O + Send + Sync + 'static) -> Self {
        Self::shared(Arc::new(move |item| call(item).into_result()))
    }

    pub(crate) fn shared(call: Arc<Call<T>>) -> Self {
        Self { call, report: None }
    }

    /// Tells `report` what goes wrong, instead of the log.
    #[must_use]
    pub fn on_failure(mut self, report: impl Fn(&Failure) + Send + Sync + 'static) -> Self {
        self.report = Some(Arc::new(report));
        self
    }

    pub(super) fn from_parts(call: Arc<Call<T>>, report: Option<Arc<Report>>) -> Self {
        Self { call, report }
    }

    pub(super) fn into_parts(self) -> (Arc<Call<T>>, Option<Arc<Report>>) {
        (self.call, self.report)
    }

    /// Calls the function.
    ///
    /// # Errors
    /// Whatever it returns.
    pub fn call(&self, item: &T) -> Result<(), BoxError> {
        (self.call)(item)
    }

    pub(super) fn report(&self, failure: &Failure) {
        match &self.report {
            Some(report) => report(failure),
            None => warn!(%failure, "handler failed"),
        }
    }
}

impl Failure {
    /// What a caught panic said.
    pub fn from_panic(payload: &(dyn Any + Send)) -> Self {
        let text = payload.downcast_ref::<&str>().copied();
        let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
        Self::Panic { message: text.unwrap_or("a panic without a message").to_owned() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Error(error) => error.fmt(f),
            Self::Panic { message } => write!(f, "panicked: {message}"),
            Self::Lagged { missed } => write!(f, "missed {missed} items"),
        }
    }
}

impl<T> Clone for Callback<T> {
    fn clone(&self) -> Self {
        Self { call: Arc::clone(&self.call), report: self.report.clone() }
    }
}

impl<T> fmt::Debug for Callback<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Callback").finish_non_exhaustive()
    }
}
