//! Whatever a decoder makes of a stream can be encoded in every format, and what is read back has
//! the same words.
//!
//! Mirrored by `what_can_be_said_arrives` and `only_the_last_frame_of_an_event_adds_words` in
//! `crates/llm-stream/tests/it/encode/trip.rs`, and by `a_snapshot_changes_nothing_that_follows` in
//! `resume.rs` beside it.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::check_encoders(data));
