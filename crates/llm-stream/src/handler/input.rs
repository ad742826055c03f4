//! What a handler reads, one item at a time.

use std::borrow::Cow;
use std::fmt::Display;

use crate::event::{ErrorKind, StreamError, StreamEvent};

/// One item of a source: a piece of text, an event, or the news that the source failed.
///
/// Everything that a source may yield converts to it: `&str`, `String`, [`StreamEvent`], and a
/// `Result` of any of these.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Input {
    /// A piece of the first choice's text.
    Text(String),
    /// An event; a source of events says itself that it is complete, with an end event.
    Event(StreamEvent),
    /// The source failed, and nothing follows.
    Failed(Box<StreamError>),
}

impl From<String> for Input {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&str> for Input {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<&String> for Input {
    fn from(text: &String) -> Self {
        Self::Text(text.clone())
    }
}

impl From<Cow<'_, str>> for Input {
    fn from(text: Cow<'_, str>) -> Self {
        Self::Text(text.into_owned())
    }
}

impl From<StreamEvent> for Input {
    fn from(event: StreamEvent) -> Self {
        Self::Event(event)
    }
}

impl From<StreamError> for Input {
    fn from(error: StreamError) -> Self {
        Self::Failed(Box::new(error))
    }
}

/// An error of the source is one of [`ErrorKind::Server`], with its own words as the message.
impl<T: Into<Input>, E: Display> From<Result<T, E>> for Input {
    fn from(item: Result<T, E>) -> Self {
        match item {
            Ok(item) => item.into(),
            Err(error) => StreamError::new(ErrorKind::Server, error.to_string()).into(),
        }
    }
}
