//! What a client sends to resume: no text makes it panic, and a token that is read is written and
//! read again as it was.
//!
//! Mirrored by `no_text_makes_it_panic` in `crates/stream-protocol/src/token.rs`.
#![no_main]

use stream_protocol::ResumeToken;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(token) = text.parse::<ResumeToken>() {
        assert_eq!(token.to_string().parse(), Ok(token));
    }
});
