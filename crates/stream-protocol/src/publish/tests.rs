//! Every form of a published body, and of what is wrong with one.

use http::HeaderValue;
use stream_model::DataKind;

use super::*;

fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
    let pair = |(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value));
    pairs.iter().copied().map(pair).collect()
}

#[track_caller]
fn check(content_type: &'static str, body: &'static [u8], want: &[(DataKind, &[u8])]) {
    let headers = match content_type {
        "" => HeaderMap::new(),
        content_type => headers(&[("content-type", content_type)]),
    };
    let publish = parse(&headers, Bytes::from_static(body)).unwrap();
    let data = publish.events.iter().map(|draft| match draft {
        Draft::Data(data) => data,
        Draft::Event(event) => panic!("expected data alone, found {event:?}"),
    });
    let found: Vec<_> = data.map(|data| (data.kind(), data.as_bytes())).collect();
    assert_eq!(found, want);
}

#[test]
fn the_content_type_decides() {
    use DataKind::{Binary, Json, Text};
    check("application/json", b"{\"n\":1}", &[(Json, b"{\"n\":1}")]);
    check("Application/JSON; charset=utf-8", b"1", &[(Json, b"1")]);
    check("application/vnd.x+json", b"[]", &[(Json, b"[]")]);
    check("text/plain", b"1", &[(Text, b"1")]);
    check("application/octet-stream", b"1", &[(Binary, b"1")]);
    check("image/png", b"\x89PNG", &[(Binary, b"\x89PNG")]);
    check("application/x-ndjson", b"1\r\n\n{}\n", &[(Json, b"1"), (Json, b"{}")]);
}

#[test]
fn a_form_or_nothing_is_guessed() {
    use DataKind::{Binary, Json, Text};
    for content_type in ["application/x-www-form-urlencoded", ""] {
        check(content_type, b"{\"n\":1}", &[(Json, b"{\"n\":1}")]);
        check(content_type, b"hello=%20", &[(Text, b"hello=%20")]);
        check(content_type, b"\xff\x00", &[(Binary, b"\xff\x00")]);
    }
}

#[track_caller]
fn check_refused(content_type: &'static str, body: &'static [u8], status: u16, detail: &str) {
    let headers = headers(&[("content-type", content_type)]);
    let problem = Problem::from(parse(&headers, Bytes::from_static(body)).unwrap_err());
    assert_eq!(problem.status().as_u16(), status);
    let found = problem.to_json()["detail"].as_str().unwrap().to_owned();
    assert!(found.contains(detail), "{found}");
}

#[test]
fn what_is_refused_says_what_was_expected() {
    check_refused("application/json", b"", 400, "expected a body");
    check_refused("application/json", b"{\"n\":", 400, "line 1 column");
    check_refused("application/x-ndjson", b"1\n\nx\n", 400, "expected valid JSON on line 3");
    check_refused("application/x-ndjson", b"\n\n", 400, "expected a body");
    check_refused("text/plain", b"\xff", 400, "UTF-8");
    check_refused("multipart/form-data; boundary=x", b"--x", 415, "multipart/form-data");
}

#[test]
fn events_belong_to_the_trace_of_their_request() {
    let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let headers = headers(&[
        ("traceparent", parent),
        ("tracestate", "a=1"),
        ("content-type", "application/cloudevents-batch+json"),
    ]);
    let body = r#"[{"specversion":"1.0","id":"1","source":"/s","type":"t"},
        {"specversion":"1.0","id":"2","source":"/s","type":"t","traceparent":"its own"}]"#;
    let publish = parse(&headers, Bytes::from_static(body.as_bytes())).unwrap();
    let events = publish.on(&Topic::new("a").unwrap());
    let text = |event: &Event, name| event.metadata().get_str(name).map(str::to_owned);
    assert_eq!(text(&events[0], "traceparent").as_deref(), Some(parent));
    assert_eq!(text(&events[0], "tracestate").as_deref(), Some("a=1"));
    assert_eq!(text(&events[1], "traceparent").as_deref(), Some("its own"));
    assert_eq!(text(&events[1], "tracestate"), None);
}

#[test]
fn the_number_of_events_has_a_limit() {
    let headers = headers(&[("content-type", "application/x-ndjson")]);
    let body = |events: usize| Bytes::from("1\n".repeat(events));
    let full = parse(&headers, body(EVENTS_PER_REQUEST_MAX)).unwrap();
    assert_eq!(full.events.len(), EVENTS_PER_REQUEST_MAX);
    let over = parse(&headers, body(EVENTS_PER_REQUEST_MAX + 1));
    assert_eq!(over, Err(PublishError::TooMany));
}

#[test]
fn who_publishes() {
    let triple = [("producer-id", "p"), ("producer-epoch", "2"), ("producer-seq", "3")];
    let found = producer(&headers(&triple)).unwrap().unwrap();
    assert_eq!((found.id.as_str(), found.epoch, found.seq), ("p", 2, 3));
    let key = producer(&headers(&[("idempotency-key", "k")])).unwrap().unwrap();
    assert_eq!((key.epoch, key.seq), (0, 0));
    assert_eq!(producer(&HeaderMap::new()), Ok(None));
    for bad in [
        &triple[..2],
        &[("producer-id", ""), ("producer-epoch", "2"), ("producer-seq", "3")],
        &[("producer-id", "p"), ("producer-epoch", "+2"), ("producer-seq", "3")],
        &[("producer-id", "p"), ("producer-epoch", "2"), ("producer-seq", "")],
        &[triple[0], triple[1], triple[2], ("idempotency-key", "k")],
    ] {
        let refused = producer(&headers(bad));
        assert!(matches!(refused, Err(PublishError::Producer { .. })), "{bad:?}");
    }
}
