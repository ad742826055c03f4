//! Tests of [`Create`].

use super::*;
use crate::durable::headers::{STREAM_CLOSED, STREAM_TTL};
use http::HeaderName;

const ROOT: &str = "/v1/stream/";

fn parse(pairs: &[(HeaderName, &str)], body: &str) -> Result<Create, Refusal> {
    let headers = pairs.iter().map(|(name, value)| (name.clone(), value.parse().unwrap()));
    Create::parse(&headers.collect(), Bytes::copy_from_slice(body.as_bytes()), ROOT)
}

fn status(result: Result<impl Sized, Refusal>) -> u16 {
    result.map_or_else(|refusal| refusal.problem.status().as_u16(), |_| 200)
}

fn source() -> Description {
    parse(&[(CONTENT_TYPE, "text/plain"), (STREAM_TTL, "60")], "")
        .unwrap()
        .plain(5)
        .unwrap()
        .description
}

/// A fork of `source` at its second append, whose third is `next`.
fn fork(pairs: &[(HeaderName, &str)], body: &str, next: &str) -> Result<Creation, Refusal> {
    let at = StreamOffset::new(5, 2).to_string();
    let common = [(STREAM_FORKED_FROM, "/v1/stream/a%20b"), (STREAM_FORK_OFFSET, at.as_str())];
    let create = parse(&[&common, pairs].concat(), body)?;
    let request = create.fork().unwrap().clone();
    let source = source();
    let offset = request.offset.unwrap();
    create.forked(&request, &source, offset, Some(&Bytes::copy_from_slice(next.as_bytes())), 3)
}

#[test]
fn a_stream_is_made_with_its_first_content() {
    let creation = parse(&[(CONTENT_TYPE, "application/json"), (STREAM_CLOSED, "true")], "[1,2]")
        .unwrap()
        .plain(7)
        .unwrap();
    assert_eq!(creation.pieces, ["1,2"]);
    assert!(creation.closed);
    assert_eq!(creation.description.life, 7);
    for nothing in ["", "[]"] {
        let empty = parse(&[(CONTENT_TYPE, "application/json")], nothing).unwrap().plain(7);
        assert_eq!(empty.unwrap().pieces, [""; 0]);
    }
    assert_eq!(status(parse(&[(CONTENT_TYPE, "application/json")], "{").unwrap().plain(7)), 400);
}

#[test]
fn the_same_request_finds_its_stream_and_another_does_not() {
    let typed = (CONTENT_TYPE, "text/plain");
    let check = |pairs: &[(HeaderName, &str)], closed, want| {
        let existing = source();
        assert_eq!(status(parse(pairs, "").unwrap().matches(&existing, closed)), want, "{pairs:?}");
    };
    let ttl = (STREAM_TTL, "60");
    let upper = (CONTENT_TYPE, "TEXT/PLAIN");
    check(&[typed.clone(), ttl.clone()], false, 200);
    check(&[upper, ttl.clone()], false, 200);
    check(std::slice::from_ref(&typed), false, 409);
    check(std::slice::from_ref(&ttl), false, 409);
    check(&[typed.clone(), (STREAM_TTL, "61")], false, 409);
    check(&[typed.clone(), ttl.clone()], true, 409);
    check(&[typed.clone(), ttl.clone(), (STREAM_CLOSED, "true")], true, 200);
    check(&[typed, ttl, (STREAM_FORKED_FROM, "/v1/stream/x")], false, 409);
}

#[test]
fn a_fork_takes_its_source_s_type_and_lifetime_and_a_later_life() {
    let creation = fork(&[], "", "").unwrap();
    let Description { content_type, lifetime, life, epoch: _, fork } = creation.description.clone();
    assert_eq!((content_type, lifetime, life), (source().content_type, Lifetime::Ttl(60), 6));
    let fork = fork.unwrap();
    assert_eq!((fork.source.as_str(), fork.source_life, fork.at, fork.depth), ("a b", 5, 2, 1));
    assert_eq!(creation.description.own_offset(6, 2), None);
    assert_eq!(creation.description.own_offset(6, 3), Some(StreamOffset::new(6, 3)));
}

#[test]
fn a_sub_offset_takes_the_beginning_of_the_next_append() {
    let sub = |count| (STREAM_FORK_SUB_OFFSET, count);
    assert_eq!(fork(&[sub("3")], "XY", "hello").unwrap().pieces, ["hel", "XY"]);
    assert_eq!(fork(&[sub("0")], "", "hello").unwrap().pieces, [""; 0]);
    assert_eq!(status(fork(&[sub("6")], "", "hello")), 400);
    for bad in ["-1", "+1", "05", "1.5", "abc", ""] {
        assert_eq!(status(fork(&[sub(bad)], "", "hello")), 400, "{bad}");
    }
}

#[test]
fn what_makes_no_fork_is_refused() {
    assert_eq!(status(fork(&[(CONTENT_TYPE, "application/json")], "", "")), 409);
    assert_eq!(status(parse(&[(STREAM_FORK_SUB_OFFSET, "0")], "")), 400);
    assert_eq!(status(parse(&[(STREAM_FORK_OFFSET, "x")], "")), 400);
    let from = (STREAM_FORKED_FROM, "/v1/stream/a");
    assert_eq!(status(parse(&[from.clone(), (STREAM_FORK_SUB_OFFSET, "1")], "")), 400);
    assert_eq!(status(parse(&[from, (STREAM_FORK_OFFSET, "soon")], "")), 400);
    assert_eq!(status(parse(&[(STREAM_FORKED_FROM, "http://elsewhere/a")], "")), 400);
}

#[test]
fn forks_of_forks_have_a_bound() {
    let mut description = source();
    for depth in 1..=FORK_DEPTH_MAX + 1 {
        let create = parse(&[(STREAM_FORKED_FROM, "/v1/stream/a")], "").unwrap();
        let request = create.fork().unwrap().clone();
        let made = create.forked(&request, &description, StreamOffset::BEGINNING, None, 0);
        if depth > FORK_DEPTH_MAX {
            assert_eq!(status(made), 409);
        } else {
            description = made.unwrap().description;
        }
    }
}

#[test]
fn making_the_same_fork_again_finds_it() {
    let made = fork(&[(STREAM_FORK_SUB_OFFSET, "2")], "", "hello").unwrap().description;
    let at = StreamOffset::new(5, 2).to_string();
    let again = |source: &'static str, offset: &str, sub: &str| {
        let pairs = [
            (STREAM_FORKED_FROM, source),
            (STREAM_FORK_OFFSET, offset),
            (STREAM_FORK_SUB_OFFSET, sub),
        ];
        status(parse(&pairs, "").unwrap().matches(&made, false))
    };
    assert_eq!(again("/v1/stream/a%20b", &at, "2"), 200);
    assert_eq!(again("/v1/stream/a%20b", &at, "3"), 409);
    assert_eq!(again("/v1/stream/a%20b", &StreamOffset::new(5, 1).to_string(), "2"), 409);
    assert_eq!(again("/v1/stream/c", &at, "2"), 409);
}
