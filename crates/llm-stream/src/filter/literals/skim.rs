//! A quick look that tells where no literal can end, and in which no step waits for a table.
//!
//! An automaton's next step begins with what the one before has found in memory; here a step is a
//! shift, and what it needs from memory depends on the text alone.
//! The patterns are dealt to buckets, and of each bucket a few bits say which of its patterns'
//! first bytes the text ends with: one, two, and so on. A byte of the text moves every bit a place
//! on, and puts out those of the buckets in which no pattern has it in that place.
//! Where no bit has reached the last place of its bucket, no pattern has ended; most text is such.

use std::iter::zip;

use super::super::fold::same;
use super::super::pattern::Case;

/// Leading bytes of a pattern that are looked at: as many as a word has bytes.
pub(super) const LOOK: usize = 8;

/// As many as a byte has bits; more words of them find less that is none, and cost more than that.
const BUCKETS: usize = 8;

/// Which bytes may stand where in the patterns of each bucket.
///
/// Byte *n* of a word has a bit for place *n* of each bucket, so that a shift by a byte moves all
/// of them a place on. A bit is 0 where a beginning is alive, and zeros move in: a pattern may
/// begin anywhere.
#[derive(Debug)]
pub(super) struct Skimmer {
    /// For each byte 0 at the places that it may have.
    rows: Box<[u64; 256]>,
    /// 1 at the last place of each bucket.
    ends: u64,
    /// For each first byte of a pattern a bit for each second one.
    pairs: Box<[[u64; 4]; 256]>,
}

/// Which beginnings of patterns a text ends with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Trail(u64);

impl Trail {
    /// That of an empty text.
    pub(super) const NONE: Self = Self(u64::MAX);
}

/// How many of the last bytes of a text a pattern begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Depth {
    /// So many.
    Is(usize),
    /// No more than so many; the automaton knows.
    AtMost(usize),
}

impl Skimmer {
    pub(super) fn new<'a>(texts: impl Iterator<Item = &'a str>, case: Case) -> Self {
        let mut heads = Vec::new();
        let mut pairs = Box::new([[0; 4]; 256]);
        for text in texts {
            heads.extend(heads_of(text, case));
            add_pairs(&mut pairs, text, case);
        }
        // Neighbours in the order share their length and first bytes, which keeps buckets apart.
        heads.sort_unstable_by(|a, b| (a.len(), a).cmp(&(b.len(), b)));
        heads.dedup();
        let mut skimmer = Self { rows: Box::new([Trail::NONE.0; 256]), ends: 0, pairs };
        for bucket in 0..BUCKETS {
            let border = |bucket: usize| bucket * heads.len() / BUCKETS;
            let heads = heads.get(border(bucket)..border(bucket + 1)).unwrap_or_default();
            skimmer.fill(bucket, heads);
        }
        skimmer
    }

    /// Puts heads into a bucket, the shortest first.
    fn fill(&mut self, bucket: usize, heads: &[Head]) {
        let Some(shortest) = heads.first() else { return };
        let bit = |place: usize| 1_u64 << (place * 8 + bucket);
        for (place, bytes) in
            heads.iter().flat_map(|head| head.iter().take(shortest.len()).enumerate())
        {
            for &byte in bytes {
                if let Some(row) = self.rows.get_mut(usize::from(byte)) {
                    *row &= !bit(place);
                }
            }
        }
        self.ends |= bit(shortest.len() - 1);
    }

    /// Reads `bytes` on from what the text ended with; `None` if a pattern may end there.
    #[inline]
    pub(super) fn read(&self, Trail(mut alive): Trail, bytes: &[u8]) -> Option<Trail> {
        let mut all = alive;
        for &byte in bytes {
            // The index of a byte is within the table, as the compiler sees.
            alive = (alive << 8) | self.rows.get(usize::from(byte))?;
            all &= alive;
        }
        (!all & self.ends == 0).then_some(Trail(alive))
    }

    /// How many of the last bytes a pattern begins with, where `last` are the last two.
    #[inline]
    pub(super) fn depth(&self, Trail(alive): Trail, [first, second]: [u8; 2]) -> Depth {
        let places = !alive;
        if let [_, _, rest @ ..] = places.to_le_bytes()
            && let Some(most) = rest.iter().rposition(|place| *place != 0)
        {
            return Depth::AtMost(most + 3);
        }
        // Which it is is hard to foresee, so it is computed without a branch.
        let pairs = self.pairs.get(usize::from(first)).map_or(0, |row| {
            row.get(usize::from(second >> 6)).map_or(0, |bits| (bits >> (second & 63)) & 1)
        });
        let (one, two) = (places & 0xff != 0, places > 0xff && pairs != 0);
        Depth::Is(usize::from(one).max(usize::from(two) << 1))
    }
}

/// The first bytes of a pattern: at each place those of all spellings, [`LOOK`] places at most.
type Head = Vec<Vec<u8>>;

/// The heads of a pattern, of which it has several if its spellings have different lengths.
fn heads_of(text: &str, case: Case) -> Vec<Head> {
    let mut heads = vec![Head::new()];
    for character in text.chars() {
        if heads.iter().all(|head| head.len() >= LOOK) {
            break;
        }
        let spellings = by_length(character, case);
        heads = heads
            .iter()
            .flat_map(|head| spellings.iter().map(move |places| [&**head, places].concat()))
            .collect();
    }
    for head in &mut heads {
        head.truncate(LOOK);
    }
    heads
}

/// The spellings of a character: for each length, which bytes stand at each place.
fn by_length(character: char, case: Case) -> Vec<Head> {
    let mut spellings: Vec<Head> = Vec::new();
    for spelling in same(character, case) {
        let mut buffer = [0; 4];
        let bytes = spelling.encode_utf8(&mut buffer).as_bytes();
        match spellings.iter_mut().find(|places| places.len() == bytes.len()) {
            Some(places) => zip(places, bytes).for_each(|(place, &byte)| place.push(byte)),
            None => spellings.push(bytes.iter().map(|&byte| vec![byte]).collect()),
        }
    }
    spellings
}

/// Adds the first two bytes of every spelling of a pattern.
fn add_pairs(pairs: &mut [[u64; 4]; 256], text: &str, case: Case) {
    let mut characters = text.chars().map(|character| same(character, case));
    let firsts = characters.next().unwrap_or_default();
    let seconds = characters.next().unwrap_or_default();
    for character in firsts {
        let spellings = seconds.iter().map(|second| String::from_iter([character, *second]));
        for spelling in spellings.chain([character.into()]) {
            if let [first, second, ..] = *spelling.as_bytes()
                && let Some(row) = pairs.get_mut(usize::from(first))
                && let Some(bits) = row.get_mut(usize::from(second >> 6))
            {
                *bits |= 1 << (second & 63);
            }
        }
    }
}
