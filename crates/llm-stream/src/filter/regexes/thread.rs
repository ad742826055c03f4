//! Exact search from one start on: whether a match begins there, and where it ends.

use regex_automata::Anchored;
use regex_automata::hybrid::LazyStateID;
use regex_automata::hybrid::dfa::Cache;

use super::super::window::{Found, Window};
use super::{Regexes, Stuck};

/// A run of the automaton from one start on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Thread {
    pub(super) start: usize,
    anchored: Anchored,
    state: LazyStateID,
    /// The filling of the cache that `state` belongs to.
    filling: usize,
    /// Up to where the window has been read.
    at: usize,
    /// Where the match ends, if one was seen; a later one is preferred.
    end: Option<usize>,
}

impl Thread {
    pub(super) fn new(
        regexes: &Regexes,
        cache: &mut Cache,
        window: &Window<'_>,
        start: usize,
        anchored: Anchored,
    ) -> Result<Self, Stuck> {
        let state = regexes.start(cache, anchored, window.byte_before(start))?;
        Ok(Self { start, anchored, state, filling: cache.clear_count(), at: start, end: None })
    }

    /// Whether what was read is the beginning of a match, or a match that may go on.
    pub(super) fn is_alive(&self) -> bool {
        !self.state.is_dead()
    }

    /// Reads on up to `to`, unless the thread dies before.
    pub(super) fn run(
        &mut self,
        regexes: &Regexes,
        cache: &mut Cache,
        window: &Window<'_>,
        to: usize,
    ) -> Result<(), Stuck> {
        if self.is_alive() && self.filling != cache.clear_count() {
            *self = Self::new(regexes, cache, window, self.start, self.anchored)?;
        }
        for &byte in window.bytes(self.at, to) {
            if self.state.is_dead() {
                break;
            }
            self.state = regexes.dfa.next_state(cache, self.state, byte).map_err(|_| Stuck)?;
            if self.state.is_match() {
                // The automaton tells of a match one byte after its end.
                self.end = Some(self.at);
            }
            self.at += 1;
        }
        self.filling = cache.clear_count();
        Ok(())
    }

    /// Takes the text as complete.
    fn finish(&mut self, regexes: &Regexes, cache: &mut Cache) -> Result<(), Stuck> {
        if self.ends_here(regexes, cache)? {
            self.end = Some(self.at);
        }
        Ok(())
    }

    /// Whether a match would end here if the text did.
    pub(super) fn ends_here(&self, regexes: &Regexes, cache: &mut Cache) -> Result<bool, Stuck> {
        let end = regexes.dfa.next_eoi_state(cache, self.state).map_err(|_| Stuck)?;
        Ok(end.is_match())
    }

    /// Whether what follows can no longer change where the match ends, or whether there is one;
    /// notes the end if the match ends here.
    fn is_settled(&mut self, regexes: &Regexes, cache: &mut Cache) -> Result<bool, Stuck> {
        let ends_here = self.ends_here(regexes, cache)?;
        // Whenever the cache was emptied, the states at hand are void: then it stays open.
        if self.filling != cache.clear_count() {
            return Ok(false);
        }
        if !ends_here {
            return leads_nowhere(regexes, cache, self.state);
        }
        let mut exhausted = None;
        for &byte in &regexes.bytes {
            let next = regexes.dfa.next_state(cache, self.state, byte).map_err(|_| Stuck)?;
            if !next.is_match() || self.filling != cache.clear_count() {
                return Ok(false);
            }
            if exhausted != Some(next) && !leads_nowhere(regexes, cache, next)? {
                return Ok(false);
            }
            exhausted = Some(next);
        }
        self.end = Some(self.at);
        Ok(true)
    }

    fn rebase(&mut self, bytes: usize) {
        self.start -= bytes;
        self.at -= bytes;
        self.end = self.end.map(|end| end - bytes);
    }

    /// The same thread after the first `bytes` of the window are gone, if it is left.
    pub(super) fn rebased(mut self, bytes: usize) -> Option<Self> {
        (self.start >= bytes).then(|| {
            self.rebase(bytes);
            self
        })
    }
}

/// Whether no match ends in what follows, whatever that is.
fn leads_nowhere(regexes: &Regexes, cache: &mut Cache, state: LazyStateID) -> Result<bool, Stuck> {
    let filling = cache.clear_count();
    for &byte in &regexes.bytes {
        let next = regexes.dfa.next_state(cache, state, byte).map_err(|_| Stuck)?;
        if !next.is_dead() || cache.clear_count() != filling {
            return Ok(false);
        }
    }
    Ok(true)
}

/// All patterns from one start on, each in its own thread; the longest match wins.
///
/// In one thread together, the pattern that comes first would end the others as soon as it
/// matches.
#[derive(Debug)]
pub(super) struct Contest {
    start: usize,
    /// For each pattern its place in the set's list and its thread.
    threads: Vec<(usize, Thread)>,
}

/// How a contest stands.
#[derive(Debug)]
pub(super) enum Outcome {
    /// No match begins at the start.
    Nothing,
    /// It depends on what follows.
    Pending,
    /// This match begins at the start.
    Found(Found),
}

impl Contest {
    /// Begins at `start`, with a look at what follows up to `to`.
    pub(super) fn new(
        regexes: &Regexes,
        cache: &mut Cache,
        window: &Window<'_>,
        start: usize,
        to: usize,
    ) -> Result<Self, Stuck> {
        let mut all = Thread::new(regexes, cache, window, start, Anchored::Yes)?;
        all.run(regexes, cache, window, to.min(regexes.deadline(start)))?;
        let mut threads = Vec::new();
        if all.is_alive() || all.end.is_some() {
            for &(pattern, place) in &regexes.patterns {
                let anchored = Anchored::Pattern(pattern);
                threads.push((place, Thread::new(regexes, cache, window, start, anchored)?));
            }
        }
        Ok(Self { start, threads })
    }

    /// Reads on up to `to`.
    pub(super) fn run(
        &mut self,
        regexes: &Regexes,
        cache: &mut Cache,
        window: &Window<'_>,
        to: usize,
    ) -> Result<Outcome, Stuck> {
        let deadline = regexes.deadline(self.start);
        let mut pending = false;
        let mut best: Option<Found> = None;
        for (place, thread) in &mut self.threads {
            thread.run(regexes, cache, window, to.min(deadline))?;
            if thread.is_alive() {
                if thread.at >= deadline {
                    return Ok(Outcome::Found(Found::too_long(self.start)));
                }
                if window.last && thread.at == window.len() {
                    thread.finish(regexes, cache)?;
                } else if !thread.is_settled(regexes, cache)? {
                    pending = true;
                }
            }
            if let Some(end) = thread.end {
                let found = regexes.found(self.start, end, *place);
                if best.is_none_or(|best| found.beats(&best)) {
                    best = Some(found);
                }
            }
        }
        if pending {
            return Ok(Outcome::Pending);
        }
        Ok(best.map_or(Outcome::Nothing, Outcome::Found))
    }

    pub(super) fn rebase(&mut self, bytes: usize) {
        self.start -= bytes;
        for (_, thread) in &mut self.threads {
            thread.rebase(bytes);
        }
    }
}
