//! Why a stream refuses.

use std::time::Duration;

use stream_model::{BoxError, ErrorClass, TopicError};

/// Why an event was not published.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PublishError {
    /// The stream takes nothing any more; nothing was published.
    #[error("the stream is closed")]
    Closed,
    /// A subscriber that publishers wait for has no room; nothing was published.
    #[error("a subscriber has no room")]
    Full,
    /// There was no room in time; nothing was published.
    #[error("no room within {after:?}")]
    TimedOut {
        /// How long it took.
        after: Duration,
    },
    /// The event's topic is none that this stream takes; nothing was published.
    #[error("cannot take the event's topic")]
    Topic(#[from] TopicError),
    /// The stream has as many topics as it may; nothing was published.
    #[error("the stream has {limit} topics, and may have no more")]
    TooManyTopics {
        /// How many it may have.
        limit: usize,
    },
    /// What is behind the stream failed; the event may or may not have been published.
    #[error("the stream's backend failed")]
    Backend(#[source] BoxError),
}

impl PublishError {
    /// What kind of failure it is.
    pub const fn class(&self) -> ErrorClass {
        match self {
            Self::Closed => ErrorClass::Gone,
            Self::Full | Self::TooManyTopics { .. } => ErrorClass::RateLimited,
            Self::TimedOut { .. } | Self::Backend(_) => ErrorClass::Unavailable,
            Self::Topic(_) => ErrorClass::Invalid,
        }
    }

    /// Whether the same event may be taken later.
    pub const fn is_retryable(&self) -> bool {
        self.class().is_retryable()
    }

    /// Whether it is certain that nobody received the event, so that a retry cannot repeat it.
    pub const fn has_no_side_effects(&self) -> bool {
        !matches!(self, Self::Backend(_))
    }
}

/// Why there is no subscription.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SubscribeError {
    /// The stream publishes nothing any more.
    #[error("the stream is closed")]
    Closed,
    /// The stream has as many subscriptions as it may.
    #[error("the stream has {limit} subscriptions, and may have no more")]
    TooMany {
        /// How many it may have.
        limit: usize,
    },
    /// The topic is none that this stream has.
    #[error("cannot subscribe to the topic")]
    Topic(#[from] TopicError),
    /// The stream has as many topics as it may.
    #[error("the stream has {limit} topics, and may have no more")]
    TooManyTopics {
        /// How many it may have.
        limit: usize,
    },
    /// The queue is to hold nothing, or too much.
    #[error("expected a queue of 1 to {limit} events, found {asked}")]
    Queue {
        /// How many events it was to hold.
        asked: usize,
        /// How many it may hold.
        limit: usize,
    },
    /// An asynchronous handler needs a tokio runtime to run in, and there is none here.
    #[error("an asynchronous handler needs a tokio runtime")]
    NoRuntime,
    /// This subscription cannot start with events of the past.
    #[error("a pattern cannot be replayed")]
    NoReplay,
    /// What is behind the stream failed.
    #[error("the stream's backend failed")]
    Backend(#[source] BoxError),
}

impl SubscribeError {
    /// What kind of failure it is.
    pub const fn class(&self) -> ErrorClass {
        match self {
            Self::Closed => ErrorClass::Gone,
            Self::TooMany { .. } | Self::TooManyTopics { .. } => ErrorClass::RateLimited,
            Self::Topic(_) | Self::Queue { .. } => ErrorClass::Invalid,
            Self::NoReplay => ErrorClass::Unsupported,
            Self::NoRuntime => ErrorClass::Internal,
            Self::Backend(_) => ErrorClass::Unavailable,
        }
    }

    /// Whether the same request may be granted later.
    pub const fn is_retryable(&self) -> bool {
        self.class().is_retryable()
    }
}
