//! Numbers, times and texts as bytes: what an engine's records and messages are made of.
//!
//! For the crates that implement [`Log`](crate::Log). A number is a varint (groups of seven bits,
//! the lowest first), bytes and texts come after their length, and whatever is read from foreign
//! bytes is an option.
//!
//! # Examples
//!
//! ```
//! use stream_log::codec::{Reader, put_bytes, put_varint};
//!
//! let mut out = Vec::new();
//! put_varint(&mut out, 300);
//! put_bytes(&mut out, b"orders");
//!
//! let mut reader = Reader(&out);
//! assert_eq!((reader.varint(), reader.text()), (Some(300), Some("orders")));
//! assert_eq!(reader.u8(), None);
//! ```

use time::OffsetDateTime;

/// Appends `value` in groups of seven bits, the lowest first.
#[inline]
pub fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(low_byte(value) | 0x80);
        value >>= 7;
    }
    out.push(low_byte(value));
}

/// Appends a length and the bytes.
#[inline]
pub fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_varint(out, widen(bytes.len()));
    out.extend_from_slice(bytes);
}

/// Appends a number that may be below 0, so that small ones are short.
#[inline]
pub fn put_signed(out: &mut Vec<u8>, value: i64) {
    put_varint(out, value.wrapping_shl(1).cast_unsigned() ^ (value >> 63).cast_unsigned());
}

/// Appends an option: 0, or 1 more than the value; the largest value counts as none.
#[inline]
pub fn put_option(out: &mut Vec<u8>, value: Option<u64>) {
    put_varint(out, value.map_or(0, |value| value.wrapping_add(1)));
}

/// Appends a time to the nanosecond, in 12 bytes.
pub fn put_time(out: &mut Vec<u8>, time: OffsetDateTime) {
    out.extend_from_slice(&time.unix_timestamp().to_le_bytes());
    out.extend_from_slice(&time.nanosecond().to_le_bytes());
}

/// A length as the number that is written.
#[must_use]
#[inline]
pub fn widen(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

/// A number as a length of this machine; too large a one is larger than anything that there is.
#[must_use]
#[inline]
pub fn narrow(value: u64) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}

#[inline]
fn low_byte(value: u64) -> u8 {
    let [low, ..] = value.to_le_bytes();
    low
}

/// Takes values from the front of the bytes that it holds; `None` as soon as they do not fit, and
/// what was taken until then stays taken.
#[derive(Debug, Clone, Copy)]
pub struct Reader<'a>(pub &'a [u8]);

impl<'a> Reader<'a> {
    /// The next `count` bytes.
    #[inline]
    pub fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    #[inline]
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    /// A byte.
    #[inline]
    pub fn u8(&mut self) -> Option<u8> {
        self.array().map(u8::from_le_bytes)
    }

    /// A number of four bytes, the lowest first.
    #[inline]
    pub fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    /// A number of eight bytes, the lowest first.
    #[inline]
    pub fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    /// What [`put_varint`] wrote; no more than 64 bits.
    #[inline]
    pub fn varint(&mut self) -> Option<u64> {
        let (value, rest) = split_varint(self.0)?;
        self.0 = rest;
        Some(value)
    }

    /// So many numbers that follow each other, faster than one by one.
    #[inline]
    pub fn varints<const N: usize>(&mut self) -> Option<[u64; N]> {
        let mut reader = *self;
        let mut values = [0; N];
        for value in &mut values {
            *value = reader.varint()?;
        }
        *self = reader;
        Some(values)
    }

    /// What [`put_varint`] wrote; no more than 32 bits.
    #[inline]
    pub fn varint32(&mut self) -> Option<u32> {
        u32::try_from(self.varint()?).ok()
    }

    /// What [`put_signed`] wrote.
    #[inline]
    pub fn signed(&mut self) -> Option<i64> {
        let value = self.varint()?;
        Some((value >> 1).cast_signed() ^ (value & 1).cast_signed().wrapping_neg())
    }

    /// What [`put_option`] wrote.
    #[inline]
    pub fn option(&mut self) -> Option<Option<u64>> {
        Some(self.varint()?.checked_sub(1))
    }

    /// What [`put_bytes`] wrote.
    #[inline]
    pub fn bytes(&mut self) -> Option<&'a [u8]> {
        let count = self.varint()?;
        self.take(narrow(count))
    }

    /// What [`put_bytes`] wrote, if it is UTF-8.
    #[inline]
    pub fn text(&mut self) -> Option<&'a str> {
        std::str::from_utf8(self.bytes()?).ok()
    }

    /// What [`put_time`] wrote.
    pub fn time(&mut self) -> Option<OffsetDateTime> {
        let seconds = i64::from_le_bytes(self.array()?);
        let nanos = self.u32()?;
        OffsetDateTime::from_unix_timestamp(seconds).ok()?.replace_nanosecond(nanos).ok()
    }
}

/// The number that [`put_varint`] wrote, and what comes after it.
#[inline]
fn split_varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    // Most have one byte, and most others two.
    match bytes {
        [byte @ ..0x80, rest @ ..] => Some((u64::from(*byte), rest)),
        [low, high @ ..0x80, rest @ ..] => {
            Some((u64::from(*low & 0x7f) | u64::from(*high) << 7, rest))
        }
        _ => split_varint_in_a_word(bytes).or_else(|| split_long_varint(bytes)),
    }
}

/// As [`split_varint`], for up to eight bytes where there are eight, without a branch for each.
#[inline]
fn split_varint_in_a_word(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let word = u64::from_le_bytes(*bytes.first_chunk()?);
    // The highest bit of every byte but the last is set.
    let last = !word & 0x8080_8080_8080_8080;
    let length = last.trailing_zeros() / 8 + 1;
    let rest = bytes.get(narrow(length.into())..).filter(|_| last != 0)?;
    // Groups of seven bits become groups of 14, of 28 and of 56.
    let word = word & (last ^ last.wrapping_sub(1)) & 0x7f7f_7f7f_7f7f_7f7f;
    let word = word & 0x007f_007f_007f_007f | (word & 0x7f00_7f00_7f00_7f00) >> 1;
    let word = word & 0x0000_3fff_0000_3fff | (word & 0x3fff_0000_3fff_0000) >> 2;
    Some((word & 0x0fff_ffff | (word & 0x0fff_ffff_0000_0000) >> 4, rest))
}

/// As [`split_varint`], byte by byte.
#[cold]
fn split_long_varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0_u64;
    let mut rest = bytes;
    for shift in (0..64).step_by(7) {
        let (&byte, after) = rest.split_first()?;
        rest = after;
        let bits = u64::from(byte & 0x7f);
        if shift == 63 && bits > 1 {
            return None;
        }
        value |= bits << shift;
        if byte < 0x80 {
            return Some((value, rest));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_back_and_no_prefix_does() {
        for value in [0, 1, 127, 128, 300, u64::from(u32::MAX), u64::MAX - 1, u64::MAX] {
            let mut bytes = Vec::new();
            put_varint(&mut bytes, value);
            assert_eq!(Reader(&bytes).varint(), Some(value));
            for cut in 0..bytes.len() {
                assert_eq!(Reader(&bytes[..cut]).varint(), None, "{value} cut at {cut}");
            }
        }
        // Of every length, whatever comes after.
        for (bits, after) in (0..64).flat_map(|bits| [0, 7, 8, 20].map(|after| (bits, after))) {
            for value in [1_u64 << bits, u64::MAX >> (63 - bits), 0x5a5a_5a5a_5a5a_5a5a >> bits] {
                let mut bytes = Vec::new();
                put_varint(&mut bytes, value);
                bytes.extend(std::iter::repeat_n(0xff, after));
                let mut reader = Reader(&bytes);
                assert_eq!((reader.varint(), reader.0.len()), (Some(value), after));
            }
        }
        for value in [0, -1, 1, i64::MIN, i64::MAX] {
            let mut bytes = Vec::new();
            put_signed(&mut bytes, value);
            assert_eq!(Reader(&bytes).signed(), Some(value));
        }
    }

    #[test]
    fn options_and_times_read_back_and_the_largest_value_is_none() {
        for (value, read) in [(None, None), (Some(0), Some(0)), (Some(u64::MAX), None)] {
            let mut bytes = Vec::new();
            put_option(&mut bytes, value);
            assert_eq!(Reader(&bytes).option(), Some(read));
        }
        let time = OffsetDateTime::UNIX_EPOCH - time::Duration::nanoseconds(1);
        let mut bytes = Vec::new();
        put_time(&mut bytes, time);
        assert_eq!(Reader(&bytes).time(), Some(time));
        assert_eq!(Reader(&bytes[1..]).time(), None);
    }

    #[test]
    fn a_number_beyond_64_bits_is_none() {
        assert_eq!(Reader(&[0xff; 11]).varint(), None);
        let mut too_large = [0xff; 10];
        too_large[9] = 2;
        assert_eq!(Reader(&too_large).varint(), None);
    }

    #[test]
    fn a_length_beyond_the_end_is_none() {
        let mut bytes = Vec::new();
        put_bytes(&mut bytes, b"abc");
        assert_eq!(Reader(&bytes).bytes(), Some(&b"abc"[..]));
        bytes.pop();
        assert_eq!(Reader(&bytes).bytes(), None);
    }
}
