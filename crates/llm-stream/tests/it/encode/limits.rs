//! Every bound of an encoder: at it all is well, and past it happens what its documentation says.

use llm_stream::{
    Assembly, Channel, Delta, ENCODER_BLOCKS_OPEN_MAX, ENCODER_CALL_BYTES_MAX, ENCODER_CALLS_MAX,
    EventBody, Format, Metadata, OutputFormat, StreamEvent, ToolCall, ToolStart, decode, encode,
};

/// The beginning of a call.
fn begins(index: u32) -> StreamEvent {
    let (part, name) = (index, "f".to_owned());
    Metadata::ToolStart(ToolStart { part, index, name, ..ToolStart::default() }).into()
}

/// The end of a call.
fn ends(index: u32, arguments: &str) -> StreamEvent {
    let (name, arguments) = ("f".to_owned(), arguments.to_owned());
    let call = ToolCall { part: index, index, name, arguments, complete: true, ..<_>::default() };
    EventBody::ToolCall(Box::new(call)).into()
}

fn piece(part: u32, text: &str) -> StreamEvent {
    let (channel, text) = (Channel::ToolArguments, text.to_owned());
    EventBody::Delta(Delta { choice: 0, part, channel, text }).into()
}

/// What a client of Anthropic's format makes of `events`, and the calls in it.
fn calls(events: &[StreamEvent]) -> Vec<ToolCall> {
    let bytes = encode(OutputFormat::Anthropic, events);
    let assembly: Assembly = decode(Format::Anthropic, &bytes).iter().collect();
    assembly.choices().first().map(|choice| choice.tool_calls.clone()).unwrap_or_default()
}

fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap()
}

#[test]
fn blocks_past_the_bound_end_the_oldest() {
    for (count, is_whole) in [(ENCODER_BLOCKS_OPEN_MAX, true), (ENCODER_BLOCKS_OPEN_MAX + 1, false)]
    {
        let mut events: Vec<_> = (0..number(count)).map(begins).collect();
        events.extend((0..number(count)).map(|index| ends(index, r#"{"a":1}"#)));
        let calls = calls(&events);
        assert_eq!(calls.len(), count);
        let expected = if is_whole { r#"{"a":1}"# } else { "{}" };
        assert_eq!(calls[0].arguments, expected);
        assert!(calls[1..].iter().all(|call| call.arguments == r#"{"a":1}"#));
    }
}

#[test]
fn calls_past_the_bound_are_left_out() {
    for count in [ENCODER_CALLS_MAX, ENCODER_CALLS_MAX + 1] {
        let events: Vec<_> = (0..number(count)).map(|index| ends(index, "{}")).collect();
        assert_eq!(calls(&events).len(), ENCODER_CALLS_MAX);
    }
}

#[test]
fn arguments_past_the_bound_are_cut_off() {
    let quoted = format!("\"{}", "x".repeat(ENCODER_CALL_BYTES_MAX - 2));
    for (end, is_whole) in [("\"", true), (" \"", false)] {
        let events = [begins(0), piece(0, &quoted), piece(0, end), ends(0, &quoted)];
        let bytes = encode(OutputFormat::AiSdk, &events);
        let text = String::from_utf8(bytes).unwrap();
        assert_eq!(text.contains("tool-input-available"), is_whole);
        assert_eq!(text.contains("tool-input-error"), !is_whole);
    }
}
