//! The payload decoders: one module per provider format, and what they share.

mod cursor;
mod emitter;
mod extras;
mod fault;
mod halves;
mod lenient;
mod tell;

mod anthropic;
mod cohere;
mod gemini;
mod interactions;
mod ollama;
mod openai_chat;
mod openai_completions;
mod openai_responses;

use std::fmt;

use cursor::BadJson;
pub(crate) use cursor::skip_nested;
pub(crate) use emitter::Emitter;
pub(crate) use halves::{mark_lone_halves, without_lone_halves};
pub(crate) use tell::tell;

use crate::format::Format;

/// Turns the payloads of one format into events.
pub(crate) trait Wire: fmt::Debug + Send + Sync {
    /// Decodes one payload; `name` is the SSE event field, if the payload had one.
    ///
    /// An error means that nothing was emitted: the payload may be repaired and tried again.
    fn payload(&mut self, name: Option<&str>, data: &str, out: &mut Emitter)
    -> Result<(), BadJson>;

    /// Emits what only the end of the input tells.
    fn finish(&mut self, _out: &mut Emitter) {}
}

/// The decoder of the payloads of `format`.
pub(crate) fn wire(format: Format) -> Box<dyn Wire> {
    match format {
        Format::OpenAiChat => Box::<openai_chat::OpenAiChat>::default(),
        Format::OpenAiCompletions => Box::<openai_completions::OpenAiCompletions>::default(),
        Format::OpenAiResponses => Box::<openai_responses::OpenAiResponses>::default(),
        Format::Anthropic => Box::<anthropic::Anthropic>::default(),
        Format::Gemini => Box::<gemini::Gemini>::default(),
        Format::GeminiInteractions => Box::<interactions::Interactions>::default(),
        Format::Ollama => Box::<ollama::Ollama>::default(),
        Format::Cohere => Box::<cohere::Cohere>::default(),
    }
}
