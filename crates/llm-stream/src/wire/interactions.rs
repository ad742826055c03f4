//! Gemini's Interactions API: steps with their deltas.

use super::Wire;
use super::cursor::{BadJson, parse};
use super::emitter::{Emitter, Part};
use super::fault::Fault;
use super::lenient::{Arguments, Both, Count, Raw, Skip, Text, payload};
use crate::event::{Channel, RawJson, Usage};
use crate::limits::BLOCKS_OPEN_MAX;
use crate::tool_call::ToolFragment;

payload! {
    struct Payload<'a> {
        kind: Text<'a> = "event_type",
        index: Count = "index",
        interaction: Interaction<'a> = "interaction",
        step: Both<'a, Step<'a>> = "step" | "content",
        delta: Both<'a, Delta<'a>> = "delta",
        error: Fault = "error",
        skip: Skip = "interaction_id" | "event_id" | "status",
        ; rest
    }
}

payload! {
    struct Interaction<'a> {
        id: Text<'a> = "id",
        model: Text<'a> = "model",
        status: Text<'a> = "status",
        usage: Both<'a, Tokens<'a>> = "usage",
        error: Fault = "error",
    }
}

payload! {
    struct Step<'a> {
        kind: Text<'a> = "type",
        id: Text<'a> = "id",
        name: Text<'a> = "name",
        arguments: Arguments<'a> = "arguments",
        signature: Text<'a> = "signature",
    }
}

payload! {
    struct Delta<'a> {
        kind: Text<'a> = "type",
        text: Text<'a> = "text",
        signature: Text<'a> = "signature",
        arguments: Arguments<'a> = "arguments" | "partial_arguments",
        content: Inner<'a> = "content",
    }
}

payload! {
    struct Inner<'a> {
        text: Text<'a> = "text",
    }
}

payload! {
    struct Tokens<'a> {
        input: Count = "total_input_tokens",
        output: Count = "total_output_tokens",
        thought: Count = "total_thought_tokens",
        cached: Count = "total_cached_tokens",
        total: Count = "total_tokens",
    }
}

/// Decodes the events of an interaction.
#[derive(Debug, Default)]
pub(super) struct Interactions {
    open: Vec<Open>,
}

/// A step between its start and its stop.
#[derive(Debug)]
struct Open {
    index: u64,
    part: Part,
    /// The arguments that came with the start, for a call without deltas.
    arguments: Option<String>,
}

impl Wire for Interactions {
    fn payload(
        &mut self,
        name: Option<&str>,
        data: &str,
        out: &mut Emitter,
    ) -> Result<(), BadJson> {
        let payload: Payload<'_> = parse(data)?;
        let index = payload.index.0.unwrap_or(0);
        match payload.kind.non_empty().or(name).unwrap_or_default() {
            "interaction.created" | "interaction.start" => {
                out.identity(
                    payload.interaction.id.as_str(),
                    payload.interaction.model.as_str(),
                    Raw::default(),
                );
                out.begin();
            }
            "step.start" | "content.start" => {
                if let Some((raw, step)) = payload.step.get() {
                    self.start(index, raw, step, out);
                }
            }
            "step.delta" | "content.delta" => {
                if let Some((raw, delta)) = payload.delta.take() {
                    self.delta(index, raw, delta, out);
                }
            }
            "step.stop" | "content.stop" => self.stop(index, out),
            "interaction.completed"
            | "interaction.complete"
            | "interaction.failed"
            | "interaction.cancelled" => end(payload.interaction, out),
            "interaction.status_update" => {}
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
}

impl Interactions {
    fn start(&mut self, index: u64, raw: &str, step: &Step<'_>, out: &mut Emitter) {
        let Some(part) = self.open(index, out) else { return };
        if step.kind.as_str() == "function_call" {
            let key = Some(u64::from(part.part));
            let (id, name) = (step.id.as_str(), step.name.as_str());
            out.tool_of(part, ToolFragment { index: key, id, name, ..ToolFragment::default() });
            let arguments = step.arguments.0.as_deref().filter(|arguments| !arguments.is_empty());
            if let Some(open) = self.open.last_mut() {
                open.arguments = arguments.map(str::to_owned);
            }
        } else if !matches!(step.kind.as_str(), "thought" | "text" | "model_output") {
            out.block(part, step.kind.as_str(), raw);
        }
        out.signature(part, step.signature.as_str());
    }

    fn delta(&mut self, index: u64, raw: &str, delta: Delta<'_>, out: &mut Emitter) {
        let Some(part) = self.part(index, out) else { return };
        match delta.kind.as_str() {
            "text" => out.text_of(part, Channel::Text, delta.text.0.unwrap_or_default()),
            "thought" | "thought_summary" => {
                let text = delta.text.0.or(delta.content.text.0);
                out.text_of(part, Channel::Reasoning, text.unwrap_or_default());
            }
            "thought_signature" => out.signature(part, delta.signature.as_str()),
            "arguments_delta" => {
                let index = Some(u64::from(part.part));
                let arguments = delta.arguments.as_str();
                out.tool_of(part, ToolFragment { index, arguments, ..ToolFragment::default() });
            }
            kind => out.block(part, kind, raw),
        }
    }

    fn stop(&mut self, index: u64, out: &mut Emitter) {
        let Some(at) = self.open.iter().rposition(|open| open.index == index) else { return };
        let open = self.open.remove(at);
        let arguments = open.arguments.as_deref().unwrap_or("{}");
        out.calls(|calls| calls.close(0, u64::from(open.part.part), arguments));
    }

    fn open(&mut self, index: u64, out: &mut Emitter) -> Option<Part> {
        let part = out.new_part(0)?;
        if self.open.len() >= BLOCKS_OPEN_MAX {
            self.open.remove(0);
        }
        self.open.push(Open { index, part, arguments: None });
        Some(part)
    }

    /// The part of the open step `index`; a delta without a start opens one.
    fn part(&mut self, index: u64, out: &mut Emitter) -> Option<Part> {
        match self.open.iter().rfind(|open| open.index == index) {
            Some(open) => Some(open.part),
            None => self.open(index, out),
        }
    }
}

fn end(interaction: Interaction<'_>, out: &mut Emitter) {
    out.identity(interaction.id.as_str(), interaction.model.as_str(), Raw::default());
    if let Some((raw, tokens)) = interaction.usage.take() {
        let output = tokens.output.0.map(|output| {
            // Thoughts are counted apart from the answer.
            output.saturating_add(tokens.thought.0.unwrap_or(0))
        });
        out.usage(Usage {
            input_tokens: tokens.input.0,
            output_tokens: output,
            total_tokens: tokens.total.0,
            cache_read_tokens: tokens.cached.0,
            cache_write_tokens: None,
            reasoning_tokens: tokens.thought.0,
            raw: Some(RawJson::from_valid(raw)),
        });
    }
    out.fault(interaction.error);
    if let Some(word) = interaction.status.0.as_deref().filter(|word| !word.is_empty()) {
        out.finish(0, word);
    }
    out.done();
}
