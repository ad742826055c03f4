//! The bounds of the log on disk, each with what happens there.

use std::time::Duration;

/// Bytes of a segment unless configured otherwise; a full one is sealed and the next begun.
pub const SEGMENT_BYTES: u32 = 64 << 20;

/// The smallest and largest segment that can be configured; others are taken as the nearest.
pub const SEGMENT_BYTES_RANGE: std::ops::RangeInclusive<u32> = (64 << 10)..=(1 << 30);

/// Bytes of a batch as it is written; a larger one is refused.
/// A batch must also fit into a segment.
pub const FRAME_BYTES_MAX: u32 = 32 << 20;

/// Bytes of the first piece of a segment that is written with zeros ahead of use; each piece
/// doubles the segment, so that a small log stays a small file.
pub const GROWTH_BYTES_MIN: u32 = 256 << 10;

/// Bytes of the largest such piece, and of a segment that grows while it is written; a longer one
/// is made whole before, twice as long as the one before it.
///
/// Batches of more than half of it lengthen a longer segment all the same.
pub const GROWTH_BYTES_MAX: u32 = 8 << 20;

/// Frames of the last group from which on the committer waits for as many again before it syncs.
pub const GATHER_FRAMES_MIN: usize = 4;

/// How long it waits at once; if nothing came meanwhile, it syncs what there is.
pub const GATHER_PAUSE: Duration = Duration::from_micros(100);

/// How often it waits before it syncs whatever there is.
pub const GATHER_PAUSES_MAX: usize = 20;

/// Logs with records in the active segment, each of which is kept in memory whole; with one more
/// the segment is sealed, whatever its size, and logs that nobody uses are put to sleep.
pub const LOGS_PER_SEGMENT: usize = 1 << 16;

/// Bytes of the indexes of sealed segments that are kept in memory; beyond them, the one that was
/// read longest ago is let go of, and read again when it is needed.
pub const INDEX_BYTES_IN_MEMORY: usize = 16 << 20;

/// Files of sealed segments that are kept open; beyond them, the one that was opened longest ago
/// is closed, and opened again when it is needed.
pub const FILES_OPEN: usize = 64;

/// Emptied segments that are kept to be used again; more are deleted.
pub const SPARE_SEGMENTS: usize = 2;

/// Logs of one store unless configured otherwise; one more is refused.
pub const LOGS_MAX: usize = 10_000_000;

/// Bytes of one read from a file; longer stretches take more reads.
pub const READ_BYTES: u32 = 1 << 20;

/// How many stretches of such a read keep their memory for later ones; more give it back.
pub const WINDOWS_KEPT: usize = 4;
