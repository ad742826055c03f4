//! The golden vectors, every case of both suites.

use std::time::Duration;

use serde_json::Value;
use stream_sse::{DecoderLimits, Encoder, EventName, FieldError, LastEventId, SseFrame};

use crate::support::{Item, Outcome, decode_every_way};

fn cases(suite: &str) -> Vec<Value> {
    let suite: Value = serde_json::from_str(suite).unwrap();
    let cases = suite["cases"].as_array().unwrap().clone();
    assert!(!cases.is_empty());
    cases
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

fn parse(input: &[u8]) -> (Outcome, Vec<String>, Vec<Value>) {
    let outcome = decode_every_way(DecoderLimits::default(), input);
    let mut comments = Vec::new();
    let mut events = Vec::new();
    for item in &outcome.items {
        match item {
            Item::Comment(text) => comments.push(text.clone()),
            Item::Event { event_type, data, last_event_id, .. } => {
                events.push(serde_json::json!({
                    "type": event_type, "data": data, "last_event_id": last_event_id,
                }));
            }
            Item::Damage(damage) => panic!("{damage}"),
        }
    }
    (outcome, comments, events)
}

#[test]
fn sse_parse() {
    for case in cases(include_str!("../../testdata/sse_parse.json")) {
        let (outcome, comments, events) = parse(case["input"]["text"].as_str().unwrap().as_bytes());
        let expect = &case["expect"];
        let id = &case["id"];
        assert_eq!(Value::from(events), expect["events"], "{id}");
        assert_eq!(outcome.last_event_id, expect["last_event_id"].as_str().unwrap(), "{id}");
        assert_eq!(outcome.retry_ms, expect["retry"].as_u64(), "{id}");
        assert_eq!(Value::from(comments), expect["comments"], "{id}");
    }
}

/// Makes the frame a case describes: an event's payload goes out as JSON, raw parts as they are.
fn frame(input: &Value) -> Result<SseFrame, FieldError> {
    if let Some(event) = input.get("event") {
        let name = event["type"].as_str().unwrap_or("message");
        return Ok(SseFrame {
            id: text(&event["id"]).map(LastEventId::parse).transpose()?,
            event: Some(EventName::parse(name.to_owned())?),
            data: Some(event["data"].to_string()),
            ..SseFrame::default()
        });
    }
    let raw = &input["raw"];
    Ok(SseFrame {
        comment: text(&raw["comment"]),
        id: text(&raw["id"]).map(LastEventId::parse).transpose()?,
        event: text(&raw["event"]).map(EventName::parse).transpose()?,
        retry: raw["retry"].as_u64().map(Duration::from_millis),
        data: text(&raw["data"]),
    })
}

#[test]
fn sse_frame() {
    for case in cases(include_str!("../../testdata/sse_frame.json")) {
        let (id, expect) = (&case["id"], &case["expect"]);
        let frame = frame(&case["input"]);
        if expect.get("error").is_some() {
            assert!(matches!(frame, Err(FieldError::Forbidden { .. })), "{id}");
            continue;
        }
        let mut encoder = Encoder::new();
        encoder.push(frame.unwrap().view());
        if expect["has_id"] == false {
            check_keeps_id(encoder.as_bytes());
            continue;
        }
        let (_, _, events) = parse(encoder.as_bytes());
        assert_eq!(std::str::from_utf8(encoder.as_bytes()).ok(), expect["frame"].as_str(), "{id}");
        assert_eq!(Value::from(events), expect["parsed"], "{id}");
    }
}

/// A frame without an id leaves the client's last event id alone.
fn check_keeps_id(frame: &[u8]) {
    let (outcome, _, _) = parse(&[b"id: 7\n\n", frame].concat());
    assert_eq!(outcome.last_event_id, "7");
}
