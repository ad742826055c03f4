//! Streams with payloads between their payloads that mean nothing.
//!
//! Decoding takes a short cut where a payload repeats the one before; these payloads bar it.

use llm_stream::Format;

/// A payload of the format that gives no event and changes nothing.
fn neutral(format: Format) -> &'static str {
    match format {
        Format::Anthropic => r#"{"type":"ping"}"#,
        Format::OpenAiResponses => r#"{"type":"keepalive"}"#,
        Format::Cohere => r#"{"type":"content-end"}"#,
        Format::GeminiInteractions => r#"{"event_type":"interaction.status_update"}"#,
        _ => "{}",
    }
}

/// The stream with a neutral payload after each of its own; `None` for a JSON array.
pub(crate) fn with_neutral_payloads(format: Format, bytes: &[u8]) -> Option<Vec<u8>> {
    let (end, payload): (&[u8], String) = match (format, bytes.first()) {
        (Format::Gemini, Some(b'[')) => return None,
        (Format::Ollama, _) => (b"\n", format!("{}\n", neutral(format))),
        _ => (b"\n\n", format!("data: {}\n\n", neutral(format))),
    };
    let mut mixed = Vec::new();
    for (at, &byte) in bytes.iter().enumerate() {
        mixed.push(byte);
        let so_far = &bytes[..=at];
        if so_far.ends_with(end) || (end.len() > 1 && so_far.ends_with(b"\r\n\r\n")) {
            mixed.extend_from_slice(payload.as_bytes());
        }
    }
    Some(mixed)
}
