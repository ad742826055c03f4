//! Tells a stream's format from its first payloads.

use serde::Deserialize;
use stream_sse::{Decoded, Decoder};

use crate::decoder::is_blank;
use crate::format::Format;
use crate::limits::DETECT_BYTES_MAX;

/// Holds back the first bytes of a stream until they tell its format.
#[derive(Debug, Default)]
pub(crate) struct Detector {
    held: Vec<u8>,
    sse: Option<Box<Decoder>>,
}

impl Detector {
    /// Takes the next bytes and returns the format as soon as it is certain.
    pub(crate) fn push(&mut self, chunk: &[u8]) -> Option<Format> {
        self.held.extend_from_slice(chunk);
        if self.sse.is_none() {
            match self.held.iter().find(|byte| !is_blank(**byte))? {
                // One format comes as a JSON array, one as NDJSON.
                b'[' => return Some(Format::Gemini),
                b'{' => return Some(Format::Ollama),
                _ => {}
            }
        }
        let first = self.sse.is_none();
        let sse = self.sse.get_or_insert_default();
        let mut events = sse.push(if first { &self.held } else { chunk });
        while let Some(item) = events.next() {
            if let Decoded::Event(event) = item
                && let Some(format) = tell(event.data())
            {
                return Some(format);
            }
        }
        None
    }

    /// Whether so many bytes are held back that it must give up.
    pub(crate) fn is_full(&self) -> bool {
        self.held.len() > DETECT_BYTES_MAX
    }

    /// The bytes so far.
    pub(crate) fn held_back(&self) -> &[u8] {
        &self.held
    }
}

/// What a payload of an SSE stream tells about its format.
fn tell(data: &[u8]) -> Option<Format> {
    let probe: Probe<'_> = serde_json::from_slice(data).ok()?;
    if probe.event_type.is_some() {
        return Some(Format::GeminiInteractions);
    }
    if [probe.candidates, probe.usage_metadata, probe.prompt_feedback].iter().any(Option::is_some) {
        return Some(Format::Gemini);
    }
    match probe.object.as_deref() {
        Some("text_completion") => return Some(Format::OpenAiCompletions),
        Some(object) if object.starts_with("chat.completion") => return Some(Format::OpenAiChat),
        _ => {}
    }
    if let Some(choice) = probe.choices.as_ref().and_then(|choices| choices.first()) {
        let is_chat = choice.delta.is_some() || choice.message.is_some() || choice.text.is_none();
        return Some(if is_chat { Format::OpenAiChat } else { Format::OpenAiCompletions });
    }
    match probe.kind.as_deref()? {
        "message_start" | "content_block_start" | "content_block_delta" | "content_block_stop"
        | "message_delta" | "message_stop" => Some(Format::Anthropic),
        "message-start" | "content-start" | "content-delta" | "content-end" | "tool-plan-delta"
        | "tool-call-start" | "tool-call-delta" | "tool-call-end" | "citation-start"
        | "citation-end" | "message-end" => Some(Format::Cohere),
        kind if kind.starts_with("response.") => Some(Format::OpenAiResponses),
        _ => None,
    }
}

/// The fields by which formats differ.
#[derive(Deserialize)]
struct Probe<'a> {
    #[serde(default, borrow, rename = "type")]
    kind: Option<std::borrow::Cow<'a, str>>,
    #[serde(default, borrow)]
    event_type: Option<&'a serde_json::value::RawValue>,
    #[serde(default, borrow)]
    object: Option<std::borrow::Cow<'a, str>>,
    #[serde(default, borrow)]
    choices: Option<Vec<ProbeChoice<'a>>>,
    #[serde(default, borrow)]
    candidates: Option<&'a serde_json::value::RawValue>,
    #[serde(default, borrow, rename = "usageMetadata")]
    usage_metadata: Option<&'a serde_json::value::RawValue>,
    #[serde(default, borrow, rename = "promptFeedback")]
    prompt_feedback: Option<&'a serde_json::value::RawValue>,
}

#[derive(Deserialize)]
struct ProbeChoice<'a> {
    #[serde(default, borrow)]
    delta: Option<&'a serde_json::value::RawValue>,
    #[serde(default, borrow)]
    message: Option<&'a serde_json::value::RawValue>,
    #[serde(default, borrow)]
    text: Option<&'a serde_json::value::RawValue>,
}
