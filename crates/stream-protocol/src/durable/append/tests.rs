//! Tests of [`Append`].

use super::*;
use crate::durable::headers::STREAM_CLOSED;
use http::HeaderName;
use proptest::prelude::*;

fn headers(pairs: &[(HeaderName, &str)]) -> HeaderMap {
    pairs.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect()
}

fn text() -> ContentType {
    ContentType::parse("text/plain").unwrap()
}

fn json() -> ContentType {
    ContentType::parse("application/json").unwrap()
}

fn triple() -> [(HeaderName, &'static str); 3] {
    [(publish::PRODUCER_ID, "p"), (publish::PRODUCER_EPOCH, "1"), (publish::PRODUCER_SEQ, "4")]
}

/// What becomes of a request to a stream: the piece, or the status of the refusal.
#[track_caller]
fn check(
    pairs: &[(HeaderName, &str)],
    body: &'static str,
    (of_stream, closed): (ContentType, bool),
    want: Result<Option<&str>, u16>,
) {
    let closed_at = closed.then_some(StreamOffset::new(1, 2));
    let found = Append::parse(&headers(pairs), Bytes::from_static(body.as_bytes()))
        .and_then(|append| append.plan(&of_stream, closed_at))
        .map(|plan| plan.piece.map(|piece| String::from_utf8(piece.to_vec()).unwrap()))
        .map_err(|refusal| refusal.problem.status().as_u16());
    assert_eq!(found.as_ref().map(|piece| piece.as_deref()), want.as_ref().copied());
}

#[test]
fn a_body_needs_the_stream_s_content_type() {
    let typed: &[_] = &[(CONTENT_TYPE, "text/plain")];
    check(typed, "x", (text(), false), Ok(Some("x")));
    check(typed, "x", (json(), false), Err(409));
    check(&[], "x", (text(), false), Err(400));
    check(&[(CONTENT_TYPE, "nonsense")], "x", (text(), false), Err(400));
    check(typed, "", (text(), false), Err(400));
}

#[test]
fn an_array_must_hold_something() {
    let typed: &[_] = &[(CONTENT_TYPE, "application/json")];
    check(typed, "[1,2]", (json(), false), Ok(Some("1,2")));
    check(typed, "[]", (json(), false), Err(400));
    check(typed, "{", (json(), false), Err(400));
}

#[test]
fn closing_needs_no_body_and_no_type() {
    for value in ["true", "TRUE"] {
        check(&[(STREAM_CLOSED, value)], "", (text(), false), Ok(None));
    }
    for value in ["1", "yes", "false", ""] {
        check(&[(STREAM_CLOSED, value)], "", (text(), false), Err(400));
    }
    let other: &[_] = &[(STREAM_CLOSED, "true"), (CONTENT_TYPE, "application/json")];
    check(other, "", (text(), false), Ok(None));
}

#[test]
fn that_a_stream_is_closed_is_told_first() {
    let typed: &[_] = &[(CONTENT_TYPE, "text/plain")];
    check(typed, "x", (text(), true), Err(409));
    let refusal = Append::parse(&headers(typed), Bytes::from("x"))
        .unwrap()
        .plan(&json(), Some(StreamOffset::new(1, 2)))
        .unwrap_err();
    assert_eq!(refusal.headers[STREAM_CLOSED], "true");
    // Closing again is no harm, and a producer's repetition is for the log to judge.
    check(&[(STREAM_CLOSED, "true")], "", (text(), true), Ok(None));
    let produced = [typed, &triple()].concat();
    check(&produced, "x", (json(), true), Ok(Some("x")));
}

#[test]
fn sequences_go_by_bytes() {
    let check = |newest: &'static str, seq, want| {
        let append = Append::parse(
            &headers(&[(STREAM_SEQ, seq), (CONTENT_TYPE, "text/plain")]),
            Bytes::from("x"),
        );
        let result = append.unwrap().check_seq(Some(&Bytes::from_static(newest.as_bytes())));
        assert_eq!(result.is_ok(), want, "{newest} then {seq}");
    };
    check("2", "10", false);
    check("09", "10", true);
    check("a", "B", false);
    check("B", "a", true);
    check("1", "1", false);
}

#[test]
fn limits_are_kept() {
    let parse = |length: usize| {
        let seq = "s".repeat(length);
        let headers = headers(&[(STREAM_SEQ, &seq), (CONTENT_TYPE, "text/plain")]);
        Append::parse(&headers, Bytes::from("x"))
    };
    assert!(parse(SEQ_BYTES_MAX).is_ok());
    assert!(parse(SEQ_BYTES_MAX + 1).is_err());
}

#[test]
fn a_producer_is_told_whether_its_append_was_new() {
    let appended = |duplicate| Appended {
        tail: StreamOffset::new(1, 2),
        duplicate,
        closed: false,
        producer_seq: Some(9),
    };
    let typed = [(CONTENT_TYPE, "text/plain")];
    let produced = Append::parse(&headers(&[&typed[..], &triple()].concat()), "x".into()).unwrap();
    let plain = Append::parse(&headers(&typed), "x".into()).unwrap();
    assert_eq!(produced.answer(appended(false)).status, StatusCode::OK);
    let answer = produced.answer(appended(true));
    assert_eq!(answer.status, StatusCode::NO_CONTENT);
    assert_eq!(answer.headers[publish::PRODUCER_EPOCH], "1");
    assert_eq!(answer.headers[publish::PRODUCER_SEQ], "9");
    let answer = plain.answer(appended(false));
    assert_eq!(answer.status, StatusCode::NO_CONTENT);
    assert!(!answer.headers.contains_key(publish::PRODUCER_SEQ));
}

proptest! {
    #[test]
    fn no_request_makes_it_panic(
        content_type in "[a-z/; ]{0,20}",
        closed in "(true|false|x)?",
        epoch in "[0-9x]{0,20}",
        body: Vec<u8>,
    ) {
        let pairs = [
            (CONTENT_TYPE, content_type.as_str()),
            (STREAM_CLOSED, &closed),
            (publish::PRODUCER_ID, "p"),
            (publish::PRODUCER_EPOCH, &epoch),
            (publish::PRODUCER_SEQ, "0"),
        ];
        if let Ok(append) = Append::parse(&headers(&pairs), body.into()) {
            drop(append.plan(&json(), None));
        }
    }
}
