//! Topic filters: no text makes one panic, a filter keeps its text, and it takes the topics that
//! its definition takes.
//!
//! Mirrored by `a_filter_takes_what_its_definition_takes` in
//! `crates/stream-model/src/topic_filter.rs`.
#![no_main]

use fuzz::Input;
use stream_model::{Topic, TopicFilter};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let mut input = Input::new(data);
    let Ok(filter) = TopicFilter::new(&input.text()) else { return };
    assert_eq!(filter.to_string().parse().as_ref(), Ok(&filter));
    let Ok(topic) = Topic::new(&input.text()) else { return };
    let wanted: Vec<&str> = filter.as_str().split('.').collect();
    let found: Vec<&str> = topic.as_str().split('.').collect();
    let want = filter.as_str() == "*" || takes(&wanted, &found);
    assert_eq!(filter.matches(&topic), want, "{filter} and {topic}");
    if let Some(one) = filter.as_topic() {
        assert!(filter.matches(&one));
        assert_eq!(filter.matches(&topic), one == topic);
    }
});

/// Whether the segments of a filter take those of a topic, by definition.
fn takes(wanted: &[&str], found: &[&str]) -> bool {
    match (wanted, found) {
        ([">"], [_, ..]) | ([], []) => true,
        (["*", wanted @ ..], [_, found @ ..]) => takes(wanted, found),
        ([first, wanted @ ..], [same, found @ ..]) => first == same && takes(wanted, found),
        _ => false,
    }
}
