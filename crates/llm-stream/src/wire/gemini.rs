//! Gemini `streamGenerateContent`: every payload is a whole response that holds the next pieces.

mod partial_args;

use super::Wire;
use super::cursor::{BadJson, parse};
use super::emitter::Emitter;
use super::fault::Fault;
use super::lenient::{Arguments, Both, Count, List, Raw, Skip, Text, payload};
use crate::event::{Channel, RawJson, Usage};
use crate::tool_call::ToolFragment;
use partial_args::{ArgsWriter, PartialArg};

payload! {
    struct Response<'a> {
        id: Text<'a> = "responseId",
        model: Text<'a> = "modelVersion",
        candidates: List<Candidate<'a>> = "candidates",
        usage: Both<'a, Tokens<'a>> = "usageMetadata",
        feedback: Both<'a, Feedback<'a>> = "promptFeedback",
        error: Fault = "error",
        created: Skip = "createTime",
        ; rest
    }
}

payload! {
    struct Candidate<'a> {
        index: Count = "index",
        content: Content<'a> = "content",
        finish_reason: Text<'a> = "finishReason",
        logprobs: Raw<'a> = "logprobsResult",
        ; rest
    }
}

payload! {
    struct Content<'a> {
        parts: List<Part<'a>> = "parts",
    }
}

payload! {
    struct Part<'a> {
        text: Text<'a> = "text",
        thought: Raw<'a> = "thought",
        signature: Text<'a> = "thoughtSignature",
        call: Both<'a, FunctionCall<'a>> = "functionCall",
        ; rest
    }
}

payload! {
    struct FunctionCall<'a> {
        id: Text<'a> = "id",
        name: Text<'a> = "name",
        args: Arguments<'a> = "args",
        partial: List<PartialArg<'a>> = "partialArgs",
        will_continue: Raw<'a> = "willContinue",
    }
}

payload! {
    struct Feedback<'a> {
        block_reason: Text<'a> = "blockReason",
    }
}

payload! {
    struct Tokens<'a> {
        prompt: Count = "promptTokenCount",
        tool_prompt: Count = "toolUsePromptTokenCount",
        candidates: Count = "candidatesTokenCount",
        thoughts: Count = "thoughtsTokenCount",
        cached: Count = "cachedContentTokenCount",
        total: Count = "totalTokenCount",
    }
}

/// Decodes the responses of a stream.
#[derive(Debug, Default)]
pub(super) struct Gemini {
    /// Calls so far: the provider has no index for them.
    calls: u64,
    /// The call whose arguments still come; the provider sends one after the other.
    open: Option<OpenCall>,
}

#[derive(Debug)]
struct OpenCall {
    choice: u64,
    key: u64,
    writer: ArgsWriter,
}

impl Wire for Gemini {
    fn payload(
        &mut self,
        name: Option<&str>,
        data: &str,
        out: &mut Emitter,
    ) -> Result<(), BadJson> {
        let response: Response<'_> = parse(data)?;
        out.identity(response.id.as_str(), response.model.as_str(), Raw::default());
        out.begin();
        for candidate in response.candidates.0 {
            self.candidate(candidate, out);
        }
        if let Some((raw, tokens)) = response.usage.take() {
            out.usage(tokens.usage(raw));
        }
        if name == Some("error") && response.error.0.is_none() {
            out.fault(parse(data)?);
        }
        out.fault(response.error);
        if let Some((raw, feedback)) = response.feedback.take() {
            out.extra(None, [("promptFeedback", Raw(Some(raw)))]);
            if feedback.block_reason.non_empty().is_some() {
                // Nothing but this comes for a blocked prompt.
                out.done();
            }
        }
        out.unknown(None, &response.rest);
        Ok(())
    }

    fn finish(&mut self, out: &mut Emitter) {
        if out.is_done() {
            self.end_call(out);
        }
    }
}

impl Gemini {
    fn candidate(&mut self, candidate: Candidate<'_>, out: &mut Emitter) {
        let choice = candidate.index.0.unwrap_or(0);
        for part in candidate.content.parts.0 {
            self.part(choice, part, out);
        }
        if let Some(raw) = candidate.logprobs.0 {
            out.logprobs(choice, raw);
        }
        if let Some(word) = candidate.finish_reason.non_empty() {
            self.end_call(out);
            out.finish(choice, word);
        }
        out.unknown(u32::try_from(choice).ok(), &candidate.rest);
    }

    fn part(&mut self, choice: u64, part: Part<'_>, out: &mut Emitter) {
        if let Some((_, call)) = part.call.get() {
            self.call(choice, call, part.signature.as_str(), out);
            return;
        }
        let thought = part.thought.is_true();
        let channel = if thought { Channel::Reasoning } else { Channel::Text };
        out.text(choice, channel, part.text.0.unwrap_or_default());
        for (key, raw) in &part.rest {
            if let Some(part) = out.new_part(choice) {
                out.block(part, key, raw);
            }
        }
        if let Some(signature) = part.signature.non_empty()
            && let Some(proven) = out.part(choice, channel)
        {
            out.signature(proven, signature);
        }
    }

    fn call(&mut self, choice: u64, call: &FunctionCall<'_>, signature: &str, out: &mut Emitter) {
        if let Some(name) = call.name.non_empty() {
            self.end_call(out);
            let key = self.calls;
            self.calls += 1;
            let (index, id) = (Some(key), call.id.as_str());
            let part =
                out.tool(choice, ToolFragment { index, id, name, ..ToolFragment::default() });
            if let Some(part) = part {
                out.signature(part, signature);
            }
            self.open = Some(OpenCall { choice, key, writer: ArgsWriter::default() });
        }
        let Some(open) = &mut self.open else { return };
        let mut arguments = call.args.as_str().to_owned();
        for partial in &call.partial.0 {
            open.writer.write(partial, &mut arguments);
        }
        let ends = !call.will_continue.is_true();
        if ends {
            open.writer.finish(&mut arguments);
        }
        open.push(&arguments, out);
        if ends {
            self.end_call(out);
        }
    }

    fn end_call(&mut self, out: &mut Emitter) {
        let Some(mut open) = self.open.take() else { return };
        let mut end = String::new();
        open.writer.finish(&mut end);
        open.push(&end, out);
        let choice = u32::try_from(open.choice).unwrap_or(u32::MAX);
        out.calls(|calls| calls.close(choice, open.key, "{}"));
    }
}

impl OpenCall {
    fn push(&self, arguments: &str, out: &mut Emitter) {
        if !arguments.is_empty() {
            let index = Some(self.key);
            out.tool(self.choice, ToolFragment { index, arguments, ..ToolFragment::default() });
        }
    }
}

impl Tokens<'_> {
    fn usage(&self, raw: &str) -> Usage {
        let sum = |base: Option<u64>, more: Option<u64>| {
            base.map(|base| base.saturating_add(more.unwrap_or(0)))
        };
        Usage {
            // The provider counts what tools put in, and thoughts, apart.
            input_tokens: sum(self.prompt.0, self.tool_prompt.0),
            output_tokens: sum(self.candidates.0, self.thoughts.0),
            total_tokens: self.total.0,
            cache_read_tokens: self.cached.0,
            cache_write_tokens: None,
            reasoning_tokens: self.thoughts.0,
            raw: Some(RawJson::from_valid(raw)),
        }
    }
}
