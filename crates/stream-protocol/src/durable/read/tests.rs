//! Tests of [`Read`] and [`Page`].

use super::*;
use crate::durable::headers::{STREAM_CLOSED, STREAM_NEXT_OFFSET};
use crate::durable::{ContentType, Lifetime};
use proptest::prelude::*;
use time::macros::datetime;

const T0: OffsetDateTime = datetime!(2026-01-02 03:04:05 UTC);
const TOKEN: &str = "0000000000000001_0000000000000002";

fn pairs(query: &str) -> Vec<(String, String)> {
    let pair = |text: &str| {
        let (key, value) = text.split_once('=').unwrap_or((text, ""));
        (key.to_owned(), value.to_owned())
    };
    query.split('&').filter(|text| !text.is_empty()).map(pair).collect()
}

fn parse(query: &str) -> Result<Read, Refusal> {
    Read::parse(&pairs(query), &HeaderMap::new())
}

#[track_caller]
fn check(query: &str, want: Option<(ReadStart, Mode)>) {
    assert_eq!(parse(query).ok().map(|read| (read.start, read.mode)), want, "{query}");
}

#[test]
fn a_query_says_where_and_how_long() {
    let at = ReadStart::At(StreamOffset::new(1, 2));
    check("", Some((ReadStart::Beginning, Mode::CatchUp)));
    check("offset=-1&other=1", Some((ReadStart::Beginning, Mode::CatchUp)));
    check("offset=now", Some((ReadStart::Now, Mode::CatchUp)));
    check(&format!("offset={TOKEN}"), Some((at, Mode::CatchUp)));
    check(&format!("offset={TOKEN}&live=long-poll"), Some((at, Mode::LongPoll)));
    check("offset=now&live=sse&cursor=5", Some((ReadStart::Now, Mode::Sse)));
    for bad in [
        "offset=",
        "offset=0,1",
        "offset=NOW",
        "offset=-2",
        "offset=a&offset=b",
        "live=sse",
        "live=long-poll",
        "offset=-1&live=",
        "offset=-1&live=ws",
    ] {
        check(bad, None);
    }
}

fn description() -> Description {
    Description {
        content_type: ContentType::parse("application/json").unwrap(),
        lifetime: Lifetime::Unlimited,
        life: 1,
        epoch: None,
        fork: None,
    }
}

fn page(pieces: &[&'static str], closed: bool) -> Page {
    Page {
        start: StreamOffset::BEGINNING,
        next: StreamOffset::new(1, 2),
        pieces: pieces.iter().copied().map(Bytes::from).collect(),
        up_to_date: true,
        closed,
    }
}

#[test]
fn a_page_tells_where_it_ends_and_is_known_by_a_tag() {
    let read = parse("").unwrap();
    let (answer, body) = page(&["1", "2"], false).answer(&read, &description(), T0, None);
    assert_eq!(body, "[1,2]");
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.headers[STREAM_NEXT_OFFSET], TOKEN);
    assert_eq!(answer.headers[STREAM_UP_TO_DATE], "true");
    assert!(!answer.headers.contains_key(STREAM_CLOSED));

    let tag = answer.headers[ETAG].clone();
    let again = |value: &str| {
        let headers = [(IF_NONE_MATCH, value.parse().unwrap())].into_iter().collect();
        Read::parse(&[], &headers).unwrap()
    };
    let tag_text = tag.to_str().unwrap();
    for known in [tag_text, "*", &format!("W/{tag_text}"), &format!("\"x\", {tag_text}")] {
        let (answer, body) =
            page(&["1", "2"], false).answer(&again(known), &description(), T0, None);
        assert_eq!((answer.status, body.len()), (StatusCode::NOT_MODIFIED, 0), "{known}");
    }
    // Who has the page of the open stream must still hear that it was closed.
    let (answer, _) = page(&["1", "2"], true).answer(&again(tag_text), &description(), T0, None);
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.headers[STREAM_CLOSED], "true");
}

#[test]
fn nothing_that_depends_on_now_is_kept_by_caches() {
    let read = parse("offset=now").unwrap();
    let (answer, body) = page(&[], false).answer(&read, &description(), T0, None);
    assert_eq!(body, "[]");
    assert_eq!(answer.headers[CACHE_CONTROL], "no-store");
    assert!(!answer.headers.contains_key(ETAG));
    assert_eq!(page(&[], false).answer_nothing(5).headers[CACHE_CONTROL], "no-store");
}

#[test]
fn a_poll_in_vain_carries_a_cursor_unless_it_was_the_last() {
    let open = page(&[], false).answer_nothing(5);
    assert_eq!(open.status, StatusCode::NO_CONTENT);
    assert_eq!(open.headers[STREAM_CURSOR], "5");
    let closed = page(&[], true).answer_nothing(5);
    assert_eq!(closed.headers[STREAM_CLOSED], "true");
    assert_eq!(closed.headers[STREAM_UP_TO_DATE], "true");
    assert!(!closed.headers.contains_key(STREAM_CURSOR));
}

proptest! {
    #[test]
    fn no_query_makes_it_panic(query in "(offset|live|cursor|x|=|&|-1|now|sse|[a-f0-9_]{0,40}){0,12}") {
        drop(parse(&query));
    }
}
