//! OpenAI chat completions, and the dialects of everybody who imitates them.

mod content;
mod usage;

use std::borrow::Cow;

use super::Wire;
use super::cursor::{BadJson, parse};
use super::emitter::Emitter;
use super::fault::Fault;
use super::lenient::{Arguments, Both, Count, List, Rare, Raw, Skip, Text, nested, payload};
use crate::event::Channel;
use crate::tool_call::ToolFragment;
use content::Content;

pub(super) use usage::Tokens;

payload! {
    struct Chunk<'a> {
        id: Text<'a> = "id",
        model: Text<'a> = "model",
        created: Raw<'a> = "created",
        choices: List<Choice<'a>> = "choices",
        usage: Both<'a, Tokens<'a>> = "usage",
        groq: Both<'a, Groq<'a>> = "x_groq",
        error: Fault = "error",
        service_tier: Raw<'a> = "service_tier",
        fingerprint: Raw<'a> = "system_fingerprint",
        provider: Raw<'a> = "provider",
        // Against traffic analysis.
        padding: Raw<'a> = "obfuscation" | "p",
        object: Skip = "object",
        ; rest
    }
}

payload! {
    struct Choice<'a> {
        index: Count = "index",
        delta: Delta<'a> = "delta",
        // Some repeat the whole message so far beside each delta; others send only that.
        message: Raw<'a> = "message",
        finish_reason: Text<'a> = "finish_reason",
        logprobs: Both<'a, Probabilities<'a>> = "logprobs",
        error: Fault = "error",
        native_finish_reason: Raw<'a> = "native_finish_reason",
        content_filter_results: Raw<'a> = "content_filter_results",
        ; rest
    }
}

payload! {
    struct Delta<'a> {
        role: Text<'a> = "role",
        content: Content<'a> = "content",
        refusal: Text<'a> = "refusal",
        reasoning_content: Text<'a> = "reasoning_content",
        reasoning: Text<'a> = "reasoning" | "thinking",
        details: Both<'a, List<ReasoningDetail<'a>>> = "reasoning_details",
        annotations: List<Raw<'a>> = "annotations",
        tool_calls: List<ToolCall<'a>> = "tool_calls",
        function_call: Rare<ToolCall<'a>> = "function_call",
        ; rest
    }
}

payload! {
    struct ToolCall<'a> {
        index: Count = "index",
        id: Text<'a> = "id",
        kind: Text<'a> = "type",
        function: Function<'a> = "function" | "custom",
        // The legacy form has these without a function around them.
        name: Text<'a> = "name",
        arguments: Arguments<'a> = "arguments",
    }
}

payload! {
    struct Function<'a> {
        name: Text<'a> = "name",
        arguments: Arguments<'a> = "arguments" | "input",
    }
}

payload! {
    struct ReasoningDetail<'a> {
        text: Text<'a> = "text" | "summary",
        data: Text<'a> = "data",
        signature: Text<'a> = "signature",
    }
}

payload! {
    struct Probabilities<'a> {
        content: Raw<'a> = "content",
        refusal: Raw<'a> = "refusal",
    }
}

payload! {
    struct Groq<'a> {
        usage: Both<'a, Tokens<'a>> = "usage",
        error: Fault = "error",
    }
}

/// Decodes chat completion chunks.
#[derive(Debug, Default)]
pub(super) struct OpenAiChat;

impl Wire for OpenAiChat {
    fn payload(
        &mut self,
        name: Option<&str>,
        data: &str,
        out: &mut Emitter,
    ) -> Result<(), BadJson> {
        if name == Some("error") {
            let error: Fault = parse(data)?;
            out.fault(error);
            return Ok(());
        }
        let chunk: Chunk<'_> = parse(data)?;
        out.identity(chunk.id.as_str(), chunk.model.as_str(), chunk.created);
        out.ignore(chunk.padding);
        for choice in chunk.choices.0 {
            decode_choice(choice, out);
        }
        let (groq_object, groq) = chunk.groq.take().unzip();
        let groq = groq.unwrap_or_default();
        if let Some((raw, tokens)) = chunk.usage.take().or(groq.usage.take()) {
            out.usage(tokens.usage(raw));
        }
        out.fault(Fault(chunk.error.0.or(groq.error.0)));
        let known = [
            ("service_tier", chunk.service_tier),
            ("system_fingerprint", chunk.fingerprint),
            ("provider", chunk.provider),
            ("x_groq", Raw(groq_object)),
        ];
        let unknown = chunk.rest.iter().map(|(key, raw)| (&**key, Raw(Some(*raw))));
        out.extra(None, known.into_iter().chain(unknown));
        Ok(())
    }
}

fn decode_choice(mut choice: Choice<'_>, out: &mut Emitter) {
    let index = choice.index.0.unwrap_or(0);
    if choice.delta.is_empty() && choice.message.0.is_some() {
        choice.delta = nested(choice.message);
    } else {
        out.ignore(choice.message);
    }
    decode_delta(index, &mut choice.delta, out);
    if let Some((raw, probabilities)) = choice.logprobs.take()
        && (probabilities.content.0.is_some() || probabilities.refusal.0.is_some())
    {
        out.logprobs(index, raw);
    }
    out.fault(choice.error);
    if let Some(word) = choice.finish_reason.non_empty() {
        out.finish(index, word);
    }
    let known = [
        ("native_finish_reason", choice.native_finish_reason),
        ("content_filter_results", choice.content_filter_results),
    ];
    let unknown = choice.rest.iter().chain(&choice.delta.rest);
    let unknown = unknown.map(|(key, raw)| (&**key, Raw(Some(*raw))));
    out.extra(u32::try_from(index).ok(), known.into_iter().chain(unknown));
}

fn decode_delta(index: u64, delta: &mut Delta<'_>, out: &mut Emitter) {
    decode_reasoning(index, delta, out);
    std::mem::take(&mut delta.content).emit(index, Channel::Text, out);
    if let Some(refusal) = delta.refusal.0.take() {
        out.text(index, Channel::Refusal, refusal);
    }
    for raw in delta.annotations.0.iter().filter_map(|annotation| annotation.0) {
        if let Some(part) = out.part(index, Channel::Text) {
            out.citation(part, "", raw);
        }
    }
    let legacy = delta.function_call.0.as_deref();
    for call in delta.tool_calls.0.iter().chain(legacy) {
        decode_call(index, call, out);
    }
}

/// Emits reasoning from the first spelling that has any: providers send the same text in several.
///
/// That of the details counts where no other spelling is there, be it an empty one: beside a
/// proof they may repeat what has been said.
fn decode_reasoning(index: u64, delta: &mut Delta<'_>, out: &mut Emitter) {
    let spellings = [&mut delta.reasoning_content, &mut delta.reasoning];
    let mut spellings = spellings.into_iter().filter_map(|text| text.0.take()).peekable();
    let is_spelled = spellings.peek().is_some();
    let details = delta.details.get();
    let in_details = details.into_iter().flat_map(|(_, List(details))| details);
    let in_details = in_details.map(|detail| detail.text.as_str());
    if let Some(text) = spellings.find(|text| !text.is_empty()) {
        spellings.for_each(|again| out.ignore_text(&again));
        in_details.for_each(|again| out.ignore_text(again));
        out.text(index, Channel::Reasoning, text);
    } else if !is_spelled {
        out.text(index, Channel::Reasoning, Cow::Owned(in_details.collect()));
    }
    if let Some((raw, List(details))) = details
        && details.iter().any(ReasoningDetail::is_proof)
        && let Some(part) = out.part(index, Channel::Reasoning)
    {
        out.block(part, "reasoning_details", raw);
    }
}

fn decode_call(choice: u64, call: &ToolCall<'_>, out: &mut Emitter) {
    let own = &call.function;
    let name = own.name.non_empty().or(call.name.non_empty()).unwrap_or_default();
    let arguments = own.arguments.0.as_deref().unwrap_or_else(|| call.arguments.as_str());
    out.tool(
        choice,
        ToolFragment {
            index: call.index.0,
            id: call.id.as_str(),
            name,
            arguments,
            custom: call.kind.as_str() == "custom",
            ..ToolFragment::default()
        },
    );
}

impl Delta<'_> {
    /// Whether the delta is or as good as missing.
    fn is_empty(&self) -> bool {
        let texts = [&self.refusal, &self.reasoning_content, &self.reasoning, &self.role];
        texts.into_iter().all(|text| text.0.is_none())
            && self.content.is_missing()
            && self.details.0.is_none()
            && self.tool_calls.0.is_empty()
            && self.function_call.0.is_none()
    }
}

impl ReasoningDetail<'_> {
    /// Whether it holds what must be sent back to the provider as it is.
    fn is_proof(&self) -> bool {
        self.data.non_empty().is_some() || self.signature.non_empty().is_some()
    }
}
