//! The few things that the log asks of a file system, so that a simulated one can stand in.
//!
//! Names are flat: a [`Vfs`] is one folder.
//! What is written is safe after a sync and not before; what is created, renamed or removed is
//! safe after [`Vfs::sync_dir`].

#[cfg(target_os = "linux")]
mod cached;
mod direct;
mod os;
#[cfg(feature = "sim")]
mod sim;

use std::fmt::Debug;
use std::io;
use std::sync::Arc;

pub use os::OsVfs;
#[cfg(feature = "sim")]
pub use sim::{SimDisk, SimFault};
use stream_log::codec::{narrow, widen};

/// Bytes that the system moves between disk and memory as one, on every usual disk; what goes past
/// the page cache must keep to multiples of it.
pub(crate) const BLOCK_BYTES: u64 = 4096;

/// Bytes of zeros that are written with one call.
const ZEROS_BYTES: usize = 256 << 10;

/// A folder of files.
pub trait Vfs: Send + Sync + Debug {
    /// Opens a file that is there, to be read and, if the folder may be written, written.
    ///
    /// # Errors
    /// What the system says.
    fn open(&self, name: &str) -> io::Result<Arc<dyn VfsFile>>;

    /// Makes a file, or empties the one that is there.
    ///
    /// # Errors
    /// What the system says.
    fn create(&self, name: &str) -> io::Result<Arc<dyn VfsFile>>;

    /// Gives a file another name, in place of the file that has it.
    ///
    /// # Errors
    /// What the system says.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Removes a file; who has it open can still use it.
    ///
    /// # Errors
    /// What the system says.
    fn remove(&self, name: &str) -> io::Result<()>;

    /// The names of all files.
    ///
    /// # Errors
    /// What the system says.
    fn list(&self) -> io::Result<Vec<String>>;

    /// Makes safe what was created, renamed and removed.
    ///
    /// # Errors
    /// What the system says.
    fn sync_dir(&self) -> io::Result<()>;

    /// Lets another process take the folder.
    fn unlock(&self);
}

/// An open file.
pub trait VfsFile: Send + Sync + Debug {
    /// Bytes in the file.
    ///
    /// # Errors
    /// What the system says.
    fn len(&self) -> io::Result<u64>;

    /// Whether there are none.
    ///
    /// # Errors
    /// What the system says.
    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }

    /// Fills `buffer` from `position` on; returns fewer bytes only at the end of the file.
    ///
    /// # Errors
    /// What the system says.
    fn read_at(&self, buffer: &mut [u8], position: u64) -> io::Result<usize>;

    /// As [`read_at`](Self::read_at), for one of many small pieces of what lies before `until`: a
    /// system that must go to the disk for it may fetch the others with the same trip.
    ///
    /// # Errors
    /// As [`read_at`](Self::read_at).
    fn read_one_of_many(&self, buffer: &mut [u8], position: u64, _until: u64) -> io::Result<usize> {
        self.read_at(buffer, position)
    }

    /// Writes all of `bytes` at `position`.
    ///
    /// # Errors
    /// What the system says; any part may have been written then.
    fn write_at(&self, bytes: &[u8], position: u64) -> io::Result<()>;

    /// Writes zeros from one position to another, so that writing there later finds room; in such
    /// a way, if there is one, that nobody who syncs the file meanwhile waits for them.
    ///
    /// # Errors
    /// As [`write_at`](Self::write_at).
    fn put_zeros(&self, from: u64, to: u64) -> io::Result<()> {
        write_zeros(self, from, to)
    }

    /// Cuts the file, or lengthens it with zeros.
    ///
    /// # Errors
    /// What the system says.
    fn set_len(&self, bytes: u64) -> io::Result<()>;

    /// Makes the content safe, and the length if it grew.
    ///
    /// # Errors
    /// What the system says; what was written is then in doubt, and trying again proves nothing.
    fn sync_data(&self) -> io::Result<()>;

    /// Makes the content and everything about the file safe.
    ///
    /// # Errors
    /// As [`sync_data`](Self::sync_data).
    fn sync_all(&self) -> io::Result<()>;
}

/// Writes zeros as anything else is written.
fn write_zeros(file: &(impl VfsFile + ?Sized), from: u64, to: u64) -> io::Result<()> {
    let zeros = vec![0; ZEROS_BYTES.min(narrow(to.saturating_sub(from)))];
    let mut position = from;
    while position < to {
        let count = narrow(to - position).min(zeros.len());
        file.write_at(zeros.get(..count).unwrap_or_default(), position)?;
        position = position.saturating_add(widen(count));
    }
    Ok(())
}

/// Reads a whole file.
pub(crate) fn read_whole(file: &dyn VfsFile) -> io::Result<Vec<u8>> {
    let length = usize::try_from(file.len()?).map_err(io::Error::other)?;
    let mut bytes = vec![0; length];
    let read = file.read_at(&mut bytes, 0)?;
    bytes.truncate(read);
    Ok(bytes)
}

/// As [`read_whole`], for a file that may be mostly zeros: they take no memory.
pub(crate) fn read_mostly_zeros(file: &dyn VfsFile) -> io::Result<Vec<u8>> {
    let length = usize::try_from(file.len()?).map_err(io::Error::other)?;
    // Fresh from the system, pages are zero, and none until something is written to them.
    let mut bytes = vec![0; length];
    let mut piece = vec![0; ZEROS_BYTES.min(length)];
    let mut position = 0;
    while position < length {
        let read = file.read_at(&mut piece, widen(position))?;
        let Some(found) = piece.get(..read).filter(|found| !found.is_empty()) else { break };
        let end = position.saturating_add(read).min(length);
        if let Some(place) = bytes.get_mut(position..end)
            && found.iter().fold(0, |seen, byte| seen | byte) != 0
        {
            place.copy_from_slice(found.get(..end - position).unwrap_or_default());
        }
        position = end;
    }
    bytes.truncate(position);
    Ok(bytes)
}

/// Puts a whole file in place so that after a crash the old one or the new one is there.
pub(crate) fn replace(vfs: &dyn Vfs, name: &str, bytes: &[u8]) -> io::Result<()> {
    let draft = format!("{name}.new");
    let file = vfs.create(&draft)?;
    file.write_at(bytes, 0)?;
    file.sync_all()?;
    vfs.rename(&draft, name)?;
    vfs.sync_dir()
}
