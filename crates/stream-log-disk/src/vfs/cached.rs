//! What the page cache has of a file, and what it is asked to get.
//!
//! Small pieces far apart make the system take each for a read of its own: one trip to the disk for
//! each, where a longer stretch with all of them would have been one.
//! To ask for the stretch costs as much as a read even if all of it is there, so that is asked
//! first.

use std::fs::File;
use std::io::IoSliceMut;
use std::num::NonZeroU64;

use rustix::fs::{Advice, fadvise};
use rustix::io::{ReadWriteFlags, preadv2};

/// Fills `buffer` from `position` on if all of that is in memory; says whether it did.
///
/// Any error counts as no: who then reads as usual is told what is wrong, and where the system cannot
/// say, to ask for a stretch in vain costs less than a trip to the disk.
pub(super) fn fill(file: &File, buffer: &mut [u8], position: u64) -> bool {
    let mut pieces = [IoSliceMut::new(buffer)];
    let read = preadv2(file, &mut pieces, position, ReadWriteFlags::NOWAIT);
    read.is_ok_and(|count| count == buffer.len())
}

/// Has the system fetch what lies between two positions, without waiting for it.
pub(super) fn fetch(file: &File, from: u64, until: u64) {
    if let Some(bytes) = NonZeroU64::new(until.saturating_sub(from)) {
        // Without it each piece is fetched by itself, which only takes longer.
        fadvise(file, from, Some(bytes), Advice::WillNeed).ok();
    }
}
