//! What every public type promises to threads, to the one who reads a log, and to serde.

use serde::Serialize;
use serde::de::DeserializeOwned;
use stream_model::{
    Data, DataError, Epoch, Event, EventBuilder, EventId, EventType, Handler, Metadata, Offset,
    Producer, Selector, StreamPosition, Subscription, SubscriptionHandle, SubscriptionId, Topic,
    TopicFilter,
};

fn crosses_threads<T: Send + Sync>() {}
fn reads_back<T: Serialize + DeserializeOwned>() {}

#[test]
fn values_cross_threads() {
    crosses_threads::<Event>();
    crosses_threads::<EventBuilder>();
    crosses_threads::<Data>();
    crosses_threads::<DataError>();
    crosses_threads::<Metadata>();
    crosses_threads::<Topic>();
    crosses_threads::<TopicFilter>();
    crosses_threads::<Selector>();
    crosses_threads::<Handler>();
    crosses_threads::<Subscription>();
    crosses_threads::<SubscriptionHandle>();
    crosses_threads::<Producer>();
}

#[test]
fn values_are_read_and_written() {
    reads_back::<Event>();
    reads_back::<EventId>();
    reads_back::<EventType>();
    reads_back::<Metadata>();
    reads_back::<Topic>();
    reads_back::<TopicFilter>();
    reads_back::<SubscriptionId>();
    reads_back::<Epoch>();
    reads_back::<Offset>();
}

#[test]
fn a_position_is_small() {
    assert_eq!(size_of::<StreamPosition>(), 16);
    assert_eq!(size_of::<Event>(), size_of::<usize>());
}
