//! OpenAI's Responses: the same events however the bytes are cut, one end, events
//! that survive JSON, no panic.
//!
//! Mirrored by `mutations_decode_alike_however_they_are_cut` and `noise_decodes` in
//! `crates/llm-stream/tests/it/laws.rs`.
#![no_main]

use llm_stream::Format;

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::check_provider(&[Format::OpenAiResponses], data));
