//! Simple case folding: which characters a literal pattern's characters stand for.

use std::collections::HashMap;

use regex_syntax::hir::{ClassUnicode, ClassUnicodeRange};

use super::pattern::Case;

/// The characters that count as `character`, itself among them.
pub(super) fn same(character: char, case: Case) -> Vec<char> {
    match case {
        Case::Ascii if character.is_ascii_alphabetic() => {
            vec![character.to_ascii_lowercase(), character.to_ascii_uppercase()]
        }
        Case::Ascii | Case::Exact => vec![character],
        Case::Unicode => {
            let mut class = ClassUnicode::new([ClassUnicodeRange::new(character, character)]);
            // It fails without the crate's tables; then a character has no other spellings.
            match class.try_case_fold_simple() {
                Ok(()) => class.iter().flat_map(|range| range.start()..=range.end()).collect(),
                Err(_) => vec![character],
            }
        }
    }
}

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
        let members = same(character, Case::Unicode);
        let first = members.iter().min().copied().unwrap_or(character).to_ascii_lowercase();
        self.spelling.extend(members.into_iter().map(|member| (member, first)));
        first
    }

    /// The one spelling of `character`.
    pub(super) fn fold(&self, character: char) -> char {
        if character.is_ascii() {
            return character;
        }
        self.spelling.get(&character).copied().unwrap_or(character)
    }
}
