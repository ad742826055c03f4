//! The patterns that somebody subscribes to: a hub for each.

use std::sync::Arc;

use hashbrown::HashMap;
use parking_lot::RwLock;
use stream_model::{Event, TopicFilter};

use crate::{Capacity, Hub, Matcher};

/// A hub for all who subscribe to the same pattern; cloning shares it.
#[derive(Debug, Clone)]
pub(super) struct Pattern(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    filter: TopicFilter,
    hub: Hub<Event>,
}

/// Two are equal if they are the same.
impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Pattern {}

impl Pattern {
    pub(super) fn hub(&self) -> &Hub<Event> {
        &self.0.hub
    }
}

/// Patterns, as long as somebody subscribes to them.
#[derive(Debug, Default)]
pub(super) struct Patterns(RwLock<State>);

#[derive(Debug, Default)]
struct State {
    matcher: Matcher<Pattern>,
    /// Each pattern with the number of those who subscribe to it.
    subscribed: HashMap<TopicFilter, (Pattern, usize)>,
}

impl Patterns {
    /// The pattern of `filter`, with one subscriber more.
    pub(super) fn enter(&self, filter: &TopicFilter) -> Pattern {
        let state = &mut *self.0.write();
        let (pattern, count) = state.subscribed.entry_ref(filter).or_insert_with(|| {
            let hub = Hub::new(Capacity::items(1));
            let pattern = Pattern(Arc::new(Shared { filter: filter.clone(), hub }));
            state.matcher.insert(filter, pattern.clone());
            (pattern, 0)
        });
        *count += 1;
        pattern.clone()
    }

    /// Counts one subscriber less; with the last one, the pattern goes.
    pub(super) fn leave(&self, pattern: &Pattern) {
        let filter = &pattern.0.filter;
        let state = &mut *self.0.write();
        let Some((_, count)) = state.subscribed.get_mut(filter) else { return };
        *count -= 1;
        if *count == 0 {
            state.subscribed.remove(filter);
            state.matcher.remove(filter, pattern);
        }
    }

    /// The patterns that take `topic`.
    pub(super) fn matching(&self, topic: &str) -> Arc<[Pattern]> {
        let state = self.0.read();
        if state.matcher.is_empty() {
            return Arc::default();
        }
        if let Some(known) = state.matcher.remembered(topic) {
            return Arc::clone(known);
        }
        drop(state);
        self.0.write().matcher.recall(topic)
    }
}
