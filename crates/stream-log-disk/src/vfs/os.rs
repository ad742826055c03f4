//! The real file system.

use std::fs::{self, File, TryLockError};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

#[cfg(target_os = "linux")]
use super::cached;
use super::{BLOCK_BYTES, Vfs, VfsFile, direct, write_zeros};

/// Holds the lock that keeps a second process out.
const LOCK: &str = "lock";

/// A folder of the real file system.
#[derive(Debug)]
pub struct OsVfs {
    path: PathBuf,
    folder: File,
    /// `None` for somebody who only looks.
    lock: Option<File>,
}

impl OsVfs {
    /// Takes the folder at `path` for this process, making it if it is not there.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] if another process has it, or what the system says.
    pub fn take(path: &Path) -> io::Result<Self> {
        fs::create_dir_all(path)?;
        let lock = File::options()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(path.join(LOCK))?;
        lock.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => io::ErrorKind::WouldBlock.into(),
            TryLockError::Error(error) => error,
        })?;
        if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            File::open(parent)?.sync_all()?;
        }
        Ok(Self { path: path.to_owned(), folder: File::open(path)?, lock: Some(lock) })
    }

    /// Looks at the folder at `path`; nothing can be written.
    ///
    /// # Errors
    /// What the system says.
    pub fn look(path: &Path) -> io::Result<Self> {
        Ok(Self { path: path.to_owned(), folder: File::open(path)?, lock: None })
    }
}

impl Vfs for OsVfs {
    fn open(&self, name: &str) -> io::Result<Arc<dyn VfsFile>> {
        let writable = self.lock.is_some();
        let file = File::options().read(true).write(writable).open(self.path.join(name))?;
        Ok(Arc::new(OsFile(file)))
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn VfsFile>> {
        if self.lock.is_none() {
            return Err(io::ErrorKind::ReadOnlyFilesystem.into());
        }
        let mut options = File::options();
        let file = options.read(true).write(true).create(true).truncate(true);
        Ok(Arc::new(OsFile(file.open(self.path.join(name))?)))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.path.join(from), self.path.join(to))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        fs::remove_file(self.path.join(name))
    }

    fn list(&self) -> io::Result<Vec<String>> {
        let entries = fs::read_dir(&self.path)?;
        // A name that is no text is none of ours.
        let names = entries.map(|entry| Ok(entry?.file_name().into_string().ok()));
        names.filter_map(Result::transpose).collect()
    }

    fn sync_dir(&self) -> io::Result<()> {
        self.folder.sync_all()
    }

    fn unlock(&self) {
        if let Some(lock) = &self.lock {
            // The lock ends with the process at the latest.
            lock.unlock().ok();
        }
    }
}

#[derive(Debug)]
struct OsFile(File);

impl VfsFile for OsFile {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn read_at(&self, buffer: &mut [u8], position: u64) -> io::Result<usize> {
        let mut filled = 0;
        while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match self.0.read_at(rest, position.saturating_add(stream_log::codec::widen(filled))) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(filled)
    }

    #[cfg(target_os = "linux")]
    fn read_one_of_many(&self, buffer: &mut [u8], position: u64, until: u64) -> io::Result<usize> {
        if cached::fill(&self.0, buffer, position) {
            return Ok(buffer.len());
        }
        cached::fetch(&self.0, position, until);
        self.read_at(buffer, position)
    }

    fn write_at(&self, bytes: &[u8], position: u64) -> io::Result<()> {
        self.0.write_all_at(bytes, position)
    }

    fn put_zeros(&self, from: u64, to: u64) -> io::Result<()> {
        let begin = from.checked_next_multiple_of(BLOCK_BYTES).map_or(to, |begin| begin.min(to));
        write_zeros(self, from, begin)?;
        let end = direct::put_zeros(&self.0, begin, to)?;
        write_zeros(self, end, to)
    }

    fn set_len(&self, bytes: u64) -> io::Result<()> {
        self.0.set_len(bytes)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn sync_all(&self) -> io::Result<()> {
        self.0.sync_all()
    }
}

#[cfg(test)]
mod tests {
    use stream_log::codec::{narrow, widen};

    use super::*;
    use crate::vfs::{read_mostly_zeros, read_whole};

    #[test]
    fn a_folder_has_one_owner() {
        let dir = tempfile::tempdir().unwrap();
        let owner = OsVfs::take(dir.path()).unwrap();
        let second = OsVfs::take(dir.path()).unwrap_err();
        assert_eq!(second.kind(), io::ErrorKind::WouldBlock);
        owner.unlock();
        assert!(OsVfs::take(dir.path()).is_ok());
    }

    #[test]
    fn zeros_go_where_they_belong_and_nowhere_else() {
        let dir = tempfile::tempdir().unwrap();
        let folder = OsVfs::take(dir.path()).unwrap();
        let bytes = 600 << 10;
        for (from, to) in [
            (0, bytes),
            (1, 4095),
            (4095, 4097),
            (4096, 12_288),
            (100, (256 << 10) + 5000),
            (8192, bytes + 4096),
            (bytes, bytes + (300 << 10) + 1),
            (70, 70),
        ] {
            let file = folder.create("a").unwrap();
            file.write_at(&vec![7; narrow(bytes)], 0).unwrap();
            // The name that it was opened with leads nowhere.
            folder.rename("a", "b").unwrap();
            file.put_zeros(from, to).unwrap();
            let content = read_whole(&*file).unwrap();
            assert_eq!(widen(content.len()), to.max(bytes));
            let zeros = narrow(from)..narrow(to);
            for (at, byte) in content.iter().enumerate() {
                assert_eq!(*byte == 0, zeros.contains(&at), "{from}..{to}: {at}");
            }
        }
    }

    #[test]
    fn one_of_many_pieces_is_read_as_any_other() {
        let dir = tempfile::tempdir().unwrap();
        let folder = OsVfs::take(dir.path()).unwrap();
        let file = folder.create("a").unwrap();
        let content: Vec<u8> = (0..40_000_u32).map(|n| n.to_le_bytes()[0]).collect();
        file.write_at(&content, 0).unwrap();
        for position in [0, 1, 4095, 20_000, 39_990, 40_000, 90_000] {
            for until in [0, position, 30_000, u64::MAX] {
                let (mut one, mut other) = ([7; 20], [7; 20]);
                let read = file.read_one_of_many(&mut one, position, until).unwrap();
                assert_eq!(read, file.read_at(&mut other, position).unwrap());
                assert_eq!(one, other, "{position} {until}");
            }
        }
    }

    #[test]
    fn a_file_of_zeros_and_little_else_reads_as_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let folder = OsVfs::take(dir.path()).unwrap();
        let piece = 256 << 10;
        for length in [0, 1, piece - 1, piece, piece + 1, 3 * piece, 3 * piece + 5] {
            for there in [None, Some(0), Some(piece - 1), Some(piece), Some(2 * piece + 7)] {
                let file = folder.create("a").unwrap();
                file.set_len(length).unwrap();
                if let Some(there) = there.filter(|there| *there < length) {
                    file.write_at(&[5], there).unwrap();
                }
                let whole = read_whole(&*file).unwrap();
                assert_eq!(widen(whole.len()), length);
                assert!(read_mostly_zeros(&*file).unwrap() == whole, "{length} {there:?}");
            }
        }
    }

    #[test]
    fn who_looks_cannot_write() {
        let dir = tempfile::tempdir().unwrap();
        let owner = OsVfs::take(dir.path()).unwrap();
        owner.create("a").unwrap().write_at(b"abc", 0).unwrap();
        let guest = OsVfs::look(dir.path()).unwrap();
        let mut buffer = [0; 8];
        assert_eq!(guest.open("a").unwrap().read_at(&mut buffer, 1).unwrap(), 2);
        assert!(guest.open("a").unwrap().write_at(b"x", 0).is_err());
        assert!(guest.create("b").is_err());
    }
}
