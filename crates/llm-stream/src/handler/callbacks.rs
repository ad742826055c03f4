//! Who wants to hear of which events.

use super::isolate::isolate;
use crate::event::{StreamEvent, StreamEventType};

type Callback = Box<dyn FnMut(&StreamEvent) + Send + Sync>;

/// Callbacks in the order in which they were registered.
#[derive(Default)]
pub(super) struct Callbacks {
    registered: Vec<(StreamEventType, Callback)>,
    failures: u64,
}

impl Callbacks {
    pub(super) fn register(&mut self, kind: StreamEventType, callback: Callback) {
        self.registered.push((kind, callback));
    }

    /// Calls those that want the event; one that panics is counted and the next is called.
    pub(super) fn call(&mut self, event: &StreamEvent) {
        if self.registered.is_empty() {
            return;
        }
        let kind = event.event_type();
        for (_, callback) in self.registered.iter_mut().filter(|(wanted, _)| *wanted == kind) {
            if isolate(|| callback(event)).is_err() {
                self.failures = self.failures.saturating_add(1);
            }
        }
    }

    /// How many calls have panicked.
    pub(super) fn failures(&self) -> u64 {
        self.failures
    }
}

impl std::fmt::Debug for Callbacks {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kinds: Vec<_> = self.registered.iter().map(|(kind, _)| kind).collect();
        formatter
            .debug_struct("Callbacks")
            .field("registered", &kinds)
            .field("failures", &self.failures)
            .finish()
    }
}
