//! A quick look that tells where no literal can begin, in five loads a byte and no waiting.
//!
//! An automaton's next step waits for the one before; this look does not.
//! The patterns are dealt to 64 buckets. For each byte a mask says which buckets have a pattern
//! with that byte in its first, second, … fifth place. Where the masks of five bytes in a row have
//! no bucket in common, no pattern begins; most text is such.

use super::super::fold::same;
use super::super::pattern::Case;

/// Leading bytes of a pattern that are looked at.
pub(super) const LOOK: usize = 5;

/// The masks of one byte, by the place that it has in a pattern.
///
/// The places without a use make the index of a byte a shift.
type Masks = [u64; 8];

/// The masks of all bytes, and the pairs of bytes that patterns begin with.
#[derive(Debug)]
pub(super) struct Skimmer {
    masks: Box<[Masks; 256]>,
    /// For each first byte a bit for each second one.
    pairs: Box<[[u64; 4]; 256]>,
    /// Whether some pattern is shorter than the look.
    short: bool,
}

/// Which buckets have a pattern whose first one, two, … bytes the text ends with.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Prefixes {
    one: u64,
    two: u64,
    three: u64,
    four: u64,
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
        let mut heads: Vec<Vec<u8>> = texts.flat_map(|text| heads(text, case)).collect();
        // Neighbours in the order share their first bytes, which keeps the buckets apart.
        heads.sort_unstable();
        heads.dedup();
        let mut masks = Box::new([Masks::default(); 256]);
        for (index, head) in heads.iter().enumerate() {
            let bucket = 1_u64 << (index * 64 / heads.len());
            for place in 0..LOOK {
                match head.get(place) {
                    Some(&byte) => set(&mut masks, byte, place, bucket),
                    // The pattern is over: anything may follow.
                    None => (0..=u8::MAX).for_each(|byte| set(&mut masks, byte, place, bucket)),
                }
            }
        }
        let mut pairs = Box::new([[0; 4]; 256]);
        for head in &heads {
            if let [first, second, ..] = *head.as_slice() {
                let row = pairs.get_mut(usize::from(first));
                if let Some(bits) = row.and_then(|row| row.get_mut(usize::from(second >> 6))) {
                    *bits |= 1 << (second & 63);
                }
            }
        }
        let short = heads.iter().any(|head| head.len() < LOOK);
        Self { masks, pairs, short }
    }

    /// Reads `bytes` on from what the text ended with; `None` if a pattern may begin there.
    #[inline]
    pub(super) fn read(&self, prefixes: Prefixes, bytes: &[u8]) -> Option<Prefixes> {
        let Prefixes { mut one, mut two, mut three, mut four } = prefixes;
        let mut hits = 0;
        for &byte in bytes {
            // The index of a byte is within the table, as the compiler sees.
            let [first, second, third, fourth, fifth, ..] = *self.masks.get(usize::from(byte))?;
            hits |= four & fifth;
            four = three & fourth;
            three = two & third;
            two = one & second;
            one = first;
        }
        (hits == 0).then_some(Prefixes { one, two, three, four })
    }

    /// How many of the last bytes a pattern begins with, where `last` are the last two.
    #[inline]
    pub(super) fn depth(&self, prefixes: Prefixes, last: &[u8]) -> Depth {
        let Prefixes { one, two, three, four } = prefixes;
        if self.short {
            return if one | two | three | four == 0 {
                Depth::Is(0)
            } else {
                Depth::AtMost(LOOK - 1)
            };
        }
        if three | four != 0 {
            return Depth::AtMost(LOOK - 1);
        }
        // Which it is is hard to foresee, so it is computed without a branch.
        let two = match *last {
            [first, second] => self.pairs.get(usize::from(first)).map_or(0, |row| {
                row.get(usize::from(second >> 6)).map_or(0, |bits| (bits >> (second & 63)) & 1)
            }),
            _ => 0,
        };
        Depth::Is(usize::from(one != 0).max(usize::from(two != 0) << 1))
    }
}

fn set(masks: &mut [Masks; 256], byte: u8, place: usize, bucket: u64) {
    let mask = masks.get_mut(usize::from(byte)).and_then(|masks| masks.get_mut(place));
    if let Some(mask) = mask {
        *mask |= bucket;
    }
}

/// The first bytes of every spelling of a pattern, five of each or fewer if it is shorter.
fn heads(text: &str, case: Case) -> Vec<Vec<u8>> {
    let mut heads = vec![Vec::new()];
    for character in text.chars() {
        if heads.iter().all(|head| head.len() >= LOOK) {
            break;
        }
        let spellings = same(character, case);
        heads = heads
            .iter()
            .flat_map(|head| spellings.iter().map(move |spelling| append(head, *spelling)))
            .collect();
    }
    for head in &mut heads {
        head.truncate(LOOK);
    }
    heads
}

fn append(head: &[u8], character: char) -> Vec<u8> {
    let mut head = head.to_vec();
    head.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
    head
}
