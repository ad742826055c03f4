//! What a log remembers of its producers, whatever its backend.

use std::collections::{BTreeMap, HashMap};

use stream_model::{ProducerId, ProducerState};

/// Producers that a log remembers; the one that appended longest ago is forgotten first, and
/// starts anew if it returns.
pub const PRODUCERS_MAX: usize = 10_000;

/// The most recently used producers, and what each appended last.
#[derive(Debug, Clone, Default)]
pub struct Producers {
    states: HashMap<ProducerId, (ProducerState, u64)>,
    by_use: BTreeMap<u64, ProducerId>,
    uses: u64,
}

impl Producers {
    /// What is remembered of a producer.
    pub fn get(&self, id: &ProducerId) -> Option<&ProducerState> {
        self.states.get(id).map(|(state, _)| state)
    }

    /// Remembers what a producer appended; beyond [`PRODUCERS_MAX`], forgets another.
    pub fn put(&mut self, id: ProducerId, state: ProducerState) {
        self.uses += 1;
        if let Some((_, used)) = self.states.insert(id.clone(), (state, self.uses)) {
            self.by_use.remove(&used);
        }
        self.by_use.insert(self.uses, id);
        if self.states.len() > PRODUCERS_MAX
            && let Some((_, oldest)) = self.by_use.pop_first()
        {
            self.states.remove(&oldest);
        }
    }

    /// Every producer, the one that appended longest ago first.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&ProducerId, &ProducerState)> {
        let in_order: Vec<_> =
            self.by_use.values().filter_map(|id| Some((id, self.get(id)?))).collect();
        in_order.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use stream_model::Offset;

    #[test]
    fn the_longest_unused_is_forgotten_first() {
        let mut producers = Producers::default();
        let id = |n: usize| ProducerId::new(&n.to_string()).unwrap();
        let state = ProducerState { epoch: 0, seq: 0, first: Offset::ZERO, next: Offset::ZERO };
        for n in 0..PRODUCERS_MAX {
            producers.put(id(n), state);
        }
        producers.put(id(0), state);
        producers.put(id(PRODUCERS_MAX), state);
        assert!(producers.get(&id(0)).is_some());
        assert!(producers.get(&id(1)).is_none());
        assert_eq!(producers.states.len(), PRODUCERS_MAX);
        assert_eq!(producers.by_use.len(), PRODUCERS_MAX);
        assert_eq!(producers.iter().next().map(|(id, _)| id.as_str()), Some("2"));
    }
}
