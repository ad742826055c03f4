//! The newest frames of one log, as long as one of its readers is still behind them.

use std::collections::VecDeque;

use super::frames::{Frames, Part, Spot};
use crate::limits::LIVE_WRITE_PARTS;

/// Frames that follow each other without a gap, the oldest of which may be let go of at any time.
#[derive(Debug)]
pub(crate) struct Ring {
    /// Never empty ones.
    kept: VecDeque<Frames>,
    /// The record after everything that was ever added.
    next: u64,
    bytes: usize,
}

/// What a ring has for a reader.
#[derive(Debug, Clone, Copy)]
pub(super) enum Found {
    /// It has what is next.
    Due(Due),
    /// Nothing yet.
    UpToDate,
    /// The reader must read the log, up to this record if it is known.
    Behind(Option<u64>),
}

/// Where in a ring a reader stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Due {
    index: usize,
    from: usize,
}

impl Ring {
    /// Nothing yet; the first frame will begin with the record `next`.
    pub(crate) fn new(next: u64) -> Self {
        Self { kept: VecDeque::new(), next, bytes: 0 }
    }

    /// The record after everything that was ever added.
    pub(crate) fn next(&self) -> u64 {
        self.next
    }

    /// Adds frames; if they do not follow what is there, that is let go of.
    pub(crate) fn push(&mut self, frames: Frames) {
        if frames.first() != self.next {
            self.clear();
        }
        self.next = frames.next();
        if !frames.bytes().is_empty() {
            self.bytes = self.bytes.saturating_add(frames.bytes().len());
            self.kept.push_back(frames);
        }
    }

    /// Forgets everything, and goes on with the record `next`.
    pub(crate) fn skip_to(&mut self, next: u64) {
        self.clear();
        self.next = next;
    }

    /// Lets go of everything that is kept.
    pub(super) fn clear(&mut self) {
        self.kept = VecDeque::new();
        self.bytes = 0;
    }

    /// Lets go of the oldest frames until there are at most so many bytes.
    pub(super) fn shrink(&mut self, bytes_max: usize) {
        while self.bytes > bytes_max
            && let Some(oldest) = self.kept.pop_front()
        {
            self.bytes = self.bytes.saturating_sub(oldest.bytes().len());
        }
    }

    /// What is due to a reader that is to get the record `next`.
    pub(super) fn find(&self, next: u64) -> Found {
        if next >= self.next {
            return Found::UpToDate;
        }
        let index = self.kept.partition_point(|frames| frames.next() <= next);
        let Some(frames) = self.kept.get(index).filter(|frames| frames.first() <= next) else {
            return Found::Behind(None);
        };
        match frames.find(next) {
            Spot::Byte(from) => Found::Due(Due { index, from }),
            Spot::Within(until) => Found::Behind(Some(until)),
        }
    }

    /// What is due, as much as one write carries.
    pub(super) fn parts(&self, due: Due) -> impl Iterator<Item = Part<'_>> + Clone {
        let first = self.kept.get(due.index).map(|frames| Part::new(frames, due.from));
        let more = self.kept.iter().skip(due.index.saturating_add(1));
        first.into_iter().chain(more.map(|more| Part::new(more, 0))).take(LIVE_WRITE_PARTS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::live::frames::FramesBuilder;

    fn frames(first: u64, texts: &[(u64, &str)]) -> Frames {
        let mut builder = FramesBuilder::new(first);
        for (next, text) in texts {
            builder.push(*next, text.as_bytes());
        }
        builder.finish()
    }

    /// What a reader at `next` finds, in words.
    #[track_caller]
    fn check(ring: &Ring, next: u64, want: &str) {
        let found = match ring.find(next) {
            Found::Due(due) => {
                let bytes = ring.parts(due).flat_map(Part::bytes).copied().collect();
                String::from_utf8(bytes).unwrap()
            }
            Found::UpToDate => "-".to_owned(),
            Found::Behind(until) => format!("{until:?}"),
        };
        assert_eq!(found, want, "at {next}");
    }

    #[test]
    fn readers_find_what_is_theirs() {
        let mut ring = Ring::new(4);
        check(&ring, 4, "-");
        check(&ring, 3, "None");
        ring.push(frames(4, &[(5, "a"), (8, "bc")]));
        ring.push(frames(8, &[(9, "d")]));
        for (next, want) in
            [(3, "None"), (4, "abcd"), (5, "bcd"), (6, "Some(8)"), (8, "d"), (9, "-"), (99, "-")]
        {
            check(&ring, next, want);
        }
        ring.shrink(1);
        check(&ring, 5, "None");
        check(&ring, 8, "d");
        ring.clear();
        check(&ring, 8, "None");
        check(&ring, 9, "-");
        ring.push(frames(20, &[(21, "e")]));
        check(&ring, 9, "None");
        check(&ring, 20, "e");
        ring.skip_to(30);
        check(&ring, 21, "None");
        check(&ring, 30, "-");
    }

    #[test]
    fn one_write_carries_a_bounded_number_of_parts() {
        let mut ring = Ring::new(0);
        for number in 0..=LIVE_WRITE_PARTS as u64 {
            ring.push(frames(number, &[(number + 1, "x")]));
        }
        check(&ring, 0, &"x".repeat(LIVE_WRITE_PARTS));
        check(&ring, 1, &"x".repeat(LIVE_WRITE_PARTS));
        check(&ring, 2, &"x".repeat(LIVE_WRITE_PARTS - 1));
    }
}
