//! Cohere v2 chat: contents, a plan for tools, tool calls and citations, each with an index.

use super::Wire;
use super::cursor::{BadJson, parse};
use super::emitter::{Emitter, Part};
use super::fault::Fault;
use super::lenient::{Arguments, Both, Count, Raw, Skip, Text, payload};
use crate::event::{Channel, RawJson, Usage};
use crate::tool_call::ToolFragment;

payload! {
    struct Payload<'a> {
        kind: Text<'a> = "type",
        id: Text<'a> = "id",
        index: Count = "index",
        delta: Delta<'a> = "delta",
        ; rest
    }
}

payload! {
    struct Delta<'a> {
        message: Message<'a> = "message",
        finish_reason: Text<'a> = "finish_reason",
        usage: Both<'a, Tokens<'a>> = "usage",
        error: Fault = "error",
        ; rest
    }
}

payload! {
    struct Message<'a> {
        content: Content<'a> = "content",
        tool_plan: Raw<'a> = "tool_plan",
        tool_calls: ToolCall<'a> = "tool_calls",
        citations: Both<'a, Typed<'a>> = "citations",
        role: Skip = "role",
    }
}

payload! {
    struct Content<'a> {
        text: Text<'a> = "text",
        thinking: Text<'a> = "thinking",
    }
}

payload! {
    struct ToolCall<'a> {
        id: Text<'a> = "id",
        function: Function<'a> = "function",
    }
}

payload! {
    struct Function<'a> {
        name: Text<'a> = "name",
        arguments: Arguments<'a> = "arguments",
    }
}

payload! {
    /// An object of which only the type is of interest.
    struct Typed<'a> {
        kind: Text<'a> = "type",
    }
}

payload! {
    struct Tokens<'a> {
        billed: Counts<'a> = "billed_units",
        counted: Counts<'a> = "tokens",
        cached: Count = "cached_tokens",
    }
}

payload! {
    struct Counts<'a> {
        input: Count = "input_tokens",
        output: Count = "output_tokens",
        reasoning: Count = "reasoning_tokens",
    }
}

/// Decodes the events of a chat.
#[derive(Debug, Default)]
pub(super) struct Cohere {
    /// The part that the plan for tools is.
    plan: Option<Part>,
}

impl Wire for Cohere {
    fn payload(
        &mut self,
        name: Option<&str>,
        data: &str,
        out: &mut Emitter,
    ) -> Result<(), BadJson> {
        let payload: Payload<'_> = parse(data)?;
        let Message { content, tool_plan, tool_calls, citations, .. } = payload.delta.message;
        match payload.kind.non_empty().or(name).unwrap_or_default() {
            "message-start" => {
                out.identity(payload.id.as_str(), "", Raw::default());
                out.begin();
            }
            "content-start" | "content-delta" => {
                out.text(0, Channel::Reasoning, content.thinking.0.unwrap_or_default());
                out.text(0, Channel::Text, content.text.0.unwrap_or_default());
            }
            "tool-plan-delta" => {
                self.plan = self.plan.or_else(|| out.new_part(0));
                if let (Some(raw), Some(part)) = (tool_plan.0, self.plan) {
                    out.block(part, "tool_plan", raw);
                }
            }
            "tool-call-start" | "tool-call-delta" => call(payload.index.0, &tool_calls, out),
            "tool-call-end" => {
                let index = payload.index.0.unwrap_or(0);
                out.calls(|calls| calls.close(0, index, "{}"));
            }
            "citation-start" => {
                if let (Some((raw, citation)), Some(part)) =
                    (citations.get(), out.part(0, Channel::Text))
                {
                    out.citation(part, citation.kind.as_str(), raw);
                }
            }
            "message-end" => {
                if let Some((raw, tokens)) = payload.delta.usage.take() {
                    out.usage(tokens.usage(RawJson::from_valid(raw)));
                }
                out.fault(payload.delta.error);
                if let Some(word) = payload.delta.finish_reason.non_empty() {
                    out.finish(0, word);
                }
                out.unknown(None, &payload.delta.rest);
                out.done();
            }
            "content-end" | "citation-end" => {}
            "error" => out.fault(parse(data)?),
            // An error body has a message and no type.
            "" if payload.rest.iter().any(|(key, _)| key == "message") => {
                out.fault(parse(data)?);
            }
            _ => out.raw(name, data),
        }
        Ok(())
    }
}

fn call(index: Option<u64>, call: &ToolCall<'_>, out: &mut Emitter) {
    let fragment = ToolFragment {
        index: Some(index.unwrap_or(0)),
        id: call.id.as_str(),
        name: call.function.name.as_str(),
        arguments: call.function.arguments.as_str(),
        ..ToolFragment::default()
    };
    out.tool(0, fragment);
}

impl Tokens<'_> {
    fn usage(&self, raw: RawJson) -> Usage {
        Usage {
            input_tokens: self.counted.input.0.or(self.billed.input.0),
            output_tokens: self.counted.output.0.or(self.billed.output.0),
            cache_read_tokens: self.cached.0,
            reasoning_tokens: self.counted.reasoning.0,
            raw: Some(raw),
            ..Usage::default()
        }
    }
}
