//! A decoder that finds out the format by itself: the same events however the bytes are cut, one
//! end, no panic.
//!
//! Mirrored by `mutations_decode_alike_however_they_are_cut` in
//! `crates/llm-stream/tests/it/laws.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::check_detection(data));
