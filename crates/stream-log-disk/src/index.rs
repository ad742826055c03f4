//! Where the batches of a log lie: in memory for the active segment, in a file for sealed ones.

use crate::segment::FORMAT;
use stream_log::codec::{Reader, narrow, put_varint, widen};

/// One batch of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Entry {
    /// The offset of its first record.
    pub(crate) first: u64,
    /// Bytes of payload that the log was ever given before it.
    pub(crate) bytes_before: u64,
    /// Its time in nanoseconds since 1970; times beyond 300 years from then count as that.
    pub(crate) nanos: i64,
    /// Where its frame begins in the segment.
    pub(crate) position: u32,
}

/// The batches of a log in one segment, as far as memory knows them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Run {
    /// The offset of the first record.
    pub(crate) first: u64,
    /// The segment.
    pub(crate) segment: u64,
}

/// The entry whose batch would hold `offset`, by its number.
pub(crate) fn holder(entries: &[Entry], offset: u64) -> Option<usize> {
    entries.partition_point(|entry| entry.first <= offset).checked_sub(1)
}

/// The batches of every log in one sealed segment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct SegmentIndex {
    /// Sorted by log.
    logs: Vec<Part>,
    entries: Vec<Entry>,
}

/// Where a log's batches lie among all entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Part {
    log: u32,
    start: u32,
    count: u32,
}

impl SegmentIndex {
    /// The batches of each log, in order.
    pub(crate) fn new(parts: impl IntoIterator<Item = (u32, Vec<Entry>)>) -> Self {
        let mut index = Self::default();
        for (log, entries) in parts {
            index.push(log, &entries);
        }
        index.sorted()
    }

    /// No batches yet, with memory for so many; [`sorted`](Self::sorted) ends it.
    pub(crate) fn with_room(batches: usize) -> Self {
        Self { logs: Vec::new(), entries: Vec::with_capacity(batches) }
    }

    /// Adds a log's batches.
    pub(crate) fn push(&mut self, log: u32, entries: &[Entry]) {
        // A segment is far smaller than 2^32 entries.
        let length = |entries: &[Entry]| u32::try_from(entries.len()).unwrap_or(u32::MAX);
        let (start, count) = (length(&self.entries), length(entries));
        self.entries.extend_from_slice(entries);
        self.logs.push(Part { log, start, count });
    }

    /// With the logs in the order in which they are looked up.
    pub(crate) fn sorted(mut self) -> Self {
        self.logs.sort_unstable_by_key(|part| part.log);
        self
    }

    /// A log's batches, in order; none if it has none here.
    pub(crate) fn entries(&self, log: u32) -> &[Entry] {
        let found = self.logs.binary_search_by_key(&log, |part| part.log).ok();
        found.and_then(|found| self.logs.get(found)).map_or(&[], |part| self.part(*part))
    }

    /// Where all batches begin, in no order.
    pub(crate) fn positions(&self) -> impl Iterator<Item = u32> {
        self.entries.iter().map(|entry| entry.position)
    }

    fn part(&self, part: Part) -> &[Entry] {
        let (start, count) = (narrow(part.start.into()), narrow(part.count.into()));
        self.entries.get(start..start.saturating_add(count)).unwrap_or_default()
    }

    /// Bytes that it takes in memory.
    pub(crate) fn bytes(&self) -> usize {
        size_of::<Self>()
            .saturating_add(self.logs.capacity().saturating_mul(size_of::<Part>()))
            .saturating_add(self.entries.capacity().saturating_mul(size_of::<Entry>()))
    }

    /// Everything as the content of a file, for the segment with this secret.
    pub(crate) fn to_bytes(&self, secret: u32) -> Vec<u8> {
        let mut out = vec![0; 4];
        out.push(FORMAT);
        out.extend_from_slice(&secret.to_le_bytes());
        put_varint(&mut out, widen(self.logs.len()));
        for part in &self.logs {
            put_varint(&mut out, part.log.into());
            put_varint(&mut out, part.count.into());
            let mut before = Entry { first: 0, bytes_before: 0, nanos: 0, position: 0 };
            for entry in self.part(*part) {
                put_varint(&mut out, entry.first.wrapping_sub(before.first));
                put_varint(&mut out, entry.bytes_before.wrapping_sub(before.bytes_before));
                stream_log::codec::put_signed(&mut out, entry.nanos.wrapping_sub(before.nanos));
                put_varint(&mut out, entry.position.wrapping_sub(before.position).into());
                before = *entry;
            }
        }
        if let Some((checksum, rest)) = out.split_at_mut_checked(4) {
            checksum.copy_from_slice(&crc32fast::hash(rest).to_le_bytes());
        }
        out
    }

    /// Reads a file's content; `None` if it is damaged or of another segment.
    pub(crate) fn from_bytes(bytes: &[u8], secret: u32) -> Option<Self> {
        let mut reader = Reader(bytes);
        let is_whole = reader.u32()? == crc32fast::hash(reader.0);
        if !is_whole || reader.u8()? != FORMAT || reader.u32()? != secret {
            return None;
        }
        let mut index = Self::default();
        for _ in 0..reader.varint()? {
            let log = reader.varint32()?;
            let mut entries = Vec::new();
            let count = narrow(reader.varint()?);
            entries.reserve_exact(count.min(reader.0.len()));
            let mut before = Entry { first: 0, bytes_before: 0, nanos: 0, position: 0 };
            for _ in 0..count {
                before = Entry {
                    first: before.first.wrapping_add(reader.varint()?),
                    bytes_before: before.bytes_before.wrapping_add(reader.varint()?),
                    nanos: before.nanos.wrapping_add(reader.signed()?),
                    position: before.position.wrapping_add(reader.varint32()?),
                };
                entries.push(before);
            }
            index.push(log, &entries);
        }
        reader.0.is_empty().then_some(index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(n: u64) -> Entry {
        let position = u32::try_from(n * 40).unwrap();
        Entry { first: n * 3, bytes_before: n * 100, nanos: 5 - n.cast_signed(), position }
    }

    #[test]
    fn an_index_reads_back_and_a_damaged_one_does_not() {
        let parts = [(7, vec![entry(1), entry(2), entry(9)]), (1, vec![entry(4)])];
        let index = SegmentIndex::new(parts);
        assert_eq!(index.entries(7), [entry(1), entry(2), entry(9)]);
        assert_eq!(index.entries(1), [entry(4)]);
        assert_eq!(index.entries(2), []);
        let bytes = index.to_bytes(5);
        let read = SegmentIndex::from_bytes(&bytes, 5).unwrap();
        assert!((0..9).all(|log| read.entries(log) == index.entries(log)));
        assert_eq!(SegmentIndex::from_bytes(&bytes, 6), None);
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(SegmentIndex::from_bytes(&flipped, 5), None, "bit {bit}");
        }
    }

    #[test]
    fn the_holder_of_an_offset_begins_at_or_before_it() {
        let entries = [entry(1), entry(2)];
        for (offset, want) in [(2, None), (3, Some(0)), (5, Some(0)), (6, Some(1)), (99, Some(1))] {
            assert_eq!(holder(&entries, offset), want, "{offset}");
        }
    }
}
