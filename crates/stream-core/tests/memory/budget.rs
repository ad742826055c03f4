//! The budget.

use futures_util::FutureExt as _;
use stats_alloc::Region;
use stream_core::{
    Capacity, Hub, InMemoryStream, Matcher, Stream, Subscribe, TopicStream, TryNext,
};
use stream_model::{Event, Subscription, Topic, TopicFilter};

use crate::ALLOCATOR;

/// Things of a kind to make, so that what grows in steps is spread over many.
const COUNT: usize = 4096;

/// Fails unless each of [`COUNT`] things takes at most `budget` bytes, and says how many it takes.
#[track_caller]
fn check<T>(what: &str, budget: usize, mut make: impl FnMut(usize) -> T) {
    let mut things = Vec::with_capacity(COUNT);
    let region = Region::new(ALLOCATOR);
    for number in 0..COUNT {
        things.push(make(number));
    }
    let change = region.change();
    let kept = change.bytes_allocated - change.bytes_deallocated;
    // A thing itself lies in the list that was there before.
    let each = kept / COUNT + size_of::<T>();
    assert!(each <= budget, "{what}: {each} bytes each, and the budget is {budget}");
    assert!(each * 10 >= budget * 7, "{what}: {each} bytes each; lower the budget of {budget}");
}

fn subscribe(stream: &impl Stream, request: Subscribe) -> Subscription {
    stream.subscribe(request).now_or_never().unwrap().unwrap()
}

#[test]
fn everything_keeps_to_its_budget() {
    check_sizes();
    check_publishing();
}

fn check_sizes() {
    let hub: Hub<Event> = Hub::new(Capacity::items(1000));
    check("a cursor", 72, |_| hub.cursor());

    let stream = InMemoryStream::new();
    check("a subscription with a queue", 512, |_| subscribe(&stream, Subscribe::all()));
    let called = |_| subscribe(&stream, Subscribe::all().handler(|_: &Event| ()));
    check("a subscription with a handler", 400, called);

    let topics = TopicStream::new();
    let name = |number| Topic::new(&format!("topic.{number:05}")).unwrap();
    let publish = |number| {
        let event = Event::builder().topic(&name(number)).build();
        topics.try_publish(event).unwrap();
    };
    check("a topic with one event", 1400, publish);

    let stream = InMemoryStream::with_capacity(COUNT);
    let text = "0123456789".repeat(20);
    let publish = |_| {
        stream.try_publish(Event::text(text.clone())).unwrap();
    };
    check("a remembered event of 200 bytes", 400, publish);

    let mut matcher = Matcher::new();
    let insert = |number| {
        let filter = TopicFilter::new(&format!("orders.{number:06}.*")).unwrap();
        matcher.insert(&filter, u32::try_from(number).unwrap());
    };
    check("a pattern in a matcher", 128, insert);
}

/// Publishing allocates once for all items that readers find together, and for blocks.
fn check_publishing() {
    for together in [1, 10, 100] {
        let hub = Hub::new(Capacity::items(1024));
        let mut cursors: Vec<_> = (0..10).map(|_| hub.cursor()).collect();
        let event = Event::text("x");
        let region = Region::new(ALLOCATOR);
        for _ in 0..COUNT / together {
            for _ in 0..together {
                hub.publish(event.clone(), 1);
            }
            for cursor in &mut cursors {
                while let TryNext::Item(_) = cursor.try_next() {}
            }
        }
        let allocations = region.change().allocations;
        let budget = COUNT / together + COUNT / 20;
        assert!(
            allocations <= budget,
            "{allocations} allocations for {COUNT} events, {together} together"
        );
    }
}
