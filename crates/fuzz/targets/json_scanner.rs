//! JSON tokens: the same tokens and the same error at the same byte however the text is cut, and
//! accepted is whatever `serde_json` accepts.
//!
//! Mirrored by `accepts_refuses_and_reads_as_serde_json_does` and
//! `tolerance_does_not_depend_on_the_cuts_and_keeps_what_is_strict` in
//! `crates/llm-stream/src/json/tests/laws.rs`.
#![no_main]

use std::fmt::Write as _;

use fuzz::{Input, cut_text};
use llm_stream::json::{JsonDialect, JsonError, JsonScanner, JsonToken, limits};
use serde_json::Value;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let mut input = Input::new(data);
    let lengths = input.lengths();
    let Ok(text) = std::str::from_utf8(input.rest()) else { return };
    for dialect in [JsonDialect::Strict, JsonDialect::Tolerant] {
        let whole = tokens(dialect, &[text]);
        assert_eq!(tokens(dialect, &cut_text(text, &lengths)), whole, "{dialect:?}");
        if serde_json::from_str::<Value>(text).is_ok() {
            assert_eq!(whole.1, None, "{dialect:?}");
        }
    }
});

/// All tokens, text put together, and how it ended.
fn tokens(dialect: JsonDialect, pieces: &[&str]) -> (String, Option<JsonError>) {
    let mut scanner = JsonScanner::new(dialect, limits::DEPTH_MAX);
    let mut out = String::new();
    for piece in pieces {
        let mut rest = *piece;
        loop {
            match scanner.next_token(&mut rest) {
                Ok(Some(token)) => append(&mut out, token),
                Ok(None) => break,
                Err(error) => return (out, Some(error)),
            }
        }
    }
    match scanner.finish() {
        Ok(token) => {
            if let Some(token) = token {
                append(&mut out, token);
            }
            (out, None)
        }
        Err(error) => (out, Some(error)),
    }
}

fn append(out: &mut String, token: JsonToken<'_>) {
    match token {
        JsonToken::Text(text) | JsonToken::Number(text) => out.push_str(text),
        JsonToken::Char(char) => out.push(char),
        token => write!(out, "<{token:?}>").expect("text takes all that is written"),
    }
}
