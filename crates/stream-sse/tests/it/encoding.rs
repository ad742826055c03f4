//! What frames look like on the wire.

use std::time::Duration;

use stream_sse::{Encoder, EventName, FieldError, FrameRef, LastEventId, SseFrame};

#[track_caller]
fn check(frame: &SseFrame, want: &str) {
    let mut encoder = Encoder::new();
    encoder.push(frame.view());
    assert_eq!(std::str::from_utf8(encoder.as_bytes()), Ok(want));
}

fn data(text: &str) -> SseFrame {
    SseFrame { data: Some(text.to_owned()), ..SseFrame::default() }
}

fn comment(text: &str) -> SseFrame {
    SseFrame { comment: Some(text.to_owned()), ..SseFrame::default() }
}

fn id(text: &str) -> LastEventId<'static> {
    LastEventId::parse(text.to_owned()).expect("a valid id")
}

#[test]
fn data_is_split_at_every_line_end() {
    check(&data(""), "data: \n\n");
    check(&data("a\nb"), "data: a\ndata: b\n\n");
    check(&data("a\rb"), "data: a\ndata: b\n\n");
    check(&data("a\r\nb"), "data: a\ndata: b\n\n");
    check(&data("a\n\rb"), "data: a\ndata: \ndata: b\n\n");
    check(&data("\n"), "data: \ndata: \n\n");
    check(&data("a\u{2028}b\0"), "data: a\u{2028}b\0\n\n");
}

#[test]
fn comments_are_split_at_every_line_end() {
    check(&comment(""), ":\n\n");
    check(&comment("a\r\n\rb\n"), ": a\n:\n: b\n:\n\n");
}

#[test]
fn fields_come_in_one_order() {
    let frame = SseFrame {
        comment: Some("c".to_owned()),
        id: Some(id("7")),
        event: Some(EventName::parse("e").expect("a valid name")),
        retry: Some(Duration::from_micros(1_999)),
        data: Some("d".to_owned()),
    };
    check(&frame, ": c\nid: 7\nevent: e\nretry: 1\ndata: d\n\n");
}

#[test]
fn a_frame_may_lack_data() {
    check(&SseFrame { id: Some(id("7")), ..SseFrame::default() }, "id: 7\n\n");
    check(&SseFrame { id: Some(id("")), ..SseFrame::default() }, "id: \n\n");
    let endless = SseFrame { retry: Some(Duration::MAX), ..SseFrame::default() };
    check(&endless, "retry: 18446744073709551615\n\n");
    check(&SseFrame::default(), "");
}

#[test]
fn names_and_ids_refuse_what_breaks_a_frame() {
    for (text, character) in [("ab\r", '\r'), ("ab\nc", '\n'), ("ab\0\n", '\0')] {
        let want = FieldError::Forbidden { character, offset: 2 };
        assert_eq!(EventName::parse(text), Err(want));
        assert_eq!(LastEventId::parse(text), Err(want));
    }
    let error = FieldError::Forbidden { character: '\n', offset: 2 };
    assert_eq!(error.to_string(), r"forbidden character '\n' at byte 2");
}

#[test]
fn one_buffer_serves_many_frames() {
    let mut encoder = Encoder::with_buffer(b"head\n".to_vec());
    encoder.push(FrameRef { data: Some(b"1"), ..FrameRef::default() });
    encoder.push_comment("");
    assert_eq!(encoder.take(), b"head\ndata: 1\n\n:\n\n");
    assert!(encoder.as_bytes().is_empty());
    encoder.push_comment("x");
    encoder.clear();
    assert!(encoder.as_bytes().is_empty());
}

#[test]
fn borrowed_and_owned_frames_are_the_same() {
    let frame = SseFrame {
        comment: Some("c".to_owned()),
        id: Some(id("7")),
        event: Some(EventName::parse("e").expect("a valid name")),
        retry: Some(Duration::from_secs(1)),
        data: Some("d".to_owned()),
    };
    assert_eq!(SseFrame::from(frame.view()), frame);
    let bytes = FrameRef { data: Some(b"\xFF"), ..FrameRef::default() };
    assert_eq!(SseFrame::from(bytes), data("\u{FFFD}"));
}
