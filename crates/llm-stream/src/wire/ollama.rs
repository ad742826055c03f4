//! Ollama's own API, chat and generate: whole tool calls, and counts and times in the last line.

use super::Wire;
use super::cursor::{BadJson, parse};
use super::emitter::Emitter;
use super::fault::Fault;
use super::lenient::{Arguments, Count, List, Raw, Skip, Text, payload};
use crate::event::{Channel, RawJson, Usage};
use crate::tool_call::ToolFragment;

payload! {
    struct Line<'a> {
        model: Text<'a> = "model",
        message: Message<'a> = "message",
        // The generate endpoint has these in place of a message.
        response: Text<'a> = "response",
        thinking: Text<'a> = "thinking",
        done: Raw<'a> = "done",
        done_reason: Text<'a> = "done_reason",
        error: Fault = "error",
        input: Count = "prompt_eval_count",
        output: Count = "eval_count",
        total_duration: Count = "total_duration",
        load_duration: Count = "load_duration",
        input_duration: Count = "prompt_eval_duration",
        output_duration: Count = "eval_duration",
        created_at: Raw<'a> = "created_at",
        ; rest
    }
}

payload! {
    struct Message<'a> {
        content: Text<'a> = "content",
        thinking: Text<'a> = "thinking",
        tool_calls: List<ToolCall<'a>> = "tool_calls",
        role: Skip = "role",
        ; rest
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

/// Decodes the lines of a stream.
#[derive(Debug, Default)]
pub(super) struct Ollama {
    /// Calls so far: the index of the provider repeats.
    calls: u64,
}

impl Wire for Ollama {
    fn payload(
        &mut self,
        _name: Option<&str>,
        data: &str,
        out: &mut Emitter,
    ) -> Result<(), BadJson> {
        let line: Line<'_> = parse(data)?;
        out.identity("", line.model.as_str(), Raw::default());
        out.ignore(line.created_at);
        let usage = line.usage();
        for thinking in [line.thinking, line.message.thinking] {
            out.text(0, Channel::Reasoning, thinking.0.unwrap_or_default());
        }
        for text in [line.response, line.message.content] {
            out.text(0, Channel::Text, text.0.unwrap_or_default());
        }
        for call in &line.message.tool_calls.0 {
            self.call(call, out);
        }
        if let Some(usage) = usage {
            out.usage(usage);
        }
        out.fault(line.error);
        if line.done.is_true() {
            out.finish(0, line.done_reason.non_empty().unwrap_or("stop"));
            out.done();
        }
        out.unknown(Some(0), &line.message.rest);
        out.unknown(None, &line.rest);
        Ok(())
    }
}

impl Ollama {
    fn call(&mut self, call: &ToolCall<'_>, out: &mut Emitter) {
        let index = self.calls;
        self.calls += 1;
        let fragment = ToolFragment {
            index: Some(index),
            id: call.id.as_str(),
            name: call.function.name.as_str(),
            arguments: call.function.arguments.as_str(),
            ..ToolFragment::default()
        };
        out.tool(0, fragment);
        out.calls(|calls| calls.close(0, index, "{}"));
    }
}

impl Line<'_> {
    /// The counts and times (in nanoseconds) as one object, if the line has any.
    fn usage(&self) -> Option<Usage> {
        let fields = [
            ("prompt_eval_count", self.input.0),
            ("eval_count", self.output.0),
            ("total_duration", self.total_duration.0),
            ("load_duration", self.load_duration.0),
            ("prompt_eval_duration", self.input_duration.0),
            ("eval_duration", self.output_duration.0),
        ];
        let known = fields.into_iter().filter_map(|(key, count)| Some((key, count?)));
        let known: Vec<String> = known.map(|(key, count)| format!("\"{key}\":{count}")).collect();
        if known.is_empty() {
            return None;
        }
        Some(Usage {
            input_tokens: self.input.0,
            output_tokens: self.output.0,
            raw: Some(RawJson::from_valid(format!("{{{}}}", known.join(",")))),
            ..Usage::default()
        })
    }
}
