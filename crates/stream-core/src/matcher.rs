//! Which topic filters take a topic, and whose they are.
//!
//! A pure data structure: it knows no lock and no stream.
//! A topic that was asked for before is answered from memory, in the time of one hash look-up;
//! any other in a time that depends on how many filters agree with it, and hardly on how many
//! there are.
//!
//! # Limits
//!
//! It remembers the answers for [`MATCHED_TOPICS`] topics with [`MATCHES_REMEMBERED`] keys in all,
//! and then starts anew.
//! An answer that is larger than that is not remembered.
//! A change of the filters makes it forget the topics that are concerned: the one topic, for a
//! filter without a wildcard, and otherwise all.
//!
//! # Memory
//!
//! About 100 bytes for each wildcard filter that differs from all others in one segment of at most
//! 22 bytes, and a 4-byte key; another key under the same filter takes 8 bytes more.

mod cache;
mod trie;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use stream_model::TopicFilter;

use self::cache::Cache;
use self::trie::Trie;
#[cfg(doc)]
use crate::limits::{MATCHED_TOPICS, MATCHES_REMEMBERED};

/// Keeps keys under topic filters, and finds those whose filter takes a topic.
///
/// # Examples
///
/// ```
/// use stream_core::Matcher;
///
/// let mut matcher = Matcher::new();
/// matcher.insert(&"orders.>".parse()?, "all orders");
/// matcher.insert(&"orders.*.paid".parse()?, "the paid ones");
/// let mut found = matcher.matches("orders.eu.paid");
/// found.sort();
/// assert_eq!(found, ["all orders", "the paid ones"]);
/// assert_eq!(*matcher.recall("orders.eu"), ["all orders"]);
/// # Ok::<(), stream_model::TopicFilterError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Matcher<K> {
    trie: Trie<K>,
    cache: Cache<K>,
}

impl<K: Clone + Eq> Matcher<K> {
    /// A matcher without filters.
    pub fn new() -> Self {
        Self { trie: Trie::new(), cache: Cache::new() }
    }

    /// Keeps `key` under `filter`; several keys may stand under one filter, also equal ones.
    pub fn insert(&mut self, filter: &TopicFilter, key: K) {
        self.cache.forget(filter);
        self.trie.insert(filter, key);
    }

    /// Takes `key` away from `filter`, once, and returns whether it was there.
    pub fn remove(&mut self, filter: &TopicFilter, key: &K) -> bool {
        self.cache.forget(filter);
        self.trie.remove(filter, key)
    }

    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.trie.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The keys whose filter takes `topic`, in no particular order, without remembering them.
    pub fn matches(&self, topic: &str) -> Vec<K> {
        let mut found = Vec::new();
        self.trie.for_each_match(topic, |key| found.push(key.clone()));
        found
    }

    /// The keys whose filter takes `topic`, if they are remembered: for a matcher that many read
    /// at once.
    pub fn remembered(&self, topic: &str) -> Option<&Arc<[K]>> {
        self.cache.get(topic)
    }

    /// The keys whose filter takes `topic`, in no particular order; remembers them.
    pub fn recall(&mut self, topic: &str) -> Arc<[K]> {
        if let Some(known) = self.cache.get(topic) {
            return Arc::clone(known);
        }
        let found: Arc<[K]> = self.matches(topic).into();
        self.cache.put(topic, &found);
        found
    }
}

impl<K: Clone + Eq> Default for Matcher<K> {
    fn default() -> Self {
        Self::new()
    }
}
