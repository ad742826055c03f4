//! The topics that are there.

use std::sync::Arc;

use hashbrown::HashMap;
use parking_lot::{Mutex, RwLock};
use stream_model::{Epoch, Event, SubscriptionId, Topic};

use crate::{Hub, PublishError};

/// What a topic has.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) hub: Hub<Event>,
    /// Which life of the topic it is.
    pub(super) epoch: Epoch,
    /// Those who subscribed to its name, some of whom may have gone.
    pub(super) subscriptions: Mutex<Vec<SubscriptionId>>,
}

impl Entry {
    /// Notes a subscription, and forgets those that are gone before the list would have to grow.
    pub(super) fn enter(&self, id: SubscriptionId, is_there: impl Fn(SubscriptionId) -> bool) {
        let mut subscriptions = self.subscriptions.lock();
        if subscriptions.len() == subscriptions.capacity() {
            subscriptions.retain(|id| is_there(*id));
        }
        subscriptions.push(id);
    }
}

/// Topics by their name.
#[derive(Debug)]
pub(super) struct Table {
    state: RwLock<State>,
    limit: usize,
}

#[derive(Debug, Default)]
struct State {
    entries: HashMap<Topic, Numbered>,
    /// How many there ever were.
    made: u64,
    closed: bool,
}

#[derive(Debug)]
struct Numbered {
    /// How many were made before it.
    number: u64,
    entry: Arc<Entry>,
}

impl Table {
    /// A table of at most `limit` topics.
    pub(super) fn new(limit: usize) -> Self {
        Self { state: RwLock::default(), limit }
    }

    pub(super) fn get(&self, topic: &Topic) -> Option<Arc<Entry>> {
        self.state.read().get(topic)
    }

    /// The entry of a topic; if there is none, it is made.
    pub(super) fn open(
        &self,
        topic: &Topic,
        make: impl FnOnce() -> Entry,
    ) -> Result<Arc<Entry>, PublishError> {
        if let Some(entry) = self.get(topic) {
            return Ok(entry);
        }
        let state = &mut *self.state.write();
        if let Some(entry) = state.get(topic) {
            return Ok(entry);
        }
        if state.closed {
            return Err(PublishError::Closed);
        }
        if state.entries.len() >= self.limit {
            return Err(PublishError::TooManyTopics { limit: self.limit });
        }
        let (number, entry) = (state.made, Arc::new(make()));
        state.made += 1;
        state.entries.insert(topic.clone(), Numbered { number, entry: Arc::clone(&entry) });
        Ok(entry)
    }

    pub(super) fn topics(&self) -> Vec<Topic> {
        let state = self.state.read();
        let mut topics: Vec<_> = state
            .entries
            .iter()
            .map(|(topic, numbered)| (numbered.number, topic.clone()))
            .collect();
        drop(state);
        topics.sort_unstable_by_key(|(number, _)| *number);
        topics.into_iter().map(|(_, topic)| topic).collect()
    }

    /// Takes a topic out; the caller ends it.
    pub(super) fn remove(&self, topic: &Topic) -> Option<Arc<Entry>> {
        self.state.write().entries.remove(topic).map(|numbered| numbered.entry)
    }

    /// Takes out the topics that nobody reads; the caller ends them.
    pub(super) fn reclaim(&self) -> Vec<Arc<Entry>> {
        let mut state = self.state.write();
        let idle = state.entries.extract_if(|_, numbered| numbered.entry.hub.is_idle());
        idle.map(|(_, numbered)| numbered.entry).collect()
    }

    /// Takes out all topics, and lets none come into being any more; the caller ends them.
    pub(super) fn close(&self) -> Vec<Arc<Entry>> {
        let mut state = self.state.write();
        state.closed = true;
        let entries = std::mem::take(&mut state.entries);
        entries.into_values().map(|numbered| numbered.entry).collect()
    }
}

impl State {
    fn get(&self, topic: &Topic) -> Option<Arc<Entry>> {
        self.entries.get(topic).map(|numbered| Arc::clone(&numbered.entry))
    }
}
