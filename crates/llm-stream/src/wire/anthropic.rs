//! Anthropic Messages: content blocks with their deltas, and what surrounds them.

mod usage;

use std::mem;

use super::Wire;
use super::cursor::{BadJson, parse};
use super::emitter::{Emitter, Ending, Part};
use super::fault::Fault;
use super::lenient::{Both, Count, List, Rare, Raw, Skip, Text, payload};
use crate::event::{Channel, Executor};
use crate::limits::BLOCKS_OPEN_MAX;
use crate::tool_call::ToolFragment;
use usage::{Fields, MergedUsage};

payload! {
    struct Payload<'a> {
        kind: Text<'a> = "type",
        index: Count = "index",
        message: Rare<Message<'a>> = "message",
        block: Both<'a, Block<'a>> = "content_block",
        delta: Both<'a, Delta<'a>> = "delta",
        usage: Fields<'a> = "usage",
        error: Fault = "error",
        ; rest
    }
}

payload! {
    struct Message<'a> {
        id: Text<'a> = "id",
        model: Text<'a> = "model",
        content: List<Both<'a, Block<'a>>> = "content",
        usage: Fields<'a> = "usage",
        stop_reason: Text<'a> = "stop_reason",
        kind: Skip = "type" | "role" | "stop_sequence",
        ; rest
    }
}

payload! {
    struct Block<'a> {
        kind: Text<'a> = "type",
        text: Text<'a> = "text",
        thinking: Text<'a> = "thinking",
        signature: Text<'a> = "signature",
        citations: List<Both<'a, Typed<'a>>> = "citations",
        id: Text<'a> = "id",
        name: Text<'a> = "name",
        input: Raw<'a> = "input",
        ; rest
    }
}

payload! {
    struct Delta<'a> {
        kind: Text<'a> = "type",
        text: Text<'a> = "text",
        thinking: Text<'a> = "thinking",
        signature: Text<'a> = "signature",
        partial_json: Text<'a> = "partial_json",
        citation: Both<'a, Typed<'a>> = "citation",
        stop_reason: Text<'a> = "stop_reason",
        stop_sequence: Text<'a> = "stop_sequence",
        stop_details: Raw<'a> = "stop_details",
        ; rest
    }
}

payload! {
    /// An object of which only the type is of interest.
    struct Typed<'a> {
        kind: Text<'a> = "type",
    }
}

/// Decodes the events of the Messages API.
#[derive(Debug, Default)]
pub(super) struct Anthropic {
    open: Vec<Open>,
    usage: MergedUsage,
    id: Option<String>,
}

/// A content block between its start and its stop.
#[derive(Debug)]
struct Open {
    index: u64,
    part: Part,
    /// The input that came with the block's start, for a tool call without deltas.
    input: Option<String>,
}

impl Wire for Anthropic {
    fn payload(
        &mut self,
        name: Option<&str>,
        data: &str,
        out: &mut Emitter,
    ) -> Result<(), BadJson> {
        let mut payload: Payload<'_> = parse(data)?;
        let index = payload.index.0.unwrap_or(0);
        match payload.kind.non_empty().or(name).unwrap_or_default() {
            "content_block_delta" => {
                if let Some((raw, delta)) = payload.delta.take() {
                    self.delta(index, raw, delta, out);
                }
            }
            "content_block_start" => {
                if let Some((raw, block)) = payload.block.get() {
                    self.block(index, raw, block, out);
                }
            }
            "content_block_stop" => self.stop(index, out),
            "message_start" => self.start(payload.message.take(), out),
            "message_delta" => self.message_delta(&mut payload, out),
            "message_stop" => out.done(),
            "ping" => {}
            _ if payload.error.0.is_some() => {}
            _ => {
                out.raw(name, data);
                return Ok(());
            }
        }
        out.fault(payload.error);
        out.unknown(None, &payload.rest);
        Ok(())
    }

    fn finish(&mut self, out: &mut Emitter) {
        for open in mem::take(&mut self.open) {
            if let Some(input) = open.input {
                out.calls(|calls| calls.close(open.part.choice, key(open.part), &input));
            }
        }
    }
}

/// The key under which the assembler knows a block: its part, which no other block has.
fn key(part: Part) -> u64 {
    u64::from(part.part)
}

impl Anthropic {
    fn start(&mut self, mut message: Message<'_>, out: &mut Emitter) {
        let id = message.id.as_str();
        let again = self.id.is_some();
        let repeated = self.id.as_deref().is_some_and(|known| !known.is_empty() && known == id);
        if again && !repeated {
            // Another generation is spliced in: what was open stays as it is.
            self.finish(out);
            self.usage = MergedUsage::default();
        }
        self.id = Some(id.to_owned());
        if repeated {
            out.identity(id, message.model.as_str(), Raw::default());
        } else {
            out.generation(id, message.model.as_str());
        }
        self.usage.merge(mem::take(&mut message.usage), out);
        out.unknown(None, &message.rest);
        for (index, block) in (0..).zip(&message.content.0) {
            if let Some((raw, block)) = block.get() {
                self.block(index, raw, block, out);
                self.stop(index, out);
            }
        }
        if let Some(word) = message.stop_reason.non_empty() {
            out.finish(0, word);
        }
    }

    fn block(&mut self, index: u64, raw: &str, block: &Block<'_>, out: &mut Emitter) {
        let Some(part) = self.open(index, out) else { return };
        match block.kind.as_str() {
            "text" => {
                out.text_of(part, Channel::Text, block.text.as_str().into());
                for citation in &block.citations.0 {
                    emit_citation(part, citation, out);
                }
            }
            "thinking" => {
                out.text_of(part, Channel::Reasoning, block.thinking.as_str().into());
                out.signature(part, block.signature.as_str());
            }
            kind if kind.ends_with("tool_use") => self.tool(part, raw, block, out),
            kind => out.block(part, kind, raw),
        }
    }

    fn tool(&mut self, part: Part, raw: &str, block: &Block<'_>, out: &mut Emitter) {
        let by = match block.kind.as_str() {
            "tool_use" => Executor::Client,
            _ => Executor::Server,
        };
        let (id, name) = (block.id.as_str(), block.name.as_str());
        out.tool_of(
            part,
            ToolFragment { index: Some(key(part)), id, name, by, ..ToolFragment::default() },
        );
        if by == Executor::Server || !block.rest.is_empty() {
            out.calls(|calls| calls.keep_raw(part.choice, key(part), raw));
        }
        if let Some(open) = self.open.last_mut() {
            open.input = block.input.0.map(str::to_owned);
        }
    }

    fn delta(&mut self, index: u64, raw: &str, delta: Delta<'_>, out: &mut Emitter) {
        let Some(part) = self.part(index, out) else { return };
        match delta.kind.as_str() {
            "text_delta" => out.text_of(part, Channel::Text, delta.text.0.unwrap_or_default()),
            "thinking_delta" => {
                out.text_of(part, Channel::Reasoning, delta.thinking.0.unwrap_or_default());
            }
            "input_json_delta" => {
                let arguments = delta.partial_json.as_str();
                let index = Some(key(part));
                out.tool_of(part, ToolFragment { index, arguments, ..ToolFragment::default() });
            }
            "signature_delta" => out.signature(part, delta.signature.as_str()),
            "citations_delta" => emit_citation(part, &delta.citation, out),
            kind => out.block(part, kind, raw),
        }
    }

    fn stop(&mut self, index: u64, out: &mut Emitter) {
        let Some(at) = self.open.iter().rposition(|open| open.index == index) else { return };
        let open = self.open.remove(at);
        let input = open.input.as_deref().unwrap_or("{}");
        out.calls(|calls| calls.close(open.part.choice, key(open.part), input));
    }

    fn message_delta(&mut self, payload: &mut Payload<'_>, out: &mut Emitter) {
        // The counts are totals, not additions, and some correct what the start said.
        self.usage.merge(mem::take(&mut payload.usage), out);
        let Some((_, delta)) = payload.delta.get() else { return };
        if let Some(word) = delta.stop_reason.non_empty() {
            let ending = Ending {
                stop_sequence: delta.stop_sequence.non_empty(),
                details: delta.stop_details,
                ..Ending::from_word(word)
            };
            out.finish_with(0, ending);
        }
        out.unknown(None, &delta.rest);
    }

    /// Opens the block `index` as a new part.
    fn open(&mut self, index: u64, out: &mut Emitter) -> Option<Part> {
        let part = out.new_part(0)?;
        if self.open.len() >= BLOCKS_OPEN_MAX {
            self.open.remove(0);
        }
        self.open.push(Open { index, part, input: None });
        Some(part)
    }

    /// The part of the open block `index`; a delta without a start opens one.
    fn part(&mut self, index: u64, out: &mut Emitter) -> Option<Part> {
        match self.open.iter().rfind(|open| open.index == index) {
            Some(open) => Some(open.part),
            None => self.open(index, out),
        }
    }
}

fn emit_citation(part: Part, citation: &Both<'_, Typed<'_>>, out: &mut Emitter) {
    if let Some((raw, citation)) = citation.get() {
        out.citation(part, citation.kind.as_str(), raw);
    }
}
