//! Readers of every output format, as strict as the official clients.

mod ag_ui;
mod ai_sdk;

use std::fmt::Write as _;

use serde_json::Value;

use llm_stream::{Encoder, Format, Frame, OutputFormat, StreamEvent, decode};

/// A frame that has been copied out of its encoder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Kept {
    pub(super) event: Option<&'static str>,
    pub(super) data: String,
    pub(super) is_last: bool,
}

impl From<Frame<'_>> for Kept {
    fn from(frame: Frame<'_>) -> Self {
        let data = String::from_utf8(frame.data.to_vec()).unwrap();
        Self { event: frame.event, data, is_last: frame.is_last }
    }
}

/// The frames of each event.
pub(super) fn frames(format: OutputFormat, events: &[StreamEvent]) -> Vec<Vec<Kept>> {
    let mut encoder = Encoder::new(format);
    events.iter().map(|event| encoder.push(event).map(Kept::from).collect()).collect()
}

/// What a client of `format` understands.
pub(super) fn read<'a>(
    format: OutputFormat,
    frames: impl IntoIterator<Item = &'a Kept>,
) -> Vec<StreamEvent> {
    let frames: Vec<&Kept> = frames.into_iter().collect();
    match format {
        OutputFormat::OpenAiChat => decode(Format::OpenAiChat, &sse(&frames)),
        OutputFormat::OpenAiResponses => decode(Format::OpenAiResponses, &sse(&frames)),
        OutputFormat::Anthropic => decode(Format::Anthropic, &sse(&frames)),
        OutputFormat::AiSdk => ai_sdk::read(&frames),
        OutputFormat::AgUi => ag_ui::read(&frames),
        OutputFormat::Text => {
            let text: String = frames.iter().map(|frame| frame.data.as_str()).collect();
            vec![StreamEvent::start(), StreamEvent::delta(text), StreamEvent::end("")]
        }
        _ => panic!("no test reads {format}"),
    }
}

fn sse(frames: &[&Kept]) -> Vec<u8> {
    let mut bytes = String::new();
    for frame in frames {
        assert!(!frame.data.contains(['\n', '\r']), "{frame:?}");
        if let Some(event) = frame.event {
            let value: Value = serde_json::from_str(&frame.data).unwrap();
            assert_eq!(value["type"], event, "{frame:?}");
            writeln!(bytes, "event: {event}").unwrap();
        }
        write!(bytes, "data: {}\n\n", frame.data).unwrap();
    }
    bytes.into_bytes()
}

/// The frames of a format that are JSON objects.
fn objects(frames: &[&Kept]) -> Vec<Value> {
    let json = frames.iter().filter(|frame| frame.data != "[DONE]");
    let json = json.inspect(|frame| assert!(!frame.data.contains(['\n', '\r']), "{frame:?}"));
    json.map(|frame| serde_json::from_str(&frame.data).unwrap()).collect()
}

/// The counts in the words that the AI SDK and AG-UI share.
fn usage(counts: &Value) -> StreamEvent {
    let count = |key: &str| counts[key].as_u64();
    llm_stream::Metadata::Usage(llm_stream::Usage {
        input_tokens: count("inputTokens"),
        output_tokens: count("outputTokens"),
        total_tokens: count("totalTokens"),
        reasoning_tokens: count("reasoningTokens"),
        cache_read_tokens: count("cachedInputTokens"),
        cache_write_tokens: count("cacheWriteInputTokens"),
        raw: None,
    })
    .into()
}

/// An end of the first choice, in the words that the AI SDK and AG-UI share.
fn finish(word: &str) -> StreamEvent {
    let reason = match word {
        "stop" => llm_stream::FinishReason::Stop,
        "length" => llm_stream::FinishReason::Length,
        "tool-calls" => llm_stream::FinishReason::ToolCalls,
        "content-filter" => llm_stream::FinishReason::ContentFilter,
        "error" => llm_stream::FinishReason::Error,
        "other" => llm_stream::FinishReason::Other,
        word => panic!("no finish reason: {word}"),
    };
    let provider_reason = word.to_owned();
    let finish = llm_stream::Finish {
        choice: 0,
        reason,
        provider_reason,
        stop_sequence: None,
        details: None,
    };
    llm_stream::Metadata::Finish(finish).into()
}
