//! Keeps words and patterns out of a stream of text, however it is cut into deltas.

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
