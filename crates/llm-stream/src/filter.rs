//! Keeps words and patterns out of a stream of text, however it is cut into deltas.
//!
//! A pattern that is cut in two by a delta's end must not pass, and text that has gone cannot be
//! called back. So the filter holds back what may still become part of a match, and nothing else:
//! of `the pass` it holds `pass` while `password` is looked for, and lets `pass` go with the next
//! space. The state of the search is carried over from delta to delta; no text is searched anew.
//!
//! [`PatternFilter`] filters one text. [`ContentFilter`] is a [`Processor`](crate::Processor) that
//! filters a stream of events: every choice and channel, tool calls and their JSON, and raw values.
//! [`ContentFilterProcessor`] is the same for a list of words.
//!
//! # Which matches
//! Of all matches the leftmost counts; of those that begin together the longest; of these the one
//! whose pattern comes first in the list. The search then goes on behind it. What a match of one
//! pattern is, is as ever: a literal's text, and for a regex the match that the `regex` crate
//! finds from there on, in which the expression's own preferences decide (`a|ab` finds `a`).
//! So with one pattern, or with literals alone, the result is that of `replace_all` on the whole
//! text, and it never depends on how the text was cut.
//!
//! A match that overlaps one further left is not found, as with `replace_all`: where `abc` and
//! `cde` are looked for in `abcde`, the text `de` passes. List `abcde` too if it must not.
//!
//! # What is held back
//! Text is held while it is the beginning of a match, or a match that may become a longer one.
//! Where what follows cannot change a match any more, its replacement goes at once.
//! A pattern's [longest match](PatternSet::max_match) bounds what is held. A regex without a
//! longest match needs a bound of its own, at which the text is blocked rather than let through.
//! An expression that begins with many letters (`\w+@`, for one) holds each word until it ends.
//!
//! # Cost
//! Plain text is mostly skimmed, at several hundred megabytes a second in deltas of 12 bytes.
//! Where a match may be under way, literals are read once, by an automaton. Regexes are read by
//! an automaton too, and once more from where the oldest match may begin; text in which very many
//! long candidates overlap can cost up to the longest match for each byte.
//! A filter with regexes makes the states of their automaton as it meets them, in two caches of
//! at most [`REGEX_CACHE_BYTES_MAX`](limits::REGEX_CACHE_BYTES_MAX).

mod arguments;
mod content;
mod content_filter_processor;
mod fold;
pub mod limits;
mod literals;
mod pattern;
mod pattern_filter;
mod regexes;
mod scan;
mod set;
mod window;

#[cfg(test)]
mod tests;

pub use content::ContentFilter;
pub use content_filter_processor::ContentFilterProcessor;
pub use pattern::{
    Action, Blocked, BoxError, Case, Decision, FilterMatch, Pattern, PatternError, REPLACEMENT,
};
pub use pattern_filter::PatternFilter;
pub use set::PatternSet;
