//! A document that is read while it arrives: the same value, error and events however it is cut,
//! and in the end what `serde_json` reads, accept and reject alike.
//!
//! Mirrored by `accepts_refuses_and_reads_as_serde_json_does` and
//! `a_partial_depends_only_on_the_text_so_far` in `crates/llm-stream/src/json/tests/laws.rs`.
#![no_main]

use fuzz::{Input, cut};
use llm_stream::json::{JsonDialect, JsonError, PartialJson, PartialJsonOptions};
use serde_json::Value;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let mut input = Input::new(data);
    let lengths = input.lengths();
    let is_strict = input.byte().is_multiple_of(2);
    let bytes = input.rest();
    let options = || {
        let dialect = if is_strict { JsonDialect::Strict } else { JsonDialect::Tolerant };
        PartialJsonOptions::default().dialect(dialect)
    };
    let pieces = cut(bytes, &lengths);
    let whole = read(options().build(), &[bytes]);
    assert_eq!(read(options().build(), &pieces), whole);
    assert_eq!(read(options().build(), &cut(bytes, &[1])), whole);

    let want = serde_json::from_slice::<Value>(bytes).ok();
    if is_strict {
        assert_eq!(whole.0.ok(), want);
    } else if let Some(want) = want {
        assert_eq!(whole.0, Ok(want));
    }
    check_prefix(&options(), pieces.first().copied().unwrap_or_default());
});

/// What came of a document, and the value before its end was told.
type Outcome = (Result<Value, JsonError>, Option<Value>);

fn read(mut json: PartialJson, pieces: &[&[u8]]) -> Outcome {
    let mut failed = None;
    for piece in pieces {
        if let Err(error) = json.push_bytes(piece) {
            failed = Some(error);
            break;
        }
        // Events borrow from the tree; reading them all must be possible after every delta.
        while let Some(event) = json.next_event() {
            let _ = event.path.to_pointer();
        }
    }
    let so_far = json.to_value();
    match failed.map_or_else(|| json.finish(), Err) {
        Ok(()) => (Ok(json.to_value().expect("a complete document has a value")), so_far),
        Err(error) => (Err(error), so_far),
    }
}

/// Checks that the value so far does not depend on the events that are kept.
fn check_prefix(options: &PartialJsonOptions, head: &[u8]) {
    let mut with = options.clone().build();
    let mut without = options.clone().events(false).build();
    assert_eq!(with.push_bytes(head), without.push_bytes(head));
    assert_eq!(with.to_value(), without.to_value());
}
