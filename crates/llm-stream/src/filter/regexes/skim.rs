//! A quick look at plain text, through a table of the few states that it visits.
//!
//! In prose the automaton is nearly always in one of some dozen states: nothing is live, or a word
//! runs that might be the beginning of an address. The steps between these fit into a table that
//! stays in the fastest memory, and nothing has to be checked at each of them. The table has a
//! column for each byte, which the text alone tells, so that a step waits for one load only; and
//! because many bytes have the same column, there is one for each two bytes as well.
//! All other states share a place that the table does not leave, and then the careful search reads
//! the text instead.

use regex_automata::Anchored;
use regex_automata::hybrid::LazyStateID;
use regex_automata::hybrid::dfa::Cache;

use super::Stuck;
use super::compile::Regexes;

/// Bytes by their frequency in text, which decides the states that get a place in the table: those
/// that prose alone leads to before all others, because a long word takes many.
const FREQUENT: [&[u8]; 2] =
    [b" etaoinsrhldcumfpgwybvk.,xjqz\n", b"-'0123456789ETAOINSRHLDCUMFPGWYBVKXJQZ:()_"];

/// Places of states, the one that all others share among them; a power of two.
const PLACES: usize = 64;

/// Different columns above which there are none for two bytes: they would not stay near.
const CLASSES_MAX: usize = 32;

/// For each place the place that a byte leads to.
type Column = [u8; PLACES];

/// A table of the steps between the most frequent states.
#[derive(Debug)]
pub(super) struct Skimmer {
    columns: Box<[Column; 256]>,
    /// The same two bytes at a time, if there are few enough different columns.
    pairs: Option<Pairs>,
    /// For each byte the place after it when nothing is live.
    starts: Box<[u8; 256]>,
    /// The place at the beginning of a text.
    first: u8,
    /// The last of the places at which nothing is live.
    idle_last: u8,
    /// The place of all other states, which leads to itself.
    elsewhere: u8,
}

/// Where a quick look has got to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place(u8);

impl Skimmer {
    /// The place before text that follows the byte `before`.
    pub(super) fn start(&self, before: Option<u8>) -> Place {
        Place(match before {
            Some(byte) => self.starts.get(usize::from(byte)).copied().unwrap_or(self.elsewhere),
            None => self.first,
        })
    }

    /// Reads `bytes`: the place after them, and how many of them there were when last nothing was
    /// live, or 0 if something was all the time; `None` if they lead elsewhere.
    #[inline]
    pub(super) fn read(&self, place: Place, bytes: &[u8]) -> Option<(Place, usize)> {
        let Some(pairs) = &self.pairs else { return self.read_bytes(place, bytes) };
        let mut place = place.0;
        let mut idle = 0;
        let (twos, odd) = bytes.as_chunks();
        for (index, two) in twos.iter().enumerate() {
            let step = pairs.step(place, *two)?;
            place = step.place;
            if step.idle > 0 {
                idle = index * 2 + usize::from(step.idle);
            }
        }
        if odd.is_empty() {
            return (place != self.elsewhere).then_some((Place(place), idle));
        }
        let (last, idle_last) = self.read_bytes(Place(place), odd)?;
        Some((last, if idle_last > 0 { bytes.len() } else { idle }))
    }

    /// As [`read`](Self::read), byte by byte.
    #[inline]
    fn read_bytes(&self, place: Place, bytes: &[u8]) -> Option<(Place, usize)> {
        let mut place = place.0;
        let mut idle = 0;
        for (index, &byte) in bytes.iter().enumerate() {
            // Both are within the table, as the compiler sees.
            place = *self.columns.get(usize::from(byte))?.get(usize::from(place) % PLACES)?;
            if place <= self.idle_last {
                idle = index + 1;
            }
        }
        (place != self.elsewhere).then_some((Place(place), idle))
    }

    /// Surveys the states by following frequent bytes from where nothing is live.
    ///
    /// A set whose states do not fit gets a table that mostly leads elsewhere, which costs the
    /// look and nothing more.
    pub(super) fn new(regexes: &Regexes) -> Result<Self, Stuck> {
        let mut survey = Survey::new(regexes)?;
        for bytes in FREQUENT {
            survey.follow(bytes)?;
        }
        survey.table()
    }
}

/// The steps of two bytes each: a column for each two classes of bytes.
#[derive(Debug)]
struct Pairs {
    /// For each byte its class: the bytes of one have the same column.
    classes: Box<[u8; 256]>,
    /// How many classes there are.
    count: usize,
    columns: Vec<[Step; PLACES]>,
}

/// Where two bytes lead.
#[derive(Debug, Clone, Copy, Default)]
struct Step {
    place: u8,
    /// After how many of them last nothing was live.
    idle: u8,
}

impl Pairs {
    fn new(columns: &[Column; 256], idle_last: u8) -> Option<Self> {
        let mut different: Vec<&Column> = Vec::new();
        let mut classes = Box::new([0; 256]);
        for (column, class) in columns.iter().zip(classes.iter_mut()) {
            let known = different.iter().position(|known| *known == column);
            *class = u8::try_from(known.unwrap_or(different.len())).ok()?;
            if known.is_none() {
                different.push(column);
            }
        }
        let count = different.len();
        let two = |first: &Column, second: &Column| {
            first.map(|middle| {
                let place = second.get(usize::from(middle)).copied().unwrap_or(middle);
                let after = |place: u8, bytes: u8| if place <= idle_last { bytes } else { 0 };
                Step { place, idle: after(place, 2).max(after(middle, 1)) }
            })
        };
        let all =
            different.iter().flat_map(|first| different.iter().map(|second| two(first, second)));
        (count <= CLASSES_MAX).then(|| Self { classes, count, columns: all.collect() })
    }

    #[inline]
    fn step(&self, place: u8, [first, second]: [u8; 2]) -> Option<Step> {
        let class = |byte: u8| self.classes.get(usize::from(byte)).copied().map(usize::from);
        let column = self.columns.get(class(first)? * self.count + class(second)?)?;
        column.get(usize::from(place) % PLACES).copied()
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
    /// How many of them, from the first on, are those at which nothing is live.
    idle: usize,
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
        let idle = pairs.len();
        Ok(Self { regexes, cache, pairs, idle })
    }

    /// Gives a place to each state that `bytes` lead to from those that have one, the nearest
    /// first, while there are places.
    fn follow(&mut self, bytes: &[u8]) -> Result<(), Stuck> {
        let mut index = 0;
        while let Some(&pair) = self.pairs.get(index) {
            for &byte in bytes {
                if self.pairs.len() + 1 == PLACES {
                    return Ok(());
                }
                if let Some(next) = self.next(pair, byte)?
                    && !self.pairs.contains(&next)
                {
                    self.pairs.push(next);
                }
            }
            index += 1;
        }
        Ok(())
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
        self.pairs.iter().take(self.idle).find(|pair| pair.scan == scan).copied()
    }

    /// The number of the place of `pair`.
    fn place(&self, pair: Option<Pair>) -> Result<u8, Stuck> {
        let found = self.pairs.iter().position(|known| Some(*known) == pair);
        u8::try_from(found.unwrap_or(self.pairs.len())).map_err(|_| Stuck)
    }

    /// The table of all places.
    fn table(mut self) -> Result<Skimmer, Stuck> {
        let mut columns = Box::new([[0; PLACES]; 256]);
        for (byte, column) in (0..=u8::MAX).zip(columns.iter_mut()) {
            *column = self.column(byte)?;
        }
        let mut starts = Box::new([0; 256]);
        for (byte, start) in (0..=u8::MAX).zip(starts.iter_mut()) {
            *start = self.start(Some(byte))?;
        }
        let first = self.start(None)?;
        let idle_last = u8::try_from(self.idle.saturating_sub(1)).map_err(|_| Stuck)?;
        let elsewhere = self.place(None)?;
        let pairs = Pairs::new(&columns, idle_last);
        Ok(Skimmer { columns, pairs, starts, first, idle_last, elsewhere })
    }

    /// The numbers of the places to which `byte` leads from all places.
    fn column(&mut self, byte: u8) -> Result<Column, Stuck> {
        let mut column = [self.place(None)?; PLACES];
        for (pair, to) in self.pairs.clone().into_iter().zip(&mut column) {
            let next = self.next(pair, byte)?;
            *to = self.place(next)?;
        }
        Ok(column)
    }

    fn start(&mut self, before: Option<u8>) -> Result<u8, Stuck> {
        let scan = self.regexes.start(&mut self.cache, Anchored::No, before)?;
        self.check_cache()?;
        self.place(self.idle(scan))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::filter::{Pattern, PatternSet};

    proptest! {
        #[test]
        fn two_bytes_at_a_time_lead_where_one_by_one_do(
            text in "[a-k .,@0-9é-]{0,24}",
            before in proptest::option::of(0..=u8::MAX),
        ) {
            let set = PatternSet::new([
                Pattern::regex("[a-z0-9.]{1,9}@[a-z]{1,9}"),
                Pattern::regex("[0-9]{3}-[0-9]{4}"),
            ]).unwrap();
            let skimmer = set.compiled().regexes.as_ref().unwrap().skimmer.as_ref().unwrap();
            prop_assert!(skimmer.pairs.is_some());
            let start = skimmer.start(before);
            let got = skimmer.read(start, text.as_bytes());
            prop_assert_eq!(got, skimmer.read_bytes(start, text.as_bytes()));
        }
    }
}
