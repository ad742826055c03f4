//! The answers that a matcher has given.

use std::sync::Arc;

use hashbrown::HashMap;
use stream_model::TopicFilter;

use crate::limits::{MATCHED_TOPICS, MATCHES_REMEMBERED};

/// Remembers which keys belong to a topic.
#[derive(Debug, Clone)]
pub(super) struct Cache<K> {
    topics: HashMap<Box<str>, Arc<[K]>>,
    /// Keys of all topics together.
    keys: usize,
}

impl<K> Cache<K> {
    pub(super) fn new() -> Self {
        Self { topics: HashMap::new(), keys: 0 }
    }

    pub(super) fn get(&self, topic: &str) -> Option<&Arc<[K]>> {
        self.topics.get(topic)
    }

    pub(super) fn put(&mut self, topic: &str, keys: &Arc<[K]>) {
        if keys.len() > MATCHES_REMEMBERED {
            return;
        }
        let full = self.topics.len() >= MATCHED_TOPICS;
        if full || self.keys + keys.len() > MATCHES_REMEMBERED {
            self.clear();
        }
        self.keys += keys.len();
        self.topics.insert(topic.into(), Arc::clone(keys));
    }

    /// Forgets the topics whose keys may change with `filter`.
    pub(super) fn forget(&mut self, filter: &TopicFilter) {
        match filter.as_topic() {
            Some(topic) => {
                let keys = self.topics.remove(topic.as_str());
                self.keys -= keys.map_or(0, |keys| keys.len());
            }
            None => self.clear(),
        }
    }

    fn clear(&mut self) {
        self.topics.clear();
        self.keys = 0;
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.topics.len()
    }
}
