//! Every limit at its edge and one past it.

use llm_stream::limits::{
    ASSEMBLY_BYTES_MAX, BLOCKS_OPEN_MAX, DEPTH_MAX, DETECT_BYTES_MAX, EXTRA_FIELD_BYTES_MAX,
    EXTRA_FIELDS_MAX, QUOTED_BYTES_MAX, TOOL_CALL_EMISSIONS_MAX, USAGE_BYTES_MAX,
};
use llm_stream::{
    Assembly, Decoder, Delta, EndStatus, ErrorKind, EventBody, Format, Limits, Metadata,
    StreamEvent,
};

fn decode(format: Format, limits: Limits, bytes: &[u8]) -> Vec<StreamEvent> {
    let mut decoder = Decoder::with_limits(format, limits);
    decoder.push(bytes);
    decoder.finish();
    std::iter::from_fn(|| decoder.next_event()).collect()
}

fn text(events: &[StreamEvent]) -> String {
    events.iter().map(StreamEvent::delta_text).collect()
}

fn error_kinds(events: &[StreamEvent]) -> Vec<ErrorKind> {
    let kind = |event: &StreamEvent| match &event.body {
        EventBody::Error(error) => Some(error.kind),
        _ => None,
    };
    events.iter().filter_map(kind).collect()
}

fn status(events: &[StreamEvent]) -> EndStatus {
    match &events.last().unwrap().body {
        EventBody::End(end) => end.status,
        other => panic!("no end but {other:?}"),
    }
}

fn sse(payloads: &[String]) -> Vec<u8> {
    let mut stream = Vec::new();
    for payload in payloads {
        stream.extend_from_slice(b"data: ");
        stream.extend_from_slice(payload.as_bytes());
        stream.extend_from_slice(b"\n\n");
    }
    stream
}

fn chat(delta: &str) -> String {
    format!(r#"{{"choices":[{{"index":0,"delta":{delta},"finish_reason":null}}]}}"#)
}

fn content(text: &str) -> String {
    chat(&format!(r#"{{"content":"{text}"}}"#))
}

#[test]
fn payload_bytes() {
    let payload = content("1234567890");
    let length = payload.len();
    let bytes = sse(&[payload, content("1")]);
    let fits = decode(Format::OpenAiChat, Limits::default().payload_bytes(length), &bytes);
    assert_eq!((text(&fits).as_str(), error_kinds(&fits)), ("12345678901", vec![]));
    let limits = Limits::default().payload_bytes(length - 1);
    let cut = decode(Format::OpenAiChat, limits, &bytes);
    assert_eq!((text(&cut).as_str(), error_kinds(&cut)), ("1", vec![ErrorKind::Limit]));
}

#[test]
fn payload_bytes_of_lines_and_arrays() {
    let line = r#"{"response":"12345"}"#;
    let lines = format!("{line}\n{{\"response\":\"1\"}}\n");
    let element = r#"{"candidates":[{"content":{"parts":[{"text":"12345"}]}}]}"#;
    let array = format!("[{element},{}]", element.replace("12345", "1"));
    for (format, bytes, length) in
        [(Format::Ollama, lines, line.len()), (Format::Gemini, array, element.len())]
    {
        let limits = Limits::default().payload_bytes(length);
        assert_eq!(text(&decode(format, limits, bytes.as_bytes())), "123451");
        let limits = Limits::default().payload_bytes(length - 1);
        let cut = decode(format, limits, bytes.as_bytes());
        assert_eq!((text(&cut).as_str(), error_kinds(&cut)), ("1", vec![ErrorKind::Limit]));
    }
}

#[test]
fn stream_bytes() {
    let bytes = sse(&[content("a"), content("b")]);
    let length = u64::try_from(bytes.len()).unwrap();
    let fits = decode(Format::OpenAiChat, Limits::default().stream_bytes(length), &bytes);
    assert_eq!((text(&fits).as_str(), status(&fits)), ("ab", EndStatus::Incomplete));
    let cut = decode(Format::OpenAiChat, Limits::default().stream_bytes(length - 20), &bytes);
    assert_eq!((text(&cut).as_str(), status(&cut)), ("a", EndStatus::Failed));
    assert_eq!(error_kinds(&cut), [ErrorKind::Limit]);
}

#[test]
fn choices() {
    let choice = |index: u32| {
        format!(r#"{{"choices":[{{"index":{index},"delta":{{"content":"{index}"}}}}]}}"#)
    };
    let bytes = sse(&[choice(0), choice(7), choice(8), choice(9), choice(0)]);
    let limits = Limits::default().choices(4);
    let fits = decode(Format::OpenAiChat, limits, &bytes);
    assert_eq!((text(&fits).as_str(), error_kinds(&fits)), ("07890", vec![]));
    let cut = decode(Format::OpenAiChat, Limits::default().choices(2), &bytes);
    assert_eq!((text(&cut).as_str(), error_kinds(&cut)), ("070", vec![ErrorKind::Limit]));
}

fn call(index: u32, arguments: &str) -> String {
    chat(&format!(
        r#"{{"tool_calls":[{{"index":{index},"id":"t{index}","function":{{"name":"f","arguments":"{arguments}"}}}}]}}"#
    ))
}

fn whole_calls(events: &[StreamEvent]) -> Vec<(String, bool)> {
    let call = |event: &StreamEvent| match &event.body {
        EventBody::ToolCall(call) => Some((call.arguments.clone(), call.complete)),
        _ => None,
    };
    events.iter().filter_map(call).collect()
}

#[test]
fn tool_calls() {
    let bytes = sse(&[call(0, "{}"), call(1, "{}"), call(2, "{}")]);
    let fits = decode(Format::OpenAiChat, Limits::default().tool_calls(3), &bytes);
    assert_eq!((whole_calls(&fits).len(), error_kinds(&fits)), (3, vec![]));
    let cut = decode(Format::OpenAiChat, Limits::default().tool_calls(1), &bytes);
    assert_eq!((whole_calls(&cut).len(), error_kinds(&cut)), (1, vec![ErrorKind::Limit]));
}

#[test]
fn tool_arguments_bytes() {
    let bytes = sse(&[call(0, "[1234"), call(0, "567"), call(0, "]")]);
    let limits = Limits::default().tool_arguments_bytes(9);
    let fits = decode(Format::OpenAiChat, limits, &bytes);
    assert_eq!(whole_calls(&fits), [("[1234567]".to_owned(), true)]);
    let limits = Limits::default().tool_arguments_bytes(8);
    let cut = decode(Format::OpenAiChat, limits, &bytes);
    assert_eq!(whole_calls(&cut), [("[1234567".to_owned(), false)]);
    assert_eq!(error_kinds(&cut), [ErrorKind::Limit]);
}

#[test]
fn tool_call_emissions() {
    // Arguments and another end of the choice, over and over.
    let round = |round: u32| {
        format!(
            r#"{{"choices":[{{"index":0,"delta":{{"tool_calls":[{{"index":0,"id":"t0","function":{{"name":"f","arguments":"{round}"}}}}]}},"finish_reason":"end {round}"}}]}}"#
        )
    };
    let calls = |rounds: u32| {
        let payloads: Vec<String> = (0..rounds).map(round).collect();
        whole_calls(&decode(Format::OpenAiChat, Limits::default(), &sse(&payloads)))
    };
    let limit = usize::try_from(TOOL_CALL_EMISSIONS_MAX).unwrap();
    assert_eq!(calls(TOOL_CALL_EMISSIONS_MAX).len(), limit);
    let past = calls(TOOL_CALL_EMISSIONS_MAX + 3);
    assert_eq!(past.len(), limit + 1, "once more at the end");
    assert_eq!(past.last().unwrap().0, "0123456");
}

#[test]
fn depth() {
    let nested = |depth: usize| {
        // The payload's own object is the first level.
        let (open, close) = ("[".repeat(depth - 1), "]".repeat(depth - 1));
        let inner = content("a");
        let inner = inner.strip_prefix('{').unwrap();
        sse(&[format!("{{\"deep\":{open}{close},{inner}")])
    };
    let fits = decode(Format::OpenAiChat, Limits::default(), &nested(DEPTH_MAX));
    assert_eq!((text(&fits).as_str(), error_kinds(&fits)), ("a", vec![]));
    let past = decode(Format::OpenAiChat, Limits::default(), &nested(DEPTH_MAX + 1));
    assert_eq!((text(&past).as_str(), error_kinds(&past)), ("", vec![ErrorKind::Malformed]));
}

#[test]
fn detected_bytes() {
    let tell = sse(&[content("a")]);
    let bytes = |length: usize| {
        let comment = format!(":{}\n", "x".repeat(length - tell.len() - 2));
        [comment.as_bytes(), &tell].concat()
    };
    for chunk in [1, 1000, usize::MAX] {
        let run = |bytes: &[u8]| {
            let mut decoder = Decoder::detect();
            bytes.chunks(chunk.min(bytes.len())).for_each(|piece| decoder.push(piece));
            decoder.finish();
            let events: Vec<StreamEvent> = std::iter::from_fn(|| decoder.next_event()).collect();
            (decoder.format(), events)
        };
        let (format, events) = run(&bytes(DETECT_BYTES_MAX));
        assert_eq!((format, text(&events).as_str()), (Some(Format::OpenAiChat), "a"));
        let (format, events) = run(&bytes(DETECT_BYTES_MAX + 1));
        assert_eq!((format, error_kinds(&events)), (None, vec![ErrorKind::UnknownFormat]));
        assert_eq!((events.len(), status(&events)), (3, EndStatus::Failed));
    }
}

/// How often extra fields are reported.
fn extras(payloads: &[String]) -> usize {
    let events = decode(Format::OpenAiChat, Limits::default(), &sse(payloads));
    let is_extra = |event: &&StreamEvent| {
        matches!(&event.body, EventBody::Metadata(metadata)
            if matches!(**metadata, Metadata::Extra { .. }))
    };
    events.iter().filter(is_extra).count()
}

#[test]
fn extra_fields() {
    let payload = |fields: usize| {
        let fields: Vec<String> = (0..fields).map(|at| format!("\"f{at}\":1")).collect();
        format!("{{{}}}", fields.join(","))
    };
    let twice = |fields: usize| extras(&[payload(fields), payload(fields)]);
    assert_eq!(twice(EXTRA_FIELDS_MAX), 1, "all are remembered");
    assert_eq!(twice(EXTRA_FIELDS_MAX + 1), 2, "one is reported each time");
}

#[test]
fn extra_field_bytes() {
    let twice = |length: usize| {
        let payload = format!("{{\"f\":\"{}\"}}", "x".repeat(length - 2));
        extras(&[payload.clone(), payload])
    };
    assert_eq!(twice(EXTRA_FIELD_BYTES_MAX), 1, "remembered");
    assert_eq!(twice(EXTRA_FIELD_BYTES_MAX + 1), 2, "reported each time");
}

#[test]
fn open_blocks() {
    let deltas = |open: usize| {
        let start = |index: usize| {
            format!(
                r#"{{"type":"content_block_start","index":{index},"content_block":{{"type":"text"}}}}"#
            )
        };
        let mut payloads: Vec<String> = (0..open).map(start).collect();
        payloads.push(
            r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"a"}}"#
                .to_owned(),
        );
        decode(Format::Anthropic, Limits::default(), &sse(&payloads))
    };
    let part = |events: &[StreamEvent]| {
        let delta = events.iter().find_map(|event| match &event.body {
            EventBody::Delta(delta) => Some(delta.part),
            _ => None,
        });
        usize::try_from(delta.unwrap()).unwrap()
    };
    assert_eq!(part(&deltas(BLOCKS_OPEN_MAX)), 0, "the first block is still open");
    assert_eq!(
        part(&deltas(BLOCKS_OPEN_MAX + 1)),
        BLOCKS_OPEN_MAX + 1,
        "it has been taken as ended"
    );
}

#[test]
fn usage_bytes() {
    let usage = |length: usize| {
        let pad = "x".repeat(length - "pad".len() - "\"\"".len());
        let payload = format!(
            r#"{{"type":"message_start","message":{{"id":"m","usage":{{"pad":"{pad}"}}}}}}"#
        );
        let events = decode(Format::Anthropic, Limits::default(), &sse(&[payload]));
        let assembly: Assembly = events.iter().collect();
        assembly.usage().unwrap().raw.as_ref().unwrap().as_str().len()
    };
    assert!(usage(USAGE_BYTES_MAX) > USAGE_BYTES_MAX, "kept, with its punctuation");
    assert_eq!(usage(USAGE_BYTES_MAX + 1), "{}".len(), "left out");
}

#[test]
fn quoted_bytes() {
    let quoted = |length: usize| {
        let events = decode(Format::OpenAiChat, Limits::default(), &sse(&["é".repeat(length / 2)]));
        events.iter().find_map(|event| match &event.body {
            EventBody::Error(error) => error.payload.as_ref().map(String::len),
            _ => None,
        })
    };
    assert_eq!(quoted(QUOTED_BYTES_MAX), Some(QUOTED_BYTES_MAX));
    assert_eq!(quoted(QUOTED_BYTES_MAX + 2), Some(QUOTED_BYTES_MAX));
}

#[test]
fn assembly_bytes() {
    let delta = |bytes: usize| {
        let delta = Delta { text: "x".repeat(bytes), ..Delta::default() };
        StreamEvent::from(EventBody::Delta(delta))
    };
    let mut assembly = Assembly::new();
    assembly.push(&delta(ASSEMBLY_BYTES_MAX));
    assert!(!assembly.overflowed());
    assembly.push(&delta(1));
    assert!(assembly.overflowed());
    assert_eq!(assembly.text().len(), ASSEMBLY_BYTES_MAX);
}
