//! The laws of the encoders of clients' formats.

use llm_stream::{
    Channel, Delta, Encoder, EventBody, Format, Loss, OutputFormat, StreamEvent, decode, encode,
};
use serde::de::IgnoredAny;
use serde_json::Value;

use crate::input::Input;
use crate::provider::{events, stream};

/// Checks that whatever a decoder makes of a stream can be encoded in every format: in frames that
/// a client can read, the same with and without snapshots, and with all words in them.
///
/// The stream is the fuzzer's own, or a valid one that the fuzzer damages.
pub fn check_encoders(data: &[u8]) {
    let mut input = Input::new(data);
    let format = Format::ALL[input.below(Format::ALL.len())];
    let stream = stream(&[format], &mut input);
    let events = events(llm_stream::Decoder::new(format), &[&stream]);
    for format in OutputFormat::ALL {
        check_frames(format, &events);
    }
    for (to, back) in [
        (OutputFormat::OpenAiChat, Format::OpenAiChat),
        (OutputFormat::OpenAiResponses, Format::OpenAiResponses),
        (OutputFormat::Anthropic, Format::Anthropic),
    ] {
        check_way_back(to, &events, &decode(back, &encode(to, &events)));
    }
}

/// Each frame is a line of JSON, the last of an event says so, and snapshots change none.
fn check_frames(format: OutputFormat, events: &[StreamEvent]) {
    let mut encoder = Encoder::new(format);
    let mut interrupted = Encoder::new(format);
    for event in events {
        interrupted.snapshot().for_each(|frame| check_data(format, frame.data));
        let frames = encoder.push(event);
        assert!(frames.clone().eq(interrupted.push(event)), "{format}: a snapshot changes frames");
        let count = frames.len();
        for (place, frame) in frames.enumerate() {
            assert_eq!(frame.is_last, place + 1 == count, "{format}");
            check_data(format, frame.data);
        }
    }
}

fn check_data(format: OutputFormat, data: &[u8]) {
    let text = str::from_utf8(data).expect("frames are text");
    if format.is_sse() && text != "[DONE]" {
        assert!(!text.contains(['\n', '\r']), "{format}: a frame is one line: {text:?}");
        // A provider's own values may be nested deeper, and have greater numbers, than a `Value`.
        let json = serde_json::from_str::<IgnoredAny>(text);
        assert!(json.is_ok(), "{format}: {json:?} in {text}");
        let has_half = |error: serde_json::Error| error.to_string().contains("hex escape");
        let halves = serde_json::from_str::<Value>(text).is_err_and(has_half);
        assert!(!halves, "{format}: half a character in {text}");
    }
}

/// What is read back has the same words, and nothing that its decoder does not understand.
fn check_way_back(format: OutputFormat, events: &[StreamEvent], read: &[StreamEvent]) {
    let is_broken = |event: &&StreamEvent| match &event.body {
        EventBody::Error(error) => error.message.starts_with("cannot decode a payload"),
        _ => false,
    };
    let broke_before = events.iter().any(|event| is_broken(&event));
    assert!(broke_before || !read.iter().any(|event| is_broken(&event)), "{format}: {read:?}");
    let losses = format.cannot_express();
    let is_first_alone = deltas(events).all(|delta| delta.choice == 0);
    if losses.contains(&Loss::Choices) && !is_first_alone {
        return;
    }
    let merges_refusals = losses.contains(&Loss::Refusals);
    for channel in [Channel::Text, Channel::Reasoning] {
        let is_said = |delta: &&Delta| {
            let refuses = merges_refusals && delta.channel == Channel::Refusal;
            delta.choice == 0
                && match channel {
                    Channel::Text => delta.channel == Channel::Text || refuses,
                    _ => delta.channel == channel,
                }
        };
        let said: String = deltas(events).filter(is_said).map(|delta| &*delta.text).collect();
        let arrived: String = deltas(read).filter(is_said).map(|delta| &*delta.text).collect();
        assert_eq!(arrived, said, "{format}: {channel:?}");
    }
}

fn deltas(events: &[StreamEvent]) -> impl Iterator<Item = &Delta> {
    events.iter().filter_map(|event| match &event.body {
        EventBody::Delta(delta) => Some(delta),
        _ => None,
    })
}
