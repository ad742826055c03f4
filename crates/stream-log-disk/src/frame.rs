//! One frame: the piece in which everything is written, whole or not at all.
//!
//! ```text
//! u32 checksum of the rest of the head
//! u32 checksum of the body
//! u32 position before which the segment was known to be synced when the frame was written
//! u8  bytes of the head
//! varints: kind, bytes of the body, log, first offset, records, and of the frame before this
//! one its bytes, log and records
//! body
//! ```
//!
//! Checksums are CRC-32 that start from a secret of the segment and the frame's position, so that
//! a frame in another place, of another segment, or made up by somebody who publishes records
//! that look like frames is none.
//! The head has its own checksum, so that damage to a body still tells whose it was; and each
//! frame names the one before it, so that damage to a head does too.

use stream_log::codec::{Reader, narrow, put_varint};

/// Bytes of a head before its varints.
const HEAD_FIXED: usize = 13;

/// Bytes of the longest head.
pub(crate) const HEAD_BYTES_MAX: usize = HEAD_FIXED + 1 + 5 + 5 + 10 + 5 + 5 + 5 + 5;

/// Where a frame stands: in which segment's secret, and at which byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) secret: u32,
    pub(crate) position: u32,
}

/// What a frame is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Records of a log; may close it.
    Batch,
    /// A log is made.
    Create,
    /// Records before the offset are let go of.
    Trim,
    /// A log takes no more records.
    Close,
    /// A log is gone.
    Delete,
    /// The segment begins; the body says where the one before it ended.
    Begin,
}

impl Kind {
    const ALL: [Self; 6] =
        [Self::Batch, Self::Create, Self::Trim, Self::Close, Self::Delete, Self::Begin];

    const fn number(self) -> u8 {
        match self {
            Self::Batch => 1,
            Self::Create => 2,
            Self::Trim => 3,
            Self::Close => 4,
            Self::Delete => 5,
            Self::Begin => 6,
        }
    }
}

/// What is known of the frame before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Back {
    pub(crate) bytes: u32,
    pub(crate) log: u32,
    pub(crate) records: u32,
}

/// What a frame says before its body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) kind: Kind,
    pub(crate) log: u32,
    /// The first record's offset; for a trim, the first that is kept.
    pub(crate) first: u64,
    pub(crate) records: u32,
    pub(crate) synced: u32,
    pub(crate) back: Back,
    /// Bytes of the head itself.
    pub(crate) head_bytes: u32,
    pub(crate) body_bytes: u32,
    body_checksum: u32,
}

/// A frame to be written, but for its body.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Draft {
    pub(crate) kind: Kind,
    pub(crate) log: u32,
    pub(crate) first: u64,
    pub(crate) records: u32,
}

impl Head {
    /// Bytes of the whole frame.
    pub(crate) fn frame_bytes(&self) -> u32 {
        self.head_bytes.saturating_add(self.body_bytes)
    }

    /// What the next frame says of this one.
    pub(crate) fn as_back(&self) -> Back {
        Back { bytes: self.frame_bytes(), log: self.log, records: self.records }
    }

    /// Reads a head from the front of `bytes`; `None` if there is none.
    #[inline]
    pub(crate) fn read(bytes: &[u8], place: Place) -> Option<Self> {
        let head_bytes = *bytes.get(HEAD_FIXED - 1)?;
        let kind = *bytes.get(HEAD_FIXED)?;
        // Most places where a head is looked for have none, and this tells so without a checksum.
        let possible = HEAD_FIXED < usize::from(head_bytes)
            && usize::from(head_bytes) <= HEAD_BYTES_MAX
            && (1..=Kind::ALL.len()).contains(&usize::from(kind));
        let head = bytes.get(..usize::from(head_bytes)).filter(|_| possible)?;
        let mut reader = Reader(head);
        let checksum = reader.u32()?;
        if checksum != checksum_of(reader.0, place) {
            return None;
        }
        let (body_checksum, synced) = (reader.u32()?, reader.u32()?);
        reader.u8()?;
        let kind = reader.u8()?;
        let kind = Kind::ALL.into_iter().find(|known| known.number() == kind)?;
        let [body_bytes, log, first, records, back @ ..] = reader.varints::<7>()?;
        let short = |value: u64| u32::try_from(value).ok();
        let (body_bytes, log, records) = (short(body_bytes)?, short(log)?, short(records)?);
        let [bytes, log_before, records_before] = back;
        let back =
            Back { bytes: short(bytes)?, log: short(log_before)?, records: short(records_before)? };
        let head_bytes = u32::from(head_bytes);
        Some(Self {
            kind,
            log,
            first,
            records,
            synced,
            back,
            head_bytes,
            body_bytes,
            body_checksum,
        })
    }

    /// The body, which follows the head in `frame`; `None` if it is damaged or cut.
    #[inline]
    pub(crate) fn body<'a>(&self, frame: &'a [u8], place: Place) -> Option<&'a [u8]> {
        let start = usize::try_from(self.head_bytes).ok()?;
        let end = usize::try_from(self.frame_bytes()).ok()?;
        let body = frame.get(start..end)?;
        (checksum_of(body, place) == self.body_checksum).then_some(body)
    }
}

/// Appends a frame whose body is `meta` and then `payloads`; returns its head.
pub(crate) fn put_frame<'a>(
    out: &mut Vec<u8>,
    place: Place,
    (draft, synced, back): (Draft, u32, Back),
    meta: &[u8],
    payloads: impl Iterator<Item = &'a [u8]> + Clone,
) -> Head {
    let start = out.len();
    let body_bytes = payloads.clone().map(<[u8]>::len).sum::<usize>().saturating_add(meta.len());
    let body_bytes = u32::try_from(body_bytes).unwrap_or(u32::MAX);
    let mut hasher = crc32fast::Hasher::new_with_initial(initial(place));
    hasher.update(meta);
    payloads.clone().for_each(|payload| hasher.update(payload));
    let body_checksum = hasher.finalize();

    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&body_checksum.to_le_bytes());
    out.extend_from_slice(&synced.to_le_bytes());
    out.extend_from_slice(&[0, draft.kind.number()]);
    put_varint(out, body_bytes.into());
    put_varint(out, draft.log.into());
    put_varint(out, draft.first);
    put_varint(out, draft.records.into());
    for part in [back.bytes, back.log, back.records] {
        put_varint(out, part.into());
    }
    let head_bytes = u8::try_from(out.len() - start).unwrap_or(u8::MAX);
    if let Some(place) = out.get_mut(start + HEAD_FIXED - 1) {
        *place = head_bytes;
    }
    seal_head(out.get_mut(start..).unwrap_or_default(), place);
    out.extend_from_slice(meta);
    payloads.for_each(|payload| out.extend_from_slice(payload));
    let Draft { kind, log, first, records } = draft;
    let head_bytes = head_bytes.into();
    Head { kind, log, first, records, synced, back, head_bytes, body_bytes, body_checksum }
}

/// Raises what the first frame of `frames` says to be synced.
pub(crate) fn set_synced(frames: &mut [u8], place: Place, synced: u32) {
    let head_bytes = frames.get(HEAD_FIXED - 1).copied().unwrap_or_default();
    let Some(head) = frames.get_mut(..usize::from(head_bytes)) else { return };
    if let Some(field) = head.get_mut(8..12) {
        field.copy_from_slice(&synced.to_le_bytes());
    }
    seal_head(head, place);
}

/// Computes the checksum of a head that is otherwise complete.
fn seal_head(head: &mut [u8], place: Place) {
    if let Some((field, rest)) = head.split_at_mut_checked(4) {
        field.copy_from_slice(&checksum_of(rest, place).to_le_bytes());
    }
}

fn checksum_of(bytes: &[u8], place: Place) -> u32 {
    let mut hasher = crc32fast::Hasher::new_with_initial(initial(place));
    hasher.update(bytes);
    hasher.finalize()
}

/// Where the checksums of a place start; different for any two places of a segment.
fn initial(place: Place) -> u32 {
    place.secret ^ place.position
}

/// Bytes that a frame of this body takes at most.
pub(crate) fn frame_bytes_max(body_bytes: u64) -> u64 {
    body_bytes.saturating_add(stream_log::codec::widen(HEAD_BYTES_MAX))
}

/// The byte at which a position lies in memory.
pub(crate) fn at(position: u32) -> usize {
    narrow(position.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACE: Place = Place { secret: 7, position: 64 };
    const DRAFT: Draft = Draft { kind: Kind::Batch, log: 300, first: 1 << 40, records: 2 };
    const BACK: Back = Back { bytes: 1000, log: 2, records: 1 };

    fn frame() -> Vec<u8> {
        let mut out = Vec::new();
        let payloads = [&b"one"[..], b"two"];
        put_frame(&mut out, PLACE, (DRAFT, 60, BACK), b"meta", payloads.into_iter());
        out
    }

    #[test]
    fn a_frame_reads_back() {
        let frame = frame();
        let head = Head::read(&frame, PLACE).unwrap();
        assert_eq!((head.kind, head.log, head.first), (Kind::Batch, 300, 1 << 40));
        assert_eq!((head.records, head.synced, head.back), (2, 60, BACK));
        assert_eq!(at(head.frame_bytes()), frame.len());
        assert_eq!(head.body(&frame, PLACE).unwrap(), b"metaonetwo");
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_noticed() {
        let whole = frame();
        let reads = |frame: &[u8]| {
            Head::read(frame, PLACE).is_some_and(|head| head.body(frame, PLACE).is_some())
        };
        assert!(reads(&whole));
        for bit in 0..whole.len() * 8 {
            let mut flipped = whole.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(!reads(&flipped), "bit {bit}");
        }
        for cut in 0..whole.len() {
            assert!(!reads(&whole[..cut]), "cut at {cut}");
        }
    }

    #[test]
    fn a_frame_in_another_place_is_none() {
        for place in [Place { position: 65, ..PLACE }, Place { secret: 8, ..PLACE }] {
            assert_eq!(Head::read(&frame(), place), None);
        }
    }

    #[test]
    fn what_is_synced_can_be_raised_before_the_frame_is_written() {
        let mut frame = frame();
        set_synced(&mut frame, PLACE, 64);
        let head = Head::read(&frame, PLACE).unwrap();
        assert_eq!(head.synced, 64);
        assert!(head.body(&frame, PLACE).is_some());
    }

    #[test]
    fn the_longest_head_fits() {
        let draft = Draft { log: u32::MAX, first: u64::MAX, records: u32::MAX, ..DRAFT };
        let back = Back { bytes: u32::MAX, log: u32::MAX, records: u32::MAX };
        let mut out = Vec::new();
        let head = put_frame(&mut out, PLACE, (draft, u32::MAX, back), b"", std::iter::empty());
        assert!(at(head.head_bytes) <= HEAD_BYTES_MAX);
        assert_eq!(Head::read(&out, PLACE), Some(head));
    }
}
