//! Values found in a stream of text: the same values and errors however it is cut, with any
//! limits, in every mode.
//!
//! Mirrored by `what_a_stream_parser_finds_does_not_depend_on_the_cuts` in
//! `crates/llm-stream/src/json/tests/laws.rs`.
#![no_main]

use fuzz::{Input, cut};
use llm_stream::json::{JsonDialect, JsonError, JsonExtract, JsonStreamOptions};
use serde_json::Value;

const MODES: [JsonExtract; 4] =
    [JsonExtract::Objects, JsonExtract::Containers, JsonExtract::Elements, JsonExtract::Values];

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let mut input = Input::new(data);
    let lengths = input.lengths();
    let mut options = JsonStreamOptions::default().extract(MODES[input.below(MODES.len())]);
    let choices = input.byte();
    if choices & 1 > 0 {
        options = options.dialect(JsonDialect::Tolerant);
    }
    if choices & 2 > 0 {
        options = options.object_bytes_max(1 + usize::from(input.byte()));
    }
    if choices & 4 > 0 {
        options = options.depth_max(1 + usize::from(input.byte() % 8));
    }
    let bytes = input.rest();
    let whole = found(&options, &[bytes]);
    assert_eq!(found(&options, &cut(bytes, &lengths)), whole);
});

/// Everything that a parser has to say about a text.
type Found = (Vec<Value>, Vec<JsonError>, Result<(), JsonError>);

fn found(options: &JsonStreamOptions, pieces: &[&[u8]]) -> Found {
    let mut parser = options.clone().build();
    for piece in pieces {
        parser.feed_bytes(piece);
    }
    let finished = parser.finish();
    let errors = std::iter::from_fn(|| parser.next_error()).collect();
    (parser.get_objects(), errors, finished)
}
