//! Streams by the name of their kind.

use super::{DataStream, EventStream, MessageStream};
use crate::limits::GUIDE_ITEMS;

/// Makes the guide's streams by the name of their kind: `data`, `event` or `message`.
///
/// # Examples
///
/// ```
/// use stream_async::{GuideStream, StreamFactory};
///
/// let stream: GuideStream<String> = StreamFactory::default().capacity(3).create("data")?;
/// assert_eq!((stream.kind(), stream.capacity()), ("data", 3));
/// let error = StreamFactory::default().create::<String>("log").unwrap_err();
/// assert_eq!(error.to_string(), "Unknown stream type: log");
/// # Ok::<(), stream_async::UnknownStreamType>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub struct StreamFactory {
    capacity: usize,
}

/// A stream of one of the guide's kinds.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum GuideStream<T> {
    /// Of data.
    Data(DataStream<T>),
    /// Of events.
    Event(EventStream<T>),
    /// Of messages.
    Message(MessageStream<T>),
}

/// There is no kind of this name; the text is the one that the guide gives it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("Unknown stream type: {0}")]
pub struct UnknownStreamType(pub String);

impl Default for StreamFactory {
    fn default() -> Self {
        Self { capacity: GUIDE_ITEMS }
    }
}

impl StreamFactory {
    /// Makes streams that let so many items wait; [`GUIDE_ITEMS`] otherwise.
    #[doc(alias = "buffer_size")]
    pub fn capacity(mut self, items: usize) -> Self {
        self.capacity = items;
        self
    }

    /// Makes a stream.
    ///
    /// # Errors
    /// [`UnknownStreamType`].
    #[doc(alias = "create_stream")]
    pub fn create<T>(&self, kind: &str) -> Result<GuideStream<T>, UnknownStreamType>
    where
        T: Clone + Send + Sync + 'static,
    {
        match kind {
            "data" => Ok(GuideStream::Data(DataStream::with_capacity(self.capacity))),
            "event" => Ok(GuideStream::Event(EventStream::with_capacity(self.capacity))),
            "message" => Ok(GuideStream::Message(MessageStream::with_capacity(self.capacity))),
            other => Err(UnknownStreamType(other.to_owned())),
        }
    }
}

impl<T: Clone + Send + Sync + 'static> GuideStream<T> {
    /// The name of its kind.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Data(_) => "data",
            Self::Event(_) => "event",
            Self::Message(_) => "message",
        }
    }

    /// How many items may wait in it.
    pub fn capacity(&self) -> usize {
        match self {
            Self::Data(stream) => stream.capacity(),
            Self::Event(stream) => stream.capacity(),
            Self::Message(stream) => stream.capacity(),
        }
    }
}
