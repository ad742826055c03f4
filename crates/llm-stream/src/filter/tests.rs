//! What the filter promises, checked against simpler code that has the whole text.

#![expect(clippy::string_slice, reason = "the positions are those of characters")]

mod arguments;
mod fuzz;
mod laws;
mod limits;
mod reference;
mod semantics;

use super::{Blocked, Pattern, PatternFilter, PatternSet};

/// What comes out of `set` for the chunks, and how it ends.
fn run<'a>(
    set: &PatternSet,
    chunks: impl IntoIterator<Item = &'a str>,
) -> (String, Result<(), Blocked>) {
    let mut filter = PatternFilter::new(set);
    let mut out = String::new();
    let pushed = chunks.into_iter().try_for_each(|chunk| filter.push(chunk, &mut out));
    let ended = pushed.and_then(|()| filter.finish(&mut out));
    (out, ended)
}

/// A set of literal patterns.
fn literals<'a>(texts: impl IntoIterator<Item = &'a str>) -> PatternSet {
    PatternSet::new(texts.into_iter().map(Pattern::literal)).unwrap()
}

/// Filters `text` cut in three in every way; all must give `want`.
#[track_caller]
fn check(set: &PatternSet, text: &str, want: &str) {
    for cuts in three_way_cuts(text) {
        let (out, ended) = run(set, cuts);
        assert_eq!(out, want, "cut {cuts:?}");
        assert_eq!(ended, Ok(()), "cut {cuts:?}");
    }
}

/// Every way to cut a text in three, some parts of which may be empty.
fn three_way_cuts(text: &str) -> impl Iterator<Item = [&str; 3]> {
    let borders: Vec<usize> = (0..=text.len()).filter(|at| text.is_char_boundary(*at)).collect();
    let pairs = borders.clone().into_iter().flat_map(move |first| {
        borders.clone().into_iter().filter(move |second| *second >= first).map(move |s| (first, s))
    });
    pairs.map(|(first, second)| [&text[..first], &text[first..second], &text[second..]])
}

/// Cuts `text` into pieces of about the given bytes, over and over.
fn cut<'a>(text: &'a str, sizes: &[usize]) -> Vec<&'a str> {
    let mut pieces = Vec::new();
    let mut rest = text;
    for size in sizes.iter().cycle() {
        if rest.is_empty() || sizes.iter().all(|size| *size == 0) {
            break;
        }
        let (piece, tail) = rest.split_at(rest.ceil_char_boundary(*size));
        pieces.push(piece);
        rest = tail;
    }
    pieces.push(rest);
    pieces
}
