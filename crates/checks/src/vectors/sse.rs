//! Server-sent events, read and written.

use std::time::Duration;

use anyhow::bail;
use millstream::model::{Data, EventType};
use millstream::sse::{Decoded, Decoder, Encoder, EventName, FieldError, LastEventId, SseFrame};
use serde::Deserialize;
use serde_json::{Value, json};

use super::cuts::byte_cuts;
use super::parse;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SseText {
    text: String,
}

/// Text to `{events, last_event_id, retry, comments}`.
pub(super) fn sse_parse(input: &Value) -> anyhow::Result<Value> {
    let SseText { text } = parse(input)?;
    byte_cuts(text.as_bytes(), decode)
}

fn decode(chunks: &[&[u8]]) -> anyhow::Result<Value> {
    let mut decoder = Decoder::new().report_comments();
    let (mut events, mut comments) = (Vec::new(), Vec::new());
    for chunk in chunks {
        let mut items = decoder.push(chunk);
        while let Some(item) = items.next() {
            match item {
                Decoded::Event(event) => events.push(json!({
                    "type": event.event_type_str(),
                    "data": event.data_str(),
                    "last_event_id": event.last_event_id(),
                })),
                Decoded::Comment(text) => comments.push(String::from_utf8_lossy(text).into_owned()),
                other => bail!("expected events and comments, found {other:?}"),
            }
        }
    }
    Ok(json!({
        "events": events,
        "last_event_id": decoder.last_event_id(),
        "retry": decoder.retry().map(|retry| u64::try_from(retry.as_millis())).transpose()?,
        "comments": comments,
    }))
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum FrameInput {
    Event(EventFields),
    Raw(RawFields),
}

#[derive(Deserialize)]
struct EventFields {
    id: Option<String>,
    #[serde(default, rename = "type")]
    event_type: EventType,
    #[serde(default)]
    data: Value,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFields {
    comment: Option<String>,
    id: Option<String>,
    event: Option<String>,
    retry: Option<u64>,
    data: Option<String>,
}

/// An event or raw fields to `{frame, parsed, has_id, parsed_last_event_id_unchanged}` or
/// `{error}`.
pub(super) fn sse_frame(input: &Value) -> anyhow::Result<Value> {
    let frame = match parse(input)? {
        FrameInput::Event(fields) => event_frame(fields),
        FrameInput::Raw(fields) => raw_frame(fields),
    };
    let frame = match frame {
        Ok(frame) => frame,
        Err(error) => return Ok(json!({ "error": error })),
    };
    let mut encoder = Encoder::new();
    encoder.push(frame.view());
    let text = String::from_utf8(encoder.take())?;
    let parsed = byte_cuts(text.as_bytes(), decode)?;
    // A client that already has an id keeps it unless the frame brings another one.
    let after_an_id = decode(&[b"id: before\n\n", text.as_bytes()])?;
    Ok(json!({
        "frame": text,
        "parsed": parsed["events"],
        "has_id": text.lines().any(|line| line.starts_with("id")),
        "parsed_last_event_id_unchanged": after_an_id["last_event_id"] == "before",
    }))
}

/// The frame of an event, whose data goes out as JSON, or the name of what is wrong with it.
fn event_frame(fields: EventFields) -> Result<SseFrame, &'static str> {
    let EventFields { id, event_type, data } = fields;
    Ok(SseFrame {
        id: parse_id(id)?,
        event: parse_name(Some(event_type.as_str().to_owned()))?,
        data: Data::from(&data).as_str().map(str::to_owned),
        ..SseFrame::default()
    })
}

fn raw_frame(fields: RawFields) -> Result<SseFrame, &'static str> {
    let RawFields { comment, id, event, retry, data } = fields;
    let retry = retry.map(Duration::from_millis);
    Ok(SseFrame { comment, id: parse_id(id)?, event: parse_name(event)?, retry, data })
}

fn parse_id(id: Option<String>) -> Result<Option<LastEventId<'static>>, &'static str> {
    id.map(LastEventId::parse).transpose().map_err(|_: FieldError| "invalid_id")
}

fn parse_name(name: Option<String>) -> Result<Option<EventName<'static>>, &'static str> {
    name.map(EventName::parse).transpose().map_err(|_: FieldError| "invalid_event")
}
