//! What a payload tells about its format, where it is certain.

use super::cursor::parse;
use super::lenient::{List, Raw, Text, payload};
use crate::format::Format;

payload! {
    /// The fields by which formats differ.
    struct Probe<'a> {
        kind: Text<'a> = "type",
        event_type: Raw<'a> = "event_type",
        object: Text<'a> = "object",
        choices: List<Choice<'a>> = "choices",
        gemini: Raw<'a> = "candidates" | "usageMetadata" | "promptFeedback",
    }
}

payload! {
    struct Choice<'a> {
        chat: Raw<'a> = "delta" | "message",
        text: Raw<'a> = "text",
    }
}

/// The format of the SSE stream that a payload belongs to.
pub(crate) fn tell(data: &str) -> Option<Format> {
    let probe: Probe<'_> = parse(data).ok()?;
    if probe.event_type.0.is_some() {
        return Some(Format::GeminiInteractions);
    }
    if probe.gemini.0.is_some() {
        return Some(Format::Gemini);
    }
    match probe.object.as_str() {
        "text_completion" => return Some(Format::OpenAiCompletions),
        object if object.starts_with("chat.completion") => return Some(Format::OpenAiChat),
        _ => {}
    }
    if let Some(choice) = probe.choices.0.first() {
        let is_chat = choice.chat.0.is_some() || choice.text.0.is_none();
        return Some(if is_chat { Format::OpenAiChat } else { Format::OpenAiCompletions });
    }
    match probe.kind.as_str() {
        "message_start"
        | "content_block_start"
        | "content_block_delta"
        | "content_block_stop"
        | "message_delta"
        | "message_stop" => Some(Format::Anthropic),
        "message-start" | "content-start" | "content-delta" | "content-end" | "tool-plan-delta"
        | "tool-call-start" | "tool-call-delta" | "tool-call-end" | "citation-start"
        | "citation-end" | "message-end" => Some(Format::Cohere),
        kind if kind.starts_with("response.") => Some(Format::OpenAiResponses),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(data: &str, want: Option<Format>) {
        assert_eq!(tell(data), want, "{data}");
    }

    #[test]
    fn certain_payloads() {
        check(r#"{"choices":[{"delta":{}}]}"#, Some(Format::OpenAiChat));
        check(r#"{"choices":[{"text":"a"}]}"#, Some(Format::OpenAiCompletions));
        check(r#"{"type":"response.created"}"#, Some(Format::OpenAiResponses));
        check(r#"{"type":"message_start"}"#, Some(Format::Anthropic));
        check(r#"{"type":"message-start"}"#, Some(Format::Cohere));
        check(r#"{"candidates":[]}"#, Some(Format::Gemini));
        check(r#"{"event_type":"interaction.created"}"#, Some(Format::GeminiInteractions));
    }

    #[test]
    fn uncertain_payloads() {
        for data in [
            r#"{"type":"ping"}"#,
            r#"{"type":"error","error":{}}"#,
            r#"{"choices":[]}"#,
            r#"{"error":"x"}"#,
            "[DONE]",
            "{",
        ] {
            check(data, None);
        }
    }
}
