//! Server-sent events: the same items, id and reconnection time however the bytes are cut, within
//! any limits; nothing is left behind; no panic.
//!
//! Mirrored by `random_cuts_of_a_big_stream_agree_with_the_standard` and
//! `cuts_do_not_matter_at_the_limits` in `crates/stream-sse/tests/it/chunking.rs`.
#![no_main]

use std::time::Duration;

use fuzz::{Input, cut};
use stream_sse::{Decoded, Decoder, DecoderLimits};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let mut input = Input::new(data);
    let lengths = input.lengths();
    let mut limits = DecoderLimits::default();
    if input.byte() % 2 == 1 {
        limits = limits.line_bytes(input.byte().into()).event_bytes(input.byte().into());
    }
    let bytes = input.rest();
    let whole = outcome(limits, &[bytes]);
    assert_eq!(outcome(limits, &cut(bytes, &lengths)), whole);
});

/// Every item in words, and what the decoder remembers behind them.
type Outcome = (Vec<String>, String, Option<Duration>);

fn outcome(limits: DecoderLimits, pieces: &[&[u8]]) -> Outcome {
    let mut decoder = Decoder::with_limits(limits).report_comments();
    let mut items = Vec::new();
    for piece in pieces {
        let mut events = decoder.push(piece);
        while let Some(item) = events.next() {
            items.push(in_words(item));
        }
    }
    while let Some(item) = decoder.finish() {
        items.push(in_words(item));
    }
    assert_eq!(decoder.buffered_bytes(), 0, "the end leaves nothing behind");
    (items, decoder.last_event_id().to_owned(), decoder.retry())
}

fn in_words(item: Decoded<'_>) -> String {
    if let Decoded::Event(event) = item {
        // What is asked for as text must be the bytes where these are text.
        assert!(event.data_utf8().is_err() || event.data_str().as_bytes() == event.data());
    }
    format!("{item:?}")
}
