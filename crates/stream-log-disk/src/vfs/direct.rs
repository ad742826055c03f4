//! Zeros that are written past the page cache, where the system can do that.
//!
//! Zeros in the page cache belong to whoever syncs the file next: a group of appends would wait for
//! megabytes that were written for the future.
//! Past it, each piece goes to the disk by itself, and a sync of others finds nothing of it.

use std::fs::File;
use std::io;

use super::BLOCK_BYTES;

/// Bytes of one piece; others write to the same file between two of them.
#[cfg(target_os = "linux")]
const PIECE_BYTES: usize = 256 << 10;

/// Writes zeros from a multiple of [`BLOCK_BYTES`] on, in whole blocks up to `to`; says how far it
/// came, which may be nowhere.
#[cfg(target_os = "linux")]
pub(super) fn put_zeros(file: &File, from: u64, to: u64) -> io::Result<u64> {
    use std::os::unix::fs::FileExt as _;

    use stream_log::codec::{narrow, widen};

    let whole = to.saturating_sub(from) / BLOCK_BYTES * BLOCK_BYTES;
    let (mut position, end) = (from, from.saturating_add(whole));
    if position == end {
        return Ok(from);
    }
    // Not every file system can do it, and not everybody may open the file a second time.
    let Ok(direct) = open_again(file) else { return Ok(from) };
    let zeros = Zeros::new();
    while position < end {
        let count = narrow(end - position).min(PIECE_BYTES);
        match direct.write_at(zeros.of(count), position) {
            Ok(written) if widen(written).is_multiple_of(BLOCK_BYTES) && written > 0 => {
                position = position.saturating_add(widen(written));
            }
            // The rest is written as anything else, which tells what is wrong, if anything is.
            Ok(_) => break,
            Err(error) => match error.kind() {
                io::ErrorKind::Interrupted => {}
                io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported => break,
                _ => return Err(error),
            },
        }
    }
    Ok(position)
}

/// Elsewhere all zeros are written as anything else.
#[cfg(not(target_os = "linux"))]
#[expect(clippy::unnecessary_wraps, reason = "Linux can fail")]
pub(super) fn put_zeros(_file: &File, from: u64, _to: u64) -> io::Result<u64> {
    Ok(from)
}

/// The same file, also if it has another name by now, for writes past the page cache alone.
#[cfg(target_os = "linux")]
fn open_again(file: &File) -> io::Result<File> {
    use std::os::fd::AsRawFd as _;
    use std::os::unix::fs::OpenOptionsExt as _;

    use rustix::fs::OFlags;

    let flags = i32::try_from(OFlags::DIRECT.bits()).map_err(io::Error::other)?;
    let path = format!("/proc/self/fd/{}", file.as_raw_fd());
    File::options().write(true).custom_flags(flags).open(path)
}

/// Memory that begins where the disk can read from it.
#[cfg(target_os = "linux")]
struct Zeros {
    padded: Vec<u8>,
    start: usize,
}

#[cfg(target_os = "linux")]
impl Zeros {
    fn new() -> Self {
        let block = stream_log::codec::narrow(BLOCK_BYTES);
        let padded = vec![0; PIECE_BYTES + block];
        let start = padded.as_ptr().align_offset(block);
        Self { padded, start }
    }

    fn of(&self, count: usize) -> &[u8] {
        self.padded.get(self.start..self.start + count).unwrap_or_default()
    }
}
