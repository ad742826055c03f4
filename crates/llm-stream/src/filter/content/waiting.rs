//! Events that wait until the text before them has gone.

use super::super::limits::WAITING_EVENTS_MAX;
use super::text::{Key, Text};
use crate::event::StreamEvent;

/// Which texts an event comes after.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    /// Those of a choice.
    Choice(u32),
    /// All.
    Stream,
}

/// Events in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    events: Vec<(StreamEvent, Vec<(Key, u64)>)>,
}

impl Waiting {
    /// Lets an event go, or keeps it until all text of its scope that came before it has gone.
    ///
    /// Where too many wait, the first one goes: its order is a courtesy.
    pub(super) fn push(
        &mut self,
        event: StreamEvent,
        scope: Scope,
        texts: &[Text],
        out: &mut Vec<StreamEvent>,
    ) {
        let before = texts.iter().filter(|text| match scope {
            Scope::Choice(choice) => text.key().choice() == choice,
            Scope::Stream => true,
        });
        let held = before.filter(|text| text.released_bytes() < text.taken_bytes());
        let marks: Vec<(Key, u64)> = held.map(|text| (text.key(), text.taken_bytes())).collect();
        if marks.is_empty() && self.events.is_empty() {
            out.push(event);
            return;
        }
        self.events.push((event, marks));
        if self.events.len() > WAITING_EVENTS_MAX {
            out.push(self.events.remove(0).0);
        }
        self.release(texts, out);
    }

    /// Lets the events go before which no text is held any more.
    pub(super) fn release(&mut self, texts: &[Text], out: &mut Vec<StreamEvent>) {
        let is_held = |(key, bytes): &(Key, u64)| {
            texts.iter().any(|text| text.key() == *key && text.released_bytes() < *bytes)
        };
        let first_held = self.events.iter().position(|(_, marks)| marks.iter().any(is_held));
        let free = first_held.unwrap_or(self.events.len());
        out.extend(self.events.drain(..free).map(|(event, _)| event));
    }
}
