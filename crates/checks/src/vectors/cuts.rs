//! Inputs in pieces: whatever the cuts, the same must come out.

use std::ops::Range;
use std::slice;

use anyhow::ensure;
use serde_json::Value;

/// Inputs with more places than this are not cut in two at every one, which takes quadratic time.
const PLACES_MAX: usize = 10_000;

/// Into how many parts the places of a longer input are divided, for a cut at the end of each.
const LONG_INPUT_CUTS: usize = 16;

/// What `run` finds in `input`, which may be cut at every byte, also within a character.
pub(super) fn byte_cuts(
    input: &[u8],
    run: impl Fn(&[&[u8]]) -> anyhow::Result<Value>,
) -> anyhow::Result<Value> {
    let places: Vec<usize> = (0..=input.len()).collect();
    agreed(&places, |ranges| {
        let pieces: Vec<&[u8]> = ranges.iter().map(|range| &input[range.clone()]).collect();
        run(&pieces)
    })
}

/// What `run` finds in `input`, which may be cut at every character.
pub(super) fn char_cuts(
    input: &str,
    run: impl Fn(&[&str]) -> anyhow::Result<Value>,
) -> anyhow::Result<Value> {
    let places: Vec<usize> = (0..=input.len()).filter(|at| input.is_char_boundary(*at)).collect();
    agreed(&places, |ranges| {
        let pieces: Vec<&str> = ranges.iter().map(|range| &input[range.clone()]).collect();
        run(&pieces)
    })
}

/// What is found whole, piece by piece, and cut in two at every place, once with an empty piece
/// between the two; all must agree.
fn agreed(
    places: &[usize],
    run: impl Fn(&[Range<usize>]) -> anyhow::Result<Value>,
) -> anyhow::Result<Value> {
    let end = places.last().copied().unwrap_or_default();
    let whole = run(slice::from_ref(&(0..end)))?;
    let check = |cut: &str, ranges: &[Range<usize>]| {
        let found = run(ranges)?;
        ensure!(found == whole, "depends on the cuts: {whole} whole, {found} {cut}");
        Ok(())
    };
    let singles: Vec<_> = places.windows(2).map(|pair| pair[0]..pair[1]).collect();
    check("piece by piece", &singles)?;
    let step = if places.len() <= PLACES_MAX { 1 } else { places.len() / LONG_INPUT_CUTS };
    for &at in places.iter().step_by(step) {
        check(&format!("cut at byte {at}"), &[0..at, at..end])?;
        check(&format!("with an empty piece at byte {at}"), &[0..at, at..at, at..end])?;
    }
    Ok(whole)
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    /// Every way in which `input` was cut.
    fn cuts_of(input: &str) -> Vec<String> {
        let cuts = RefCell::new(Vec::new());
        let note = |pieces: &[&str]| {
            cuts.borrow_mut().push(pieces.join("|"));
            Ok(Value::Null)
        };
        char_cuts(input, note).unwrap();
        cuts.into_inner()
    }

    #[test]
    fn text_is_cut_at_every_character() {
        let want = ["aü", "a|ü", "|aü", "||aü", "a|ü", "a||ü", "aü|", "aü||"];
        assert_eq!(cuts_of("aü"), want);
        assert_eq!(cuts_of(""), ["", "", "|", "||"]);
    }

    #[test]
    fn bytes_are_cut_within_characters() {
        let lossy = |pieces: &[&[u8]]| {
            Ok(pieces.iter().map(|piece| String::from_utf8_lossy(piece)).collect::<String>().into())
        };
        assert_eq!(byte_cuts(b"abc", lossy).unwrap(), "abc");
        assert!(byte_cuts("ü".as_bytes(), lossy).is_err());
    }

    #[test]
    fn one_cut_that_differs_is_enough() {
        for bad in ["a|b|c", "ab|c", "ab||c", "|abc", "abc||"] {
            let run = |pieces: &[&str]| Ok(Value::from(pieces.join("|") == bad));
            let error = char_cuts("abc", run).unwrap_err().to_string();
            assert!(error.starts_with("depends on the cuts: false whole, true "), "{error}");
        }
    }

    #[test]
    fn a_long_input_is_cut_in_two_at_some_places() {
        let count = |places: usize| cuts_of(&"x".repeat(places - 1)).len();
        assert_eq!(count(100), 2 + 2 * 100);
        assert!((34..=36).contains(&count(PLACES_MAX + 1)));
    }
}
