//! One reader's record in a shard: about a hundred bytes and a socket.

use std::io::{ErrorKind, IoSlice, Read as _, Write as _};
use std::net::Shutdown;

use mio::net::TcpStream;

use super::frames::{Part, Place};
use super::seat::Ending;
use super::wheel::Tick;
use crate::limits::{DISCARD_AT_END_BYTES, LIVE_WRITE_PARTS};
use crate::slots::Slot;

/// What one reader is and has.
#[derive(Debug)]
pub(super) struct Reader {
    pub(super) socket: TcpStream,
    /// The connection counts as long as it is here.
    pub(super) _slot: Slot,
    pub(super) place: Place,
    /// The key of its crowd.
    pub(super) crowd: u32,
    /// Where it stands in the crowd's list.
    pub(super) index: u32,
    pub(super) state: State,
    /// Whether the connection ends after what is its own.
    pub(super) closing: bool,
    /// How the connection ends when its time is over.
    pub(super) ending: Ending,
    /// When that is.
    pub(super) ends: Tick,
    /// When the socket last took something.
    pub(super) spoken: Tick,
    /// When the newest entry in the wheel comes up.
    pub(super) timer: Tick,
    /// Its own cursor; 0 if it has everybody's.
    pub(super) cursor: u64,
}

/// Whether something can be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Ready,
    /// The socket takes nothing more for now.
    Blocked,
    /// A page was asked for.
    Waiting,
}

/// What came of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Written {
    Whole,
    Cut,
    Broken,
}

impl Reader {
    /// Writes what is the reader's own, and then `parts`, as far as the socket takes them; says how
    /// many bytes it took.
    pub(super) fn write<'a>(
        &mut self,
        parts: impl Iterator<Item = Part<'a>> + Clone,
    ) -> (Written, usize) {
        let mut slices = [IoSlice::new(&[]); LIVE_WRITE_PARTS + 1];
        // A handle of its own: the place changes while the slices live.
        let own = self.place.own.clone();
        let mut count = 0;
        let mut add = |bytes| {
            if let Some(slice) = slices.get_mut(count) {
                *slice = IoSlice::new(bytes);
                count += 1;
            }
        };
        if !own.is_empty() {
            add(&*own);
        }
        for part in parts.clone() {
            add(part.bytes());
        }
        let slices = slices.get(..count).unwrap_or_default();
        let written = loop {
            match self.socket.write_vectored(slices) {
                Ok(0) => return (Written::Broken, 0),
                Ok(written) => break written,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => break 0,
                Err(_) => return (Written::Broken, 0),
            }
        };
        let is_whole = self.place.advance(parts, written);
        (if is_whole { Written::Whole } else { Written::Cut }, written)
    }

    /// Ends the connection so that what was written arrives: what the peer has sent is read, or
    /// the system would take the connection for a broken one and throw away what is on its way.
    pub(super) fn finish(mut self) {
        // A peer that is gone needs no end.
        self.socket.shutdown(Shutdown::Write).unwrap_or_default();
        let mut discarded = [0; 4 << 10];
        let mut left = DISCARD_AT_END_BYTES;
        while left > 0
            && let Ok(count @ 1..) = self.socket.read(&mut discarded)
        {
            left = left.saturating_sub(count);
        }
    }
}
