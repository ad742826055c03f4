//! The stream handler: sources of text through processors, to events, callbacks and text.

mod steps;

use std::panic::resume_unwind;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use anyhow::Context;
use millstream::llm::{
    EventBody, HandlerError, StreamEvent, StreamEventType, StreamHandler, stream_to_string,
};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use self::steps::Step;
use super::parse;

/// The words of a source that fails.
const SOURCE_FAILED: &str = "source";

const EVENT_TYPES: [StreamEventType; 6] = [
    StreamEventType::Start,
    StreamEventType::Delta,
    StreamEventType::ToolCall,
    StreamEventType::Metadata,
    StreamEventType::Error,
    StreamEventType::End,
];

#[derive(Deserialize)]
#[serde(untagged, deny_unknown_fields)]
enum HandlerInput {
    Event { event: Documented },
    ToString { stream_to_string: Vec<String> },
    ToStringRepeat { stream_to_string_repeat: (String, usize) },
    Callbacks { chunks: Vec<String>, callbacks: Vec<String> },
    Run(Run),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Run {
    chunks: Vec<String>,
    #[serde(default)]
    processors: Vec<Step>,
    #[serde(default = "yes")]
    buffer_content: bool,
    source_error_after: Option<usize>,
}

fn yes() -> bool {
    true
}

/// An event to `{dict, is_content}`, a source for a string to `{result, len}`, one for callbacks
/// to `{seen, result}`, and any other run to `{events, error, buffer, result, callbacks,
/// events_count, ws_tokens}`.
pub(super) fn llm_handler(input: &Value) -> anyhow::Result<Value> {
    match parse(input)? {
        HandlerInput::Event { event } => event.converted(),
        HandlerInput::ToString { stream_to_string: pieces } => whole(pieces),
        HandlerInput::ToStringRepeat { stream_to_string_repeat: (piece, times) } => {
            whole(vec![piece; times])
        }
        HandlerInput::Callbacks { chunks, callbacks } => call_back(&chunks, &callbacks),
        HandlerInput::Run(run) => Ok(run.run()),
    }
}

fn whole(pieces: Vec<String>) -> anyhow::Result<Value> {
    let text = stream_to_string(pieces)?;
    Ok(json!({ "len": text.chars().count(), "result": text }))
}

/// Where callbacks write what they see.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<Vec<String>>>);

impl Seen {
    fn push(&self, text: impl Into<String>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(text.into());
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Runs with callbacks `TYPE:WHAT`: one that fails, one that collects, or one with a name that it
/// writes before what it sees.
fn call_back(chunks: &[String], callbacks: &[String]) -> anyhow::Result<Value> {
    let seen = Seen::default();
    let mut handler = StreamHandler::untimed();
    for callback in callbacks {
        let (kind, what) = callback.split_once(':').context("a callback is TYPE:WHAT")?;
        let kind = EVENT_TYPES.into_iter().find(|known| known.as_str() == kind);
        let kind = kind.context("unknown type of event")?;
        let (what, seen) = (what.to_owned(), seen.clone());
        handler = handler.on_event(kind, move |event| match (what.as_str(), &event.body) {
            // A panic as any other, but one that no hook writes about.
            ("fail", _) => resume_unwind(Box::new("a callback that fails")),
            ("collect", EventBody::End(end)) => seen.push(format!("END:{}", end.content)),
            ("collect", _) => seen.push(event.delta_text()),
            (name, _) => seen.push(format!("{name}{}", event.delta_text())),
        });
    }
    let result = handler.process_stream(chunks)?;
    Ok(json!({ "seen": seen.take(), "result": result }))
}

impl Run {
    fn run(self) -> Value {
        let seen = Seen::default();
        let begin = Instant::now();
        let mut handler = StreamHandler::new(move || begin).buffer_content(self.buffer_content);
        for kind in EVENT_TYPES {
            let seen = seen.clone();
            handler = handler.on_event(kind, move |_| seen.push(kind.as_str()));
        }
        for step in &self.processors {
            handler = step.add_to(handler);
        }
        let events: Vec<Value> = handler.iter_events(self.source()).map(described).collect();
        seen.take();
        let result = match handler.process_stream(self.source()) {
            Ok(text) => Value::from(text),
            Err(error) => json!({ "error": HandlerError::to_string(&error) }),
        };
        let mut calls = Map::new();
        for name in seen.take() {
            let calls = calls.entry(name).or_insert_with(|| 0.into());
            *calls = json!(calls.as_u64().unwrap_or_default() + 1);
        }
        let stats = handler.stats();
        json!({
            "events": events,
            // Iteration itself cannot fail: what goes wrong is an event.
            "error": null,
            "buffer": handler.buffer().content(),
            "result": result,
            "callbacks": calls,
            "events_count": stats.events_count,
            "ws_tokens": stats.total_tokens,
        })
    }

    /// The chunks, and the failure of the source if there is one.
    fn source(&self) -> impl Iterator<Item = Result<String, &'static str>> {
        let chunks = self.source_error_after.unwrap_or(self.chunks.len());
        let failure = self.source_error_after.map(|_| Err(SOURCE_FAILED));
        self.chunks.iter().take(chunks).cloned().map(Ok).chain(failure)
    }
}

/// An event without its metadata; the content of an error is a message, which is not compared.
fn described(event: StreamEvent) -> Value {
    let is_error = matches!(event.body, EventBody::Error(_));
    let content = if is_error { "" } else { event.content() };
    json!({ "type": event.event_type(), "delta": event.delta_text(), "content": content })
}

/// An event as the documents have it: one struct for all types.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Documented {
    event_type: StreamEventType,
    delta: String,
    content: String,
    metadata: Map<String, Value>,
}

impl Documented {
    /// Makes an event of ours and writes it again.
    fn converted(self) -> anyhow::Result<Value> {
        let Self { event_type, delta, content, metadata } = self;
        let event = StreamEvent::from_dict(&json!({
            "type": event_type, "delta": delta, "content": content, "metadata": metadata,
        }))?;
        Ok(json!({ "dict": event.to_dict()?, "is_content": event.is_content() }))
    }
}
