//! The content filter: whatever the patterns and the cuts, what comes out is what comes out of the
//! whole text; words are gone as a search for them in the whole text finds them.
//!
//! Mirrored by `however_it_is_cut_the_result_is_that_of_the_whole` and
//! `a_bound_blocks_the_same_text_however_it_is_cut` in `crates/llm-stream/src/filter/tests/laws.rs`.
#![no_main]

use fuzz::{Input, cut_text};
use llm_stream::filter::{Blocked, Case, Pattern, PatternFilter, PatternSet};

const MAX_MATCH: usize = 64;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let mut input = Input::new(data);
    let lengths = input.lengths();
    let mut words = Vec::new();
    let mut patterns = Vec::new();
    for _ in 0..input.byte() % 5 {
        let text = input.text();
        if input.byte().is_multiple_of(2) {
            patterns.push(Pattern::literal(text.as_str()).case(Case::Exact));
            words.push(text);
        } else {
            patterns.push(Pattern::regex(text));
        }
    }
    let has_only_words = words.len() == patterns.len();
    let Ok(set) = PatternSet::with_max_match(patterns, MAX_MATCH) else { return };
    let Ok(text) = std::str::from_utf8(input.rest()) else { return };
    let whole = filter(&set, &[text]);
    assert_eq!(filter(&set, &cut_text(text, &lengths)), whole);
    assert_eq!(filter(&set, &cut_text(text, &[1])), whole);
    if has_only_words {
        assert_eq!(whole, (without(text, &words), Ok(())));
    }
});

fn filter(set: &PatternSet, pieces: &[&str]) -> (String, Result<(), Blocked>) {
    let mut filter = PatternFilter::new(set);
    let mut out = String::new();
    for piece in pieces {
        if let Err(blocked) = filter.push(piece, &mut out) {
            return (out, Err(blocked));
        }
        assert!(filter.held_bytes() <= set.max_match() + 2, "more is held back than may match");
    }
    let result = filter.finish(&mut out);
    (out, result)
}

/// The text with the leftmost and longest of the words replaced, again and again.
fn without(text: &str, words: &[String]) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let found = words.iter().filter(|word| rest.starts_with(word.as_str()));
        if let Some(longest) = found.max_by_key(|word| word.len()) {
            out.push_str(llm_stream::filter::REPLACEMENT);
            rest = &rest[longest.len()..];
        } else {
            out.push(first);
            rest = &rest[first.len_utf8()..];
        }
    }
    out
}
