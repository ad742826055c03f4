//! Laws over random patterns, texts and cuts.

use proptest::prelude::*;

use super::super::limits::REGEX_CACHE_BYTES_MAX;
use super::super::{Action, Case, Decision, Pattern, PatternFilter, PatternSet, REPLACEMENT};
use super::reference::{Spec, compile, matches, replace_all};
use super::{cut, run};

/// Expressions over the letters of the random texts, all with a longest match.
const EXPRESSIONS: &[&str] = &[
    "ab?",
    "a{2,3}",
    "a|ab|abc",
    "abc|ab|a",
    "a.?c",
    "[ab]{1,4}c",
    "[ab]{1,4}?c",
    "(?:ab){1,3}",
    "(?-u:\\b)ab(?-u:\\b)",
    "(?-u:\\b)[abc]{2,3}(?-u:\\b)",
    "a(?-u:\\B)b",
    "^ab",
    "ca$",
    "(?m)^b.",
    "c\\z",
    "\\s[ab]\\s",
    "[^a]b",
    "é.",
    "(?i)k[aé]",
    "(?:a|b{2,5}|cab){1,2}[ é]",
];

/// Expressions without a longest match.
const UNBOUNDED: &[&str] = &["a+b", "[ab]+c", "c[^c]*c", "(?:ab)+", "(?s)a.*c", "b+", "[ab]{2,}?c"];

fn literal() -> impl Strategy<Value = Spec> {
    let case = prop_oneof![Just(Case::Ascii), Just(Case::Exact), Just(Case::Unicode)];
    ("[abckK é\u{212a}]{1,7}", case).prop_map(|(text, case)| Spec::literal(&text, case))
}

fn expression(list: &'static [&'static str]) -> impl Strategy<Value = Spec> {
    prop::sample::select(list).prop_map(Spec::regex)
}

fn specs() -> impl Strategy<Value = Vec<Spec>> {
    prop_oneof![
        prop::collection::vec(literal(), 1..6),
        prop::collection::vec(expression(EXPRESSIONS), 1..4),
        prop::collection::vec(prop_oneof![literal(), expression(EXPRESSIONS)], 1..6),
    ]
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof!["[abcAB]{0,40}", "[abckKé \n\u{212a}]{0,40}", "(?:ab|c|abc| |éa){0,20}"]
}

fn sizes() -> impl Strategy<Value = Vec<usize>> {
    prop::collection::vec(0_usize..9, 1..6)
}

/// One character for each pattern and length of its match, so that no two matches look the same.
fn mark(pattern: usize, text: &str) -> String {
    let number = 0xE000 + u32::try_from(pattern * 256 + text.len()).unwrap();
    char::from_u32(number).unwrap().to_string()
}

proptest! {
    #[test]
    fn however_it_is_cut_the_result_is_that_of_the_whole(
        specs in specs(), text in text(), sizes in sizes(),
    ) {
        let set = compile(&specs, None);
        let want = replace_all(&specs, &text, |_, _| REPLACEMENT.to_owned());
        prop_assert_eq!(run(&set, [text.as_str()]), (want.clone(), Ok(())));
        prop_assert_eq!(run(&set, cut(&text, &sizes)), (want, Ok(())));
    }

    #[test]
    fn nothing_depends_on_the_size_of_the_caches(
        specs in prop::collection::vec(expression(EXPRESSIONS), 1..6),
        text in text(), sizes in sizes(),
    ) {
        let patterns: Vec<Pattern> = specs.iter().map(|spec| spec.pattern.clone()).collect();
        let small = PatternSet::compile(patterns.clone(), None, 0).unwrap();
        let large = PatternSet::compile(patterns, None, REGEX_CACHE_BYTES_MAX).unwrap();
        let want = replace_all(&specs, &text, |_, _| REPLACEMENT.to_owned());
        prop_assert_eq!(run(&small, cut(&text, &sizes)), (want.clone(), Ok(())));
        prop_assert_eq!(run(&large, cut(&text, &sizes)), (want, Ok(())));
    }

    #[test]
    fn no_byte_of_a_match_gets_out_and_everything_else_does(
        specs in specs(), text in text(), sizes in sizes(),
    ) {
        let asked = specs.iter().map(|spec| spec.pattern.clone().action(Action::Ask));
        let set = PatternSet::new(asked).unwrap();
        let seen = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
        let log = std::sync::Arc::clone(&seen);
        let mut filter = PatternFilter::new(&set).on_match(move |found| {
            let start = usize::try_from(found.offset).unwrap();
            log.lock().unwrap().push((start, start + found.text.len(), found.pattern));
            Decision::Drop
        });
        let mut out = String::new();
        let mut pushed = String::new();
        for piece in cut(&text, &sizes) {
            filter.push(piece, &mut out).unwrap();
            pushed.push_str(piece);
            prop_assert!(filter.held_bytes() <= set.max_match() + 2);
            let replaced: usize = seen.lock().unwrap().iter().map(|(start, end, _)| end - start).sum();
            prop_assert_eq!(out.len() + replaced + filter.held_bytes(), pushed.len());
        }
        filter.finish(&mut out).unwrap();
        let spans = seen.lock().unwrap().clone();
        prop_assert_eq!(&spans, &matches(&specs, &text));
        prop_assert_eq!(out, replace_all(&specs, &text, |_, _| String::new()));
    }

    #[test]
    fn a_bound_blocks_the_same_text_however_it_is_cut(
        specs in prop::collection::vec(
            prop_oneof![expression(UNBOUNDED), expression(EXPRESSIONS), literal()], 1..5),
        max_match in 6_usize..16,
        text in text(), sizes in sizes(),
    ) {
        let patterns: Vec<Pattern> = specs.iter().map(|spec| spec.pattern.clone()).collect();
        let Ok(set) = PatternSet::with_max_match(patterns, max_match) else { return Ok(()) };
        let whole = run(&set, [text.as_str()]);
        prop_assert_eq!(&run(&set, cut(&text, &sizes)), &whole);
        let want = replace_all(&specs, &text, |_, _| REPLACEMENT.to_owned());
        let longest = matches(&specs, &text).iter().map(|(start, end, _)| end - start).max();
        match whole.1 {
            Ok(()) => {
                prop_assert_eq!(whole.0, want);
                prop_assert!(longest.unwrap_or(0) <= max_match);
            }
            Err(_) => prop_assert!(want.starts_with(&whole.0), "{} / {}", want, whole.0),
        }
    }
}

/// Every text of at most four characters that might follow.
fn continuations() -> Vec<String> {
    let mut all = vec![String::new()];
    let mut last = all.clone();
    for _ in 0..4 {
        last = last
            .iter()
            .flat_map(|head| ["a", "b", "c", " "].map(|letter| format!("{head}{letter}")))
            .collect();
        all.extend(last.iter().cloned());
    }
    all
}

fn common_prefix(one: &str, other: &str) -> usize {
    let pairs = one.char_indices().zip(other.chars());
    let same = pairs.take_while(|((_, a), b)| a == b);
    same.last().map_or(0, |((index, letter), _)| index + letter.len_utf8())
}

/// Patterns for which four more characters decide everything.
const SHORT: &[&str] =
    &["ab?", "a{2,3}", "a|ab|abc", "abc|ab|a", "a.?c", "[ab]{1,3}c", "[ab]{1,3}?c", "(?:ab){1,2}"];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_no_continuation_can_change_is_out_at_once(
        specs in prop::collection::vec(
            prop_oneof!["[abc]{1,4}".prop_map(|text| Spec::literal(&text, Case::Ascii)), expression(SHORT)],
            1..4),
        pieces in prop::collection::vec("[abc ]{0,4}", 1..4),
    ) {
        let asked = specs.iter().map(|spec| spec.pattern.clone().action(Action::Ask));
        let set = PatternSet::new(asked).unwrap();
        let mut filter = PatternFilter::new(&set)
            .on_match(|found| Decision::Replace(mark(found.pattern, found.text)));
        let mut out = String::new();
        let mut text = String::new();
        for piece in pieces {
            filter.push(&piece, &mut out).unwrap();
            text.push_str(&piece);
            let mut certain = replace_all(&specs, &text, mark);
            for more in continuations() {
                let whole = replace_all(&specs, &format!("{text}{more}"), mark);
                certain.truncate(common_prefix(&certain, &whole));
            }
            prop_assert_eq!(&out, &certain, "after {}", text);
        }
    }
}
