//! What most programs import: the traits, without their names, and the commonest types.
//!
//! A bare `Stream` never clashes with that of `futures`: only its methods come in.

#[cfg(feature = "sse")]
pub use crate::SseStream;
#[cfg(feature = "processor")]
pub use crate::StreamProcessor;
pub use crate::{
    Data, Event, EventType, InMemoryStream, Stream as _, StreamExt as _, Subscribe, Subscription,
    Topic, TopicFilter, TopicStream,
};
