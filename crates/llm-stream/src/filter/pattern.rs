//! What to look for and what to do with it: patterns, case folding, actions.

/// The text that takes the place of a match unless an action says otherwise.
pub const REPLACEMENT: &str = "[FILTERED]";

/// One thing that a filter looks for, and what becomes of it.
///
/// # Examples
/// ```
/// use llm_stream::filter::{Action, Case, Pattern};
///
/// let word = Pattern::literal("project tulip");
/// let card = Pattern::regex(r"\b(?:\d[ -]?){13,16}\b").action(Action::Mask('*'));
/// let key = Pattern::regex("AKIA[0-9A-Z]{16}").case(Case::Exact).action(Action::Block);
/// # drop((word, card, key));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    pub(super) kind: PatternKind,
    pub(super) text: String,
    pub(super) case: Case,
    pub(super) action: Action,
}

/// How the text of a pattern is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PatternKind {
    Literal,
    Regex,
}

impl Pattern {
    /// A pattern that matches `text` itself; no character has a special meaning.
    pub fn literal(text: impl Into<String>) -> Self {
        Self::new(PatternKind::Literal, text.into())
    }

    /// A pattern in the syntax of the `regex` crate.
    ///
    /// Unicode is on, as it is there: `\d`, `\w` and `\s` know all scripts, and `.` is one
    /// character. The one difference is that `\b` and its kin know ASCII words only, so that a
    /// boundary can be decided from one byte. `^` and `$` are the beginning and the end of the
    /// whole text, not of a delta.
    pub fn regex(expression: impl Into<String>) -> Self {
        Self::new(PatternKind::Regex, expression.into())
    }

    fn new(kind: PatternKind, text: String) -> Self {
        Self { kind, text, case: Case::default(), action: Action::default() }
    }

    /// Sets which letters count as the same; [`Case::Ascii`] if never called.
    #[must_use]
    pub fn case(mut self, case: Case) -> Self {
        self.case = case;
        self
    }

    /// Sets what becomes of a match; it is replaced by [`REPLACEMENT`] if never called.
    #[must_use]
    pub fn action(mut self, action: Action) -> Self {
        self.action = action;
        self
    }
}

/// Which letters count as the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[non_exhaustive]
pub enum Case {
    /// `A` to `Z` are the same as `a` to `z`; every other character is itself.
    ///
    /// For a regex this is its own `(?i)`, which is [`Case::Unicode`].
    #[default]
    Ascii,
    /// Every character is itself.
    Exact,
    /// Characters with the same simple case folding of Unicode are the same: `Σ`, `σ` and `ς`;
    /// `K` (Kelvin), `K` and `k`.
    ///
    /// Simple foldings are from one character to one, so these still pass: what folds to several
    /// characters (`STRASSE` for `straße`, `fi` for the ligature `ﬁ`, `İ`), the same letter
    /// composed differently (`é` as `e` and an accent), full-width and other look-alike letters,
    /// and invisible characters within a word.
    Unicode,
}

/// What becomes of a match.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Action {
    /// The text takes its place.
    Replace(String),
    /// The character takes the place of each of its characters.
    Mask(char),
    /// Nothing takes its place.
    Drop,
    /// The text ends before it, with [`Blocked`].
    Block,
    /// The filter's callback decides; see [`PatternFilter::on_match`](super::PatternFilter::on_match).
    ///
    /// Without a callback it is replaced by [`REPLACEMENT`].
    Ask,
}

impl Default for Action {
    fn default() -> Self {
        Self::Replace(REPLACEMENT.to_owned())
    }
}

/// What a callback decides about one match.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Decision {
    /// It may pass as it is.
    Keep,
    /// The text takes its place.
    Replace(String),
    /// The character takes the place of each of its characters.
    Mask(char),
    /// Nothing takes its place.
    Drop,
    /// The text ends before it, with [`Blocked`].
    Block,
}

/// A match, as a callback sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FilterMatch<'a> {
    /// The place of its pattern in the list that the set was built from.
    pub pattern: usize,
    /// What was matched.
    pub text: &'a str,
    /// Bytes of the unfiltered text before it.
    pub offset: u64,
}

/// Decides about the matches of patterns with [`Action::Ask`].
pub(super) type Callback = Box<dyn FnMut(&FilterMatch<'_>) -> Decision + Send + Sync>;

/// A text was ended by a filter: nothing more of it is let through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Blocked {
    /// A pattern that blocks was found.
    #[error("pattern {pattern} was found at byte {offset}")]
    Found {
        /// The place of the pattern in the list that the set was built from.
        pattern: usize,
        /// Bytes of the unfiltered text before it.
        offset: u64,
    },
    /// Text that may be a match grew longer than any match may be.
    #[error("what may be a match at byte {offset} is longer than {max_match} bytes")]
    TooLong {
        /// Bytes of the unfiltered text before it.
        offset: u64,
        /// The bound, in bytes.
        max_match: usize,
    },
    /// More texts than one filter follows; see [`TEXTS_MAX`](super::limits::TEXTS_MAX).
    #[error("more than {max} texts in one stream")]
    TooManyTexts {
        /// The bound.
        max: usize,
    },
}

/// Why a [`PatternSet`](super::PatternSet) cannot be built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PatternError {
    /// A literal pattern without text would match everywhere.
    #[error("pattern {pattern} is empty")]
    Empty {
        /// Its place in the list.
        pattern: usize,
    },
    /// A regex that matches the empty text would match everywhere.
    #[error("pattern {pattern} matches the empty text")]
    MatchesEmpty {
        /// Its place in the list.
        pattern: usize,
    },
    /// A regex is not written as one.
    #[error("pattern {pattern} is no valid regex")]
    Syntax {
        /// Its place in the list.
        pattern: usize,
        /// What is wrong with it.
        #[source]
        source: BoxError,
    },
    /// A regex has no longest match and the set has no `max_match`.
    #[error("pattern {pattern} has no longest match and needs max_match")]
    Unbounded {
        /// Its place in the list.
        pattern: usize,
    },
    /// A literal is longer than the set's bound, or than any match may be.
    #[error("pattern {pattern} has matches of {bytes} bytes, more than {max}")]
    TooLong {
        /// Its place in the list.
        pattern: usize,
        /// Bytes of its longest match.
        bytes: usize,
        /// The bound: `max_match`, or [`MATCH_BYTES_MAX`](super::limits::MATCH_BYTES_MAX).
        max: usize,
    },
    /// The set's `max_match` is 0 or above [`MATCH_BYTES_MAX`](super::limits::MATCH_BYTES_MAX).
    #[error("max_match {max_match} is not from 1 to {max}")]
    MaxMatch {
        /// What was asked for.
        max_match: usize,
        /// The bound.
        max: usize,
    },
    /// More patterns than [`PATTERNS_MAX`](super::limits::PATTERNS_MAX), or more bytes of them
    /// than [`PATTERN_BYTES_MAX`](super::limits::PATTERN_BYTES_MAX).
    #[error("{count} patterns of {bytes} bytes are too many")]
    TooMany {
        /// Patterns.
        count: usize,
        /// Bytes of all of them.
        bytes: usize,
    },
    /// The automaton cannot be built, mostly because it is too large.
    #[error("the patterns cannot be compiled")]
    Compile(#[source] BoxError),
}

/// The boxed cause of an error, which keeps the engines out of the public signatures.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

impl PatternError {
    /// The place in the list of the pattern that is at fault, if it is one.
    pub fn pattern(&self) -> Option<usize> {
        match self {
            Self::Empty { pattern }
            | Self::MatchesEmpty { pattern }
            | Self::Syntax { pattern, .. }
            | Self::Unbounded { pattern }
            | Self::TooLong { pattern, .. } => Some(*pattern),
            Self::MaxMatch { .. } | Self::TooMany { .. } | Self::Compile(_) => None,
        }
    }
}

impl Blocked {
    /// Whether it was the bound on one match that was reached rather than a pattern.
    pub fn is_too_long(&self) -> bool {
        matches!(self, Self::TooLong { .. })
    }
}
