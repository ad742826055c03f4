//! Simple case folding: which characters a literal pattern's characters stand for.

use std::collections::HashMap;

use regex_syntax::hir::{ClassUnicode, ClassUnicodeRange};

/// Maps every character that folds like one of some patterns to one spelling.
///
/// Only the patterns' own characters are known: no other character can be part of a match, so it
/// does not matter what becomes of them. ASCII letters are left to the automaton.
#[derive(Debug, Default)]
pub(super) struct Folding {
    spelling: HashMap<char, char>,
}

impl Folding {
    /// Learns the characters of `text` and returns it in the one spelling.
    pub(super) fn learn(&mut self, text: &str) -> String {
        text.chars().map(|character| self.learn_char(character)).collect()
    }

    fn learn_char(&mut self, character: char) -> char {
        if let Some(&known) = self.spelling.get(&character) {
            return known;
        }
        let mut class = ClassUnicode::new([ClassUnicodeRange::new(character, character)]);
        if class.try_case_fold_simple().is_err() {
            // The tables are compiled in; without them a character would only match itself.
            return character;
        }
        let members: Vec<char> =
            class.iter().flat_map(|range| range.start()..=range.end()).collect();
        let first = members.first().copied().unwrap_or(character).to_ascii_lowercase();
        self.spelling.extend(members.into_iter().map(|member| (member, first)));
        first
    }

    /// The one spelling of `character`.
    pub(super) fn fold(&self, character: char) -> char {
        self.spelling.get(&character).copied().unwrap_or(character)
    }
}
