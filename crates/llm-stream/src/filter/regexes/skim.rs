//! A quick look at plain text, through a table of the few states that it visits.
//!
//! In prose the automaton is nearly always in one of a handful of states: nothing is live, or a
//! word runs that might be the beginning of an address. For up to nine such states the steps of
//! one byte fit into one number, six bits for each state, and a step is one shift; so it does not
//! wait for memory. All other states share a place that the table does not leave, and then the
//! careful search reads the text instead.

use regex_automata::Anchored;
use regex_automata::hybrid::LazyStateID;
use regex_automata::hybrid::dfa::Cache;

use super::Stuck;
use super::compile::Regexes;

/// Bytes by their frequency in text, which decides the states that get a place in the table.
const FREQUENT: &[u8] =
    b" etaoinsrhldcumfpgwybvk.,xjqz-'0123456789ETAOINSRHLDCUMFPGWYBVKXJQZ\n:()_";

/// States that have a place of their own.
const PLACES: usize = 9;
const STEP_BITS: u64 = 6;
const STEP_MASK: u64 = (1 << STEP_BITS) - 1;
/// The place of all other states.
const ELSEWHERE: u64 = 9 * STEP_BITS;

/// A table of the steps between the most frequent states.
#[derive(Debug)]
pub(super) struct Skimmer {
    /// For each byte the steps from all places.
    steps: Box<[u64; 256]>,
    /// For each byte the place after it when nothing is live.
    starts: Box<[u64; 256]>,
    /// The place at the beginning of a text.
    first: u64,
    /// The last of the places at which nothing is live.
    idle_last: u64,
}

/// Where a quick look has got to, as the offset of a place in the table's numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place(u64);

impl Skimmer {
    /// The place before text that follows the byte `before`.
    pub(super) fn start(&self, before: Option<u8>) -> Place {
        Place(match before {
            Some(byte) => self.starts.get(usize::from(byte)).copied().unwrap_or(ELSEWHERE),
            None => self.first,
        })
    }

    /// Reads `bytes`: the place after them, and how many of them there were when last nothing was
    /// live, or 0 if something was all the time; `None` if they lead elsewhere.
    #[inline]
    pub(super) fn read(&self, place: Place, bytes: &[u8]) -> Option<(Place, usize)> {
        let mut place = place.0;
        let mut idle = 0;
        for (index, &byte) in bytes.iter().enumerate() {
            // The index of a byte is within the table, as the compiler sees.
            let steps = *self.steps.get(usize::from(byte))?;
            place = (steps >> place) & STEP_MASK;
            if place <= self.idle_last {
                idle = index + 1;
            }
        }
        (place != ELSEWHERE).then_some((Place(place), idle))
    }

    /// Surveys the states by following frequent bytes from where nothing is live.
    ///
    /// A set whose states do not fit gets a table that mostly leads elsewhere, which costs the
    /// look and nothing more.
    pub(super) fn new(regexes: &Regexes) -> Result<Self, Stuck> {
        let mut survey = Survey::new(regexes)?;
        let mut index = 0;
        while let Some(&pair) = survey.pairs.get(index) {
            for &byte in FREQUENT {
                if let Some(next) = survey.next(pair, byte)?
                    && survey.pairs.len() < PLACES
                    && !survey.pairs.contains(&next)
                {
                    survey.pairs.push(next);
                }
            }
            index += 1;
        }
        let mut steps = Box::new([0; 256]);
        let mut starts = Box::new([ELSEWHERE; 256]);
        for ((byte, steps), start) in (0..=u8::MAX).zip(steps.iter_mut()).zip(starts.iter_mut()) {
            *steps = survey.steps(byte)?;
            *start = survey.start(Some(byte))?;
        }
        let first = survey.start(None)?;
        Ok(Self { steps, starts, first, idle_last: survey.idle_last })
    }
}

/// The state of the whole search, and that of the thread that began where last nothing was live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Pair {
    scan: LazyStateID,
    oldest: LazyStateID,
}

/// The pairs that get a place, in the order of the places.
struct Survey<'a> {
    regexes: &'a Regexes,
    cache: Cache,
    pairs: Vec<Pair>,
    idle_last: u64,
}

impl<'a> Survey<'a> {
    fn new(regexes: &'a Regexes) -> Result<Self, Stuck> {
        let mut cache = regexes.dfa.create_cache();
        let mut pairs: Vec<Pair> = Vec::new();
        for before in *b" a" {
            let scan = regexes.start(&mut cache, Anchored::No, Some(before))?;
            let oldest = regexes.start(&mut cache, Anchored::Yes, Some(before))?;
            if pairs.iter().all(|pair| pair.scan != scan) {
                pairs.push(Pair { scan, oldest });
            }
        }
        let idle_last = if pairs.len() == 1 { 0 } else { STEP_BITS };
        Ok(Self { regexes, cache, pairs, idle_last })
    }

    /// Where `byte` leads, unless a match ends or the oldest thread dies, with others alive.
    fn next(&mut self, pair: Pair, byte: u8) -> Result<Option<Pair>, Stuck> {
        let scan = self.step(pair.scan, byte)?;
        if scan.is_match() || scan.is_dead() {
            return Ok(None);
        }
        if let Some(idle) = self.idle(scan) {
            return Ok(Some(idle));
        }
        let oldest = self.step(pair.oldest, byte)?;
        if oldest.is_match() || oldest.is_dead() {
            return Ok(None);
        }
        // A match that may be whole is for the careful search.
        let end = self.regexes.dfa.next_eoi_state(&mut self.cache, oldest).map_err(|_| Stuck)?;
        self.check_cache()?;
        Ok((!end.is_match()).then_some(Pair { scan, oldest }))
    }

    fn step(&mut self, state: LazyStateID, byte: u8) -> Result<LazyStateID, Stuck> {
        let next = self.regexes.dfa.next_state(&mut self.cache, state, byte).map_err(|_| Stuck)?;
        self.check_cache()?;
        Ok(next)
    }

    /// Fails if the cache was emptied, for all states that are known then have other numbers.
    fn check_cache(&self) -> Result<(), Stuck> {
        if self.cache.clear_count() == 0 { Ok(()) } else { Err(Stuck) }
    }

    /// The pair of `scan` if nothing is live in it.
    fn idle(&self, scan: LazyStateID) -> Option<Pair> {
        let idle = if self.idle_last == 0 { 1 } else { 2 };
        self.pairs.iter().take(idle).find(|pair| pair.scan == scan).copied()
    }

    fn place(&self, pair: Option<Pair>) -> u64 {
        let places = (0..).step_by(6);
        let found = self.pairs.iter().zip(places).find(|(known, _)| Some(**known) == pair);
        found.map_or(ELSEWHERE, |(_, place)| place)
    }

    /// The steps of one byte from all places.
    fn steps(&mut self, byte: u8) -> Result<u64, Stuck> {
        let mut steps = ELSEWHERE << ELSEWHERE;
        for (pair, from) in self.pairs.clone().into_iter().zip((0..).step_by(6)) {
            let next = self.next(pair, byte)?;
            steps |= self.place(next) << from;
        }
        Ok(steps)
    }

    fn start(&mut self, before: Option<u8>) -> Result<u64, Stuck> {
        let scan = self.regexes.start(&mut self.cache, Anchored::No, before)?;
        self.check_cache()?;
        Ok(self.place(self.idle(scan)))
    }
}
