//! Every bound of the codec, at the limit and one past it.

use stream_sse::{
    Damage, Decoder, DecoderLimits, EVENT_NAME_BYTES_MAX, EventName, FieldError,
    LAST_EVENT_ID_BYTES_MAX, LastEventId,
};

use crate::support::{Item, decode_every_way, event, finish, push};

#[track_caller]
fn check(limits: DecoderLimits, input: &str, want: &[Item]) {
    assert_eq!(decode_every_way(limits, input.as_bytes()).items, want);
}

fn line_too_long(limit: usize) -> Item {
    Item::Damage(Damage::LineTooLong { limit })
}

fn event_too_long(limit: usize, size: usize) -> Item {
    Item::Damage(Damage::EventTooLong { limit, size })
}

#[test]
fn a_line_at_the_limit_and_one_past() {
    let limits = DecoderLimits::default().line_bytes(8);
    let next = event("message", "ok");
    check(limits, "data: 12\n\ndata:ok\n\n", &[event("message", "12"), next.clone()]);
    check(limits, "data: 123\n\ndata:ok\n\n", &[line_too_long(8), next.clone()]);
    check(limits, "data: 12\r\n\r\ndata:ok\r\n\r\n", &[event("message", "12"), next.clone()]);
    check(limits, "data: 123\r\n\r\ndata:ok\r\n\r\n", &[line_too_long(8), next.clone()]);
    check(limits, ":2345678\ndata:ok\n\n", &[Item::Comment("2345678".to_owned()), next.clone()]);
    check(limits, ":23456789\n\ndata:ok\n\n", &[line_too_long(8), next]);
}

#[test]
fn an_event_at_the_limit_and_one_past() {
    let limits = DecoderLimits::default().event_bytes(5);
    let next = event("message", "ok");
    check(limits, "data: 12345\n\ndata: ok\n\n", &[event("message", "12345"), next.clone()]);
    check(limits, "data: 123456\n\ndata: ok\n\n", &[event_too_long(5, 6), next.clone()]);
    check(limits, "data: 12\ndata: 45\n\n", &[event("message", "12\n45")]);
    check(limits, "data: 12\ndata: 456\n\ndata: ok\n\n", &[event_too_long(5, 6), next.clone()]);
    check(limits, "data\ndata\ndata\ndata\ndata\ndata\n\n", &[event("message", "\n\n\n\n\n")]);
    let seven = "data\n".repeat(7);
    check(limits, &format!("{seven}\ndata: ok\n\n"), &[event_too_long(5, 6), next]);
}

#[test]
fn damage_skips_to_the_next_blank_line() {
    let limits = DecoderLimits::default().line_bytes(10);
    let input = "id: 1\ndata: this is too long\ndata: x\n: c\nid: 2\n\nid: 3\ndata: y\n\n";
    let last = Item::Event {
        event_type: "message".to_owned(),
        data: "y".to_owned(),
        last_event_id: "3".to_owned(),
        sets_id: true,
    };
    check(limits, input, &[line_too_long(10), last]);
}

#[test]
fn the_id_of_a_damaged_event_is_not_taken_over() {
    let limits = DecoderLimits::default().line_bytes(10);
    let input = b"id: 1\ndata: a\n\nid: 2\ndata: this is too long\nid: 3\n\n";
    assert_eq!(decode_every_way(limits, input).last_event_id, "1");
}

#[test]
fn an_endless_line_is_reported_once_and_not_kept() {
    let mut decoder = Decoder::with_limits(DecoderLimits::default().line_bytes(100));
    let mut items = push(&mut decoder, b"data: ");
    for _ in 0..1000 {
        items.extend(push(&mut decoder, &[b'x'; 64]));
        assert!(decoder.buffered_bytes() <= 100);
    }
    assert_eq!(items, [line_too_long(100)]);
    assert_eq!(push(&mut decoder, b"\n\ndata: ok\n\n"), [event("message", "ok")]);
}

#[test]
fn an_endless_event_is_reported_once_and_not_kept() {
    let mut decoder = Decoder::with_limits(DecoderLimits::default().event_bytes(100));
    let mut items = Vec::new();
    for _ in 0..1000 {
        items.extend(push(&mut decoder, b"data: x\nevent: y\nid: z\nfoo\n"));
        assert!(decoder.buffered_bytes() <= 110);
    }
    assert_eq!(items, [event_too_long(100, 101)]);
}

#[test]
fn damage_may_come_at_the_very_end() {
    let limits = DecoderLimits::default().event_bytes(3);
    let mut decoder = Decoder::with_limits(limits);
    assert_eq!(push(&mut decoder, b"data: 1234"), []);
    assert_eq!(finish(&mut decoder), [event_too_long(3, 4)]);
    assert_eq!(push(&mut decoder, b"data: 1\n\n"), [event("message", "1")]);
}

#[test]
fn damage_reads_as_an_error() {
    assert_eq!(
        Damage::LineTooLong { limit: 8 }.to_string(),
        "event dropped, a line is over 8 bytes"
    );
    assert_eq!(
        Damage::EventTooLong { limit: 8, size: 9 }.to_string(),
        "event dropped, its data has 9 bytes so far and the limit is 8"
    );
}

#[test]
fn names_and_ids_at_their_limits_and_one_past() {
    let name = |len: usize| EventName::parse("n".repeat(len));
    assert!(name(EVENT_NAME_BYTES_MAX).is_ok());
    let (len, limit) = (EVENT_NAME_BYTES_MAX + 1, EVENT_NAME_BYTES_MAX);
    assert_eq!(name(len), Err(FieldError::TooLong { len, limit }));
    assert_eq!(name(0), Err(FieldError::EmptyName));

    let id = |len: usize| LastEventId::parse("i".repeat(len));
    assert!(id(0).is_ok());
    assert!(id(LAST_EVENT_ID_BYTES_MAX).is_ok());
    let (len, limit) = (LAST_EVENT_ID_BYTES_MAX + 1, LAST_EVENT_ID_BYTES_MAX);
    assert_eq!(id(len), Err(FieldError::TooLong { len, limit }));
}
