//! Turns events into what every client expects: a beginning, blocks that begin and end, an end.

use super::about::About;
use super::frame::Out;
use super::limits::{ENCODER_BLOCKS_OPEN_MAX, ENCODER_CALL_BYTES_MAX, ENCODER_CALLS_MAX};
use super::output_format::{Loss, OutputFormat};
use super::target::{Block, Call, Content, Note, Target};
use crate::event::{
    Channel, Delta, EndStatus, ErrorKind, EventBody, Executor, Metadata, Start, StreamError,
    StreamEvent, ToolCall, ToolStart,
};
use crate::format::Format;
use crate::limits::CHOICES_MAX;

/// The state of one output: what has been begun and not ended, and what is known.
#[derive(Debug, Clone)]
pub(super) struct Script {
    target: Box<dyn Target>,
    ability: Ability,
    about: About,
    /// Blocks that have been begun and not ended, oldest first.
    open: Vec<Block>,
    /// Calls that have been ended: of which generation, choice and part.
    ended_calls: Vec<(u32, u32, u32)>,
    blocks: u32,
    generation: u32,
    begun: bool,
    ended: bool,
}

/// What a format can express, as far as it decides what is handed to it.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::struct_excessive_bools, reason = "each is an independent yes or no")]
struct Ability {
    choices: bool,
    reasoning: bool,
    refusals: bool,
    calls: bool,
    server_calls: bool,
    /// Whether the stream begins with the first event, rather than with the first content: where
    /// the beginning says nothing that may yet become known.
    begins_at_once: bool,
    /// Whether the end says what went wrong, so that no error need come before it.
    ends_with_error: bool,
    /// The provider's format that it is the same as.
    native: Option<Format>,
}

impl Ability {
    fn of(format: OutputFormat) -> Self {
        let has = |loss: Loss| !format.cannot_express().contains(&loss);
        Self {
            choices: has(Loss::Choices),
            reasoning: has(Loss::Reasoning),
            refusals: has(Loss::Refusals),
            calls: has(Loss::ToolCalls),
            server_calls: has(Loss::ServerCalls),
            begins_at_once: matches!(format, OutputFormat::AiSdk | OutputFormat::AgUi),
            ends_with_error: matches!(format, OutputFormat::OpenAiResponses | OutputFormat::AgUi),
            native: match format {
                OutputFormat::OpenAiChat => Some(Format::OpenAiChat),
                OutputFormat::OpenAiResponses => Some(Format::OpenAiResponses),
                OutputFormat::Anthropic => Some(Format::Anthropic),
                _ => None,
            },
        }
    }

    fn has_choice(self, choice: u32) -> bool {
        let below = if self.choices { CHOICES_MAX } else { 1 };
        usize::try_from(choice).is_ok_and(|choice| choice < below)
    }

    /// What a block of this channel's text is; `None` leaves it out.
    fn content(self, channel: Channel) -> Option<Content> {
        match channel {
            Channel::Reasoning => self.reasoning.then_some(Content::Reasoning),
            Channel::Refusal if self.refusals => Some(Content::Refusal),
            Channel::Text | Channel::Refusal => Some(Content::Text),
            Channel::ToolArguments => None,
        }
    }
}

impl Script {
    pub(super) fn new(format: OutputFormat, target: Box<dyn Target>) -> Self {
        Self {
            target,
            ability: Ability::of(format),
            about: About::default(),
            open: Vec::new(),
            ended_calls: Vec::new(),
            blocks: 0,
            generation: 0,
            begun: false,
            ended: false,
        }
    }

    pub(super) fn set_stream(&mut self, id: String) {
        self.about.set_stream(id);
    }

    /// Writes what a client must know before it can read what comes next.
    pub(super) fn snapshot(&mut self, out: &mut Out) {
        if self.begun && !self.ended {
            self.target.snapshot(&self.open, &self.about, out);
        }
    }

    /// Takes one event; after the end there are none.
    pub(super) fn event(&mut self, event: &StreamEvent, out: &mut Out) {
        if self.ended {
            return;
        }
        if let EventBody::Start(start) = &event.body {
            self.start(start, out);
        }
        if self.ability.begins_at_once {
            self.begin(out);
        }
        match &event.body {
            EventBody::Start(_) => {}
            EventBody::Delta(delta) => self.delta(delta, out),
            EventBody::ToolCall(call) => self.whole_call(call, out),
            EventBody::Metadata(metadata) => self.metadata(metadata, event, out),
            EventBody::Error(error) => self.error(error, out),
            EventBody::End(end) => self.end(end.status, out),
        }
    }

    fn start(&mut self, start: &Start, out: &mut Out) {
        self.about.start(start);
        if self.begun {
            self.close_all(out);
            self.generation = self.generation.saturating_add(1);
            self.target.restart(&self.about, out);
        }
    }

    fn begin(&mut self, out: &mut Out) {
        if !self.begun {
            self.begun = true;
            self.target.begin(&self.about, out);
        }
    }

    fn delta(&mut self, delta: &Delta, out: &mut Out) {
        let Delta { choice, part, channel, ref text } = *delta;
        if text.is_empty() || !self.ability.has_choice(choice) {
            return;
        }
        if channel == Channel::ToolArguments {
            if let Some(place) = self.open_call(choice, part) {
                self.append_arguments(place, text, out);
            }
            return;
        }
        let Some(content) = self.ability.content(channel) else { return };
        let known = self.open.iter().rposition(|block| {
            block.choice == choice && block.part == part && block.content.is_like(&content)
        });
        let place = known.unwrap_or_else(|| self.open_block(choice, part, content, out));
        if let Some(block) = self.open.get(place) {
            self.target.append(block, text, &self.about, out);
        }
    }

    fn append_arguments(&mut self, place: usize, text: &str, out: &mut Out) {
        let Some(block) = self.open.get_mut(place) else { return };
        let Content::Call(call) = &mut block.content else { return };
        if call.arguments.len().saturating_add(text.len()) > ENCODER_CALL_BYTES_MAX {
            self.close(place, out);
            return;
        }
        call.arguments.push_str(text);
        self.target.append(block, text, &self.about, out);
    }

    /// Takes a whole call: ends it, and writes what has not been written of it.
    fn whole_call(&mut self, call: &ToolCall, out: &mut Out) {
        let ToolCall { choice, part, .. } = *call;
        let begin = || ToolStart {
            choice,
            part,
            index: call.index,
            id: call.id.clone(),
            name: call.name.clone(),
            by: call.by,
        };
        let known = self.open_call(choice, part);
        let Some(place) = known.or_else(|| self.begin_call(&begin(), out)) else { return };
        let unwritten =
            |block: &Block| block.content.call().is_some_and(|c| c.arguments.is_empty());
        if self.open.get(place).is_some_and(unwritten) && !call.arguments.is_empty() {
            self.append_arguments(place, &call.arguments, out);
        }
        // Too long a call has been ended by now.
        let Some(place) = self.open_call(choice, part) else { return };
        if let Some(Block { content: Content::Call(written), .. }) = self.open.get_mut(place) {
            written.complete = call.complete;
            written.custom = call.custom;
        }
        self.close(place, out);
    }

    /// The open block of a call.
    fn open_call(&self, choice: u32, part: u32) -> Option<usize> {
        self.open.iter().rposition(|block| {
            block.choice == choice && block.part == part && block.content.call().is_some()
        })
    }

    /// Begins a call that has not begun before, if the format has such calls.
    fn begin_call(&mut self, start: &ToolStart, out: &mut Out) -> Option<usize> {
        let ToolStart { choice, part, by, .. } = *start;
        let ability = self.ability;
        let has_it = ability.calls && (by == Executor::Client || ability.server_calls);
        let ended = self.ended_calls.contains(&(self.generation, choice, part));
        if !has_it || ended || !ability.has_choice(choice) {
            return None;
        }
        let open = self.open.iter().filter(|block| block.content.call().is_some());
        if open.clone().count() + self.ended_calls.len() >= ENCODER_CALLS_MAX {
            return None;
        }
        let siblings = open.filter(|block| block.choice == choice).count()
            + self.ended_calls.iter().filter(|(_, of, _)| *of == choice).count();
        let id = match start.id.as_str() {
            "" => format!("call_{}_{}", self.about.stream(), self.blocks),
            id => id.to_owned(),
        };
        let call = Call {
            id,
            name: start.name.clone(),
            by,
            index: u32::try_from(siblings).unwrap_or(u32::MAX),
            arguments: String::new(),
            complete: false,
            custom: false,
        };
        Some(self.open_block(choice, part, Content::Call(call), out))
    }

    /// Begins a block and ends the texts of its choice before it; returns its place.
    fn open_block(&mut self, choice: u32, part: u32, content: Content, out: &mut Out) -> usize {
        self.begin(out);
        while let Some(place) = self
            .open
            .iter()
            .position(|block| block.choice == choice && block.content.call().is_none())
        {
            self.close(place, out);
        }
        if self.open.len() >= ENCODER_BLOCKS_OPEN_MAX {
            self.close(0, out);
        }
        let block = Block { number: self.blocks, choice, part, content };
        self.blocks = self.blocks.saturating_add(1);
        self.target.open(&block, &self.about, out);
        self.open.push(block);
        self.open.len() - 1
    }

    fn close(&mut self, place: usize, out: &mut Out) {
        let block = self.open.remove(place);
        if block.content.call().is_some() {
            self.ended_calls.push((self.generation, block.choice, block.part));
        }
        self.target.close(&block, &self.about, out);
    }

    fn close_all(&mut self, out: &mut Out) {
        while !self.open.is_empty() {
            self.close(0, out);
        }
    }

    fn metadata(&mut self, metadata: &Metadata, event: &StreamEvent, out: &mut Out) {
        match metadata {
            Metadata::Identity(identity) => self.about.identity(identity),
            Metadata::ToolStart(start) => {
                if self.open_call(start.choice, start.part).is_none() {
                    self.begin_call(start, out);
                }
            }
            Metadata::Finish(finish) if self.ability.has_choice(finish.choice) => {
                self.begin(out);
                self.about.finish(finish);
                self.target.finish(finish, &self.about, out);
            }
            Metadata::Usage(usage) => self.about.usage = Some(usage.clone()),
            Metadata::Signature(own) => {
                let note = Note::Signature(&own.signature);
                self.note_of_part(own.choice, own.part, note, Content::Reasoning, out);
            }
            Metadata::Citation(own) => {
                let note = Note::Citation(own);
                self.note_of_part(own.choice, own.part, note, Content::Text, out);
            }
            Metadata::Block(own) => {
                let note = Note::Block(own);
                self.note_of_part(own.choice, own.part, note, Content::Opaque, out);
            }
            Metadata::Logprobs(own) if self.ability.has_choice(own.choice) => {
                self.note(Note::Logprobs(own), out);
            }
            Metadata::Raw(own) => self.note(Note::Raw(own), out),
            Metadata::Custom { kind } => {
                self.note(Note::Custom(kind, event.extra.as_deref()), out);
            }
            Metadata::Finish(_) | Metadata::Logprobs(_) | Metadata::Extra { .. } => {}
        }
    }

    fn note(&mut self, note: Note<'_>, out: &mut Out) {
        if self.begun {
            self.target.note(note, None, &self.about, out);
        }
    }

    /// Writes a note about a part; in the provider's own format it may be all there is of it.
    fn note_of_part(
        &mut self,
        choice: u32,
        part: u32,
        note: Note<'_>,
        content: Content,
        out: &mut Out,
    ) {
        if !self.ability.has_choice(choice) {
            return;
        }
        let is_its = |block: &Block| block.choice == choice && block.part == part;
        let known = self.open.iter().rposition(is_its);
        let is_native = self.ability.native.is_some() && self.ability.native == self.about.source;
        let place =
            known.or_else(|| is_native.then(|| self.open_block(choice, part, content, out)));
        let block = place.and_then(|place| self.open.get(place));
        if self.begun {
            self.target.note(note, block, &self.about, out);
        }
    }

    fn error(&mut self, error: &StreamError, out: &mut Out) {
        self.begin(out);
        self.about.error = Some(error.clone());
        self.target.error(error, &self.about, out);
    }

    fn end(&mut self, status: EndStatus, out: &mut Out) {
        self.begin(out);
        self.close_all(out);
        if status != EndStatus::Complete {
            self.say_why(status, out);
        }
        self.ended = true;
        self.target.end(status, &self.about, out);
    }

    /// Says what went wrong with a stream that is over: also to those who came after it was said.
    fn say_why(&mut self, status: EndStatus, out: &mut Out) {
        let known = self.about.error.take().filter(|_| status == EndStatus::Failed);
        let error = known.unwrap_or_else(|| {
            let message = "the stream ended before the model was done";
            let mut error = StreamError::new(ErrorKind::Server, message);
            error.code = Some("stream_incomplete".to_owned());
            error
        });
        if !self.ability.ends_with_error {
            self.target.error(&error, &self.about, out);
        }
        self.about.error = Some(error);
    }
}
