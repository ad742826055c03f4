//! One text of a stream: its deltas, filtered as one, with their parts and times kept.

use time::OffsetDateTime;

use super::super::arguments::Arguments;
use super::super::pattern::Blocked;
use super::super::scan::{Scan, Tools};
use crate::event::{Channel, Delta, EventBody, StreamEvent};

/// Which text of a stream it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Key {
    choice: u32,
    channel: Channel,
    /// The part, where each part is a text of its own.
    part: Option<u32>,
}

impl Key {
    pub(super) fn of(delta: &Delta) -> Self {
        match delta.channel {
            Channel::ToolArguments => Self::arguments(delta.choice, delta.part),
            channel => Self { choice: delta.choice, channel, part: None },
        }
    }

    /// The arguments of the tool call that is this part.
    pub(super) fn arguments(choice: u32, part: u32) -> Self {
        Self { choice, channel: Channel::ToolArguments, part: Some(part) }
    }

    pub(super) fn choice(self) -> u32 {
        self.choice
    }

    /// Whether the choice speaks here, rather than calls a tool.
    pub(super) fn is_speech_of(self, choice: u32) -> bool {
        self.choice == choice && self.part.is_none()
    }
}

/// A text of a stream.
#[derive(Debug)]
pub(super) struct Text {
    key: Key,
    filter: Filter,
    /// The part that what is held began in.
    part: u32,
    /// The time of the last delta.
    timestamp: Option<OffsetDateTime>,
    /// The buffer of a former delta, for the next one.
    spare: String,
}

#[derive(Debug)]
enum Filter {
    Speech(Box<Scan>),
    Arguments(Box<Arguments>),
}

impl Text {
    pub(super) fn new(key: Key, part: u32, tools: &Tools) -> Self {
        let filter = match key.part {
            None => Filter::Speech(Box::new(Scan::new(tools.set()))),
            Some(_) => Filter::Arguments(Box::new(Arguments::new(tools))),
        };
        Self { key, filter, part, timestamp: None, spare: String::new() }
    }

    pub(super) fn key(&self) -> Key {
        self.key
    }

    /// Bytes that came in.
    pub(super) fn taken_bytes(&self) -> u64 {
        match &self.filter {
            Filter::Speech(scan) => scan.taken_bytes(),
            Filter::Arguments(arguments) => arguments.taken_bytes(),
        }
    }

    /// Bytes that came in and of which nothing is held.
    pub(super) fn released_bytes(&self) -> u64 {
        match &self.filter {
            Filter::Speech(scan) => scan.released_bytes(),
            Filter::Arguments(arguments) => arguments.released_bytes(),
        }
    }

    /// Takes in a delta, with the event that it was taken from.
    pub(super) fn push(
        &mut self,
        tools: &mut Tools,
        mut delta: Delta,
        mut event: StreamEvent,
        out: &mut Vec<StreamEvent>,
    ) -> Result<(), Blocked> {
        let mut filtered = std::mem::take(&mut self.spare);
        let result = self.filter(tools, &delta.text, &mut filtered);
        let was_empty = delta.text.is_empty();
        let pushed_bytes = delta.text.len();
        self.timestamp = event.timestamp;
        if self.part != delta.part {
            let carried = filtered.drain(..self.carried_bytes()).collect();
            self.emit(carried, out);
        }
        if self.held_bytes() <= pushed_bytes {
            self.part = delta.part;
        }
        if !filtered.is_empty() || was_empty {
            self.spare = std::mem::replace(&mut delta.text, filtered);
            self.spare.clear();
            event.body = EventBody::Delta(delta);
            out.push(event);
        } else {
            self.spare = filtered;
        }
        result
    }

    fn filter(&mut self, tools: &mut Tools, text: &str, out: &mut String) -> Result<(), Blocked> {
        match &mut self.filter {
            Filter::Speech(scan) => scan.push(tools, text, out),
            Filter::Arguments(arguments) => arguments.push(tools, text, out),
        }
    }

    /// Bytes of what was last let go that stem from earlier deltas.
    fn carried_bytes(&self) -> usize {
        match &self.filter {
            Filter::Speech(scan) => scan.carried_bytes(),
            // The parts of a call's deltas are all the same.
            Filter::Arguments(_) => 0,
        }
    }

    fn held_bytes(&self) -> usize {
        match &self.filter {
            Filter::Speech(scan) => scan.held_bytes(),
            Filter::Arguments(_) => 0,
        }
    }

    /// Takes the text as complete; what was held goes, in an event of its own.
    pub(super) fn finish(
        &mut self,
        tools: &mut Tools,
        out: &mut Vec<StreamEvent>,
    ) -> Result<(), Blocked> {
        let mut rest = String::new();
        let result = match &mut self.filter {
            Filter::Speech(scan) => scan.finish(tools, &mut rest),
            Filter::Arguments(arguments) => arguments.finish(tools, &mut rest),
        };
        self.emit(rest, out);
        result
    }

    fn emit(&self, text: String, out: &mut Vec<StreamEvent>) {
        if text.is_empty() {
            return;
        }
        let Key { choice, channel, .. } = self.key;
        let delta = Delta { choice, part: self.part, channel, text };
        let mut event = StreamEvent::new(EventBody::Delta(delta));
        event.timestamp = self.timestamp;
        out.push(event);
    }
}
