//! Every bound, at it and one past it.

use super::super::limits::{
    LITERAL_TABLE_BYTES_MAX, MATCH_BYTES_MAX, PATTERN_BYTES_MAX, PATTERNS_MAX,
};
use super::super::{Blocked, Case, Pattern, PatternError, PatternFilter, PatternSet};
use super::{check, literals, run, three_way_cuts};

#[track_caller]
fn refuse(pattern: Pattern) -> PatternError {
    PatternSet::new([Pattern::literal("fine"), pattern]).unwrap_err()
}

#[test]
fn patterns_that_match_nothing_are_refused() {
    assert!(matches!(refuse(Pattern::literal("")), PatternError::Empty { pattern: 1 }));
    for expression in ["", "a?", "a{0,3}", "|a", "(?:)", r"\b", "^", "^$"] {
        let error = refuse(Pattern::regex(expression));
        assert!(
            matches!(error, PatternError::MatchesEmpty { pattern: 1 }),
            "{expression}: {error}"
        );
    }
}

#[test]
fn what_is_no_regex_is_refused_and_says_why() {
    for expression in ["(", "a{2,1}", r"\", "(?-u:\\xff)", "[b-a]", "a(?=b)"] {
        let error = refuse(Pattern::regex(expression));
        assert!(matches!(error, PatternError::Syntax { pattern: 1, .. }), "{expression}: {error}");
        assert_eq!(error.pattern(), Some(1));
        assert!(std::error::Error::source(&error).is_some());
    }
}

#[test]
fn a_regex_without_a_longest_match_needs_a_bound() {
    for expression in ["a+", "ab*", "(?s)a.*b", "(?:ab|c+)d"] {
        let error = refuse(Pattern::regex(expression));
        assert!(matches!(error, PatternError::Unbounded { pattern: 1 }), "{expression}: {error}");
        PatternSet::with_max_match([Pattern::regex(expression)], 10).unwrap();
    }
}

#[test]
fn the_bound_on_matches_is_a_number_of_bytes_in_a_range() {
    for max_match in [0, MATCH_BYTES_MAX + 1, usize::MAX] {
        let error = PatternSet::with_max_match([Pattern::regex("a+")], max_match).unwrap_err();
        assert!(matches!(error, PatternError::MaxMatch { .. }), "{max_match}: {error}");
    }
    for max_match in [1, MATCH_BYTES_MAX] {
        let set = PatternSet::with_max_match([Pattern::regex("a+")], max_match).unwrap();
        assert_eq!(set.max_match(), max_match);
    }
}

#[test]
fn no_pattern_may_be_longer_than_the_bound() {
    let patterns = || [Pattern::literal("abcd")];
    assert_eq!(PatternSet::with_max_match(patterns(), 4).unwrap().max_match(), 4);
    let error = PatternSet::with_max_match(patterns(), 3).unwrap_err();
    assert!(matches!(error, PatternError::TooLong { pattern: 0, bytes: 4, max: 3 }), "{error}");
    let error = refuse(Pattern::literal("a".repeat(MATCH_BYTES_MAX + 1)));
    assert!(matches!(error, PatternError::TooLong { pattern: 1, .. }), "{error}");
    let error = refuse(Pattern::regex(".{4097}"));
    assert!(matches!(error, PatternError::TooLong { pattern: 1, .. }), "{error}");
    assert_eq!(literals(["a".repeat(MATCH_BYTES_MAX).as_str()]).max_match(), MATCH_BYTES_MAX);
}

#[test]
fn the_longest_match_of_a_folded_word_counts_its_longest_spelling() {
    let set = PatternSet::new([Pattern::literal("kß").case(Case::Unicode)]).unwrap();
    assert_eq!(set.max_match(), "\u{212a}ẞ".len());
    check(&set, "a\u{212a}ẞb", "a[FILTERED]b");
}

#[test]
fn there_may_be_so_many_patterns_and_bytes_of_them() {
    let one_too_many = (0..=PATTERNS_MAX).map(|_| Pattern::literal("a"));
    assert!(matches!(PatternSet::new(one_too_many), Err(PatternError::TooMany { .. })));
    let long = "a".repeat(PATTERN_BYTES_MAX / 8 + 1);
    let too_long = (0..8).map(|_| Pattern::literal(long.as_str()));
    assert!(matches!(PatternSet::new(too_long), Err(PatternError::TooMany { .. })));
}

#[test]
fn a_program_that_is_too_large_is_refused() {
    let error = refuse(Pattern::regex(r"(?:\w{50}){50}"));
    assert!(matches!(error, PatternError::Compile(_)), "{error}");
    assert_eq!(error.pattern(), None);
}

#[test]
fn words_too_many_for_a_table_are_found_all_the_same() {
    let words: Vec<String> = (0..2500).map(|n: u32| format!("{:x}", md(n))).collect();
    assert!(words.len() * 14 * 64 * 4 > LITERAL_TABLE_BYTES_MAX, "a table would do");
    let set = literals(words.iter().map(String::as_str));
    let text = format!("<{}{}> {}", words[17], words[2499], &words[5][..words[5].len() - 1]);
    let rest = &words[5][..words[5].len() - 1];
    check(&set, &text, &format!("<[FILTERED][FILTERED]> {rest}"));
}

/// A number that looks random.
fn md(n: u32) -> u64 {
    u64::from(n).wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1 << 63
}

#[test]
fn at_the_bound_a_match_is_filtered_and_past_it_the_text_is_blocked() {
    let set = PatternSet::with_max_match([Pattern::regex("<[^>]*>")], 8).unwrap();
    check(&set, "a <123456> b", "a [FILTERED] b");
    for text in ["a <1234567> b", "a <12345678> b", "a <1234567890 and so on"] {
        let blocked = Blocked::TooLong { offset: 2, max_match: 8 };
        assert!(blocked.is_too_long());
        for cuts in three_way_cuts(text) {
            assert_eq!(run(&set, cuts), ("a ".to_owned(), Err(blocked)), "{cuts:?}");
        }
    }
}

#[test]
fn a_bound_does_not_touch_patterns_that_are_shorter() {
    let patterns = [Pattern::regex("x+y"), Pattern::regex("[a-c]{3}")];
    let set = PatternSet::with_max_match(patterns, 5).unwrap();
    check(&set, "abcabcabcab xxy", "[FILTERED][FILTERED][FILTERED]ab [FILTERED]");
}

#[test]
fn nothing_is_held_beyond_the_longest_match() {
    let cases = [
        (literals(["password", "pass the salt"]), "pass the sal", 12),
        (PatternSet::new([Pattern::regex("[a-z]{1,20}!")]).unwrap(), "", 20),
        (PatternSet::new([Pattern::literal("ééé").case(Case::Unicode)]).unwrap(), "éÉ", 4),
    ];
    for (set, text, held) in cases {
        let mut filter = PatternFilter::new(&set);
        let mut out = String::new();
        for _ in 0..50 {
            filter.push("pas", &mut out).unwrap();
            assert!(filter.held_bytes() <= set.max_match());
        }
        filter.push(text, &mut out).unwrap();
        assert_eq!(filter.held_bytes(), held, "{text}");
    }
}

#[test]
fn the_memory_of_a_text_does_not_grow_with_it() {
    let set = PatternSet::with_max_match([Pattern::regex(r"\w+@\w+")], 64).unwrap();
    let mut filter = PatternFilter::new(&set);
    let mut out = String::new();
    for _ in 0..100_000 {
        filter.push("some words here ", &mut out).unwrap();
        assert!(filter.held_bytes() <= 64);
        out.clear();
    }
    assert!(filter.buffer_bytes() <= 4096, "{}", filter.buffer_bytes());
    filter.push(&"a long delta ".repeat(10_000), &mut out).unwrap();
    assert!(filter.buffer_bytes() <= 4096, "{}", filter.buffer_bytes());
}
