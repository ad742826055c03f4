//! Whole blocks: a group ends where a block of the disk does, if it is the first in that block.
//!
//! Room ahead of the writers is on the disk and not in the page cache, so a block that is written in
//! part must be read before, while everybody in the group waits.
//! What lies behind the group is of no use to anybody, so zeros in its place change nothing.

use stream_log::codec::{narrow, widen};

use crate::vfs::BLOCK_BYTES;

/// Lengthens a group that is to be written at `start` with zeros to the end of its last block, but
/// not beyond `limit`, where the room ends.
///
/// A block into which an earlier group reached is in the page cache, and left as it is.
pub(super) fn fill_last_block(group: &mut Vec<u8>, start: u32, limit: u32) {
    let (start, limit) = (u64::from(start), u64::from(limit));
    let end = start.saturating_add(widen(group.len()));
    let last = end / BLOCK_BYTES * BLOCK_BYTES;
    if (start..end).contains(&last) {
        let full = last.saturating_add(BLOCK_BYTES).min(limit);
        group.resize(narrow(full.max(end) - start), 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: u32 = 5 * 4096 + 100;

    fn filled(start: u32, bytes: usize) -> usize {
        let mut group = vec![7; bytes];
        fill_last_block(&mut group, start, LIMIT);
        assert!(group.iter().take(bytes).all(|byte| *byte == 7));
        assert!(group.iter().skip(bytes).all(|byte| *byte == 0));
        group.len()
    }

    #[test]
    fn a_group_fills_the_block_that_it_is_the_first_in() {
        assert_eq!(filled(4096, 1), 4096, "from its beginning");
        assert_eq!(filled(100, 4000), 2 * 4096 - 100, "over its edge");
        assert_eq!(filled(100, 3 * 4096), 4 * 4096 - 100, "some blocks on");
    }

    #[test]
    fn a_block_that_others_have_begun_is_left_alone() {
        assert_eq!(filled(100, 1), 1);
        assert_eq!(filled(4097, 4094), 4094);
    }

    #[test]
    fn a_group_that_ends_with_a_block_is_whole() {
        assert_eq!(filled(100, 3996), 3996);
        assert_eq!(filled(4096, 4096), 4096);
        assert_eq!(filled(4096, 0), 0);
    }

    #[test]
    fn the_end_of_the_room_stays_where_it_is() {
        assert_eq!(filled(5 * 4096, 60), 100);
        assert_eq!(filled(4 * 4096, 4096 + 100), 4096 + 100);
    }
}
