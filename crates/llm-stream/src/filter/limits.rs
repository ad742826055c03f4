//! Every bound of the filter: its name, its value, and what happens when it is reached.

/// Patterns of one [`PatternSet`](super::PatternSet).
///
/// A set with more is refused when it is built.
pub const PATTERNS_MAX: usize = 100_000;

/// Bytes of all patterns of one [`PatternSet`](super::PatternSet) together.
///
/// A set with more is refused when it is built.
pub const PATTERN_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Bytes of the longest match that any pattern may have, and so of text held back for it.
///
/// A set whose bound is larger is refused when it is built.
pub const MATCH_BYTES_MAX: usize = 16 * 1024;

/// Bytes of the transition table of one group of literal patterns.
///
/// A group that may need more is searched with a contiguous NFA, which is three to four times
/// slower and ten times smaller.
pub const LITERAL_TABLE_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Bytes of the compiled program of all regex patterns of one set.
///
/// A set that needs more is refused when it is built.
pub const REGEX_PROGRAM_BYTES_MAX: usize = 1024 * 1024;

/// Bytes of one cache of automaton states, of which a filter with regex patterns has two.
///
/// A full cache is emptied and filled again; no result depends on it.
pub const REGEX_CACHE_BYTES_MAX: usize = 2 * 1024 * 1024;

/// Texts that one [`ContentFilter`](super::ContentFilter) filters at a time: one for each part of
/// each choice.
///
/// When one more begins, the stream is blocked.
pub const TEXTS_MAX: usize = 2048;

/// Bytes of a number or literal in a tool's arguments.
///
/// A longer one is not taken for JSON: from there on the arguments are filtered as plain text.
pub const BARE_WORD_BYTES_MAX: usize = 1024;

/// Events that wait until the text before them has gone.
///
/// When one more comes, the first one goes without waiting.
pub const WAITING_EVENTS_MAX: usize = 1024;
