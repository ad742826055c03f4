//! Where payload decoders put what they find: it keeps order, parts, limits and repetitions.

mod metadata;
mod repeat;

use std::borrow::Cow;
use std::collections::VecDeque;

use super::cursor::BadJson;
use super::extras::Extras;
use super::fault::Fault;
use super::halves::Halves;
use super::lenient::Raw;
use crate::event::{
    Channel, Delta, End, EndStatus, ErrorKind, EventBody, FinishReason, Identity, Metadata, Start,
    StreamError, StreamEvent,
};
use crate::format::Format;
use crate::limits::{Limits, QUOTED_BYTES_MAX};
use crate::tool_call::{ToolCallAssembler, ToolFragment};
use repeat::{Origin, Repeats, Slice, Target};

pub(super) use metadata::Ending;

/// Collects the events of one stream until they are fetched.
#[derive(Debug)]
pub(crate) struct Emitter {
    format: Option<Format>,
    limits: Limits,
    queue: VecDeque<StreamEvent>,
    started: bool,
    id: String,
    model: String,
    created: Option<u64>,
    choices: Vec<Choice>,
    choices_refused: bool,
    calls: ToolCallAssembler,
    extras: Extras,
    halves: Halves,
    usage: String,
    done: bool,
    failure: Option<Failure>,
    /// How many events have been emitted.
    emitted: u64,
    /// Where the text of the last event came from, if it was a delta.
    origin: Option<Origin>,
    /// The values that the last payload has and nobody reads.
    ignored: Vec<Slice>,
    repeats: Repeats,
}

/// What went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Failure {
    /// The provider reported an error.
    Reported,
    /// The decoder could not go on.
    GaveUp,
}

/// What is known of one choice.
#[derive(Debug)]
struct Choice {
    index: u32,
    next_part: u32,
    run: Option<(Channel, u32)>,
    /// The provider's word for its end, and what it means.
    finish: Option<(String, FinishReason)>,
}

impl Emitter {
    pub(crate) fn new(format: Option<Format>, limits: Limits) -> Self {
        Self {
            format,
            limits,
            queue: VecDeque::new(),
            started: false,
            id: String::new(),
            model: String::new(),
            created: None,
            choices: Vec::new(),
            choices_refused: false,
            calls: ToolCallAssembler::with_limits(limits),
            extras: Extras::default(),
            halves: Halves::default(),
            usage: String::new(),
            done: false,
            failure: None,
            emitted: 0,
            origin: None,
            ignored: Vec::new(),
            repeats: Repeats::default(),
        }
    }

    pub(crate) fn next_event(&mut self) -> Option<StreamEvent> {
        self.queue.pop_front()
    }

    /// From now on, texts may hold marks for lone halves of characters.
    pub(crate) fn expect_halves(&mut self) {
        self.halves.expect();
    }

    /// Notes what a payload calls the generation; empty means that it does not say.
    pub(super) fn identity(&mut self, id: &str, model: &str, created: Raw<'_>) {
        self.ignore(created);
        let new_id = !id.is_empty() && id != self.id;
        let new_model = !model.is_empty() && model != self.model;
        if new_id {
            id.clone_into(&mut self.id);
        }
        if new_model {
            model.clone_into(&mut self.model);
        }
        if !self.started {
            self.created = created.count().filter(|created| *created != 0);
        }
        if self.started && (new_id || new_model) {
            self.emit(Metadata::Identity(Identity {
                id: new_id.then(|| self.id.clone()),
                model: new_model.then(|| self.model.clone()),
            }));
        }
    }

    /// Begins a generation of this name.
    pub(super) fn generation(&mut self, id: &str, model: &str) {
        id.clone_into(&mut self.id);
        model.clone_into(&mut self.model);
        self.usage.clear();
        self.choices.iter_mut().for_each(|choice| choice.finish = None);
        self.calls(ToolCallAssembler::begin_generation);
        self.start();
    }

    fn start(&mut self) {
        self.started = true;
        let some = |text: &String| Some(text).filter(|text| !text.is_empty()).cloned();
        let start = Start {
            format: self.format,
            id: some(&self.id),
            model: some(&self.model),
            created: self.created,
        };
        self.push(EventBody::Start(Box::new(start)).into());
    }

    /// Begins the stream, if it has not begun.
    pub(super) fn begin(&mut self) {
        if !self.started {
            self.start();
        }
    }

    /// Emits an event, after a start if there has been none.
    pub(super) fn emit(&mut self, event: impl Into<StreamEvent>) {
        self.begin();
        self.push(event.into());
    }

    fn push(&mut self, event: StreamEvent) {
        self.emitted += 1;
        self.queue.push_back(event);
    }

    /// Emits text of a choice; a new part begins where the channel changes.
    pub(super) fn text(&mut self, choice: u64, channel: Channel, text: Cow<'_, str>) {
        if text.is_empty() {
            return;
        }
        if let Some(part) = self.part(choice, channel) {
            self.push_text(part, channel, text);
        }
    }

    /// Emits text of a part that has been taken up.
    pub(super) fn text_of(&mut self, part: Part, channel: Channel, text: Cow<'_, str>) {
        if text.is_empty() {
            return;
        }
        self.push_text(part, channel, text);
    }

    fn push_text(&mut self, part: Part, channel: Channel, text: Cow<'_, str>) {
        let Part { choice, part } = part;
        let slice = Slice::of(&text);
        let text = self.halves.join((choice, channel, 0), text);
        if !text.is_empty() {
            let text = text.into_owned();
            self.emit(EventBody::Delta(Delta { choice, part, channel, text }));
            let target = Target::Text(Part { choice, part }, channel);
            self.origin = Some(Origin { text: slice, target, emitted: self.emitted });
        }
    }

    /// The part that text of this channel goes to; a new one where the channel changes.
    pub(super) fn part(&mut self, choice: u64, channel: Channel) -> Option<Part> {
        let choice = self.choice(choice)?;
        let part = match choice.run {
            Some((run, part)) if run == channel => part,
            _ => {
                let part = choice.next_part;
                choice.next_part += 1;
                choice.run = Some((channel, part));
                part
            }
        };
        Some(Part { choice: choice.index, part })
    }

    /// Takes up a new part of a choice, for something that is no run of text.
    pub(super) fn new_part(&mut self, choice: u64) -> Option<Part> {
        let choice = self.choice(choice)?;
        let part = choice.next_part;
        choice.next_part += 1;
        choice.run = None;
        Some(Part { choice: choice.index, part })
    }

    /// Emits a piece of a tool call; a new call is a new part, which is returned.
    pub(super) fn tool(&mut self, choice: u64, mut fragment: ToolFragment<'_>) -> Option<Part> {
        let state = self.choice(choice)?;
        fragment.choice = state.index;
        fragment.part = state.next_part;
        if !self.push_tool(fragment) {
            return None;
        }
        let state = self.choice(choice)?;
        state.next_part += 1;
        state.run = None;
        Some(Part { choice: fragment.choice, part: fragment.part })
    }

    /// Emits a piece of a tool call whose part has been taken up.
    pub(super) fn tool_of(&mut self, part: Part, fragment: ToolFragment<'_>) {
        let Part { choice, part } = part;
        self.push_tool(ToolFragment { choice, part, ..fragment });
    }

    fn push_tool(&mut self, fragment: ToolFragment<'_>) -> bool {
        let key = (fragment.choice, Channel::ToolArguments, fragment.index.unwrap_or(0));
        let arguments = self.halves.join(key, Cow::Borrowed(fragment.arguments));
        let opened = self.calls.push(ToolFragment { arguments: &arguments, ..fragment });
        let before = self.emitted;
        self.drain_calls();
        if !fragment.arguments.is_empty() && self.emitted > before {
            let (choice, text) = (fragment.choice, Slice::of(fragment.arguments));
            let target = self.calls.last_place().map(|place| Target::Call { choice, place });
            self.origin = target.map(|target| Origin { text, target, emitted: self.emitted });
        }
        opened
    }

    /// Changes the state of the tool calls and emits what comes of it.
    pub(super) fn calls(&mut self, change: impl FnOnce(&mut ToolCallAssembler)) {
        change(&mut self.calls);
        self.drain_calls();
    }

    fn drain_calls(&mut self) {
        while let Some(event) = self.calls.next_event() {
            self.emit(event);
        }
    }

    /// Emits an error that the provider reported, if there is one.
    pub(super) fn fault(&mut self, error: Fault) {
        if let Some(error) = error.0 {
            self.failure.get_or_insert(Failure::Reported);
            self.emit(EventBody::Error(error));
        }
    }

    /// Notes that the provider says that it is done.
    pub(crate) fn done(&mut self) {
        self.done = true;
    }

    /// Whether the provider has said that it is done, in whichever way its format has.
    pub(crate) fn is_done(&self) -> bool {
        let finished = |choice: &Choice| choice.finish.is_some();
        self.done || (!self.choices.is_empty() && self.choices.iter().all(finished))
    }

    /// Emits an error about a limit of the decoder.
    pub(crate) fn limit(&mut self, message: String) {
        self.emit(EventBody::Error(Box::new(StreamError::new(ErrorKind::Limit, message))));
    }

    /// Notes that the decoder cannot go on.
    pub(crate) fn abort(&mut self, error: StreamError) {
        self.failure = Some(Failure::GaveUp);
        self.emit(EventBody::Error(Box::new(error)));
    }

    /// Emits an error about a payload that is no JSON.
    pub(crate) fn malformed(&mut self, data: &str, cause: BadJson) {
        let message = format!("cannot decode a payload: {cause}");
        let mut error = StreamError::new(ErrorKind::Malformed, message);
        let end = data.floor_char_boundary(QUOTED_BYTES_MAX);
        error.payload = data.get(..end).map(str::to_owned);
        self.emit(EventBody::Error(Box::new(error)));
    }

    /// Emits what is still open, and the end.
    pub(crate) fn end(&mut self) {
        if self.is_done() {
            for index in 0..self.choices.len() {
                let Some(choice) = self.choices.get(index).map(|choice| choice.index) else {
                    break;
                };
                self.calls(|calls| calls.finish_choice(choice, true));
            }
        }
        self.calls(ToolCallAssembler::finish);
        let broken_off = self.choices.iter().any(|choice| {
            choice.finish.as_ref().is_some_and(|(_, reason)| *reason == FinishReason::Error)
        });
        let status = match (self.failure, self.is_done()) {
            (Some(Failure::GaveUp), _) | (Some(Failure::Reported), false) => EndStatus::Failed,
            (Some(Failure::Reported), true) if broken_off => EndStatus::Failed,
            (_, true) => EndStatus::Complete,
            (None, false) => EndStatus::Incomplete,
        };
        self.emit(EventBody::End(Box::new(End { status, content: String::new() })));
    }

    /// The state of a choice, which begins to exist; `None` past the limit.
    fn choice(&mut self, index: u64) -> Option<&mut Choice> {
        let index = u32::try_from(index).unwrap_or(u32::MAX);
        let known = self.choices.iter().position(|choice| choice.index == index);
        let place = match known {
            Some(place) => place,
            None if self.choices.len() < self.limits.choices_max() => {
                self.choices.push(Choice { index, next_part: 0, run: None, finish: None });
                self.choices.len() - 1
            }
            None => {
                if !self.choices_refused {
                    self.choices_refused = true;
                    self.limit(format!("more than {} choices", self.limits.choices_max()));
                }
                return None;
            }
        };
        self.choices.get_mut(place)
    }
}

/// A part of a choice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Part {
    pub(super) choice: u32,
    pub(super) part: u32,
}
