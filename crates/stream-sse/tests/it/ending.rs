//! The two ways a stream ends, and what is left for the next connection.

use stream_sse::{Decoder, LastEventId};

use crate::support::{event, finish, push};

#[track_caller]
fn check_finish(input: &str, want: &[&str]) {
    for cut in 0..=input.len() {
        let (head, tail) = input.as_bytes().split_at(cut);
        let mut decoder = Decoder::new();
        let mut got = push(&mut decoder, head);
        got.extend(push(&mut decoder, tail));
        got.extend(finish(&mut decoder));
        let want: Vec<_> = want.iter().map(|data| event("message", data)).collect();
        assert_eq!(got, want, "cut at byte {cut}");
        assert_eq!(finish(&mut decoder), [], "finished twice");
    }
}

#[test]
fn finish_counts_an_unfinished_block() {
    check_finish("", &[]);
    check_finish("data: [DONE]", &["[DONE]"]);
    check_finish("data: [DONE]\n", &["[DONE]"]);
    check_finish("data: [DONE]\r", &["[DONE]"]);
    check_finish("data: [DONE]\r\n\r", &["[DONE]"]);
    check_finish("data: a\n\ndata: b\ndata: c", &["a", "b\nc"]);
    check_finish("data", &[""]);
    check_finish("event: x", &[]);
    check_finish(": only a comment", &[]);
}

#[test]
fn finish_takes_over_an_unfinished_id() {
    let mut decoder = Decoder::new();
    assert_eq!(push(&mut decoder, b"id: 5"), []);
    assert_eq!(decoder.last_event_id(), "");
    assert_eq!(finish(&mut decoder), []);
    assert_eq!(decoder.last_event_id(), "5");
}

#[test]
fn end_drops_an_unfinished_block_and_keeps_id_and_retry() {
    let mut decoder = Decoder::new();
    assert_eq!(
        push(&mut decoder, b"retry: 9\nid: 1\ndata: a\n\nid: 2\nevent: e\ndata: b\n").len(),
        1
    );
    decoder.end();
    assert_eq!(decoder.last_event_id(), "1");
    assert_eq!(decoder.retry().map(|retry| retry.as_millis()), Some(9));
    assert_eq!(decoder.buffered_bytes(), 0);
    assert_eq!(push(&mut decoder, b"\n\n"), []);
}

#[test]
fn each_connection_may_start_with_a_mark() {
    let mark = "\u{FEFF}data: x\n\n".as_bytes();
    let want = [event("message", "x")];
    let mut decoder = Decoder::new();
    assert_eq!(push(&mut decoder, mark), want);
    decoder.end();
    assert_eq!(push(&mut decoder, mark), want);
    assert_eq!(finish(&mut decoder), []);
    assert_eq!(push(&mut decoder, mark), want);
    assert_eq!(push(&mut decoder, b"data: y"), []);
    assert!(decoder.finish().is_some());
    assert_eq!(push(&mut decoder, mark), want);
}

#[test]
fn a_line_feed_is_not_awaited_over_connections() {
    let mut decoder = Decoder::new();
    assert_eq!(push(&mut decoder, b"data: x\r"), []);
    decoder.end();
    assert_eq!(push(&mut decoder, b"\ndata: y\n\n"), [event("message", "y")]);
}

#[test]
fn an_earlier_id_stays_in_force_until_the_server_sends_one() {
    let id = LastEventId::parse("41").expect("a valid id");
    let mut decoder = Decoder::new().resume_from(&id);
    assert_eq!(decoder.last_event_id(), "41");
    assert_eq!(push(&mut decoder, b"data: x\n\n").len(), 1);
    assert_eq!(decoder.last_event_id(), "41");
    assert_eq!(push(&mut decoder, b"id: 42\n\n"), []);
    assert_eq!(decoder.last_event_id(), "42");
}
