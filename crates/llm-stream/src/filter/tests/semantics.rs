//! Which matches are found and what becomes of them.

use super::super::{
    Action, Blocked, Case, Decision, Pattern, PatternFilter, PatternSet, REPLACEMENT,
};
use super::{check, literals, run};

fn masked(patterns: impl IntoIterator<Item = Pattern>) -> PatternSet {
    PatternSet::new(patterns.into_iter().map(|pattern| pattern.action(Action::Mask('#')))).unwrap()
}

#[test]
fn the_leftmost_match_wins_over_a_longer_one() {
    check(&masked([Pattern::literal("bcdef"), Pattern::literal("abc")]), "abcdef", "###def");
    check(&masked([Pattern::regex("bcdef"), Pattern::literal("abc")]), "abcdef", "###def");
    check(&masked([Pattern::literal("bcdef"), Pattern::regex("abc")]), "abcdef", "###def");
}

#[test]
fn of_those_that_begin_together_the_longest_wins_whatever_its_kind() {
    let text = "sk-live-12345 sk-live-";
    let both = [Pattern::literal("sk-live-"), Pattern::regex("sk-live-[0-9]{1,8}")];
    check(&masked(both.clone()), text, "############# ########");
    check(&masked(both.into_iter().rev()), text, "############# ########");
}

#[test]
fn within_one_regex_its_own_order_decides_as_in_the_regex_crate() {
    check(&masked([Pattern::regex("a|ab|abc")]), "abc", "#bc");
    check(&masked([Pattern::regex("abc|ab|a")]), "abc ab a", "### ## #");
    check(&masked([Pattern::regex("<.{1,9}?>")]), "<a> <b>", "### ###");
    check(&masked([Pattern::regex("<.{1,9}>")]), "<a> <b>", "#######");
}

#[test]
fn of_equal_matches_the_pattern_listed_first_is_taken() {
    let list = [
        Pattern::regex("[a-c]{3}").action(Action::Replace("1".into())),
        Pattern::literal("abc").action(Action::Replace("2".into())),
    ];
    check(&PatternSet::new(list.clone()).unwrap(), "abc", "1");
    check(&PatternSet::new(list.into_iter().rev()).unwrap(), "abc", "2");
}

#[test]
fn a_match_of_one_kind_inside_one_that_fails_is_found() {
    check(&masked([Pattern::literal("abcd"), Pattern::regex("b.")]), "abce", "a##e");
    check(&masked([Pattern::regex("abcd"), Pattern::literal("bc")]), "abce", "a##e");
}

#[test]
fn looking_around_sees_the_text_and_not_what_took_its_place() {
    let set = masked([Pattern::literal("x"), Pattern::regex(r"\bab\b")]);
    check(&set, "ab xab ab ab", "## #ab ## ##");
    check(&masked([Pattern::regex("^ab"), Pattern::regex("ba$")]), "ab ab ba ba", "## ab ba ##");
    check(&masked([Pattern::regex("(?m)^ab$")]), "ab\nabc\nab", "##\nabc\n##");
}

#[test]
fn word_boundaries_are_ascii_and_classes_unicode() {
    check(&masked([Pattern::regex(r"\bab\b")]), "éabé", "é##é");
    check(&masked([Pattern::regex(r"\w\d")]), "é٣ a1", "## ##");
    check(&masked([Pattern::regex("a.c")]), "aéc a😀c a\nc", "### ### a\nc");
}

#[test]
fn case_is_ascii_by_default() {
    check(&literals(["straße"]), "STRAßE Straße STRASSE", "[FILTERED] [FILTERED] STRASSE");
    check(&literals(["É"]), "éÉ", "é[FILTERED]");
    check(&masked([Pattern::regex("[a-c]x")]), "AX bX", "## ##");
}

#[test]
fn exact_case_is_exact() {
    check(&masked([Pattern::literal("Key").case(Case::Exact)]), "key Key KEY", "key ### KEY");
    check(&masked([Pattern::regex("Ke[y]").case(Case::Exact)]), "key Key KEY", "key ### KEY");
}

#[test]
fn unicode_case_folds_one_character_to_one() {
    let folded = |text: &str| Pattern::literal(text).case(Case::Unicode);
    check(&masked([folded("σίσυφος")]), "ΣΊΣΥΦΟΣ σίσυφοσ", "####### #######");
    check(&masked([folded("kiss")]), "\u{212a}i\u{17f}S KISS", "#### ####");
    check(&masked([folded("\u{212a}")]), "kK\u{212a}", "###");
    check(&masked([folded("straße")]), "STRAẞE", "######");
    check(&masked([folded("Ǆ")]), "ǅǆ", "##");
}

#[test]
fn what_simple_folding_does_not_know_passes() {
    let set = masked(["straße", "ﬁn", "İ", "é"].map(|t| Pattern::literal(t).case(Case::Unicode)));
    for text in ["STRASSE", "FIN", "i", "e\u{301}", "ｋ", "s\u{200b}traße"] {
        check(&set, text, text);
    }
}

#[test]
fn patterns_with_different_case_live_side_by_side() {
    let set = masked([
        Pattern::literal("aa"),
        Pattern::literal("Bb").case(Case::Exact),
        Pattern::literal("kK").case(Case::Unicode),
        Pattern::regex("c[0-9]").case(Case::Exact),
    ]);
    check(&set, "AAbbBbk\u{212a}C1c1", "##bb####C1##");
}

#[test]
fn every_action_does_what_it_says() {
    let set = PatternSet::new([
        Pattern::literal("one"),
        Pattern::literal("two").action(Action::Replace("2".into())),
        Pattern::literal("três").action(Action::Mask('•')),
        Pattern::literal("four").action(Action::Drop),
        Pattern::literal("five").action(Action::Ask),
    ])
    .unwrap();
    check(&set, "<one two três four five>", "<[FILTERED] 2 ••••  [FILTERED]>");
}

#[test]
fn a_block_ends_the_text_before_the_match() {
    let set =
        PatternSet::new([Pattern::literal("stop").action(Action::Block), Pattern::literal("a")])
            .unwrap();
    let blocked = Blocked::Found { pattern: 0, offset: 3 };
    for cuts in super::three_way_cuts("a, stop a") {
        assert_eq!(run(&set, cuts), (format!("{REPLACEMENT}, "), Err(blocked)), "{cuts:?}");
    }
}

#[test]
fn after_a_block_nothing_comes_out() {
    let set = PatternSet::new([Pattern::literal("stop").action(Action::Block)]).unwrap();
    let mut filter = PatternFilter::new(&set);
    let mut out = String::new();
    let blocked = filter.push("stop", &mut out);
    assert_eq!(filter.blocked(), blocked.err());
    assert_eq!(filter.push("on and on", &mut out), blocked);
    assert_eq!(filter.push("", &mut out), blocked);
    assert_eq!(filter.finish(&mut out), blocked);
    assert_eq!((out.as_str(), filter.held_bytes()), ("", 0));
}

#[test]
fn a_callback_decides_about_each_match() {
    let set = PatternSet::new([Pattern::regex("[a-z]=[0-9]").action(Action::Ask)]).unwrap();
    let decide = |found: &super::super::FilterMatch<'_>| match found.text {
        "a=1" => Decision::Keep,
        "b=1" => Decision::Replace(format!("<{}>", found.offset)),
        "c=1" => Decision::Mask('*'),
        "d=1" => Decision::Drop,
        _ => Decision::Block,
    };
    for cuts in super::three_way_cuts("a=1 b=1 c=1 d=1 e=1") {
        let mut filter = PatternFilter::new(&set).on_match(decide);
        let mut out = String::new();
        let ended = cuts.iter().try_for_each(|cut| filter.push(cut, &mut out));
        let ended = ended.and_then(|()| filter.finish(&mut out));
        assert_eq!(out, "a=1 <4> ***  ", "{cuts:?}");
        assert_eq!(ended, Err(Blocked::Found { pattern: 0, offset: 16 }), "{cuts:?}");
    }
}

#[test]
fn a_filter_is_ready_for_another_text_after_the_end() {
    let set = PatternSet::new([Pattern::regex("^ab"), Pattern::literal("cd")]).unwrap();
    let mut filter = PatternFilter::new(&set);
    for _ in 0..3 {
        let mut out = String::new();
        for piece in ["a", "b a", "b c"] {
            filter.push(piece, &mut out).unwrap();
        }
        filter.finish(&mut out).unwrap();
        assert_eq!(out, "[FILTERED] ab c");
    }
}

#[test]
fn offsets_count_the_unfiltered_text() {
    let set = PatternSet::new([Pattern::literal("needle").action(Action::Ask)]).unwrap();
    let offsets = std::sync::Arc::new(std::sync::Mutex::new(vec![]));
    let log = std::sync::Arc::clone(&offsets);
    let mut filter = PatternFilter::new(&set).on_match(move |found| {
        log.lock().unwrap().push(found.offset);
        Decision::Drop
    });
    let mut out = String::new();
    for _ in 0..1000 {
        for piece in ["some hay, need", "le, ", "more hay; "] {
            filter.push(piece, &mut out).unwrap();
        }
    }
    let want: Vec<u64> = (0..1000).map(|round| round * 28 + 10).collect();
    assert_eq!(*offsets.lock().unwrap(), want);
}

#[test]
fn many_words_and_a_long_text_are_as_the_whole_says() {
    let words: Vec<String> = (0..500).map(|n| format!("w{:03}x{}", n * 7 % 1000, n)).collect();
    let set = literals(words.iter().map(String::as_str));
    let text: Vec<String> = (0..5000).map(|n| format!("w{:03}x{}", n % 1000, n % 600)).collect();
    let text = text.join(" ");
    let finder = aho_corasick::AhoCorasick::builder()
        .match_kind(aho_corasick::MatchKind::LeftmostLongest)
        .build(&words)
        .unwrap();
    let want = finder.replace_all(&text, &vec![REPLACEMENT; words.len()]);
    for sizes in [[1, 1], [3, 12], [100, 1], [5000, 70]] {
        assert_eq!(run(&set, super::cut(&text, &sizes)), (want.clone(), Ok(())));
    }
}
