//! Search for regexes, with the state of a lazy automaton carried over deltas.
//!
//! One automaton for all patterns reads the text once. It tells two things cheaply: that nothing
//! is live, so that everything may go, and that some match has ended. Where that is not enough,
//! a [`Thread`] reads the few bytes that are held back once more, from one start on: the first
//! start from which a thread is still alive is the oldest byte that must stay, and the first from
//! which a thread matches is where the leftmost match begins.

mod compile;
mod skim;
mod thread;

use regex_automata::Anchored;
use regex_automata::hybrid::LazyStateID;
use regex_automata::hybrid::dfa::Cache;

pub(super) use compile::{Regexes, bounded_hir};
use skim::{Place, Skimmer};
use thread::{Contest, Outcome, Thread};

use super::window::{Found, Verdict, Window};

/// Bytes of held text that a quick look reads once more.
///
/// More than a word is hardly plain text, so it is left to the careful search.
const SKIM_HELD_BYTES_MAX: usize = 64;

/// The lazily made states of the automaton, shared by all texts of one filter.
#[derive(Debug, Clone)]
pub(super) struct Caches {
    /// For reading on.
    scan: Cache,
    /// For threads, apart, so that they cannot displace the state of the scan.
    threads: Cache,
    idle: Idle,
}

/// The states in which nothing is live, after a byte of a word and after another one.
#[derive(Debug, Clone, Copy)]
struct Idle {
    states: Option<[LazyStateID; 2]>,
    /// The filling of the cache that they belong to.
    filling: usize,
}

impl Idle {
    /// The states, unless the cache was emptied since.
    fn valid(&self, cache: &Cache) -> Option<[LazyStateID; 2]> {
        self.states.filter(|_| self.filling == cache.clear_count())
    }
}

impl Caches {
    pub(super) fn new(regexes: &Regexes) -> Self {
        let cache = regexes.dfa.create_cache();
        Self { scan: cache.clone(), threads: cache, idle: Idle { states: None, filling: 0 } }
    }
}

/// The automaton could not give a state, which its configuration rules out.
///
/// Were it to happen, the text is taken for one that is too long to be followed, and blocked.
#[derive(Debug, Clone, Copy)]
struct Stuck;

/// The search for all regexes in one text.
#[derive(Debug)]
pub(super) struct RegexScan {
    state: Option<LazyStateID>,
    /// The filling of the cache that `state` belongs to.
    filling: usize,
    /// Up to where the window has been read.
    at: usize,
    /// No match begins before this; nothing that began before it is live.
    low: usize,
    /// The thread from `low`, if it is known to be live.
    oldest: Option<Thread>,
    /// Where the quick look has got to, if it has read the window up to its end.
    skimmed: Option<Place>,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    /// No match has ended yet.
    Scan,
    /// A match has ended; it is looked for from `low` on, with the contest there under way.
    Contest(Option<Contest>),
    /// The leftmost match is known.
    Done(Found),
}

/// Why a scan stopped.
enum Stop {
    /// Everything that it may read is read.
    Read,
    /// A match ended.
    Match,
}

impl RegexScan {
    pub(super) fn new() -> Self {
        Self::at(0)
    }

    fn at(at: usize) -> Self {
        let (state, filling, low) = (None, 0, at);
        Self { state, filling, at, low, oldest: None, skimmed: None, stage: Stage::Scan }
    }

    /// Reads `text`, the end of the window, if the window has been read up to there and a quick
    /// look shows that no match ends in the text; tells where the oldest text begins that may
    /// become one.
    #[inline]
    pub(super) fn skim(
        &mut self,
        regexes: &Regexes,
        window: &Window<'_>,
        text: &str,
    ) -> Option<usize> {
        if window.len() >= regexes.deadline(self.low) || !matches!(self.stage, Stage::Scan) {
            return None;
        }
        let from = window.len() - text.len();
        let skimmer = regexes.skimmer.as_ref()?;
        let place = match self.skimmed {
            Some(place) => place,
            None => self.skim_held(skimmer, window, from)?,
        };
        let (place, idle) = skimmer.read(place, text.as_bytes())?;
        if idle > 0 {
            self.low = from + idle;
        }
        // The careful search would have to begin anew, where nothing was live.
        (self.state, self.at, self.oldest, self.skimmed) = (None, self.low, None, Some(place));
        Some(self.low)
    }

    /// Takes a quick look at what is held before `from`, if it is short.
    fn skim_held(&self, skimmer: &Skimmer, window: &Window<'_>, from: usize) -> Option<Place> {
        let bytes = window.bytes(self.low, from);
        if bytes.len() > SKIM_HELD_BYTES_MAX {
            return None;
        }
        let start = skimmer.start(window.byte_before(self.low));
        let (place, idle) = skimmer.read(start, bytes)?;
        // What is live begins at `low`; where the table says that nothing was, it is not so.
        (idle == 0).then_some(place)
    }

    /// Reads on until the leftmost match is known or the window ends.
    pub(super) fn advance(
        &mut self,
        regexes: &Regexes,
        caches: &mut Caches,
        window: &Window<'_>,
    ) -> Verdict {
        self.skimmed = None;
        let verdict = self.try_advance(regexes, caches, window);
        verdict.unwrap_or_else(|Stuck| self.done(Found::too_long(self.low)))
    }

    fn try_advance(
        &mut self,
        regexes: &Regexes,
        caches: &mut Caches,
        window: &Window<'_>,
    ) -> Result<Verdict, Stuck> {
        loop {
            match &mut self.stage {
                Stage::Done(found) => return Ok(Verdict::Found(*found)),
                Stage::Contest(_) => {
                    if let Some(verdict) = self.contest(regexes, caches, window)? {
                        return Ok(verdict);
                    }
                }
                Stage::Scan => {
                    if let Some(verdict) = self.scan(regexes, caches, window)? {
                        return Ok(verdict);
                    }
                }
            }
        }
    }

    fn done(&mut self, found: Found) -> Verdict {
        self.stage = Stage::Done(found);
        Verdict::Found(found)
    }

    /// Reads on while no match has ended.
    fn scan(
        &mut self,
        regexes: &Regexes,
        caches: &mut Caches,
        window: &Window<'_>,
    ) -> Result<Option<Verdict>, Stuck> {
        self.sync(regexes, caches, window)?;
        let deadline = regexes.deadline(self.low);
        let stop = self.read(regexes, caches, window, deadline)?;
        if matches!(stop, Stop::Match) || self.ends_with_match(regexes, caches, window)? {
            self.stage = Stage::Contest(None);
            return Ok(None);
        }
        let over = window.last && self.at == window.len();
        if over && self.at < deadline {
            return Ok(Some(Verdict::Open(self.at)));
        }
        self.settle(regexes, caches, window)?;
        if matches!(self.stage, Stage::Done(_)) {
            return Ok(None);
        }
        if self.at >= regexes.deadline(self.low) {
            return Ok(Some(self.done(Found::too_long(self.low))));
        }
        let open = if over { self.at } else { self.low };
        Ok((self.at == window.len()).then_some(Verdict::Open(open)))
    }

    /// Makes the states valid: a cache that was emptied has others.
    fn sync(
        &mut self,
        regexes: &Regexes,
        caches: &mut Caches,
        window: &Window<'_>,
    ) -> Result<(), Stuck> {
        let cache = &mut caches.scan;
        if caches.idle.valid(cache).is_none() {
            let filling = cache.clear_count();
            let no_word = regexes.start(cache, Anchored::No, Some(b' '))?;
            let word = regexes.start(cache, Anchored::No, Some(b'a'))?;
            caches.idle = Idle { states: Some([no_word, word]), filling };
        }
        if self.state.is_none() || self.filling != cache.clear_count() {
            self.state = Some(regexes.start(cache, Anchored::No, window.byte_before(self.low))?);
            self.at = self.low;
            self.filling = cache.clear_count();
        }
        Ok(())
    }

    /// The hot loop: one step for each byte up to `to`, and a note of where nothing was live.
    fn read(
        &mut self,
        regexes: &Regexes,
        caches: &mut Caches,
        window: &Window<'_>,
        to: usize,
    ) -> Result<Stop, Stuck> {
        let Some(mut state) = self.state else { return Err(Stuck) };
        let from = self.at;
        let mut low = self.low;
        // The default is the number of no state, so that nothing counts as idle.
        let [mut idle, mut idle_word] = caches.idle.valid(&caches.scan).unwrap_or_default();
        let bytes = window.bytes(from, to);
        for (index, &byte) in bytes.iter().enumerate() {
            if state.is_dead() {
                // Every pattern is bound to a beginning that is past.
                low = from + bytes.len();
                break;
            }
            let mut next = regexes.dfa.next_state_untagged(&caches.scan, state, byte);
            if next.is_tagged() {
                let filling = caches.scan.clear_count();
                next = regexes.dfa.next_state(&mut caches.scan, state, byte).map_err(|_| Stuck)?;
                if caches.scan.clear_count() != filling {
                    [idle, idle_word] = Default::default();
                }
                if next.is_match() {
                    (self.low, self.at, self.state) = (low, from + index + 1, None);
                    return Ok(Stop::Match);
                }
            }
            if next == idle || next == idle_word {
                low = from + index + 1;
            }
            state = next;
        }
        self.filling = caches.scan.clear_count();
        (self.low, self.at, self.state) = (low, from + bytes.len(), Some(state));
        Ok(Stop::Read)
    }

    /// Whether the text is over and a match ends with it.
    fn ends_with_match(
        &mut self,
        regexes: &Regexes,
        caches: &mut Caches,
        window: &Window<'_>,
    ) -> Result<bool, Stuck> {
        let Some(state) = self.state.filter(|_| window.last && self.at == window.len()) else {
            return Ok(false);
        };
        let end = regexes.dfa.next_eoi_state(&mut caches.scan, state).map_err(|_| Stuck)?;
        Ok(end.is_match())
    }

    /// Raises `low` to the oldest start from which a thread is alive.
    fn settle(
        &mut self,
        regexes: &Regexes,
        caches: &mut Caches,
        window: &Window<'_>,
    ) -> Result<(), Stuck> {
        let floor = window.char_floor(regexes.oldest_start(self.at));
        self.low = self.low.max(floor);
        while self.low < self.at {
            let cache = &mut caches.threads;
            let mut thread = match self.oldest.take() {
                Some(thread) if thread.start == self.low => thread,
                _ => Thread::new(regexes, cache, window, self.low, Anchored::Yes)?,
            };
            thread.run(regexes, cache, window, self.at)?;
            if thread.is_alive() {
                if thread.ends_here(regexes, cache)? {
                    self.settle_match(regexes, caches, window)?;
                }
                self.oldest = Some(thread);
                return Ok(());
            }
            self.low = window.next_char(self.low);
        }
        Ok(())
    }

    /// Takes the match that begins at `low` and ends with what was read, if nothing that may
    /// follow could change it.
    fn settle_match(
        &mut self,
        regexes: &Regexes,
        caches: &mut Caches,
        window: &Window<'_>,
    ) -> Result<(), Stuck> {
        let seen = Window { last: false, ..*window };
        let cache = &mut caches.threads;
        let mut contest = Contest::new(regexes, cache, &seen, self.low, self.at)?;
        if let Outcome::Found(found) = contest.run(regexes, cache, &seen, self.at)? {
            self.stage = Stage::Done(found);
        }
        Ok(())
    }

    /// Looks for the leftmost match from `low` on.
    fn contest(
        &mut self,
        regexes: &Regexes,
        caches: &mut Caches,
        window: &Window<'_>,
    ) -> Result<Option<Verdict>, Stuck> {
        let cache = &mut caches.threads;
        let Stage::Contest(contest) = &mut self.stage else { return Ok(None) };
        let mut current = match contest.take() {
            Some(contest) => contest,
            None => Contest::new(regexes, cache, window, self.low, window.len())?,
        };
        match current.run(regexes, cache, window, window.len())? {
            Outcome::Found(found) => Ok(Some(self.done(found))),
            Outcome::Pending => {
                self.stage = Stage::Contest(Some(current));
                Ok(Some(Verdict::Open(self.low)))
            }
            Outcome::Nothing if self.low >= self.at => {
                *self = Self::at(self.low);
                Ok(None)
            }
            Outcome::Nothing => {
                self.low = window.next_char(self.low);
                Ok(None)
            }
        }
    }

    /// Makes the next match begin at `to` or later.
    pub(super) fn skip_to(&mut self, to: usize) {
        let keep = match &self.stage {
            Stage::Done(found) => found.start >= to,
            Stage::Scan | Stage::Contest(_) => self.low >= to,
        };
        if !keep {
            *self = Self::at(to);
        }
    }

    /// Forgets the first `bytes` of the window.
    pub(super) fn rebase(&mut self, bytes: usize) {
        if bytes == 0 {
            return;
        }
        self.at -= bytes;
        self.low -= bytes;
        self.oldest = self.oldest.and_then(|thread| thread.rebased(bytes));
        match &mut self.stage {
            Stage::Done(found) => *found = found.rebased(bytes),
            Stage::Contest(Some(contest)) => contest.rebase(bytes),
            Stage::Scan | Stage::Contest(None) => {}
        }
    }
}
