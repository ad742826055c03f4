//! Errors say what they are, and whether to try again.

use std::time::Duration;

use stream_core::{PublishError, SubscribeError};
use stream_model::{ErrorClass, TopicError};

#[test]
fn every_error_of_publishing_has_its_class() {
    for (error, class, retryable, harmless) in [
        (PublishError::Closed, ErrorClass::Gone, false, true),
        (PublishError::Full, ErrorClass::RateLimited, true, true),
        (PublishError::TimedOut { after: Duration::ZERO }, ErrorClass::Unavailable, true, true),
        (PublishError::Topic(TopicError::EmptySegment), ErrorClass::Invalid, false, true),
        (PublishError::TooManyTopics { limit: 1 }, ErrorClass::RateLimited, true, true),
        (PublishError::Backend("x".into()), ErrorClass::Unavailable, true, false),
    ] {
        assert_eq!(error.class(), class, "{error}");
        assert_eq!(error.is_retryable(), retryable, "{error}");
        assert_eq!(error.has_no_side_effects(), harmless, "{error}");
    }
}

#[test]
fn every_error_of_subscribing_has_its_class() {
    for (error, class) in [
        (SubscribeError::Closed, ErrorClass::Gone),
        (SubscribeError::TooMany { limit: 1 }, ErrorClass::RateLimited),
        (SubscribeError::TooManyTopics { limit: 1 }, ErrorClass::RateLimited),
        (SubscribeError::Topic(TopicError::Wildcard), ErrorClass::Invalid),
        (SubscribeError::Queue { asked: 0, limit: 1 }, ErrorClass::Invalid),
        (SubscribeError::NoReplay, ErrorClass::Unsupported),
        (SubscribeError::NoRuntime, ErrorClass::Internal),
        (SubscribeError::Backend("x".into()), ErrorClass::Unavailable),
    ] {
        assert_eq!(error.class(), class, "{error}");
        assert_eq!(error.is_retryable(), class.is_retryable(), "{error}");
    }
}
