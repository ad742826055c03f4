//! What is in a segment: frames, damage, and where it ends.
//!
//! A write that a power failure cut short and damage to what was safe look alike at first: bytes
//! that are no frame.
//! They differ in what comes after: each frame says up to where the segment was synced when it
//! was written, so a later frame that says "synced beyond this place" proves that what stood here
//! had been safe, and is damaged.
//! Without such a frame the bytes are a torn tail, which nobody was promised.

use crate::frame::{Head, Place, at};

/// What the scanner finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found<'a> {
    /// A whole frame.
    Frame { position: u32, head: Head, body: &'a [u8] },
    /// Bytes that were safe once and are no frames; of one whose head is whole, the head.
    Damage { from: u32, to: u32, head: Option<Head> },
}

/// Goes through the frames of one segment.
#[derive(Debug)]
pub(crate) struct Scanner<'a> {
    bytes: &'a [u8],
    secret: u32,
    position: u32,
    /// Up to where the segment is known to have been safe; found out when it is needed.
    proved: Option<u32>,
    /// What is known of that from elsewhere.
    safe_before: u32,
}

impl<'a> Scanner<'a> {
    /// Scans a segment's `bytes`, header included, from `position` on; everything before
    /// `safe_before` is known to have been safe.
    pub(crate) fn new(bytes: &'a [u8], secret: u32, position: u32, safe_before: u32) -> Self {
        Self { bytes, secret, position, proved: None, safe_before }
    }

    /// Where the next frame begins; after the last one, where the segment ends.
    pub(crate) fn position(&self) -> u32 {
        self.position
    }

    /// Whether anything after the end looks like a frame: the rest of a group that was torn.
    pub(crate) fn has_leftover(&self) -> bool {
        self.next_head(self.position).is_some()
    }

    /// What comes next; `None` at the end.
    pub(crate) fn next(&mut self) -> Option<Found<'a>> {
        let from = self.position;
        match self.frame_at(from) {
            Some((head, Some(body))) => {
                self.position = from.saturating_add(head.frame_bytes());
                Some(Found::Frame { position: from, head, body })
            }
            Some((head, None)) => {
                let to = from.saturating_add(head.frame_bytes());
                self.damage(from, to, Some(head))
            }
            None => {
                let to = self.next_head(from.saturating_add(1));
                self.damage(from, to.unwrap_or(u32::MAX), None)
            }
        }
    }

    /// Damage from here to `to`, if what stood here was safe; otherwise the end.
    fn damage(&mut self, from: u32, to: u32, head: Option<Head>) -> Option<Found<'a>> {
        let proved = self.proved();
        if from >= proved {
            return None;
        }
        // Without a later frame, the damage goes to the end of what was safe.
        let to = if to == u32::MAX { proved } else { to };
        self.position = to;
        Some(Found::Damage { from, to, head })
    }

    fn frame_at(&self, position: u32) -> Option<(Head, Option<&'a [u8]>)> {
        let rest = self.bytes.get(at(position)..)?;
        let place = Place { secret: self.secret, position };
        let head = Head::read(rest, place)?;
        Some((head, head.body(rest, place)))
    }

    /// The next position from `from` on at which a whole head stands.
    fn next_head(&self, from: u32) -> Option<u32> {
        let mut position = from;
        loop {
            let rest = self.bytes.get(at(position)..).filter(|rest| !rest.is_empty())?;
            // A head's thirteenth byte tells its length and is never 0, so in the zeros of an
            // unused segment no head begins but in the last twelve of them.
            let zeros = leading_zeros(rest);
            if zeros == rest.len() {
                return None;
            }
            if zeros > 12 {
                position = position.checked_add(u32::try_from(zeros).ok()? - 12)?;
                continue;
            }
            if Head::read(rest, Place { secret: self.secret, position }).is_some() {
                return Some(position);
            }
            position = position.checked_add(1)?;
        }
    }

    /// Up to where the segment is known to have been safe.
    fn proved(&mut self) -> u32 {
        if let Some(proved) = self.proved {
            return proved;
        }
        let mut proved = self.safe_before;
        let mut position = self.position;
        while let Some(found) = self.next_head(position) {
            let Some((head, body)) = self.frame_at(found) else { break };
            if body.is_some() {
                proved = proved.max(head.synced);
            }
            position = found.saturating_add(head.frame_bytes().max(1));
        }
        self.proved = Some(proved);
        proved
    }
}

/// How many bytes at the front are 0.
fn leading_zeros(bytes: &[u8]) -> usize {
    const BLOCK: [u8; 64] = [0; 64];
    let (blocks, rest) = bytes.as_chunks();
    let whole = blocks.iter().take_while(|block| **block == BLOCK).count();
    let block = blocks.get(whole).map_or(rest, |block| &block[..]);
    let more = block.iter().take_while(|byte| **byte == 0).count();
    whole.saturating_mul(BLOCK.len()).saturating_add(more)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{Back, Draft, Kind, put_frame};

    const SECRET: u32 = 99;

    /// Frames of one group each, with their positions.
    fn segment(count: u32) -> (Vec<u8>, Vec<u32>) {
        let (mut bytes, mut positions) = (Vec::new(), Vec::new());
        for n in 0..count {
            let position = u32::try_from(bytes.len()).unwrap();
            let draft = Draft { kind: Kind::Batch, log: n, first: 0, records: 1 };
            let place = Place { secret: SECRET, position };
            let said = (draft, position, Back::default());
            put_frame(&mut bytes, place, said, b"body", std::iter::empty());
            positions.push(position);
        }
        (bytes, positions)
    }

    /// The logs of the frames that are whole, the damage, and the end.
    fn scan(bytes: &[u8], safe_before: u32) -> (Vec<u32>, Vec<(u32, u32)>, u32) {
        let mut scanner = Scanner::new(bytes, SECRET, 0, safe_before);
        let (mut logs, mut damage) = (Vec::new(), Vec::new());
        while let Some(found) = scanner.next() {
            match found {
                Found::Frame { head, .. } => logs.push(head.log),
                Found::Damage { from, to, .. } => damage.push((from, to)),
            }
        }
        (logs, damage, scanner.position())
    }

    #[test]
    fn zeros_and_old_bytes_after_the_last_frame_are_the_end() {
        let (mut bytes, _) = segment(3);
        let end = u32::try_from(bytes.len()).unwrap();
        bytes.extend([0; 1000]);
        assert_eq!(scan(&bytes, 0), (vec![0, 1, 2], vec![], end));
        bytes.extend([0xab; 1000]);
        assert_eq!(scan(&bytes, 0), (vec![0, 1, 2], vec![], end));
    }

    #[test]
    fn each_flipped_bit_is_damage_to_one_frame_or_a_torn_tail() {
        let (whole, positions) = segment(4);
        for bit in 0..whole.len() * 8 {
            let mut bytes = whole.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            let hit = positions.partition_point(|position| at(*position) <= bit / 8) - 1;
            let (logs, damage, end) = scan(&bytes, 0);
            let from = positions[hit];
            if hit == 3 {
                assert_eq!((logs, damage, end), (vec![0, 1, 2], vec![], from), "bit {bit}");
            } else {
                let others: Vec<u32> = (0..4).filter(|n| at(*n) != hit).collect();
                assert_eq!((logs, damage), (others, vec![(from, positions[hit + 1])]), "bit {bit}");
            }
        }
    }

    #[test]
    fn a_missing_end_is_damage_if_it_was_safe_and_a_torn_tail_if_not() {
        let (whole, positions) = segment(3);
        let end = u32::try_from(whole.len()).unwrap();
        for cut in 0..whole.len() {
            // The last frame that begins at or before the cut is the first that is not whole.
            let kept = positions.partition_point(|position| at(*position) <= cut) - 1;
            let from = positions[kept];
            let logs: Vec<u32> = (0..u32::try_from(kept).unwrap()).collect();
            assert_eq!(scan(&whole[..cut], 0), (logs.clone(), vec![], from), "cut at {cut}");
            let (found, damage, at) = scan(&whole[..cut], end);
            assert_eq!((found, at), (logs, end), "cut at {cut}");
            // A head that is whole tells where its frame ended; the rest is damage of its own.
            let covered =
                damage.iter().try_fold(from, |at, (from, to)| (at == *from).then_some(*to));
            assert_eq!(covered, Some(end), "cut at {cut}");
        }
    }

    #[test]
    fn what_comes_after_a_hole_in_an_unsynced_group_is_no_proof() {
        let (mut bytes, positions) = segment(2);
        // The second frame was written in the group of the first, before any sync.
        crate::frame::set_synced(
            &mut bytes[at(positions[1])..],
            Place { secret: SECRET, position: positions[1] },
            0,
        );
        bytes[5] ^= 1;
        assert_eq!(scan(&bytes, 0), (vec![], vec![], 0));
    }
}
