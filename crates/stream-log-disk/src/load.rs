//! What a folder holds: the catalog and the segments, read without writing anything.

use std::collections::BTreeMap;

use stream_model::now::new_epoch;

use crate::catalog::{COPY_NAME, Catalog, NAME};
use crate::error::{Damage, OpenError};
use crate::index::SegmentIndex;
use crate::recovery::{Recovered, Replay, SegmentEnd, end_of_compacted, end_of_previous};
use crate::scan::Scanner;
use crate::segment::{
    FORMAT, FRONT_BYTES, HEADER_BYTES, Header, HeaderFound, segment_name, segment_number,
};
use crate::vfs::{Vfs, read_mostly_zeros, read_whole};

/// What a folder holds.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) recovered: Recovered,
    /// Segments that end, the oldest first.
    pub(crate) sealed: Vec<Sealed>,
    /// The segment that goes on.
    pub(crate) last: Option<Last>,
    /// The highest number that a segment ever had, as far as can be told.
    pub(crate) highest: u64,
    /// Segments that nobody needs.
    pub(crate) unused: Vec<u64>,
}

/// A segment that ends.
#[derive(Debug)]
pub(crate) struct Sealed {
    pub(crate) header: Header,
    pub(crate) end: u32,
    /// Its index, if it was read for other reasons.
    pub(crate) index: Option<SegmentIndex>,
}

/// The segment that goes on.
#[derive(Debug)]
pub(crate) struct Last {
    pub(crate) header: Header,
    pub(crate) end: SegmentEnd,
    /// Bytes of its file.
    pub(crate) bytes: u32,
}

/// What the front of a segment's file says.
#[derive(Debug, Clone, Copy)]
struct Front {
    header: Header,
    bytes: u32,
    /// Where the segment before ended.
    previous_end: Option<u32>,
    /// Where this one ends, if it was compacted.
    own_end: Option<u32>,
}

/// Reads what a folder holds.
pub(crate) fn load(vfs: &dyn Vfs) -> Result<Loaded, OpenError> {
    let mut damage = Vec::new();
    let fronts = read_fronts(vfs, &mut damage)?;
    let catalog = read_catalog(vfs, &mut damage)?;
    let compacted = fronts.values().flatten().any(|front| front.header.compacted);
    let dropped = fronts.keys().next().is_some_and(|lowest| *lowest > 1);
    if catalog.is_none() && (compacted || dropped) {
        // Only once a catalog knows what segments told are they compacted or dropped.
        damage.push(Damage::Catalog);
    }
    let lowest = fronts.keys().next().copied().unwrap_or(1);
    let catalog = catalog.unwrap_or(Catalog { from_segment: lowest, ..Catalog::default() });
    let sealed = known_sealed(&catalog, &fronts, &mut damage);
    let from = catalog.from_segment;
    let is_needed = |number: u64| {
        number >= from || catalog.sealed.binary_search_by_key(&number, |known| known.0).is_ok()
    };
    let unused = fronts.keys().copied().filter(|number| !is_needed(*number)).collect();
    let safe_before = catalog.safe_before;
    let mut replay = Replay::new(catalog);
    replay.damage = damage;
    let mut loading = Loading { vfs, fronts, safe_before, replay, sealed, last: None, unused };
    loading.segments_from(from);
    let Loading { replay, sealed, last, unused, fronts, .. } = loading;
    let highest = fronts.keys().next_back().copied().unwrap_or_default();
    Ok(Loaded { recovered: replay.finish(new_epoch), sealed, last, highest, unused })
}

/// Segments being read one after the other.
struct Loading<'a> {
    vfs: &'a dyn Vfs,
    fronts: BTreeMap<u64, Option<Front>>,
    safe_before: Option<(u64, u32)>,
    replay: Replay,
    sealed: Vec<Sealed>,
    last: Option<Last>,
    unused: Vec<u64>,
}

impl Loading<'_> {
    fn segments_from(&mut self, from: u64) {
        let there = self.fronts.keys().next_back().copied();
        let known = self.safe_before.map(|(segment, _)| segment);
        let Some(highest) = there.max(known) else { return };
        for number in from..=highest {
            if self.segment(number).is_none() {
                self.replay.lost(number);
            }
        }
    }

    fn front(&self, number: u64) -> Option<Front> {
        self.fronts.get(&number).copied().flatten()
    }

    /// Up to where the segment was safe, as others say.
    fn safe_before(&self, number: u64) -> u32 {
        let known = self.safe_before.filter(|(segment, _)| *segment == number);
        let own = self.front(number);
        if own.is_some_and(|own| own.header.compacted) {
            return own.and_then(|own| own.own_end).unwrap_or_default();
        }
        let next = self.front(number.saturating_add(1)).and_then(|next| next.previous_end);
        known.map_or(0, |(_, before)| before).max(next.unwrap_or_default())
    }

    fn segment(&mut self, number: u64) -> Option<()> {
        let Front { header, bytes: length, .. } = self.front(number)?;
        let bytes = read_mostly_zeros(&*self.vfs.open(&segment_name(number)).ok()?).ok()?;
        let safe_before = self.safe_before(number);
        if self.last.is_some() && is_unbegun(header, &bytes, safe_before) {
            // It was made ahead of use, and its time had not come.
            self.unused.push(number);
            return Some(());
        }
        if let Some(Last { header, end, .. }) = self.last.take() {
            let index = Some(self.replay.seal(header.number));
            self.sealed.push(Sealed { header, end: end.end, index });
        }
        let end = self.replay.segment(header, &bytes, safe_before);
        self.last = Some(Last { header, end, bytes: length });
        Some(())
    }
}

/// The sealed segments that a catalog knows and that are there.
fn known_sealed(
    catalog: &Catalog,
    fronts: &BTreeMap<u64, Option<Front>>,
    damage: &mut Vec<Damage>,
) -> Vec<Sealed> {
    let mut sealed = Vec::new();
    for (segment, end) in catalog.sealed.iter().copied() {
        match fronts.get(&segment).copied().flatten() {
            None => damage.push(Damage::Lost { segment }),
            Some(Front { header, bytes, own_end, .. }) => {
                let end = match own_end {
                    // The catalog may have been written before the segment was.
                    Some(own_end) => own_end,
                    None if header.compacted => {
                        let (from, to) = (HEADER_BYTES, HEADER_BYTES.saturating_add(1));
                        damage.push(Damage::Segment { segment, from, to, log: None });
                        bytes
                    }
                    None => end,
                };
                if bytes < end {
                    damage.push(Damage::Segment { segment, from: bytes, to: end, log: None });
                }
                sealed.push(Sealed { header, end, index: None });
            }
        }
    }
    sealed
}

/// The catalog or its copy; `None` if there is neither.
fn read_catalog(vfs: &dyn Vfs, damage: &mut Vec<Damage>) -> Result<Option<Catalog>, OpenError> {
    let names = vfs.list()?;
    let there = |name: &&str| names.iter().any(|known| known == name);
    for name in [NAME, COPY_NAME].into_iter().filter(there) {
        let bytes = vfs.open(name).and_then(|file| read_whole(&*file));
        if let Some(catalog) = bytes.ok().and_then(|bytes| Catalog::read(&bytes)) {
            return Ok(Some(catalog));
        }
        if !damage.contains(&Damage::Catalog) {
            damage.push(Damage::Catalog);
        }
    }
    Ok(None)
}

/// The front of every segment; `None` for one that cannot be read.
fn read_fronts(
    vfs: &dyn Vfs,
    damage: &mut Vec<Damage>,
) -> Result<BTreeMap<u64, Option<Front>>, OpenError> {
    let mut fronts = BTreeMap::new();
    for number in vfs.list()?.iter().filter_map(|name| segment_number(name)) {
        let file = vfs.open(&segment_name(number))?;
        let mut bytes = vec![0; FRONT_BYTES];
        let read = file.read_at(&mut bytes, 0).unwrap_or_default();
        bytes.truncate(read);
        let header = match Header::read(&bytes) {
            HeaderFound::Version(found) => {
                return Err(OpenError::Version { found, expected: FORMAT });
            }
            HeaderFound::Whole(header) => Some(header),
            HeaderFound::Damaged(header) => {
                damage.push(Damage::Header { segment: number });
                Some(header)
            }
            HeaderFound::None => None,
        };
        let length = u32::try_from(file.len()?).unwrap_or(u32::MAX);
        // A file in the place of another is as good as lost.
        let header = header.filter(|header| header.number == number);
        let front = header.map(|header| Front {
            header,
            bytes: length,
            previous_end: end_of_previous(&bytes, header),
            own_end: end_of_compacted(&bytes, header),
        });
        fronts.insert(number, front);
    }
    Ok(fronts)
}

/// Whether no frame was ever written to a segment.
fn is_unbegun(header: Header, bytes: &[u8], safe_before: u32) -> bool {
    Scanner::new(bytes, header.secret, HEADER_BYTES, safe_before).next().is_none()
}
