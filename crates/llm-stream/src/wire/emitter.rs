//! Where payload decoders put what they find: it keeps order, parts, limits and repetitions.

use std::borrow::Cow;
use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;

use super::cursor::BadJson;
use super::extras::Extras;
use super::fault::Fault;
use super::halves::Halves;
use super::lenient::Raw;
use crate::event::{
    Channel, Delta, End, EndStatus, ErrorKind, EventBody, Finish, FinishReason, Identity, Logprobs,
    Metadata, Opaque, RawEvent, RawJson, Signature, Start, StreamError, StreamEvent, Usage,
};
use crate::format::Format;
use crate::limits::{Limits, QUOTED_BYTES_MAX};
use crate::template::Template;
use crate::tool_call::{ToolCallAssembler, ToolFragment};

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
    /// Whether the provider reported an error.
    failed: bool,
    /// Whether a choice ended because of an error.
    broken_off: bool,
    /// Whether the decoder gave up.
    aborted: bool,
    /// How many events have been emitted.
    emitted: u64,
    /// Where the text of the last event came from, if it was a delta.
    origin: Option<Origin>,
    /// The values that the last payload has and nobody reads.
    ignored: Vec<Slice>,
}

/// Where the text of a delta came from, and which event it became.
#[derive(Debug, Clone, Copy)]
struct Origin {
    text: Slice,
    target: Target,
    /// How many events had been emitted with it.
    emitted: u64,
}

/// What another text from the same place belongs to.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Target {
    /// A part of a choice.
    Text(Part, Channel),
    /// A tool call, by its place with the assembler.
    Call(usize),
}

/// A piece of memory, for finding out whether it is a piece of a payload.
#[derive(Debug, Clone, Copy)]
struct Slice {
    address: usize,
    length: usize,
}

impl Slice {
    fn of(text: &str) -> Self {
        Self { address: text.as_ptr().addr(), length: text.len() }
    }

    /// Where in `data` it is, if it is a piece of it.
    fn within(self, data: &str) -> Option<Range<usize>> {
        let start = self.address.checked_sub(data.as_ptr().addr())?;
        let range = start..start.checked_add(self.length)?;
        data.get(range.clone()).map(|_| range)
    }
}

/// What is known of one choice.
#[derive(Debug)]
struct Choice {
    index: u32,
    next_part: u32,
    run: Option<(Channel, u32)>,
    finish: Option<String>,
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
            failed: false,
            broken_off: false,
            aborted: false,
            emitted: 0,
            origin: None,
            ignored: Vec::new(),
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

    /// Decodes a payload with `decode`, and makes a template of it if all it gave was one delta.
    pub(crate) fn observe(
        &mut self,
        name: Option<&[u8]>,
        data: &str,
        template: &mut Template,
        decode: impl FnOnce(&mut Self) -> Result<(), BadJson>,
    ) -> Result<Option<Target>, BadJson> {
        template.clear();
        self.ignored.clear();
        let before = self.emitted;
        decode(self)?;
        let Some(Origin { text, target, emitted }) = self.origin.take() else { return Ok(None) };
        if self.emitted != before + 1 || emitted != self.emitted || self.halves.are_expected() {
            return Ok(None);
        }
        let Some(text) = text.within(data) else { return Ok(None) };
        let ignored = self.ignored.iter().filter_map(|slice| slice.within(data));
        template.learn(name, data, text, ignored);
        Ok(Some(target))
    }

    /// Emits another text of the same kind as one before; returns whether it could.
    pub(crate) fn again(&mut self, target: Target, text: Cow<'_, str>) -> bool {
        match target {
            Target::Text(Part { choice, part }, channel) => {
                let text = text.into_owned();
                self.push(EventBody::Delta(Delta { choice, part, channel, text }).into());
                true
            }
            Target::Call(place) => {
                let taken = self.calls.push_to(place, &text);
                self.drain_calls();
                taken
            }
        }
    }

    /// Notes a value that differs between payloads and that nobody reads.
    pub(super) fn ignore(&mut self, value: Raw<'_>) {
        if let Some(raw) = value.0 {
            self.ignored.push(Slice::of(raw));
        }
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
        self.drain_calls();
        let text = Slice::of(fragment.arguments);
        let target = self.calls.last_place().map(Target::Call);
        self.origin = target.map(|target| Origin { text, target, emitted: self.emitted });
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

    /// Emits the end of a choice, unless it is said again.
    pub(super) fn finish(&mut self, choice: u64, word: &str) {
        self.finish_with(choice, Ending::from_word(word));
    }

    /// Emits the end of a choice with what else is said about it.
    pub(super) fn finish_with(&mut self, choice: u64, ending: Ending<'_>) {
        let Ending { word, mut reason, stop_sequence, details } = ending;
        let Some(state) = self.choice(choice) else { return };
        if state.finish.as_deref() == Some(word) {
            return;
        }
        state.finish = Some(word.to_owned());
        let choice = state.index;
        self.broken_off |= reason == FinishReason::Error;
        self.calls(|calls| calls.finish_choice(choice, reason != FinishReason::Length));
        if reason == FinishReason::Stop && self.calls.any_for_client(choice) {
            reason = FinishReason::ToolCalls;
        }
        self.emit(Metadata::Finish(Finish {
            choice,
            reason,
            provider_reason: word.to_owned(),
            stop_sequence: stop_sequence.map(str::to_owned),
            details: details.0.map(RawJson::from_valid),
        }));
    }

    /// Emits the token counts, unless they are as before.
    pub(super) fn usage(&mut self, usage: Usage) {
        let text = usage.raw.as_ref().map_or("", RawJson::as_str);
        if text.starts_with('{') && text != self.usage {
            text.clone_into(&mut self.usage);
            self.emit(Metadata::Usage(usage));
        }
    }

    /// Emits those fields that are news.
    pub(super) fn extra<'a>(
        &mut self,
        choice: Option<u32>,
        fields: impl IntoIterator<Item = (&'a str, Raw<'a>)>,
    ) {
        let mut news = BTreeMap::new();
        for (key, raw) in fields {
            let Some(raw) = raw.0 else { continue };
            if self.extras.is_news(choice, key, raw) {
                news.insert(key.to_owned(), RawJson::from_valid(raw));
            }
        }
        if !news.is_empty() {
            self.emit(Metadata::Extra { choice, fields: news });
        }
    }

    /// Emits fields that a payload struct does not know, those that are news.
    pub(super) fn unknown(&mut self, choice: Option<u32>, rest: &[(Cow<'_, str>, &str)]) {
        self.extra(choice, rest.iter().map(|(key, raw)| (&**key, Raw(Some(*raw)))));
    }

    /// Emits a content block that is no text.
    pub(super) fn block(&mut self, part: Part, kind: &str, raw: &str) {
        let Part { choice, part } = part;
        let kind = Some(kind).filter(|kind| !kind.is_empty()).map(str::to_owned);
        let raw = RawJson::from_valid(raw);
        self.emit(Metadata::Block(Opaque { choice, part, kind, raw }));
    }

    /// Emits a source of a part's text.
    pub(super) fn citation(&mut self, part: Part, kind: &str, raw: &str) {
        let Part { choice, part } = part;
        let kind = Some(kind).filter(|kind| !kind.is_empty()).map(str::to_owned);
        let raw = RawJson::from_valid(raw);
        self.emit(Metadata::Citation(Opaque { choice, part, kind, raw }));
    }

    /// Emits proof of a part, if there is any.
    pub(super) fn signature(&mut self, part: Part, signature: &str) {
        let Part { choice, part } = part;
        if !signature.is_empty() {
            let signature = signature.to_owned();
            self.emit(Metadata::Signature(Signature { choice, part, signature }));
        }
    }

    /// Emits token probabilities.
    pub(super) fn logprobs(&mut self, choice: u64, raw: &str) {
        let choice = u32::try_from(choice).unwrap_or(u32::MAX);
        self.emit(Metadata::Logprobs(Logprobs { choice, raw: RawJson::from_valid(raw) }));
    }

    /// Emits a payload that the decoder does not interpret.
    pub(super) fn raw(&mut self, event: Option<&str>, raw: &str) {
        let event = event.map(str::to_owned);
        self.emit(Metadata::Raw(RawEvent { event, raw: RawJson::from_valid(raw) }));
    }

    /// Emits an error that the provider reported, if there is one.
    pub(super) fn fault(&mut self, error: Fault) {
        if let Some(error) = error.0 {
            self.failed = true;
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
        self.aborted = true;
        self.emit(EventBody::Error(Box::new(error)));
    }

    /// Emits an error about a payload that is no JSON.
    pub(crate) fn malformed(&mut self, data: &str, cause: &BadJson) {
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
        let status = if self.aborted || (self.failed && (self.broken_off || !self.is_done())) {
            EndStatus::Failed
        } else if self.is_done() {
            EndStatus::Complete
        } else {
            EndStatus::Incomplete
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

/// How a choice ended, in the provider's words.
#[derive(Debug)]
pub(super) struct Ending<'a> {
    pub(super) word: &'a str,
    pub(super) reason: FinishReason,
    pub(super) stop_sequence: Option<&'a str>,
    pub(super) details: Raw<'a>,
}

impl<'a> Ending<'a> {
    /// An ending of which the provider says one word.
    pub(super) fn from_word(word: &'a str) -> Self {
        let reason = FinishReason::from_provider(word);
        Self { word, reason, stop_sequence: None, details: Raw::default() }
    }
}

/// A part of a choice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Part {
    pub(super) choice: u32,
    pub(super) part: u32,
}
