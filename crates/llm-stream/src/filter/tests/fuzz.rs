//! What a fuzzer does, from random bytes: any patterns, any text, any cuts.

use proptest::prelude::*;

use super::super::{Action, Case, Pattern, PatternSet};
use super::{cut, run};

/// Bytes taken from the front of the input.
struct Input<'a>(&'a [u8]);

impl Input<'_> {
    fn byte(&mut self) -> u8 {
        self.0.split_off_first().copied().unwrap_or(0)
    }

    /// Text of as many letters as the next byte says, chosen from `letters`.
    fn text(&mut self, letters: &[&str], longest: u8) -> String {
        let count = self.byte() % (longest + 1);
        (0..count).map(|_| letters[usize::from(self.byte()) % letters.len()]).collect()
    }

    fn pattern(&mut self) -> Pattern {
        let kind = self.byte();
        let pattern = if kind.is_multiple_of(2) {
            Pattern::literal(self.text(LETTERS, 6))
        } else {
            Pattern::regex(self.text(SYNTAX, 9))
        };
        let case = [Case::Ascii, Case::Exact, Case::Unicode][usize::from(kind / 2 % 3)];
        let actions = [Action::default(), Action::Mask('#'), Action::Drop, Action::Block];
        pattern.case(case).action(actions[usize::from(kind / 8 % 4)].clone())
    }
}

const LETTERS: &[&str] =
    &["a", "b", "c", "A", "K", "k", "\u{212a}", "é", "ſ", "s", " ", "\n", "😀"];
const SYNTAX: &[&str] = &[
    "a",
    "b",
    "c",
    "k",
    "é",
    ".",
    "[ab]",
    "[^a]",
    r"\w",
    r"\d",
    r"\b",
    r"\B",
    "^",
    "$",
    "(?m)$",
    "(?m)^",
    "|",
    "(",
    ")",
    "(?:",
    "?",
    "??",
    "*",
    "+",
    "+?",
    "{2}",
    "{1,3}",
    "{2,}?",
    r"\b{start}",
    "(?i)",
    "(?s:.)",
    r"\z",
    " ",
    "-",
];

/// One run of the fuzzer: nothing panics, and no cut changes the outcome.
fn run_one(input: &[u8]) -> Result<(), TestCaseError> {
    let mut input = Input(input);
    let max_match = usize::from(input.byte() % 24);
    let count = input.byte() % 4;
    let patterns: Vec<Pattern> = (0..count).map(|_| input.pattern()).collect();
    let set = match max_match {
        0 => PatternSet::new(patterns),
        _ => PatternSet::with_max_match(patterns, max_match),
    };
    let Ok(set) = set else { return Ok(()) };
    let sizes: Vec<usize> = (0..3).map(|_| usize::from(input.byte() % 9)).collect();
    let text = input.text(LETTERS, 80);
    let whole = run(&set, [text.as_str()]);
    prop_assert_eq!(run(&set, cut(&text, &sizes)), whole, "{} in {:?}", text, set);
    Ok(())
}

proptest! {
    #[test]
    fn no_input_panics_or_depends_on_the_cuts(input in prop::collection::vec(any::<u8>(), 0..160)) {
        run_one(&input)?;
    }
}
