//! What is borrowed from where, and what is kept when a caller stops reading.

use stream_sse::{Decoded, Decoder};

use crate::support::{Item, event, push};

/// Whether the one event of `chunk` borrows its data from the chunk.
#[track_caller]
fn is_borrowed(decoder: &mut Decoder, chunk: &[u8]) -> bool {
    let range = chunk.as_ptr_range();
    let mut events = decoder.push(chunk);
    let found = events.next().and_then(Decoded::event).expect("an event");
    range.contains(&found.data().as_ptr())
}

#[test]
fn one_line_of_data_in_one_chunk_is_borrowed() {
    assert!(is_borrowed(&mut Decoder::new(), b"event: x\ndata: hello\n\n"));
    assert!(is_borrowed(&mut Decoder::new(), b"data: hello\r\nid: 4\r\n: c\r\n\r\n"));
    assert!(!is_borrowed(&mut Decoder::new(), b"data: hello\ndata: world\n\n"));
}

#[test]
fn an_event_after_an_unfinished_one_is_borrowed_again() {
    let mut decoder = Decoder::new();
    assert_eq!(push(&mut decoder, b"data: a"), []);
    assert_eq!(push(&mut decoder, b"b\n\n"), [event("message", "ab")]);
    assert!(is_borrowed(&mut decoder, b"data: c\n\n"));
}

#[test]
fn a_type_may_be_kept_while_data_is_borrowed() {
    let mut decoder = Decoder::new();
    assert_eq!(push(&mut decoder, b"event: na"), []);
    assert_eq!(push(&mut decoder, b"me\n"), []);
    let mut events = decoder.push(b"data: x\n\n");
    let found = events.next().and_then(Decoded::event).expect("an event");
    assert_eq!((found.event_type(), found.data()), (&b"name"[..], &b"x"[..]));
}

#[test]
fn the_buffer_is_empty_between_events() {
    let mut decoder = Decoder::new();
    assert_eq!(push(&mut decoder, b"data: abc"), []);
    assert_eq!(decoder.buffered_bytes(), 9);
    assert_eq!(push(&mut decoder, b"\n\n").len(), 1);
    assert_eq!(decoder.buffered_bytes(), 0);
}

#[test]
fn unread_events_come_first_after_the_next_push() {
    let mut decoder = Decoder::new();
    drop(decoder.push(b"data: 1\n\ndata: 2\n"));
    assert_eq!(decoder.buffered_bytes(), 17);
    drop(decoder.push(b"\ndata: 3\n\n"));
    let want = ["1", "2", "3", "4"].map(|data| event("message", data));
    assert_eq!(push(&mut decoder, b"data: 4\n\n"), want);
    assert_eq!(decoder.buffered_bytes(), 0);
}

#[test]
fn a_block_survives_events_dropped_at_its_comment() {
    let mut decoder = Decoder::new().report_comments();
    {
        let mut events = decoder.push(b"event: e\ndata: 1\n: c\n");
        assert_eq!(events.next(), Some(Decoded::Comment(b"c")));
    }
    assert_eq!(push(&mut decoder, b"\n"), [event("e", "1")]);
}

#[test]
fn comments_are_reported_only_when_asked_for() {
    let input = b": a\n:b\n\ndata: 1\n\n:\n";
    assert_eq!(push(&mut Decoder::new(), input), [event("message", "1")]);
    let comment = |text: &str| Item::Comment(text.to_owned());
    assert_eq!(
        push(&mut Decoder::new().report_comments(), input),
        [comment("a"), comment("b"), event("message", "1"), comment("")]
    );
}

#[test]
fn data_is_validated_on_demand() {
    let mut decoder = Decoder::new();
    let mut events = decoder.push(b"data: ab\xFF\n\ndata: ok\n\n");
    let damaged = events.next().and_then(Decoded::event).expect("an event");
    assert_eq!(damaged.data_utf8().map_err(|error| error.valid_up_to()), Err(2));
    assert_eq!(damaged.data_str(), "ab\u{FFFD}");
    let valid = events.next().and_then(Decoded::event).expect("an event");
    assert_eq!(valid.data_utf8(), Ok("ok"));
    assert!(matches!(valid.data_str(), std::borrow::Cow::Borrowed("ok")));
}

#[test]
fn an_event_tells_what_it_brought_itself() {
    let mut decoder = Decoder::new();
    let mut events = decoder.push(b"retry: 5\nid: 1\nevent: message\ndata: x\n\ndata: y\n\n");
    let first = events.next().and_then(Decoded::event).expect("an event");
    assert_eq!((first.id(), first.is_named()), (Some("1"), true));
    assert_eq!(first.retry(), Some(std::time::Duration::from_millis(5)));
    let second = events.next().and_then(Decoded::event).expect("an event");
    assert_eq!((second.id(), second.last_event_id()), (None, "1"));
    assert_eq!((second.is_named(), second.retry()), (false, None));
}
