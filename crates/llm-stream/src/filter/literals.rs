//! Search for many literal patterns at once, with the automaton's state carried over deltas.
//!
//! The automaton is one for leftmost-longest matches, stepped by hand: its crate's own stream
//! search knows only earliest matches, with which `sec` would break `secret` and leak the rest.
//! In such an automaton a match is final when the dead state is reached, for a state is dead when
//! no longer match can follow. How much of the text may still become a match is the depth of the
//! state: the length of the longest pattern prefix that the text ends with.

mod skim;

use aho_corasick::automaton::{Automaton, StateID};
use aho_corasick::{Anchored, MatchKind, dfa, nfa};

use super::fold::Folding;
use super::limits::LITERAL_TABLE_BYTES_MAX;
use super::pattern::{BoxError, Case};
use super::window::{Found, Verdict, Window};
use skim::{Depth, LOOK, Skimmer, Trail};

/// Literal patterns with one kind of folding, compiled.
#[derive(Debug)]
pub(super) struct Literals {
    machine: Machine,
    states: States,
    skimmer: Skimmer,
    /// For each of the automaton's patterns its place in the set's list and its length.
    patterns: Vec<(usize, usize)>,
    /// If it is there, lengths and depths are in characters, otherwise in bytes.
    folding: Option<Folding>,
}

#[derive(Debug)]
enum Machine {
    Table(dfa::DFA),
    Compact(nfa::contiguous::NFA),
}

/// Runs the same code for either automaton, so that each gets a loop of its own.
macro_rules! with_machine {
    ($literals:expr, $machine:ident => $code:expr) => {
        match &$literals.machine {
            Machine::Table($machine) => $code,
            Machine::Compact($machine) => $code,
        }
    };
}

impl Literals {
    /// Compiles patterns, each with its place in the set's list; none is empty.
    pub(super) fn new(patterns: &[(usize, &str)], case: Case) -> Result<Self, BoxError> {
        let mut folding = (case == Case::Unicode).then(Folding::default);
        let texts: Vec<String> = patterns
            .iter()
            .map(|(_, text)| match &mut folding {
                Some(folding) => folding.learn(text),
                None => (*text).to_owned(),
            })
            .collect();
        let machine = Machine::new(&texts, case != Case::Exact)?;
        let by_char = folding.is_some();
        let states = match &machine {
            Machine::Table(machine) => States::new(machine, &texts, by_char),
            Machine::Compact(machine) => States::new(machine, &texts, by_char),
        };
        let skimmer = Skimmer::new(patterns.iter().map(|(_, text)| *text), case);
        let patterns = std::iter::zip(patterns, &texts)
            .map(|((place, _), text)| (*place, length(text, by_char)))
            .collect();
        Ok(Self { machine, states, skimmer, patterns, folding })
    }

    fn start(&self) -> StateID {
        self.states.start
    }

    /// Bytes at the end of `tail` that a pattern begins with; `None` if a pattern is in it, or a
    /// character whose folding is not known here.
    fn depth_of(&self, tail: &[u8]) -> Option<usize> {
        if self.folding.is_some() && !tail.is_ascii() {
            return None;
        }
        let state = with_machine!(self, machine => {
            let mut state = self.start();
            for &byte in tail {
                state = machine.next_state(Anchored::No, state, byte);
                if machine.is_special(state) {
                    return None;
                }
            }
            state
        });
        Some(self.states.depth(state))
    }

    /// The position that is `length` bytes or characters before `at`.
    fn back(&self, text: &str, at: usize, length: usize) -> usize {
        if self.folding.is_none() {
            return at - length;
        }
        let head = text.get(..at).unwrap_or_default();
        let first = length.checked_sub(1).and_then(|skip| head.char_indices().nth_back(skip));
        first.map_or(at, |(index, _)| index)
    }
}

fn length(text: &str, by_char: bool) -> usize {
    if by_char { text.chars().count() } else { text.len() }
}

impl Machine {
    fn new(texts: &[String], ignore_ascii_case: bool) -> Result<Self, BoxError> {
        let noncontiguous = nfa::noncontiguous::Builder::new()
            .match_kind(MatchKind::LeftmostLongest)
            .ascii_case_insensitive(ignore_ascii_case)
            .prefilter(false)
            .build(texts)?;
        if table_bytes_at_most(texts) <= LITERAL_TABLE_BYTES_MAX {
            let machine = dfa::Builder::new()
                .start_kind(aho_corasick::StartKind::Unanchored)
                .build_from_noncontiguous(&noncontiguous)?;
            return Ok(Self::Table(machine));
        }
        let machine = nfa::contiguous::Builder::new().build_from_noncontiguous(&noncontiguous)?;
        Ok(Self::Compact(machine))
    }
}

/// An upper bound of the size of a table: four bytes for each state and class of bytes.
fn table_bytes_at_most(texts: &[String]) -> usize {
    let states = texts.iter().map(String::len).sum::<usize>() + 3;
    let mut used = [false; 256];
    for byte in texts.iter().flat_map(|text| text.bytes()) {
        for byte in [byte.to_ascii_lowercase(), byte.to_ascii_uppercase()] {
            if let Some(flag) = used.get_mut(usize::from(byte)) {
                *flag = true;
            }
        }
    }
    // Between two used bytes there is at most one class of unused ones.
    let classes = used.iter().filter(|flag| **flag).count() * 2 + 1;
    states.saturating_mul(classes.min(256).next_power_of_two()).saturating_mul(4)
}

/// What the automaton's crate does not tell about its states.
#[derive(Debug)]
struct States {
    start: StateID,
    /// Low bits that are zero in the number of every state.
    shift: u32,
    /// For each state its depth, doubled, plus one if no pattern goes on from it.
    facts: Vec<u32>,
}

impl States {
    /// Walks every pattern through the automaton, which passes every state that is not dead.
    fn new<A: Automaton>(machine: &A, texts: &[String], by_char: bool) -> Self {
        let start = machine.start_state(Anchored::No).unwrap_or_default();
        let mut depths = vec![(start.as_usize(), 0)];
        let mut leaves: Vec<usize> = Vec::new();
        for text in texts {
            let mut state = start;
            let mut depth = 0;
            for (index, byte) in text.bytes().enumerate() {
                state = machine.next_state(Anchored::No, state, byte);
                depth += u32::from(!by_char || text.is_char_boundary(index));
                depths.push((state.as_usize(), depth));
            }
            if is_leaf(machine, state) {
                leaves.push(state.as_usize());
            }
        }
        let used = depths.iter().fold(0, |used, (state, _)| used | state);
        let shift = if used == 0 { 0 } else { used.trailing_zeros() };
        let mut facts = vec![0_u32; (used >> shift).next_power_of_two() + 1];
        for (state, depth) in depths {
            if let Some(fact) = facts.get_mut(state >> shift) {
                *fact = depth << 1;
            }
        }
        for state in leaves {
            if let Some(fact) = facts.get_mut(state >> shift) {
                *fact |= 1;
            }
        }
        Self { start, shift, facts }
    }

    fn fact(&self, state: StateID) -> u32 {
        self.facts.get(state.as_usize() >> self.shift).copied().unwrap_or(0)
    }

    /// Bytes or characters of the longest pattern prefix that the text ends with.
    fn depth(&self, state: StateID) -> usize {
        usize::try_from(self.fact(state) >> 1).unwrap_or(usize::MAX)
    }

    /// Whether a match that ends here is final already.
    fn is_leaf(&self, state: StateID) -> bool {
        self.fact(state) & 1 == 1
    }
}

/// Whether every byte leads to the dead state.
fn is_leaf<A: Automaton>(machine: &A, state: StateID) -> bool {
    (0..=u8::MAX).all(|byte| machine.is_dead(machine.next_state(Anchored::No, state, byte)))
}

/// The search for one group of literals in one text.
#[derive(Debug)]
pub(super) struct LiteralScan {
    state: StateID,
    /// Up to where the automaton has read the window.
    at: usize,
    /// The leftmost-longest match so far.
    best: Option<Found>,
    /// Whether `best` is final.
    done: bool,
    /// What the window ends with, if what follows `at` is too short to be more than skimmed.
    skimmed: Option<Trail>,
}

impl LiteralScan {
    pub(super) fn new(literals: &Literals) -> Self {
        Self::at(literals, 0)
    }

    fn at(literals: &Literals, at: usize) -> Self {
        let skimmed = (at == 0).then_some(Trail::NONE);
        Self { state: literals.start(), at, best: None, done: false, skimmed }
    }

    /// Reads `text`, the end of the window, if the window has been read up to there and a quick
    /// look shows that no match ends in the text; tells where the oldest text begins that may
    /// become one.
    #[inline]
    pub(super) fn skim(
        &mut self,
        literals: &Literals,
        window: &Window<'_>,
        text: &str,
    ) -> Option<usize> {
        let trail = literals.skimmer.read(self.skimmed?, text.as_bytes())?;
        let end = window.len();
        // No text has the bytes that stand for none.
        let last = window.text.as_bytes().last_chunk().copied().unwrap_or([0xff; 2]);
        let depth = match literals.skimmer.depth(trail, last) {
            Depth::Is(depth) => depth,
            Depth::AtMost(bytes) => {
                let oldest = end.saturating_sub(bytes).max(self.at);
                literals.depth_of(window.bytes(oldest, end))?
            }
        };
        self.skimmed = Some(trail);
        self.at = end - depth;
        Some(self.at)
    }

    /// Reads on until a match is final or the window ends.
    pub(super) fn advance(&mut self, literals: &Literals, window: &Window<'_>) -> Verdict {
        if !self.done {
            self.skimmed = None;
            with_machine!(literals, machine => match &literals.folding {
                None => self.read(literals, machine, window),
                Some(folding) => self.read_folded(literals, machine, folding, window),
            });
        }
        match self.best {
            Some(found) if self.done || window.last => {
                self.done = true;
                Verdict::Found(found)
            }
            _ if window.last => Verdict::Open(window.len()),
            Some(found) => Verdict::Open(found.start.min(self.oldest(literals, window))),
            None => {
                let oldest = self.oldest(literals, window);
                self.unread(literals, window, oldest);
                Verdict::Open(oldest)
            }
        }
    }

    /// Where the oldest text begins that is the beginning of a pattern.
    fn oldest(&self, literals: &Literals, window: &Window<'_>) -> usize {
        literals.back(window.text, self.at, literals.states.depth(self.state))
    }

    /// Goes back to `oldest`, if it is so near that the text from there on can be skimmed.
    fn unread(&mut self, literals: &Literals, window: &Window<'_>, oldest: usize) {
        if window.len() - oldest < LOOK {
            let tail = window.bytes(oldest, window.len());
            self.state = literals.start();
            self.at = oldest;
            self.skimmed = literals.skimmer.read(Trail::NONE, tail);
        }
    }

    fn read<A: Automaton>(&mut self, literals: &Literals, machine: &A, window: &Window<'_>) {
        let mut state = self.state;
        for (index, &byte) in window.bytes(self.at, window.len()).iter().enumerate() {
            state = machine.next_state(Anchored::No, state, byte);
            if machine.is_special(state) {
                let end = self.at + index + 1;
                if self.meet(literals, machine, window.text, state, end) {
                    return;
                }
            }
        }
        self.state = state;
        self.at = window.len();
    }

    fn read_folded<A: Automaton>(
        &mut self,
        literals: &Literals,
        machine: &A,
        folding: &Folding,
        window: &Window<'_>,
    ) {
        let mut buffer = [0_u8; 4];
        for (index, character) in window.slice(self.at, window.len()).char_indices() {
            let folded = folding.fold(character);
            for &byte in folded.encode_utf8(&mut buffer).as_bytes() {
                self.state = machine.next_state(Anchored::No, self.state, byte);
            }
            let end = self.at + index + character.len_utf8();
            if machine.is_special(self.state)
                && self.meet(literals, machine, window.text, self.state, end)
            {
                return;
            }
        }
        self.at = window.len();
    }

    /// Takes note of a match or of the dead state; tells whether the match is final.
    #[cold]
    fn meet<A: Automaton>(
        &mut self,
        literals: &Literals,
        machine: &A,
        text: &str,
        state: StateID,
        end: usize,
    ) -> bool {
        if machine.is_match(state) {
            let pattern = machine.match_pattern(state, 0).as_usize();
            let (place, length) = literals.patterns.get(pattern).copied().unwrap_or_default();
            let start = literals.back(text, end, length);
            self.best = Some(Found { start, end, pattern: Some(place) });
            self.done = literals.states.is_leaf(state);
        } else {
            self.done = machine.is_dead(state);
        }
        self.done
    }

    /// Makes the next match begin at `to` or later.
    pub(super) fn skip_to(&mut self, literals: &Literals, to: usize) {
        if !(self.done && self.best.is_some_and(|found| found.start >= to)) {
            *self = Self::at(literals, to);
        }
    }

    /// Forgets the first `bytes` of the window.
    pub(super) fn rebase(&mut self, bytes: usize) {
        self.at -= bytes;
        self.best = self.best.map(|found| found.rebased(bytes));
    }
}
