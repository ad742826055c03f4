//! An offset of a durable stream: no text makes it panic, and each position has one token.
//!
//! Mirrored by `no_text_makes_it_panic` in `crates/stream-protocol/src/durable/offset.rs`.
#![no_main]

use stream_protocol::durable::StreamOffset;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(offset) = text.parse::<StreamOffset>() {
        assert_eq!(offset.to_string(), text);
    }
});
