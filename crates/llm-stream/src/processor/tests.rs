//! Processors over handlers and by themselves.

use serde_json::json;

use super::*;
use crate::decoder::decode;
use crate::event::{EventBody, Metadata};
use crate::format::Format;
use crate::handler::StreamHandler;
use crate::limits::Limits;

const BODY: &str = concat!(
    ": comment\n\n",
    "data: {\"id\":\"c1\",\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Grüße\"}}]}\r\n\r\n",
    "data: {\"id\":\"c1\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\" 😀\"},\"finish_reason\":\"stop\"}]}\n\n",
    "data: [DONE]\n\n",
);

/// Everything that a handler lets out of text cut in two.
fn run(processor: impl Processor + 'static, text: &str, cut: usize) -> Vec<StreamEvent> {
    let (head, tail) = text.split_at(cut);
    StreamHandler::untimed().add_processor(processor).iter_events([head, tail]).collect()
}

fn cuts(text: &str) -> impl Iterator<Item = usize> {
    (0..=text.len()).filter(|at| text.is_char_boundary(*at))
}

#[test]
fn a_passthrough_processor_lets_everything_through() {
    let mut out = Vec::new();
    let mut processor = PassthroughProcessor;
    for event in [StreamEvent::delta("a"), StreamEvent::error("b")] {
        processor.process(event.clone(), &mut out).unwrap();
        assert_eq!(out.pop(), Some(event));
    }
    processor.flush(&mut out).unwrap();
    assert!(out.is_empty());
}

#[test]
fn server_sent_events_are_decoded_at_every_cut() {
    // What is decoded from bytes, with its start told as an identity and its end with the text.
    let mut expected = decode(Format::OpenAiChat, BODY.as_bytes());
    let Some(EventBody::Start(start)) = expected.first().map(|event| event.body.clone()) else {
        panic!("no start")
    };
    let identity = crate::Identity { id: start.id, model: start.model };
    expected.splice(0..1, [StreamEvent::start(), Metadata::Identity(identity).into()]);
    expected.pop();
    expected.push(StreamEvent::end("Grüße 😀"));
    for cut in cuts(BODY) {
        assert_eq!(run(SseProcessor::new(Format::OpenAiChat), BODY, cut), expected, "at {cut}");
        assert_eq!(run(SseProcessor::detect(), BODY, cut).last(), expected.last(), "at {cut}");
    }
}

#[test]
fn a_cut_body_is_an_error() {
    let body = BODY.replace("data: [DONE]\n\n", "").replace("stop", "");
    let events = run(SseProcessor::new(Format::OpenAiChat), &body, 10);
    let Some(EventBody::Error(error)) = events.last().map(|event| &event.body) else {
        panic!("no error: {events:?}")
    };
    assert_eq!(error.code.as_deref(), Some("incomplete"));
}

#[test]
fn plain_events_are_text_or_named() {
    let body = "data: a\ndata: b\n\nevent: ping\ndata: x\n\ndata: [DONE]\n\ndata: last";
    for cut in cuts(body) {
        let events = run(SseProcessor::plain(), body, cut);
        let [_, ab, ping, last, end] = events.as_slice() else { panic!("{events:?}") };
        assert_eq!(
            (ab.delta_text(), last.delta_text(), end.content()),
            ("a\nb", "last", "a\nblast")
        );
        assert_eq!(ping.to_dict().unwrap()["metadata"], json!({ "kind": "ping", "data": "x" }));
    }
}

#[test]
fn a_reset_processor_has_forgotten_half_an_event() {
    let mut out = Vec::new();
    for mut processor in [SseProcessor::plain(), SseProcessor::new(Format::OpenAiChat)] {
        processor.process(StreamEvent::delta("data: lost"), &mut out).unwrap();
        processor.reset();
        processor.process(StreamEvent::delta(": comment\n\n"), &mut out).unwrap();
        assert_eq!(out, []);
    }
}

#[test]
fn too_long_events_are_reported() {
    let limits = Limits::default().payload_bytes(8);
    let events = run(SseProcessor::plain().limits(limits), "data: 123456789\n\ndata: ok\n\n", 4);
    let [_, error, ok, _] = events.as_slice() else { panic!("{events:?}") };
    assert!(matches!(error.body, EventBody::Error(_)), "{error:?}");
    assert_eq!(ok.delta_text(), "ok");
}

#[test]
fn other_events_pass_an_sse_processor() {
    let mut out = Vec::new();
    let mut processor = SseProcessor::plain();
    let event = StreamEvent::from(Metadata::Custom { kind: "x".to_owned() });
    processor.process(event.clone(), &mut out).unwrap();
    assert_eq!(out, [event]);
}
