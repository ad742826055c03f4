//! OpenAI Responses: output items, their content parts, and the deltas of both.

mod parts;

use std::borrow::Cow;

use super::Wire;
use super::cursor::{BadJson, parse};
use super::emitter::{Emitter, Ending};
use super::fault::Fault;
use super::lenient::{Arguments, Both, Count, List, Rare, Raw, Skip, Text, nested, payload};
use super::openai_chat::Tokens;
use crate::event::{Channel, Executor, FinishReason};
use crate::tool_call::ToolFragment;
use parts::{Parts, Place};

payload! {
    struct Payload<'a> {
        kind: Text<'a> = "type",
        output_index: Count = "output_index",
        content_index: Count = "content_index",
        summary_index: Count = "summary_index",
        delta: Arguments<'a> = "delta",
        text: Text<'a> = "text" | "refusal" | "code",
        arguments: Arguments<'a> = "arguments" | "input",
        part: Rare<Content<'a>> = "part",
        item: Both<'a, Item<'a>> = "item",
        annotation: Both<'a, Typed<'a>> = "annotation",
        logprobs: Raw<'a> = "logprobs",
        response: Rare<Response<'a>> = "response",
        sequence_number: Raw<'a> = "sequence_number",
        padding: Raw<'a> = "obfuscation",
        // Some providers give an item another id in each event.
        item_id: Raw<'a> = "item_id",
        skip: Skip = "annotation_index",
        ; rest
    }
}

payload! {
    struct Item<'a> {
        kind: Text<'a> = "type",
        id: Text<'a> = "id",
        call_id: Text<'a> = "call_id",
        name: Text<'a> = "name",
        arguments: Arguments<'a> = "arguments" | "input" | "code",
        content: List<Content<'a>> = "content",
        summary: List<Content<'a>> = "summary",
        encrypted: Raw<'a> = "encrypted_content",
        skip: Skip = "status" | "role",
        ; rest
    }
}

payload! {
    struct Content<'a> {
        kind: Text<'a> = "type",
        text: Text<'a> = "text" | "refusal",
        annotations: List<Both<'a, Typed<'a>>> = "annotations",
    }
}

payload! {
    /// An object of which only the type is of interest.
    struct Typed<'a> {
        kind: Text<'a> = "type",
    }
}

payload! {
    struct Response<'a> {
        id: Text<'a> = "id",
        model: Text<'a> = "model",
        created_at: Raw<'a> = "created_at",
        status: Text<'a> = "status",
        usage: Both<'a, Tokens<'a>> = "usage",
        error: Fault = "error",
        incomplete: Both<'a, Incomplete<'a>> = "incomplete_details",
        output: Raw<'a> = "output",
    }
}

payload! {
    struct Incomplete<'a> {
        reason: Text<'a> = "reason",
    }
}

/// Decodes the events of the Responses API.
///
/// What a part is, its place in the output tells: item ids may change between the events of an
/// item. What comes whole is taken from the deltas, or from the first event that holds all of it
/// where there were none.
#[derive(Debug, Default)]
pub(super) struct OpenAiResponses {
    parts: Parts,
    id: Option<String>,
    any_item: bool,
}

impl Wire for OpenAiResponses {
    fn payload(
        &mut self,
        name: Option<&str>,
        data: &str,
        out: &mut Emitter,
    ) -> Result<(), BadJson> {
        let mut payload: Payload<'_> = parse(data)?;
        out.ignore(payload.sequence_number);
        out.ignore(payload.padding);
        out.ignore(payload.item_id);
        let own_kind = std::mem::take(&mut payload.kind);
        let full_kind = own_kind.non_empty().or(name).unwrap_or_default();
        let kind = full_kind.strip_prefix("response.").unwrap_or(full_kind);
        if kind == "error" {
            out.fault(parse(data)?);
            return Ok(());
        }
        if !self.decode(kind, &mut payload, out) {
            out.raw(Some(full_kind), data);
            return Ok(());
        }
        out.unknown(None, &payload.rest);
        Ok(())
    }
}

impl OpenAiResponses {
    /// Decodes an event by its name without `response.`, and returns whether it is known.
    fn decode(&mut self, kind: &str, payload: &mut Payload<'_>, out: &mut Emitter) -> bool {
        if let Some(thing) = kind.strip_suffix(".delta") {
            return self.delta(thing, payload, out);
        }
        match kind {
            "created" | "in_progress" | "queued" => {
                self.begin(kind, &payload.response.take(), out);
            }
            "completed" | "incomplete" | "failed" | "cancelled" => {
                self.end(kind, payload.response.take(), out);
            }
            "output_item.added" => self.item_added(payload, out),
            "output_item.done" => self.item_done(payload, out),
            "content_part.added" | "content_part.done" => {
                let index = payload.content_index.0.unwrap_or(0);
                let output = payload.output_index.0.unwrap_or(0);
                self.content(output, index, &payload.part.take(), out);
            }
            "reasoning_summary_part.added" | "reasoning_summary_part.done" => {
                let place = payload.place(Channel::Reasoning);
                self.whole_text(place, payload.part.take().text.as_str(), out);
            }
            "output_text.annotation.added" => {
                if let Some(part) = self.parts.annotated(payload.place(Channel::Text), out)
                    && let Some((raw, annotation)) = payload.annotation.get()
                {
                    out.citation(part, annotation.kind.as_str(), raw);
                }
            }
            "keepalive" | "ping" => {}
            _ => {
                let Some(thing) = kind.strip_suffix(".done") else { return false };
                return self.done(thing, payload, out);
            }
        }
        true
    }

    fn delta(&mut self, thing: &str, payload: &Payload<'_>, out: &mut Emitter) -> bool {
        let Some(channel) = channel_of(thing) else { return false };
        let place = payload.place(channel);
        let text = payload.delta.as_str();
        if channel == Channel::ToolArguments {
            self.arguments(place, text, out);
        } else if let Some(part) = self.parts.grow(place, text.len(), out) {
            out.text_of(part, channel, Cow::Borrowed(text));
            if let Some(raw) = payload.logprobs.0.filter(|raw| *raw != "[]") {
                out.logprobs(0, raw);
            }
        }
        true
    }

    fn done(&mut self, thing: &str, payload: &Payload<'_>, out: &mut Emitter) -> bool {
        let Some(channel) = channel_of(thing) else { return false };
        let place = payload.place(channel);
        if channel == Channel::ToolArguments {
            let arguments = payload.arguments.0.as_deref().unwrap_or(payload.text.as_str());
            self.whole_arguments(place, arguments, out);
        } else {
            self.whole_text(place, payload.text.as_str(), out);
        }
        true
    }

    fn begin(&mut self, kind: &str, response: &Response<'_>, out: &mut Emitter) {
        let (id, model) = (response.id.as_str(), response.model.as_str());
        let other = self.id.as_deref().is_some_and(|known| known != id);
        if kind == "created" && other {
            // Another generation follows: what was open stays as it is.
            *self = Self::default();
            out.generation(id, model);
        }
        self.id.get_or_insert_with(|| id.to_owned());
        out.identity(id, model, response.created_at);
        out.begin();
    }

    fn end(&mut self, kind: &str, response: Response<'_>, out: &mut Emitter) {
        out.identity(response.id.as_str(), response.model.as_str(), response.created_at);
        if !self.any_item {
            let List(items) = nested::<List<Both<'_, Item<'_>>>>(response.output);
            for (index, item) in (0..).zip(items) {
                let output_index = Count(Some(index));
                self.item_done(&Payload { output_index, item, ..Payload::default() }, out);
            }
        }
        if let Some((raw, tokens)) = response.usage.get() {
            out.usage(tokens.usage(raw));
        }
        out.fault(response.error);
        let word = response.status.non_empty().unwrap_or(kind);
        let mut ending = Ending::from_word(word);
        if let Some((raw, incomplete)) = response.incomplete.get() {
            ending.reason = FinishReason::from_provider(incomplete.reason.as_str());
            ending.details = Raw(Some(raw));
        }
        out.finish_with(0, ending);
        out.done();
    }

    fn item_added(&mut self, payload: &Payload<'_>, out: &mut Emitter) {
        self.any_item = true;
        let Some((raw, item)) = payload.item.get() else { return };
        match item.kind.as_str() {
            "message" => out.unknown(Some(0), &item.rest),
            "reasoning" => {}
            _ => self.tool(payload.place(Channel::ToolArguments), raw, item, out),
        }
    }

    fn item_done(&mut self, payload: &Payload<'_>, out: &mut Emitter) {
        self.any_item = true;
        let Some((raw, item)) = payload.item.get() else { return };
        let output = payload.output_index.0.unwrap_or(0);
        match item.kind.as_str() {
            "message" => {
                self.contents(output, item, out);
                out.unknown(Some(0), &item.rest);
            }
            "reasoning" => {
                self.contents(output, item, out);
                for (index, summary) in (0..).zip(&item.summary.0) {
                    let place = Place::new(output, Channel::Reasoning, summary_place(index));
                    self.whole_text(place, summary.text.as_str(), out);
                }
                if item.encrypted.0.is_some()
                    && let Some(part) = self.parts.of_item(output, out)
                {
                    out.block(part, "reasoning", raw);
                }
            }
            // What is in another item is not said: the item is kept as it is.
            kind => {
                let place = payload.place(Channel::ToolArguments);
                self.tool(place, raw, item, out);
                if Tool::of(item).is_some() {
                    self.whole_arguments(place, item.arguments.as_str(), out);
                }
                if Tool::of(item).is_none_or(|tool| tool.by == Executor::Server)
                    && let Some(part) = self.parts.get(place, out)
                {
                    out.block(part, kind, raw);
                }
            }
        }
        self.parts.end_item(output);
    }

    /// Begins a tool call, unless it has begun.
    fn tool(&mut self, place: Place, raw: &str, item: &Item<'_>, out: &mut Emitter) {
        let Some(Tool { id, name, by, custom }) = Tool::of(item) else { return };
        let Some(part) = self.parts.get(place, out) else { return };
        let index = Some(u64::from(part.part));
        out.tool_of(part, ToolFragment { index, id, name, by, custom, ..ToolFragment::default() });
        if !item.rest.is_empty() && by == Executor::Client {
            out.calls(|calls| calls.keep_raw(part.choice, u64::from(part.part), raw));
        }
    }

    fn arguments(&mut self, place: Place, arguments: &str, out: &mut Emitter) {
        if let Some(part) = self.parts.grow(place, arguments.len(), out) {
            let index = Some(u64::from(part.part));
            out.tool_of(part, ToolFragment { index, arguments, ..ToolFragment::default() });
        }
    }

    /// Takes the whole arguments if no deltas came, and ends the call.
    fn whole_arguments(&mut self, place: Place, arguments: &str, out: &mut Emitter) {
        if self.parts.is_untouched(place, out) {
            self.arguments(place, arguments, out);
        }
        if let Some(part) = self.parts.get(place, out) {
            out.calls(|calls| calls.close(part.choice, u64::from(part.part), "{}"));
        }
    }

    fn contents(&mut self, output: u64, item: &Item<'_>, out: &mut Emitter) {
        for (index, content) in (0..).zip(&item.content.0) {
            self.content(output, index, content, out);
        }
    }

    fn content(&mut self, output: u64, index: u64, content: &Content<'_>, out: &mut Emitter) {
        let channel = match content.kind.as_str() {
            "reasoning_text" | "reasoning" => Channel::Reasoning,
            "refusal" => Channel::Refusal,
            "summary_text" => return,
            _ => Channel::Text,
        };
        let place = Place::new(output, channel, index);
        self.whole_text(place, content.text.as_str(), out);
        for annotation in content.annotations.0.iter().skip(self.parts.annotations(place)) {
            if let Some(part) = self.parts.annotated(place, out)
                && let Some((raw, annotation)) = annotation.get()
            {
                out.citation(part, annotation.kind.as_str(), raw);
            }
        }
    }

    /// Takes a whole text if no deltas of it came.
    fn whole_text(&mut self, place: Place, text: &str, out: &mut Emitter) {
        if !text.is_empty()
            && self.parts.is_untouched(place, out)
            && let Some(part) = self.parts.grow(place, text.len(), out)
        {
            out.text_of(part, place.channel, Cow::Borrowed(text));
        }
    }
}

/// What the deltas of an event name are.
fn channel_of(thing: &str) -> Option<Channel> {
    match thing {
        "output_text" => Some(Channel::Text),
        "refusal" => Some(Channel::Refusal),
        "reasoning_text" | "reasoning_summary_text" | "reasoning" | "reasoning_summary" => {
            Some(Channel::Reasoning)
        }
        "function_call_arguments"
        | "custom_tool_call_input"
        | "mcp_call_arguments"
        | "mcp_call.arguments"
        | "code_interpreter_call_code" => Some(Channel::ToolArguments),
        _ => None,
    }
}

/// The place of a summary beside the contents of its item.
fn summary_place(index: u64) -> u64 {
    index | 1 << 63
}

impl Payload<'_> {
    fn place(&self, channel: Channel) -> Place {
        let index = match (channel, self.summary_index.0) {
            (Channel::ToolArguments, _) => 0,
            (_, Some(summary)) => summary_place(summary),
            (_, None) => self.content_index.0.unwrap_or(0),
        };
        Place::new(self.output_index.0.unwrap_or(0), channel, index)
    }
}

/// A tool call, as an output item tells of it.
#[derive(Debug, Clone, Copy)]
struct Tool<'a> {
    id: &'a str,
    name: &'a str,
    by: Executor,
    custom: bool,
}

impl<'a> Tool<'a> {
    /// The call that an item is; `None` for items with no arguments in the usual sense.
    fn of(item: &'a Item<'_>) -> Option<Self> {
        let (id, name) = (item.call_id.as_str(), item.name.as_str());
        let own_id = item.id.as_str();
        match item.kind.as_str() {
            "function_call" => Some(Self { id, name, by: Executor::Client, custom: false }),
            "custom_tool_call" => Some(Self { id, name, by: Executor::Client, custom: true }),
            "mcp_call" => Some(Self { id: own_id, name, by: Executor::Server, custom: false }),
            "code_interpreter_call" => {
                let name = "code_interpreter";
                Some(Self { id: own_id, name, by: Executor::Server, custom: true })
            }
            _ => None,
        }
    }
}
