//! Frames as bytes that many readers share, and where one reader stands among them.
//!
//! A reader's place is the number of the record that it gets next, always between two frames.
//! A socket takes as many bytes as it likes: if it stops within a frame, the rest of that frame
//! becomes the reader's own, to be written before anything else, so that nobody needs to keep the
//! frames that were shared.

use bytes::{Buf as _, Bytes, BytesMut};

use crate::limits::LIVE_REST_BYTES;

/// Where a frame ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct End {
    /// The number of the record after it.
    next: u64,
    /// The byte after it.
    at: usize,
}

/// Frames that follow each other without a gap.
#[derive(Debug, Clone)]
pub(crate) struct Frames {
    first: u64,
    ends: Vec<End>,
    bytes: Bytes,
}

/// Frames that are being put together.
#[derive(Debug)]
pub(crate) struct FramesBuilder {
    first: u64,
    ends: Vec<End>,
    bytes: BytesMut,
}

/// Where a reader stands among frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spot {
    /// Before the frame that begins at this byte.
    Byte(usize),
    /// Within a frame, which ends before the record of this number.
    Within(u64),
}

impl FramesBuilder {
    /// Nothing yet; the first frame begins with the record `first`.
    pub(crate) fn new(first: u64) -> Self {
        Self { first, ends: Vec::new(), bytes: BytesMut::new() }
    }

    /// Adds a frame that holds everything up to the record `next`.
    pub(crate) fn push(&mut self, next: u64, frame: &[u8]) {
        self.bytes.extend_from_slice(frame);
        self.ends.push(End { next, at: self.bytes.len() });
    }

    /// Bytes so far.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// The record after everything that was added.
    pub(crate) fn next(&self) -> u64 {
        self.ends.last().map_or(self.first, |end| end.next)
    }

    pub(crate) fn finish(self) -> Frames {
        Frames { first: self.first, ends: self.ends, bytes: self.bytes.freeze() }
    }
}

impl Frames {
    /// The first record.
    pub(super) fn first(&self) -> u64 {
        self.first
    }

    /// The record after the last frame.
    pub(super) fn next(&self) -> u64 {
        self.ends.last().map_or(self.first, |end| end.next)
    }

    pub(crate) fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// Where each frame ends, in order.
    pub(crate) fn ends(&self) -> impl Iterator<Item = usize> {
        self.ends.iter().map(|end| end.at)
    }

    /// The same frames with other bytes, as many as before.
    pub(crate) fn with_bytes(&self, bytes: Bytes) -> Self {
        Self { bytes, ..self.clone() }
    }

    /// Where a reader stands that is to get the record `next`, which is not before these frames.
    pub(super) fn find(&self, next: u64) -> Spot {
        if next <= self.first {
            return Spot::Byte(0);
        }
        let index = self.ends.partition_point(|end| end.next < next);
        match self.ends.get(index) {
            Some(end) if end.next == next => Spot::Byte(end.at),
            Some(end) => Spot::Within(end.next),
            None => Spot::Byte(self.bytes.len()),
        }
    }

    /// What follows if the bytes before `at` were written: the record after the frame that was cut,
    /// and the rest of that frame.
    fn cut(&self, at: usize) -> (u64, Bytes) {
        let index = self.ends.partition_point(|end| end.at < at);
        let end = self.ends.get(index).copied();
        let end = end.unwrap_or(End { next: self.next(), at: self.bytes.len() });
        let rest = self.bytes.slice(at.min(end.at)..end.at);
        // A short rest is copied, or it would keep all that it was shared with.
        let rest = if rest.len() <= LIVE_REST_BYTES { Bytes::copy_from_slice(&rest) } else { rest };
        (end.next, rest)
    }
}

/// Frames, from a byte on that is between two of them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Part<'a> {
    frames: &'a Frames,
    from: usize,
}

impl<'a> Part<'a> {
    pub(super) fn new(frames: &'a Frames, from: usize) -> Self {
        Self { frames, from }
    }

    pub(super) fn frames(self) -> &'a Frames {
        self.frames
    }

    /// The byte from which on they are meant.
    pub(super) fn from(self) -> usize {
        self.from
    }

    pub(super) fn bytes(self) -> &'a [u8] {
        self.frames.bytes.get(self.from..).unwrap_or_default()
    }
}

/// What one reader gets next.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Place {
    /// The record that follows what is the reader's own.
    pub(super) next: u64,
    /// Bytes that are its own, and go first.
    pub(super) own: Bytes,
}

impl Place {
    /// Takes note that the socket took `written` bytes of the reader's own and then of `parts`;
    /// says whether that was everything.
    pub(super) fn advance<'a>(
        &mut self,
        parts: impl IntoIterator<Item = Part<'a>>,
        mut written: usize,
    ) -> bool {
        let own = written.min(self.own.len());
        self.own.advance(own);
        written = written.saturating_sub(own);
        if !self.own.is_empty() {
            return false;
        }
        self.own = Bytes::new();
        for part in parts {
            let bytes = part.bytes().len();
            if written >= bytes {
                written = written.saturating_sub(bytes);
                self.next = part.frames.next();
                continue;
            }
            if written > 0 {
                (self.next, self.own) = part.frames.cut(part.from.saturating_add(written));
            }
            return false;
        }
        true
    }

    /// Puts bytes behind what is the reader's own.
    pub(super) fn add_own(&mut self, bytes: &[u8]) {
        self.own = if self.own.is_empty() {
            Bytes::copy_from_slice(bytes)
        } else {
            [&*self.own, bytes].concat().into()
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn frames(first: u64, texts: &[&str]) -> Frames {
        let mut builder = FramesBuilder::new(first);
        for (number, text) in (first + 1..).zip(texts) {
            builder.push(number, text.as_bytes());
        }
        builder.finish()
    }

    #[test]
    fn a_place_is_found_between_frames_alone() {
        let mut builder = FramesBuilder::new(10);
        builder.push(11, b"a");
        builder.push(15, b"bcd");
        let frames = builder.finish();
        let found: Vec<_> = (10..=15).map(|next| frames.find(next)).collect();
        let within = Spot::Within(15);
        let want = [Spot::Byte(0), Spot::Byte(1), within, within, within, Spot::Byte(4)];
        assert_eq!(found, want);
    }

    #[test]
    fn a_long_rest_is_shared_and_a_short_one_is_not() {
        let long = "x".repeat(LIVE_REST_BYTES + 2);
        let frames = frames(0, &[&long]);
        let is_shared = |at: usize| {
            let rest = frames.cut(at).1;
            frames.bytes().as_ptr().addr() + at == rest.as_ptr().addr()
        };
        assert!(is_shared(1));
        assert!(!is_shared(2));
    }

    /// Writes everything after record `from`, cut wherever `takes` says, and returns what came out.
    fn write(all: &[Frames], from: u64, takes: &[usize]) -> String {
        let mut takes = takes.iter().copied().cycle();
        let (mut place, mut out) = (Place { next: from, own: "own:".into() }, Vec::new());
        loop {
            let parts: Vec<_> = all
                .iter()
                .filter(|frames| frames.next() > place.next)
                .map(|frames| match frames.find(place.next) {
                    Spot::Byte(at) => Part::new(frames, at),
                    Spot::Within(_) => panic!("{place:?} is within a frame"),
                })
                .collect();
            let shared = parts.iter().flat_map(|part| part.bytes()).copied();
            let due: Vec<u8> = place.own.iter().copied().chain(shared).collect();
            if due.is_empty() {
                return String::from_utf8(out).unwrap();
            }
            let count = takes.next().unwrap().min(due.len());
            out.extend_from_slice(&due[..count]);
            assert_eq!(place.advance(parts, count), count == due.len());
        }
    }

    const TEXTS: [&[&str]; 3] = [&["a\n\n", "bc\n\n"], &["", "d\n\n"], &["efg\n\n"]];

    fn all() -> (Vec<Frames>, Vec<&'static str>) {
        let mut first = 0;
        let frames = TEXTS.iter().map(|texts| {
            let made = frames(first, texts);
            first = made.next();
            made
        });
        (frames.collect(), TEXTS.concat())
    }

    #[test]
    fn a_socket_may_stop_at_every_byte() {
        let (all, texts) = all();
        for from in 0..=texts.len() {
            let want = format!("own:{}", texts[from..].concat());
            for first in 0..=want.len() {
                assert_eq!(write(&all, from as u64, &[first, 1, usize::MAX]), want);
                assert_eq!(write(&all, from as u64, &[first.max(1)]), want);
            }
        }
    }

    proptest! {
        #[test]
        fn however_a_socket_takes_them_frames_come_whole_and_in_order(
            from in 0_usize..6,
            takes in proptest::collection::vec(1_usize..9, 1..9),
        ) {
            let (all, texts) = all();
            let want = format!("own:{}", texts[from.min(texts.len())..].concat());
            prop_assert_eq!(write(&all, from.min(texts.len()) as u64, &takes), want);
        }
    }
}
