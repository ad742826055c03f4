//! The same filter over a whole text: slow, obvious, and made with the `regex` crate alone.

use regex::Regex;

use super::super::{Case, Pattern, PatternSet};

/// A pattern in the words of the filter and in those of the `regex` crate.
#[derive(Debug, Clone)]
pub(super) struct Spec {
    pub(super) pattern: Pattern,
    regex: Regex,
}

impl Spec {
    pub(super) fn literal(text: &str, case: Case) -> Self {
        let expression = match case {
            Case::Ascii => text.chars().map(either_case).collect(),
            Case::Exact => regex::escape(text),
            Case::Unicode => format!("(?i){}", regex::escape(text)),
        };
        let regex = Regex::new(&expression).unwrap();
        Self { pattern: Pattern::literal(text).case(case), regex }
    }

    pub(super) fn regex(expression: &str) -> Self {
        let regex = Regex::new(expression).unwrap();
        Self { pattern: Pattern::regex(expression).case(Case::Exact), regex }
    }
}

fn either_case(letter: char) -> String {
    if letter.is_ascii_alphabetic() {
        format!("[{}{}]", letter.to_ascii_lowercase(), letter.to_ascii_uppercase())
    } else {
        regex::escape(&letter.to_string())
    }
}

/// Compiles what the specs describe.
pub(super) fn compile(specs: &[Spec], max_match: Option<usize>) -> PatternSet {
    let patterns = specs.iter().map(|spec| spec.pattern.clone());
    match max_match {
        Some(bytes) => PatternSet::with_max_match(patterns, bytes).unwrap(),
        None => PatternSet::new(patterns).unwrap(),
    }
}

/// Start, end and pattern of every match: the leftmost, then the longest, then the first listed.
pub(super) fn matches(specs: &[Spec], text: &str) -> Vec<(usize, usize, usize)> {
    let mut found = Vec::new();
    let mut at = 0;
    loop {
        let candidates = specs.iter().enumerate().filter_map(|(index, spec)| {
            spec.regex.find_at(text, at).map(|found| (found.start(), found.end(), index))
        });
        let Some(best) =
            candidates.min_by_key(|(start, end, index)| (*start, text.len() - end, *index))
        else {
            return found;
        };
        at = best.1;
        found.push(best);
    }
}

/// The text with every match replaced by what `replacement` makes of its pattern and text.
pub(super) fn replace_all(
    specs: &[Spec],
    text: &str,
    replacement: impl Fn(usize, &str) -> String,
) -> String {
    let mut out = String::new();
    let mut at = 0;
    for (start, end, pattern) in matches(specs, text) {
        out.push_str(&text[at..start]);
        out.push_str(&replacement(pattern, &text[start..end]));
        at = end;
    }
    out.push_str(&text[at..]);
    out
}
