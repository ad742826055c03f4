//! From expressions to one automaton.

use regex_automata::hybrid::LazyStateID;
use regex_automata::hybrid::dfa::{Cache, DFA};
use regex_automata::nfa::thompson::{Compiler, Config as ProgramConfig, WhichCaptures};
use regex_automata::util::alphabet::Unit;
use regex_automata::util::primitives::PatternIDError;
use regex_automata::util::start;
use regex_automata::{Anchored, MatchKind, PatternID};
use regex_syntax::ParserBuilder;
use regex_syntax::hir::{Capture, Hir, HirKind, Look, Repetition};

use super::super::limits::{MATCH_BYTES_MAX, REGEX_PROGRAM_BYTES_MAX};
use super::super::pattern::{BoxError, Case, PatternError};
use super::super::window::Found;
use super::Stuck;
use super::skim::Skimmer;

/// Regex patterns, compiled.
#[derive(Debug)]
pub(in crate::filter) struct Regexes {
    pub(super) dfa: DFA,
    /// The automaton's patterns, each with its place in the set's list.
    pub(super) patterns: Vec<(PatternID, usize)>,
    /// One byte for each class of bytes that the automaton tells apart.
    pub(super) bytes: Vec<u8>,
    /// Bytes of the longest match that is followed.
    bound: usize,
    /// Whether some pattern has longer matches, at which the text is blocked.
    exceeds: bool,
    pub(super) skimmer: Option<Skimmer>,
}

impl Regexes {
    /// Compiles expressions, each with its place in the set's list.
    ///
    /// A cache of `cache_bytes` that is too small for a few states is made larger.
    pub(in crate::filter) fn new(
        patterns: &[(usize, Hir)],
        max_match: Option<usize>,
        cache_bytes: usize,
    ) -> Result<Self, BoxError> {
        let expressions: Vec<&Hir> = patterns.iter().map(|(_, hir)| hir).collect();
        let program = Compiler::new()
            .configure(
                ProgramConfig::new()
                    .nfa_size_limit(Some(REGEX_PROGRAM_BYTES_MAX))
                    .which_captures(WhichCaptures::None),
            )
            .build_many_from_hir(&expressions)?;
        let config = DFA::config()
            .match_kind(MatchKind::LeftmostFirst)
            .starts_for_each_pattern(true)
            .cache_capacity(cache_bytes)
            .skip_cache_capacity_check(true);
        let dfa = DFA::builder().configure(config).build_from_nfa(program)?;
        let bytes = dfa.byte_classes().representatives(..).filter_map(Unit::as_u8);
        let bytes = bytes.collect();
        let longest = expressions.iter().map(|hir| hir.properties().maximum_len());
        let longest = longest.fold(0, |longest, bytes| longest.max(bytes.unwrap_or(usize::MAX)));
        let bound = max_match.unwrap_or(longest).min(longest).min(MATCH_BYTES_MAX);
        let places = patterns.iter().map(|(place, _)| *place);
        let patterns = places.enumerate().map(|(id, place)| Ok((PatternID::new(id)?, place)));
        let patterns = patterns.collect::<Result<_, PatternIDError>>()?;
        let exceeds = longest > bound;
        let mut regexes = Self { dfa, patterns, bytes, bound, exceeds, skimmer: None };
        regexes.skimmer = Skimmer::new(&regexes).ok();
        Ok(regexes)
    }

    /// Bytes of the longest match that is followed.
    pub(in crate::filter) fn bound(&self) -> usize {
        self.bound
    }

    /// The match of the pattern at `place` in the set's list.
    pub(super) fn found(&self, start: usize, end: usize, place: usize) -> Found {
        if self.exceeds && end - start > self.bound {
            return Found::too_long(start);
        }
        Found { start, end, pattern: Some(place) }
    }

    /// The position at which a thread from `start` that is still alive is too long.
    ///
    /// A match that is too long is so by a byte, and the automaton tells of it a byte later.
    pub(super) fn deadline(&self, start: usize) -> usize {
        if self.exceeds { start.saturating_add(self.bound + 2) } else { usize::MAX }
    }

    /// The oldest start from which a thread can be alive at `at`, by the patterns' lengths alone.
    pub(super) fn oldest_start(&self, at: usize) -> usize {
        if self.exceeds { 0 } else { at.saturating_sub(self.bound + 1) }
    }

    /// The state before anything is read, where `before` is the byte before.
    pub(super) fn start(
        &self,
        cache: &mut Cache,
        anchored: Anchored,
        before: Option<u8>,
    ) -> Result<LazyStateID, Stuck> {
        let config = start::Config::new().anchored(anchored).look_behind(before);
        self.dfa.start_state(cache, &config).map_err(|_| Stuck)
    }
}

/// Parses the expression of the pattern at `place`, whose matches must have a bound and not be
/// empty.
pub(in crate::filter) fn bounded_hir(
    place: usize,
    expression: &str,
    case: Case,
    max_match: Option<usize>,
) -> Result<Hir, PatternError> {
    let mut parser = ParserBuilder::new().case_insensitive(case != Case::Exact).build();
    let parsed = parser.parse(expression);
    let hir = parsed
        .map_err(|source| PatternError::Syntax { pattern: place, source: Box::new(source) })?;
    if hir.properties().minimum_len() == Some(0) {
        return Err(PatternError::MatchesEmpty { pattern: place });
    }
    if max_match.is_none() {
        match hir.properties().maximum_len() {
            // An expression that matches nothing has no length either.
            None if hir.properties().minimum_len().is_some() => {
                return Err(PatternError::Unbounded { pattern: place });
            }
            Some(bytes) if bytes > MATCH_BYTES_MAX => {
                return Err(PatternError::TooLong { pattern: place, bytes, max: MATCH_BYTES_MAX });
            }
            _ => {}
        }
    }
    Ok(with_ascii_words(&hir))
}

/// The same expression with ASCII word boundaries, which one byte on each side decides.
///
/// The depth of the recursion is that of the expression, which the parser limits.
fn with_ascii_words(hir: &Hir) -> Hir {
    if !hir.properties().look_set().contains_word_unicode() {
        return hir.clone();
    }
    match hir.kind() {
        HirKind::Look(look) => Hir::look(ascii_word(*look)),
        HirKind::Capture(Capture { sub, .. }) => with_ascii_words(sub),
        HirKind::Repetition(repetition) => Hir::repetition(Repetition {
            sub: Box::new(with_ascii_words(&repetition.sub)),
            ..repetition.clone()
        }),
        HirKind::Concat(parts) => Hir::concat(parts.iter().map(with_ascii_words).collect()),
        HirKind::Alternation(parts) => {
            Hir::alternation(parts.iter().map(with_ascii_words).collect())
        }
        HirKind::Empty | HirKind::Literal(_) | HirKind::Class(_) => hir.clone(),
    }
}

fn ascii_word(look: Look) -> Look {
    match look {
        Look::WordUnicode => Look::WordAscii,
        Look::WordUnicodeNegate => Look::WordAsciiNegate,
        Look::WordStartUnicode => Look::WordStartAscii,
        Look::WordEndUnicode => Look::WordEndAscii,
        Look::WordStartHalfUnicode => Look::WordStartHalfAscii,
        Look::WordEndHalfUnicode => Look::WordEndHalfAscii,
        other => other,
    }
}
