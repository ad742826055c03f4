//! What is written: records that say whose they are, and prove that they are whole.

use std::fmt::Write as _;

/// Records of one append at most.
const BATCH_RECORDS_MAX: u64 = 6;

/// Bytes of padding of one record at most.
const PADDING_BYTES_MAX: u64 = 300;

/// One record: who wrote it, in which of its appends, and which record of that append it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Mark {
    /// The writer's number.
    pub writer: u32,
    /// The append's number among the writer's, from 0.
    pub append: u32,
    /// The record's number within the append, from 0.
    pub index: u32,
}

impl Mark {
    /// The records of one append, whose number depends on who writes and when.
    pub fn of_append(writer: u32, append: u32) -> impl Iterator<Item = Self> {
        (0..batch_records(writer, append)).map(move |index| Self { writer, append, index })
    }

    /// Whether it is the last record of its append.
    pub fn is_last(self) -> bool {
        self.index + 1 == batch_records(self.writer, self.append)
    }

    /// The record as text: the three numbers, and padding that depends on them.
    pub fn to_text(self) -> String {
        let Self { writer, append, index } = self;
        let mut text = format!("{writer}.{append}.{index}:");
        let mut state = mix(self.seed());
        for _ in 0..state % PADDING_BYTES_MAX / 16 {
            state = mix(state);
            // Writing to a string cannot fail.
            write!(text, "{state:016x}").unwrap_or_default();
        }
        text
    }

    /// Reads [`to_text`](Self::to_text) back; `None` if any byte of it is another.
    pub fn parse(text: &str) -> Option<Self> {
        let mut numbers = text.split(':').next()?.split('.').map(str::parse);
        let mut number = || numbers.next()?.ok();
        let mark = Self { writer: number()?, append: number()?, index: number()? };
        (mark.to_text() == text).then_some(mark)
    }

    fn seed(self) -> u64 {
        u64::from(self.writer) << 40 ^ u64::from(self.append) << 8 ^ u64::from(self.index)
    }
}

fn batch_records(writer: u32, append: u32) -> u32 {
    let chance = mix(u64::from(writer) << 32 | u64::from(append));
    u32::try_from(1 + chance % BATCH_RECORDS_MAX).unwrap_or(1)
}

/// Numbers without a pattern from numbers with one (the finaliser of `SplitMix64`).
fn mix(number: u64) -> u64 {
    let mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_reads_back_and_no_other_text_does() {
        for append in 0..100 {
            let marks: Vec<_> = Mark::of_append(7, append).collect();
            assert!(marks.iter().rev().skip(1).all(|mark| !mark.is_last()));
            assert!(marks.last().is_some_and(|mark| mark.is_last()));
            for mark in marks {
                let text = mark.to_text();
                assert_eq!(Mark::parse(&text), Some(mark));
                assert_eq!(Mark::parse(&text[..text.len() - 1]), None);
                assert_eq!(Mark::parse(&format!("{text}0")), None);
                assert_eq!(Mark::parse(&text.replacen('7', "8", 1)), None, "{text}");
            }
        }
    }
}
