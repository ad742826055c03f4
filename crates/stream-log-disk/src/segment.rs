//! A segment: a file of frames, its header, and how it grows.

use crate::limits::{GROWTH_BYTES_MAX, GROWTH_BYTES_MIN};
use stream_log::codec::Reader;

/// The version of the format that is read and written: of segments, indexes and catalogs.
pub(crate) const FORMAT: u8 = 1;

/// The version of a segment that was compacted, which version 1 of this log cannot read.
const COMPACTED: u8 = 2;

/// The first bytes of every segment; the version follows.
const MAGIC: [u8; 7] = *b"MSTREAM";

/// Bytes of one copy of the header.
const COPY_BYTES: usize = 24;

/// Bytes of a segment before its first frame: the header twice, as nothing in the segment can be
/// read without it.
pub(crate) const HEADER_BYTES: u32 = 48;

/// Bytes that hold the header and the frame that a segment begins with.
pub(crate) const FRONT_BYTES: usize = 256;

/// What a segment says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    /// Its place in the order of all segments.
    pub(crate) number: u64,
    /// What its checksums start from.
    pub(crate) secret: u32,
    /// Whether it was written anew with less than it had.
    pub(crate) compacted: bool,
}

impl Header {
    /// Of a segment that frames are to be added to.
    pub(crate) fn new(number: u64, secret: u32) -> Self {
        Self { number, secret, compacted: false }
    }

    /// Of one that is written anew.
    pub(crate) fn compacted(number: u64, secret: u32) -> Self {
        Self { number, secret, compacted: true }
    }

    pub(crate) fn to_bytes(self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.push(if self.compacted { COMPACTED } else { FORMAT });
        bytes.extend_from_slice(&self.number.to_le_bytes());
        bytes.extend_from_slice(&self.secret.to_le_bytes());
        bytes.extend_from_slice(&crc32fast::hash(&bytes).to_le_bytes());
        bytes.repeat(2)
    }

    /// Reads the header from the front of a segment.
    pub(crate) fn read(bytes: &[u8]) -> HeaderFound {
        let (first, rest) = bytes.split_at_checked(COPY_BYTES).unwrap_or((bytes, &[]));
        let second = rest.get(..COPY_BYTES).unwrap_or(rest);
        match (read_copy(first), read_copy(second)) {
            (Some((version, _)), _) | (None, Some((version, _)))
                if !matches!(version, FORMAT | COMPACTED) =>
            {
                HeaderFound::Version(version)
            }
            (Some((_, header)), Some((_, other))) if header == other => HeaderFound::Whole(header),
            (Some((_, header)), _) | (None, Some((_, header))) => HeaderFound::Damaged(header),
            (None, None) => HeaderFound::None,
        }
    }
}

/// What stands at the front of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HeaderFound {
    /// A header.
    Whole(Header),
    /// A header of which one copy is damaged.
    Damaged(Header),
    /// A header of another version of the format.
    Version(u8),
    /// No header.
    None,
}

/// The version and the header of one copy.
fn read_copy(bytes: &[u8]) -> Option<(u8, Header)> {
    let (said, rest) = bytes.split_at_checked(COPY_BYTES - 4)?;
    if Reader(rest).u32()? != crc32fast::hash(said) {
        return None;
    }
    let mut reader = Reader(said);
    (reader.take(MAGIC.len())? == MAGIC).then_some(())?;
    let version = reader.u8()?;
    let (number, secret) = (reader.u64()?, reader.u32()?);
    Some((version, Header { number, secret, compacted: version == COMPACTED }))
}

/// The name of a segment's file.
pub(crate) fn segment_name(number: u64) -> String {
    format!("{number:016x}.segment")
}

/// The name of the file with the index of a sealed segment.
pub(crate) fn index_name(number: u64) -> String {
    format!("{number:016x}.index")
}

/// The segment whose file is called `name`, if it is one's.
pub(crate) fn segment_number(name: &str) -> Option<u64> {
    number_of(name, ".segment")
}

/// The segment whose index is called `name`, if it is one's.
pub(crate) fn index_number(name: &str) -> Option<u64> {
    number_of(name, ".index")
}

fn number_of(name: &str, ending: &str) -> Option<u64> {
    let digits = name.strip_suffix(ending).filter(|digits| digits.len() == 16)?;
    let lower_hex = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'a'..=b'f');
    digits.bytes().all(lower_hex).then(|| u64::from_str_radix(digits, 16).ok())?
}

/// How long the segment after one of `bytes` is made, before it is used.
///
/// It must not grow while it is: whoever syncs a file syncs how long it is.
pub(crate) fn successor_bytes(bytes: u32, segment_bytes: u32) -> u32 {
    bytes.saturating_mul(2).max(GROWTH_BYTES_MAX).min(segment_bytes)
}

/// How long a segment of `bytes` becomes when it must hold `wanted` bytes.
pub(crate) fn grown(bytes: u32, wanted: u32, segment_bytes: u32) -> u32 {
    let mut grown = bytes;
    loop {
        let step = grown.clamp(GROWTH_BYTES_MIN, GROWTH_BYTES_MAX);
        // Whole steps from 0, so that a file's length tells whether a part of it is missing.
        grown = (grown / GROWTH_BYTES_MIN * GROWTH_BYTES_MIN).saturating_add(step);
        if grown >= segment_bytes {
            return segment_bytes;
        }
        if grown >= wanted {
            return grown;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_reads_back_from_either_copy() {
        for header in [Header::new(5, 0xdead_beef), Header::compacted(5, 0xdead_beef)] {
            check_header(header);
        }
    }

    #[track_caller]
    fn check_header(header: Header) {
        let bytes = header.to_bytes();
        assert_eq!(bytes.len(), usize::try_from(HEADER_BYTES).unwrap());
        assert_eq!(Header::read(&bytes), HeaderFound::Whole(header));
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Header::read(&flipped), HeaderFound::Damaged(header), "bit {bit}");
            flipped[(bit / 8 + COPY_BYTES) % bytes.len()] ^= 1;
            assert_eq!(Header::read(&flipped), HeaderFound::None, "bit {bit}");
        }
        for cut in 0..bytes.len() {
            assert_ne!(Header::read(&bytes[..cut]), HeaderFound::Whole(header), "cut at {cut}");
        }
    }

    #[test]
    fn another_version_is_told_from_damage() {
        let mut copy = MAGIC.to_vec();
        copy.push(COMPACTED + 1);
        copy.extend([0; 12]);
        copy.extend(crc32fast::hash(&copy).to_le_bytes());
        assert_eq!(Header::read(&copy.repeat(2)), HeaderFound::Version(COMPACTED + 1));
    }

    #[test]
    fn names_read_back_and_others_are_not_ours() {
        assert_eq!(segment_number(&segment_name(0x1f)), Some(0x1f));
        assert_eq!(index_number(&index_name(u64::MAX)), Some(u64::MAX));
        for other in ["lock", "1.segment", "000000000000000G.segment", "+00000000000001f.segment"] {
            assert_eq!(segment_number(other), None, "{other}");
        }
    }

    const KIB: u32 = 1 << 10;
    const MIB: u32 = 1 << 20;

    #[test]
    fn a_successor_is_twice_as_long() {
        assert_eq!(successor_bytes(256 * KIB, 64 * MIB), 8 * MIB, "sealed before it was full");
        assert_eq!(successor_bytes(8 * MIB, 64 * MIB), 16 * MIB);
        assert_eq!(successor_bytes(32 * MIB + 1, 64 * MIB), 64 * MIB);
        assert_eq!(successor_bytes(u32::MAX, 1 << 30), 1 << 30);
        assert_eq!(successor_bytes(64 * KIB, 64 * KIB), 64 * KIB);
    }

    #[test]
    fn growth_doubles_up_to_a_bound() {
        assert_eq!(grown(0, 1, 64 * MIB), 256 * KIB);
        assert_eq!(grown(256 * KIB, 1, 64 * MIB), 512 * KIB);
        assert_eq!(grown(8 * MIB, 1, 64 * MIB), 16 * MIB);
        assert_eq!(grown(16 * MIB, 1, 64 * MIB), 24 * MIB);
        assert_eq!(grown(0, 3 * MIB, 64 * MIB), 4 * MIB);
        assert_eq!(grown(60 * MIB, 64 * MIB, 64 * MIB), 64 * MIB);
        assert_eq!(grown(0, 1, 64 * KIB), 64 * KIB);
        assert_eq!(grown(300 * KIB, 1, 64 * MIB), 256 * KIB + 300 * KIB);
    }
}
