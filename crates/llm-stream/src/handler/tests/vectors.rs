//! The golden cases of the handler.

use serde_json::{Map, Value, json};

use super::*;
use crate::event::Metadata;
use crate::text::stream_to_string;

/// The text of a delta, also after [`retyped`] has made it another event.
fn text_of(event: &StreamEvent) -> &str {
    let kept = event.extra.as_ref().and_then(|extra| extra.get("text")?.as_str());
    kept.unwrap_or_else(|| event.delta_text())
}

/// Makes a delta a metadata event that carries its text.
fn retyped(event: &StreamEvent) -> StreamEvent {
    let text = Value::from(event.delta_text());
    let mut event = StreamEvent::from(Metadata::Custom { kind: String::new() });
    event.extra = Some(Box::new(Map::from_iter([("text".to_owned(), text)])));
    event
}

fn with_processor(handler: StreamHandler, step: &Value) -> StreamHandler {
    let (name, argument) = step.as_object().unwrap().iter().next().unwrap();
    let wanted = argument.as_str().unwrap_or_default().to_owned();
    match name.as_str() {
        "passthrough" => handler.add_processor(crate::PassthroughProcessor),
        "upper" => handler.add_processor(upper),
        "drop_if_contains" => handler.add_processor(move |event: StreamEvent| {
            (!event.delta_text().contains(&wanted)).then_some(event)
        }),
        "fail_if_contains" => handler.add_processor(FailIfContains(wanted)),
        "retype" => {
            let wanted = argument[0].as_str().unwrap().to_owned();
            handler.add_processor(move |event: StreamEvent| {
                Some(if event.delta_text() == wanted { retyped(&event) } else { event })
            })
        }
        name => panic!("unknown processor {name}"),
    }
}

struct FailIfContains(String);

impl Processor for FailIfContains {
    fn process(
        &mut self,
        event: StreamEvent,
        out: &mut Vec<StreamEvent>,
    ) -> Result<(), ProcessError> {
        if event.delta_text().contains(&self.0) {
            return Err(ProcessError::new("unfit"));
        }
        out.push(event);
        Ok(())
    }
}

/// The chunks, and the failure of the source where there is one.
fn source(input: &Value) -> Vec<Result<String, &'static str>> {
    let chunks = input["chunks"].as_array().unwrap().iter();
    let chunks = chunks.map(|chunk| Ok(chunk.as_str().unwrap().to_owned()));
    match input["source_error_after"].as_u64() {
        Some(count) => chunks
            .take(usize::try_from(count).unwrap())
            .chain(std::iter::once(Err("source failed")))
            .collect(),
        None => chunks.collect(),
    }
}

fn check_run(case: &Value) {
    let (input, expect) = (&case["input"], &case["expect"]);
    let steps = input["processors"].as_array().cloned().unwrap_or_default();
    let seen = Seen::default();
    let types = ["start", "delta", "tool_call", "metadata", "error", "end"];
    let mut handler = types.iter().fold(handler(), |handler, name| {
        let seen = seen.clone();
        let kind = StreamEventType::from_name(name).unwrap();
        handler.on_event(kind, move |event| seen.push(event.event_type().as_str()))
    });
    handler = steps.iter().fold(handler, with_processor);
    handler = handler.buffer_content(input["buffer_content"].as_bool().unwrap_or(true));

    let events = handler.iter_events(source(input)).map(|event| {
        let is_error = matches!(event.body, EventBody::Error(_));
        let content = if is_error { "" } else { event.content() };
        json!({ "type": event.event_type(), "delta": text_of(&event), "content": content })
    });
    assert_eq!(events.collect::<Value>(), expect["events"], "{}", case["id"]);

    seen.take();
    let result = match handler.process_stream(source(input)) {
        Ok(text) => Value::from(text),
        Err(_) => json!({ "error": if steps.is_empty() { "source" } else { "processor" } }),
    };
    assert_eq!(result, expect["result"], "{}", case["id"]);
    let seen = seen.take();
    for name in types {
        let count = seen.iter().filter(|seen| *seen == name).count();
        let wanted = expect["callbacks"][name].as_u64().unwrap_or_default();
        assert_eq!(Value::from(count), Value::from(wanted), "{} {name}", case["id"]);
    }
    let stats = handler.stats();
    assert_eq!(expect["buffer"], handler.buffer().content(), "{}", case["id"]);
    assert_eq!(expect["events_count"], stats.events_count, "{}", case["id"]);
    assert_eq!(expect["ws_tokens"], stats.total_tokens, "{}", case["id"]);
}

fn check_callbacks(case: &Value) {
    let (input, expect) = (&case["input"], &case["expect"]);
    let seen = Seen::default();
    let names = input["callbacks"].as_array().unwrap().iter().map(|name| name.as_str().unwrap());
    let mut handler = names.fold(handler(), |handler, name| {
        let (kind, what) = name.split_once(':').unwrap();
        let (what, seen) = (what.to_owned(), seen.clone());
        handler.on_event(StreamEventType::from_name(kind).unwrap(), move |event| {
            match (what.as_str(), &event.body) {
                ("fail", _) => panic!("as the case wants"),
                ("collect", EventBody::End(end)) => seen.push(format!("END:{}", end.content)),
                ("collect", _) => seen.push(event.delta_text()),
                (number, _) => seen.push(format!("{number}{}", event.delta_text())),
            }
        })
    });
    let result = handler.process_stream(source(input)).unwrap();
    assert_eq!(Value::from(seen.take()), expect["seen"], "{}", case["id"]);
    if let Some(wanted) = expect["result"].as_str() {
        assert_eq!(result.as_deref(), Some(wanted), "{}", case["id"]);
    }
}

/// Text and content have their place in one type of event each; a tool call's is its arguments, in
/// `metadata`, so that only a delta's `delta` is compared.
fn check_event(case: &Value) {
    let (input, expect) = (&case["input"]["event"], &case["expect"]);
    let event = if input["event_type"] == "error" {
        StreamEvent::error(input["content"].as_str().unwrap())
    } else {
        let mut dict = input.clone();
        dict["type"] = dict["event_type"].take();
        StreamEvent::from_dict(&dict).unwrap()
    };
    let (got, wanted) = (event.to_dict().unwrap(), &expect["dict"]);
    assert_eq!(got["type"], wanted["type"], "{}", case["id"]);
    assert_eq!(got["content"], wanted["content"], "{}", case["id"]);
    if got["type"] == "delta" {
        assert_eq!(got["delta"], wanted["delta"], "{}", case["id"]);
    }
    for (key, value) in wanted["metadata"].as_object().unwrap() {
        assert_eq!(&got["metadata"][key], value, "{} {key}", case["id"]);
    }
    assert_eq!(expect["is_content"], event.is_content(), "{}", case["id"]);
}

#[test]
fn golden_cases() {
    let suite = include_str!("../../../testdata/vectors/llm_handler.json");
    let suite: Value = serde_json::from_str(suite).unwrap();
    for case in suite["cases"].as_array().unwrap() {
        let (input, expect) = (&case["input"], &case["expect"]);
        if let Some(pieces) = input["stream_to_string"].as_array() {
            let text = stream_to_string(pieces.iter().map(|piece| piece.as_str().unwrap()));
            assert_eq!(expect["result"], text.unwrap(), "{}", case["id"]);
        } else if let [piece, times] =
            input["stream_to_string_repeat"].as_array().map_or(&[][..], |r| r)
        {
            let times = usize::try_from(times.as_u64().unwrap()).unwrap();
            let pieces = std::iter::repeat_n(piece.as_str().unwrap(), times);
            assert_eq!(expect["len"], stream_to_string(pieces).unwrap().len(), "{}", case["id"]);
        } else if input["event"].is_object() {
            check_event(case);
        } else if input["callbacks"].is_array() {
            check_callbacks(case);
        } else {
            check_run(case);
        }
    }
}
