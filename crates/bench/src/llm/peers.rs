//! The same answers out of the same bytes, by way of the crates that others use for it.

use std::convert::Infallible;

use async_openai::types::chat::CreateChatCompletionStreamResponse;
use async_openai::types::responses::ResponseStreamEvent;
use eventsource_stream::Eventsource;
use futures_util::{FutureExt, StreamExt, stream};
use llm_stream::Format;
use serde_json::Value;

use super::answer::Answer;
use super::recording::Recording;

/// Another way to an answer; `None` if it does not know the format or gives up.
#[derive(Debug, Clone, Copy)]
pub(super) struct Peer {
    pub(super) name: &'static str,
    pub(super) decode: fn(&Recording, chunk_bytes: usize) -> Option<Answer>,
}

/// `eventsource-stream` and a parsed tree, from which the text is picked: what one writes by hand.
pub(super) const TREE: Peer =
    Peer { name: "eventsource-stream 0.2.3 + serde_json::Value", decode: by_tree };

/// `eventsource-stream` and the types of `async-openai`, in the way in which its client joins them,
/// without the channel that it puts in between.
pub(super) const ASYNC_OPENAI: Peer =
    Peer { name: "async-openai 0.43 types + eventsource-stream 0.2.3", decode: by_types };

/// Calls `take` with the data of each event up to `[DONE]`; `None` if it refuses one.
fn for_each_payload(
    recording: &Recording,
    chunk_bytes: usize,
    mut take: impl FnMut(&str) -> Option<()>,
) -> Option<()> {
    let chunks = recording.bytes.chunks(chunk_bytes).map(Ok::<_, Infallible>);
    let mut events = stream::iter(chunks).eventsource();
    // All chunks are there, so no poll has to wait.
    while let Some(event) = events.next().now_or_never()? {
        let event = event.ok()?;
        if event.data == "[DONE]" {
            break;
        }
        if event.event != "keepalive" {
            take(&event.data)?;
        }
    }
    Some(())
}

fn by_types(recording: &Recording, chunk_bytes: usize) -> Option<Answer> {
    let mut answer = Answer::default();
    match recording.format {
        Format::OpenAiChat => for_each_payload(recording, chunk_bytes, |data| {
            add_chat(&mut answer, serde_json::from_str(data).ok()?);
            Some(())
        })?,
        Format::OpenAiResponses => for_each_payload(recording, chunk_bytes, |data| {
            add_response(&mut answer, &serde_json::from_str(data).ok()?);
            Some(())
        })?,
        _ => return None,
    }
    Some(answer)
}

fn add_chat(answer: &mut Answer, chunk: CreateChatCompletionStreamResponse) {
    for choice in chunk.choices {
        answer.text.push_str(choice.delta.content.as_deref().unwrap_or_default());
        for call in choice.delta.tool_calls.iter().flatten() {
            let arguments = call.function.as_ref().and_then(|function| function.arguments.as_ref());
            answer.arguments.push_str(arguments.map_or("", String::as_str));
        }
    }
}

fn add_response(answer: &mut Answer, event: &ResponseStreamEvent) {
    match event {
        ResponseStreamEvent::ResponseOutputTextDelta(event) => answer.text.push_str(&event.delta),
        ResponseStreamEvent::ResponseReasoningSummaryTextDelta(event) => {
            answer.reasoning.push_str(&event.delta);
        }
        ResponseStreamEvent::ResponseFunctionCallArgumentsDelta(event) => {
            answer.arguments.push_str(&event.delta);
        }
        _ => {}
    }
}

fn by_tree(recording: &Recording, chunk_bytes: usize) -> Option<Answer> {
    let pick = match recording.format {
        Format::OpenAiChat => pick_chat,
        Format::OpenAiResponses => pick_response,
        Format::Anthropic => pick_anthropic,
        Format::Gemini => pick_gemini,
        _ => return None,
    };
    let mut answer = Answer::default();
    for_each_payload(recording, chunk_bytes, |data| {
        pick(&mut answer, &serde_json::from_str(data).ok()?);
        Some(())
    })?;
    Some(answer)
}

fn items(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn pick_chat(answer: &mut Answer, payload: &Value) {
    for choice in items(&payload["choices"]) {
        let delta = &choice["delta"];
        answer.text.push_str(text(&delta["content"]));
        answer.reasoning.push_str(text(&delta["reasoning_content"]));
        for call in items(&delta["tool_calls"]) {
            answer.arguments.push_str(text(&call["function"]["arguments"]));
        }
    }
}

fn pick_response(answer: &mut Answer, payload: &Value) {
    let delta = text(&payload["delta"]);
    match text(&payload["type"]) {
        "response.output_text.delta" => answer.text.push_str(delta),
        "response.reasoning_summary_text.delta" => answer.reasoning.push_str(delta),
        "response.function_call_arguments.delta" => answer.arguments.push_str(delta),
        _ => {}
    }
}

fn pick_anthropic(answer: &mut Answer, payload: &Value) {
    let delta = &payload["delta"];
    match text(&delta["type"]) {
        "text_delta" => answer.text.push_str(text(&delta["text"])),
        "thinking_delta" => answer.reasoning.push_str(text(&delta["thinking"])),
        "input_json_delta" => answer.arguments.push_str(text(&delta["partial_json"])),
        _ => {}
    }
}

fn pick_gemini(answer: &mut Answer, payload: &Value) {
    for candidate in items(&payload["candidates"]) {
        for part in items(&candidate["content"]["parts"]) {
            let is_thought = part["thought"].as_bool().unwrap_or_default();
            let channel = if is_thought { &mut answer.reasoning } else { &mut answer.text };
            channel.push_str(text(&part["text"]));
            if part["functionCall"].is_object() {
                answer.arguments.push_str(&part["functionCall"]["args"].to_string());
            }
        }
    }
}
