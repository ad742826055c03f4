//! The event type from outside: its dict form, its helpers, and what is assembled from it.

use llm_stream::{
    Assembly, Channel, Decoder, Delta, EndStatus, ErrorKind, EventBody, Executor, Finish,
    FinishReason, Format, Limits, Metadata, RawJson, Start, StreamError, StreamEvent,
    StreamEventType, ToolCall, ToolCallAssembler, Usage,
};
use serde_json::json;
use time::macros::datetime;

#[track_caller]
fn check(event: &StreamEvent, dict: serde_json::Value) {
    assert_eq!(event.to_dict().unwrap(), dict);
    assert_eq!(&StreamEvent::from_dict(&dict).unwrap(), event);
}

#[test]
fn dicts() {
    check(
        &StreamEvent::start(),
        json!({"type": "start", "content": "", "delta": "", "metadata": {}}),
    );
    check(
        &StreamEvent::delta("Hi"),
        json!({"type": "delta", "content": "", "delta": "Hi", "metadata": {}}),
    );
    check(
        &StreamEvent::error("boom"),
        json!({"type": "error", "content": "boom", "delta": "", "metadata": {}}),
    );
    check(
        &StreamEvent::end("all of it"),
        json!({"type": "end", "content": "all of it", "delta": "", "metadata": {}}),
    );
}

#[test]
fn the_arguments_of_a_call_are_its_text() {
    let call = ToolCall {
        name: "f".into(),
        arguments: "{}".into(),
        complete: true,
        ..ToolCall::default()
    };
    check(
        &StreamEvent::from(EventBody::ToolCall(Box::new(call.clone()))),
        json!({"type": "tool_call", "content": "", "delta": "{}", "metadata": {"name": "f"}}),
    );
    let in_metadata = json!({"type": "tool_call", "metadata": {"name": "f", "arguments": "{}"}});
    let read = StreamEvent::from_dict(&in_metadata).unwrap();
    assert_eq!(read.body, EventBody::ToolCall(Box::new(call)));
}

#[test]
fn timestamps_are_rfc_3339_in_utc() {
    let event = StreamEvent::delta("a").at(datetime!(2026-02-03 05:05:06.789 +1));
    let dict = event.to_dict().unwrap();
    assert_eq!(dict["timestamp"], "2026-02-03T04:05:06.789Z");
    assert_eq!(StreamEvent::from_dict(&dict).unwrap(), event);
    assert_eq!(event.to_json(), serde_json::to_string(&event).unwrap());
}

#[test]
fn timestamps_without_an_offset_are_utc() {
    let event = StreamEvent::from_json(r#"{"type":"start","timestamp":"2026-02-03T04:05:06"}"#);
    assert_eq!(event.unwrap().timestamp, Some(datetime!(2026-02-03 04:05:06 UTC)));
}

#[test]
fn what_rfc_3339_cannot_say_is_left_out() {
    let event = StreamEvent::delta("a").at(datetime!(-0001-01-01 00:00 UTC));
    assert!(event.to_dict().unwrap().get("timestamp").is_none());
}

#[test]
fn missing_and_unknown_keys() {
    let event = StreamEvent::from_json(r#"{"type":"delta","new":1,"metadata":null,"delta":null}"#);
    assert_eq!(event.unwrap(), StreamEvent::delta(""));
    let event = r#"{"type":"delta","delta":"a","metadata":{"part":2,"mine":{"x":1}}}"#;
    let event = StreamEvent::from_json(event).unwrap();
    assert_eq!(event.extra.as_ref().unwrap()["mine"], json!({"x": 1}));
    assert!(event.to_json().ends_with(r#""metadata":{"part":2,"mine":{"x":1}}}"#));
}

#[test]
fn attached_keys_give_way_to_the_events_own() {
    let mut event = StreamEvent::delta("a");
    let attached = json!({"channel": "mine", "note": 1});
    event.extra = attached.as_object().cloned().map(Box::new);
    assert_eq!(event.to_dict().unwrap()["metadata"], json!({"note": 1}));
}

#[test]
fn other_kinds_of_metadata_are_kept() {
    for text in [
        r#"{"type":"metadata","content":"","delta":"","metadata":{"kind":"mine","a":[1]}}"#,
        r#"{"type":"metadata","content":"","delta":"","metadata":{"a":[1]}}"#,
    ] {
        let event = StreamEvent::from_json(text).unwrap();
        let EventBody::Metadata(metadata) = &event.body else { panic!("{event:?}") };
        assert!(matches!(**metadata, Metadata::Custom { .. }));
        assert_eq!(event.to_json(), text);
    }
}

#[test]
fn no_events() {
    for text in [
        "",
        "3",
        "{}",
        r#"{"type":"START"}"#,
        r#"{"type":"delta","metadata":3}"#,
        r#"{"type":"delta","metadata":{"channel":"smell"}}"#,
        r#"{"type":"metadata","metadata":{"kind":"finish"}}"#,
        r#"{"type":"start","timestamp":"yesterday"}"#,
    ] {
        assert!(StreamEvent::from_json(text).is_err(), "{text}");
    }
}

#[test]
fn helpers() {
    let reasoning = Delta { channel: Channel::Reasoning, text: "hm".into(), ..Delta::default() };
    let reasoning = StreamEvent::from(EventBody::Delta(reasoning));
    assert!(StreamEvent::delta("a").is_content());
    assert!(!StreamEvent::delta("").is_content());
    assert!(!reasoning.is_content() && reasoning.delta_text() == "hm");
    assert_eq!(StreamEvent::error("boom").content(), "boom");
    assert_eq!(StreamEvent::end("x").event_type(), StreamEventType::End);
    assert_eq!(StreamEventType::ToolCall.to_string(), "tool_call");
}

#[test]
fn errors_know_whether_to_try_again() {
    assert!(StreamError::new(ErrorKind::Overloaded, "").is_retryable());
    assert!(!StreamError::new(ErrorKind::Quota, "").is_retryable());
    assert!(StreamError::new(ErrorKind::Quota, "").is_from_provider());
    assert!(!StreamError::new(ErrorKind::Malformed, "").is_from_provider());
}

#[test]
fn assembly_of_choices_by_number() {
    let delta = |choice: u32, channel: Channel, text: &str| {
        StreamEvent::from(EventBody::Delta(Delta { choice, part: 0, channel, text: text.into() }))
    };
    let finish = Finish {
        choice: 1,
        reason: FinishReason::Stop,
        provider_reason: "stop".into(),
        stop_sequence: None,
        details: None,
    };
    let events = [
        delta(1, Channel::Text, "b"),
        delta(0, Channel::Text, "a"),
        delta(0, Channel::Reasoning, "hm"),
        delta(0, Channel::Refusal, "no"),
        delta(0, Channel::ToolArguments, "{}"),
        Metadata::Finish(finish).into(),
        Metadata::Usage(Usage { input_tokens: Some(1), ..Usage::default() }).into(),
        Metadata::Usage(Usage { input_tokens: Some(2), ..Usage::default() }).into(),
        StreamEvent::error("boom"),
        StreamEvent::end(""),
    ];
    let assembly: Assembly = events.iter().collect();
    let [first, second] = assembly.choices() else { panic!("{assembly:?}") };
    assert_eq!((&*first.text, &*first.reasoning, &*first.refusal), ("a", "hm", "no"));
    assert_eq!((&*second.text, second.index), ("b", 1));
    assert_eq!(second.finish.as_ref().unwrap().reason, FinishReason::Stop);
    assert_eq!(assembly.usage().unwrap().input_tokens, Some(2));
    assert_eq!(assembly.errors().len(), 1);
    assert_eq!(assembly.status(), Some(EndStatus::Complete));
}

#[test]
fn a_later_call_of_the_same_part_replaces_the_earlier() {
    let call = |part: u32, index: u32, arguments: &str| {
        let arguments = arguments.to_owned();
        let call = ToolCall { part, index, arguments, by: Executor::Client, ..ToolCall::default() };
        StreamEvent::from(EventBody::ToolCall(Box::new(call)))
    };
    let events = [call(3, 1, "b"), call(1, 0, "a"), call(3, 1, "better")];
    let assembly: Assembly = events.iter().collect();
    let calls: Vec<&str> =
        assembly.choices()[0].tool_calls.iter().map(|call| call.arguments.as_str()).collect();
    assert_eq!(calls, ["a", "better"]);
}

#[test]
fn an_assembly_holds_the_last_generation() {
    let start = |id: &str| {
        let start = Start { id: Some(id.into()), ..Start::default() };
        StreamEvent::from(EventBody::Start(Box::new(start)))
    };
    let events =
        [start("1"), StreamEvent::delta("first"), start("2"), StreamEvent::delta("second")];
    let assembly: Assembly = events.iter().collect();
    assert_eq!((assembly.text(), assembly.id()), ("second", Some("2")));
}

#[test]
fn public_types_can_be_sent_and_shared() {
    fn check<T: Send + Sync + Unpin>() {}
    check::<Assembly>();
    check::<Decoder>();
    check::<Format>();
    check::<Limits>();
    check::<RawJson>();
    check::<StreamEvent>();
    check::<ToolCallAssembler>();
}

#[test]
fn a_call_and_an_error_without_fields_of_their_own_are_read() {
    let call = r#"{"type":"tool_call","delta":"{\"a\":1}","metadata":{"name":"f"}}"#;
    let call = StreamEvent::from_json(call).unwrap();
    let EventBody::ToolCall(call) = call.body else { panic!("not a call: {call:?}") };
    assert_eq!((call.name.as_str(), call.arguments.as_str()), ("f", r#"{"a":1}"#));

    let error = StreamEvent::from_json(r#"{"type":"error","content":"boom"}"#).unwrap();
    assert_eq!(error, StreamEvent::error("boom"));
}
