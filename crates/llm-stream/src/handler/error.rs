//! Why a stream has no whole text.

use crate::event::StreamError;

/// Why a run of a [`StreamHandler`](crate::StreamHandler) did not end with a whole text.
///
/// What had arrived is in [`StreamHandler::buffer`](crate::StreamHandler::buffer).
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{}", .0.message)]
pub struct HandlerError(Box<StreamError>);

impl HandlerError {
    pub(super) fn new(error: Box<StreamError>) -> Self {
        Self(error)
    }

    /// The error event that the stream ended with.
    pub fn stream_error(&self) -> &StreamError {
        &self.0
    }

    /// Whether the same request may succeed later.
    pub fn is_retryable(&self) -> bool {
        self.0.is_retryable()
    }
}
