//! The matcher against the filters themselves.

use proptest::prelude::*;

use super::*;
use crate::limits::{MATCHED_TOPICS, MATCHES_REMEMBERED};

fn filter(text: &str) -> TopicFilter {
    TopicFilter::new(text).unwrap()
}

#[track_caller]
fn check(filters: &[&str], topic: &str, want: &[&str]) {
    let mut matcher = Matcher::new();
    for text in filters {
        matcher.insert(&filter(text), *text);
    }
    let mut found = matcher.matches(topic);
    found.sort_unstable();
    assert_eq!(found, want, "{topic}");
    assert_eq!(matcher.recall(topic).len(), want.len());
}

#[test]
fn every_form_of_filter_is_found() {
    let all = ["*", ">", "a", "a.*", "a.*.c", "a.>", "a.b", "a.b.*", "a.b.c", "*.*", "*.b.>"];
    check(&all, "a", &["*", ">", "a"]);
    check(&all, "a.b", &["*", "*.*", ">", "a.*", "a.>", "a.b"]);
    check(&all, "a.b.c", &["*", "*.b.>", ">", "a.*.c", "a.>", "a.b.*", "a.b.c"]);
    check(&all, "x", &["*", ">"]);
    check(&all, "", &["*", ">"]);
}

#[test]
fn a_long_segment_is_told_from_its_beginning() {
    let long = "x".repeat(40);
    check(&[&long, &long[..22]], &long, &[&long]);
}

#[test]
fn what_is_taken_away_is_found_no_more_and_leaves_nothing_behind() {
    let mut matcher = Matcher::new();
    let filters: Vec<_> = ["a.*.c", "a.>", "a.*", "*", "a.b"].map(filter).into();
    for _ in 0..3 {
        for filter in &filters {
            for key in 0..3 {
                matcher.insert(filter, key);
            }
        }
        assert_eq!(matcher.recall("a.b").len(), 12);
        for filter in &filters {
            for key in 0..3 {
                assert!(matcher.remove(filter, &key));
                assert!(!matcher.remove(filter, &key));
            }
        }
        assert!(matcher.is_empty());
        assert!(matcher.recall("a.b").is_empty());
    }
    assert!(!matcher.remove(&filter("never.there"), &1));
}

#[test]
fn equal_keys_are_taken_away_one_by_one() {
    let mut matcher = Matcher::new();
    matcher.insert(&filter("a"), 1);
    matcher.insert(&filter("a"), 1);
    assert_eq!(matcher.matches("a"), [1, 1]);
    assert!(matcher.remove(&filter("a"), &1));
    assert_eq!(matcher.matches("a"), [1]);
}

#[test]
fn a_change_is_seen_by_topics_that_are_remembered() {
    let mut matcher = Matcher::new();
    assert!(matcher.recall("a.b").is_empty());
    matcher.insert(&filter("a.b"), 1);
    assert_eq!(*matcher.recall("a.b"), [1]);
    matcher.insert(&filter("a.*"), 2);
    assert_eq!(matcher.recall("a.b").len(), 2);
    matcher.remove(&filter("a.*"), &2);
    assert_eq!(*matcher.recall("a.b"), [1]);
    assert_eq!(matcher.remembered("a.b").map(|keys| keys.len()), Some(1));
    assert_eq!(matcher.remembered("a.c"), None);
}

#[test]
fn the_memory_for_topics_is_bounded() {
    let mut matcher = Matcher::<u32>::new();
    for topic in 0..MATCHED_TOPICS {
        matcher.recall(&topic.to_string());
    }
    assert_eq!(matcher.cache.len(), MATCHED_TOPICS);
    matcher.recall("one more");
    assert_eq!(matcher.cache.len(), 1);
}

#[test]
fn the_memory_for_matches_is_bounded() {
    let mut matcher = Matcher::new();
    for key in 0..MATCHES_REMEMBERED / 2 {
        matcher.insert(&TopicFilter::all(), key);
    }
    for (topic, remembered) in [("a", 1), ("b", 2), ("c", 1)] {
        matcher.recall(topic);
        assert_eq!(matcher.cache.len(), remembered);
    }
    for key in 0..=MATCHES_REMEMBERED / 2 {
        matcher.insert(&TopicFilter::all(), key);
    }
    assert_eq!(matcher.recall("a").len(), MATCHES_REMEMBERED + 1);
    assert_eq!(matcher.cache.len(), 0);
}

fn text() -> impl Strategy<Value = String> {
    proptest::collection::vec(proptest::sample::select(&["a", "b", "*", ">"]), 1..5)
        .prop_map(|segments| segments.join("."))
}

proptest! {
    #[test]
    fn it_agrees_with_the_filters(
        changes in proptest::collection::vec((any::<bool>(), text()), 0..60), topics in proptest::collection::vec(text(), 5),
    ) {
        let mut matcher = Matcher::new();
        let mut list: Vec<(TopicFilter, String)> = Vec::new();
        for (insert, text) in changes {
            let Ok(filter) = TopicFilter::new(&text) else { continue };
            if insert {
                matcher.insert(&filter, text.clone());
                list.push((filter, text));
            } else {
                let index = list.iter().position(|(_, other)| *other == text);
                prop_assert_eq!(matcher.remove(&filter, &text), index.is_some());
                index.map(|index| list.swap_remove(index));
            }
            prop_assert_eq!(matcher.len(), list.len());
            for topic in &topics {
                let taking = list.iter().filter(|(filter, _)| filter.matches_str(topic));
                let mut want: Vec<_> = taking.map(|(_, text)| text.clone()).collect();
                let mut found = matcher.recall(topic).to_vec();
                want.sort();
                found.sort();
                prop_assert_eq!(found, want);
            }
        }
    }
}
