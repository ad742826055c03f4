//! A checkpoint cut into records, and put together again.

use bytes::{BufMut, Bytes, BytesMut};

use crate::limits::CHECKPOINT_PART_BYTES;

/// The form of what follows; another is refused.
const VERSION: u8 = 1;

/// Bytes before the content: version, number of the checkpoint, number of the part, parts in all.
const HEADER_BYTES: usize = 1 + 8 + 4 + 4;

/// The records of the checkpoint `number`; at least one, also of nothing.
pub(super) fn cut(number: u64, bytes: &[u8]) -> Vec<Bytes> {
    let pieces: Vec<&[u8]> = match bytes {
        [] => vec![bytes],
        _ => bytes.chunks(CHECKPOINT_PART_BYTES).collect(),
    };
    let count = u32::try_from(pieces.len()).unwrap_or(u32::MAX);
    let part = |(index, piece): (u32, &&[u8])| {
        let mut record = BytesMut::with_capacity(HEADER_BYTES + piece.len());
        record.put_u8(VERSION);
        record.put_u64_le(number);
        record.put_u32_le(index);
        record.put_u32_le(count);
        record.put_slice(piece);
        record.freeze()
    };
    (0..).zip(&pieces).map(part).collect()
}

/// Finds the newest whole checkpoint among records.
#[derive(Debug, Default)]
pub(super) struct Assembler {
    /// The one whose parts come now.
    open: Option<Open>,
    newest: Option<(u64, Vec<u8>)>,
}

#[derive(Debug)]
struct Open {
    number: u64,
    next_part: u32,
    bytes: Vec<u8>,
}

/// A record that is no part of a checkpoint.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Foreign;

impl Assembler {
    /// Takes the next record of the log.
    pub(super) fn push(&mut self, record: &[u8]) -> Result<(), Foreign> {
        let (header, piece) = record.split_at_checked(HEADER_BYTES).ok_or(Foreign)?;
        let (version, header) = header.split_first().ok_or(Foreign)?;
        let (number, header) = header.split_first_chunk().ok_or(Foreign)?;
        let (part, header) = header.split_first_chunk().ok_or(Foreign)?;
        let (count, _) = header.split_first_chunk().ok_or(Foreign)?;
        let (part, count) = (u32::from_le_bytes(*part), u32::from_le_bytes(*count));
        if *version != VERSION || part >= count {
            return Err(Foreign);
        }
        self.add(u64::from_le_bytes(*number), (part, count), piece);
        Ok(())
    }

    fn add(&mut self, number: u64, (part, count): (u32, u32), piece: &[u8]) {
        if part == 0 {
            self.open = Some(Open { number, next_part: 0, bytes: Vec::new() });
        }
        // The log begins in the middle of one that was trimmed, or its writer was killed.
        let is_next = |open: &&mut Open| open.number == number && open.next_part == part;
        let Some(open) = self.open.as_mut().filter(is_next) else { return };
        open.bytes.extend_from_slice(piece);
        open.next_part += 1;
        if open.next_part == count {
            self.newest = self.open.take().map(|open| (open.number, open.bytes));
        }
    }

    /// The newest whole checkpoint, and its number.
    pub(super) fn finish(self) -> Option<(u64, Vec<u8>)> {
        self.newest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assembled<'a>(records: impl IntoIterator<Item = &'a Bytes>) -> Option<(u64, Vec<u8>)> {
        let mut assembler = Assembler::default();
        records.into_iter().for_each(|record| assembler.push(record).unwrap());
        assembler.finish()
    }

    #[test]
    fn wherever_the_log_is_cut_the_newest_whole_one_is_found() {
        let contents = |n: u8| vec![n; usize::from(n) * CHECKPOINT_PART_BYTES + usize::from(n) / 2];
        let checkpoints: Vec<Vec<Bytes>> =
            (0..4).map(|n| cut(u64::from(n), &contents(n))).collect();
        let lengths: Vec<usize> = checkpoints.iter().map(Vec::len).collect();
        assert_eq!(lengths, [1, 1, 3, 4]);
        let all = checkpoints.concat();
        let ends: Vec<usize> = lengths
            .iter()
            .scan(0, |end, length| {
                *end += length;
                Some(*end)
            })
            .collect();
        for from in 0..=all.len() {
            for to in from..=all.len() {
                let is_whole = |n: &usize| ends[*n] - lengths[*n] >= from && ends[*n] <= to;
                let want = (0..4).rev().find(is_whole);
                let want = want.map(|n| (n as u64, contents(u8::try_from(n).unwrap())));
                assert_eq!(assembled(&all[from..to]), want, "records {from}..{to}");
            }
        }
    }

    #[test]
    fn one_that_broke_off_does_not_mix_with_the_next() {
        let (first, second) = (vec![1; 3 * CHECKPOINT_PART_BYTES], vec![2; 10]);
        let mut records = cut(7, &first);
        records.truncate(2);
        records.extend(cut(7, &second));
        assert_eq!(assembled(&records), Some((7, second)));
    }

    #[test]
    fn other_records_are_told() {
        for record in [&b""[..], b"hello", &[2; 40], &[1; HEADER_BYTES]] {
            assert_eq!(Assembler::default().push(record), Err(Foreign), "{record:?}");
        }
    }
}
