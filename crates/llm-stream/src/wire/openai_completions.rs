//! OpenAI's older text completions, which many local servers still speak.

use super::Wire;
use super::cursor::{BadJson, parse};
use super::emitter::Emitter;
use super::fault::Fault;
use super::lenient::{Both, Count, List, Raw, Skip, Text, payload};
use super::openai_chat::Tokens;
use crate::event::Channel;

payload! {
    struct Chunk<'a> {
        id: Text<'a> = "id",
        model: Text<'a> = "model",
        created: Raw<'a> = "created",
        choices: List<Choice<'a>> = "choices",
        usage: Both<'a, Tokens<'a>> = "usage",
        error: Fault = "error",
        object: Skip = "object",
        ; rest
    }
}

payload! {
    struct Choice<'a> {
        index: Count = "index",
        text: Text<'a> = "text",
        finish_reason: Text<'a> = "finish_reason",
        logprobs: Raw<'a> = "logprobs",
        ; rest
    }
}

/// Decodes text completion chunks.
#[derive(Debug, Default)]
pub(super) struct OpenAiCompletions;

impl Wire for OpenAiCompletions {
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
        for choice in chunk.choices.0 {
            let index = choice.index.0.unwrap_or(0);
            out.text(index, Channel::Text, choice.text.0.unwrap_or_default());
            if let Some(raw) = choice.logprobs.0 {
                out.logprobs(index, raw);
            }
            if let Some(word) = choice.finish_reason.0.as_deref().filter(|word| !word.is_empty()) {
                out.finish(index, word);
            }
            out.unknown(u32::try_from(index).ok(), &choice.rest);
        }
        if let Some((raw, tokens)) = chunk.usage.take() {
            out.usage(tokens.usage(raw));
        }
        out.fault(chunk.error);
        out.unknown(None, &chunk.rest);
        Ok(())
    }
}
