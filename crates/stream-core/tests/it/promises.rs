//! What every public type promises to threads.

use stream_core::{
    Attachment, BroadcastReport, Callback, Capacity, Cursor, Failure, Hub, InMemoryStream, Matcher,
    Overflow, PublishError, Receipt, Remote, Stream, Subscribe, SubscribeError, Subscribers,
    TopicHandle, TopicOptions, TopicStream,
};
use stream_model::Event;

fn crosses_threads<T: Send + Sync + ?Sized>() {}

#[test]
fn everything_crosses_threads() {
    crosses_threads::<Hub<Event>>();
    crosses_threads::<Cursor<Event>>();
    crosses_threads::<Remote<Event>>();
    crosses_threads::<Attachment<Event>>();
    crosses_threads::<Callback<Event>>();
    crosses_threads::<Failure>();
    crosses_threads::<Capacity>();
    crosses_threads::<Matcher<u32>>();
    crosses_threads::<InMemoryStream>();
    crosses_threads::<TopicStream>();
    crosses_threads::<TopicHandle>();
    crosses_threads::<TopicOptions>();
    crosses_threads::<Subscribers>();
    crosses_threads::<Subscribe>();
    crosses_threads::<Overflow>();
    crosses_threads::<Receipt>();
    crosses_threads::<BroadcastReport>();
    crosses_threads::<PublishError>();
    crosses_threads::<SubscribeError>();
    crosses_threads::<dyn Stream>();
}
