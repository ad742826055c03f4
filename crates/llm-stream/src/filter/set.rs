//! A list of patterns, compiled once for any number of texts.

use std::sync::Arc;

use super::fold::same;
use super::limits::{MATCH_BYTES_MAX, PATTERN_BYTES_MAX, PATTERNS_MAX, REGEX_CACHE_BYTES_MAX};
use super::literals::Literals;
use super::pattern::{Action, Case, Pattern, PatternError, PatternKind};
use super::regexes::{Regexes, bounded_hir};

/// Patterns compiled for search; cheap to clone and to share between threads.
///
/// # Examples
/// ```
/// use llm_stream::filter::{Pattern, PatternSet};
///
/// let set = PatternSet::new([Pattern::literal("secret"), Pattern::regex(r"\d{3}-\d{2}-\d{4}")])?;
/// let unbounded = PatternSet::with_max_match([Pattern::regex(r"\S+@\S+\.\w+")], 254)?;
/// assert!(PatternSet::new([Pattern::regex(r"\S+@\S+\.\w+")]).is_err());
/// # drop((set, unbounded));
/// # Ok::<(), llm_stream::filter::PatternError>(())
/// ```
#[derive(Debug, Clone)]
pub struct PatternSet {
    compiled: Arc<Compiled>,
}

/// What a set consists of.
#[derive(Debug)]
pub(super) struct Compiled {
    /// Literals, grouped by their folding.
    pub(super) literals: Vec<Literals>,
    pub(super) regexes: Option<Regexes>,
    /// What becomes of the matches of each pattern, in the order of the list.
    pub(super) actions: Vec<Action>,
    /// Bytes of the longest match.
    pub(super) bound: usize,
}

impl PatternSet {
    /// Compiles patterns, each of which has a longest match.
    ///
    /// A set without patterns lets everything pass.
    ///
    /// # Errors
    /// [`PatternError`] names the pattern that is at fault: an empty one, one that matches the
    /// empty text, an invalid regex, or a regex without a longest match, which needs
    /// [`with_max_match`](Self::with_max_match).
    pub fn new(patterns: impl IntoIterator<Item = Pattern>) -> Result<Self, PatternError> {
        Self::compile(patterns.into_iter().collect(), None, REGEX_CACHE_BYTES_MAX)
    }

    /// Compiles patterns, whose matches are followed up to `max_match` bytes.
    ///
    /// Text that is a longer match, or may become one, is not let through:
    /// the filter ends it with [`Blocked::TooLong`](super::Blocked::TooLong).
    /// Regexes whose longest match is shorter are not touched by that.
    ///
    /// # Errors
    /// As for [`new`](Self::new); besides, a literal may not be longer than `max_match`, and
    /// `max_match` not be 0 or above [`MATCH_BYTES_MAX`].
    pub fn with_max_match(
        patterns: impl IntoIterator<Item = Pattern>,
        max_match: usize,
    ) -> Result<Self, PatternError> {
        if !(1..=MATCH_BYTES_MAX).contains(&max_match) {
            return Err(PatternError::MaxMatch { max_match, max: MATCH_BYTES_MAX });
        }
        Self::compile(patterns.into_iter().collect(), Some(max_match), REGEX_CACHE_BYTES_MAX)
    }

    /// Bytes of the longest match that the set can find.
    ///
    /// A filter never holds back more than two bytes more than this.
    pub fn max_match(&self) -> usize {
        self.compiled.bound
    }

    /// Whether the set has no patterns.
    pub fn is_empty(&self) -> bool {
        self.compiled.actions.is_empty()
    }

    pub(super) fn compiled(&self) -> &Compiled {
        &self.compiled
    }

    pub(super) fn compile(
        patterns: Vec<Pattern>,
        max_match: Option<usize>,
        cache_bytes: usize,
    ) -> Result<Self, PatternError> {
        let bytes = patterns.iter().map(|pattern| pattern.text.len()).sum();
        if patterns.len() > PATTERNS_MAX || bytes > PATTERN_BYTES_MAX {
            return Err(PatternError::TooMany { count: patterns.len(), bytes });
        }
        let mut bound = 0;
        let mut groups = [(Case::Ascii, vec![]), (Case::Exact, vec![]), (Case::Unicode, vec![])];
        let mut expressions = Vec::new();
        for (place, pattern) in patterns.iter().enumerate() {
            match pattern.kind {
                PatternKind::Literal => {
                    bound = bound.max(checked_length(place, pattern, max_match)?);
                    let group = groups.iter_mut().find(|(case, _)| *case == pattern.case);
                    if let Some((_, group)) = group {
                        group.push((place, pattern.text.as_str()));
                    }
                }
                PatternKind::Regex => {
                    let hir = bounded_hir(place, &pattern.text, pattern.case, max_match)?;
                    expressions.push((place, hir));
                }
            }
        }
        let groups = groups.iter().filter(|(_, group)| !group.is_empty());
        let literals = groups.map(|(case, group)| Literals::new(group, *case));
        let literals = literals.collect::<Result<_, _>>().map_err(PatternError::Compile)?;
        let regexes = (!expressions.is_empty())
            .then(|| Regexes::new(&expressions, max_match, cache_bytes))
            .transpose()
            .map_err(PatternError::Compile)?;
        let bound = bound.max(regexes.as_ref().map_or(0, Regexes::bound));
        let actions = patterns.into_iter().map(|pattern| pattern.action).collect();
        let compiled = Arc::new(Compiled { literals, regexes, actions, bound });
        Ok(Self { compiled })
    }
}

/// Bytes of the longest match of a literal, if there may be one as long.
fn checked_length(
    place: usize,
    pattern: &Pattern,
    max_match: Option<usize>,
) -> Result<usize, PatternError> {
    if pattern.text.is_empty() {
        return Err(PatternError::Empty { pattern: place });
    }
    let longest = |letter| same(letter, pattern.case).into_iter().map(char::len_utf8).max();
    let bytes = pattern.text.chars().filter_map(longest).sum();
    let max = max_match.unwrap_or(MATCH_BYTES_MAX);
    if bytes > max {
        return Err(PatternError::TooLong { pattern: place, bytes, max });
    }
    Ok(bytes)
}
