//! What a client of durable streams sends: no header, query or body makes a machine panic, and
//! what is stored of a JSON body is read back as an array.
//!
//! Mirrored by the properties in `crates/stream-protocol/src/durable/`.
#![no_main]

use bytes::Bytes;
use fuzz::Input;
use http::{HeaderMap, HeaderName, HeaderValue};
use stream_protocol::durable::append::Append;
use stream_protocol::durable::create::Create;
use stream_protocol::durable::read::{Page, Read};
use stream_protocol::durable::record::Description;
use stream_protocol::durable::subscription::target::Reach;
use stream_protocol::durable::subscription::{Ack, Config};
use stream_protocol::durable::{ContentType, Lifetime, StreamOffset};

/// The headers that mean something.
const NAMES: &[&str] = &[
    "content-type",
    "if-none-match",
    "producer-epoch",
    "producer-id",
    "producer-seq",
    "stream-closed",
    "stream-expires-at",
    "stream-fork-offset",
    "stream-fork-sub-offset",
    "stream-forked-from",
    "stream-seq",
    "stream-ttl",
];

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let mut input = Input::new(data);
    let mut headers = HeaderMap::new();
    for _ in 0..input.below(5) {
        let name = NAMES.get(input.below(NAMES.len())).copied().unwrap_or_default();
        if let Ok(value) = HeaderValue::from_bytes(input.bytes()) {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
    let query = [("offset".to_owned(), input.text()), ("live".to_owned(), input.text())];
    let body = Bytes::copy_from_slice(input.bytes());
    drop(Create::parse(&headers, body.clone(), "/v1/stream/").map(|create| create.plain(1)));
    drop(Read::parse(&query, &headers));
    drop(Config::parse(&body, Reach::Public));
    drop(Ack::parse(&body));
    let Ok(content_type) = ContentType::parse("application/json") else { return };
    let Ok(append) = Append::parse(&headers, body) else { return };
    let Ok(plan) = append.plan(&content_type, None) else { return };
    let description =
        Description { content_type, lifetime: Lifetime::Unlimited, life: 1, epoch: None, fork: None };
    let page = Page {
        start: StreamOffset::BEGINNING,
        next: StreamOffset::new(1, 1),
        pieces: plan.piece.into_iter().collect(),
        up_to_date: true,
        closed: false,
    };
    let read = serde_json::from_slice::<Vec<serde_json::Value>>(&page.body(&description));
    assert!(read.is_ok() || append_is_too_deep(&page));
});

/// `Value` refuses what is nested deeper than it can hold; the protocol does not.
fn append_is_too_deep(page: &Page) -> bool {
    let opens = |piece: &Bytes| piece.iter().filter(|byte| matches!(byte, b'[' | b'{')).count();
    page.pieces.iter().map(opens).sum::<usize>() > 100
}
