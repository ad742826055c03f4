//! A disk on which others go on while a file is synced, as they do beside a real one.

use std::io;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::vfs::{SimDisk, Vfs, VfsFile};

/// A disk on which something happens during the next sync of a file; a clone is the same disk.
#[derive(Clone)]
pub(super) struct Interrupted {
    pub(super) disk: SimDisk,
    during_sync: During,
}

type During = Arc<Mutex<Option<Box<dyn FnOnce() + Send>>>>;

impl std::fmt::Debug for Interrupted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Interrupted")
    }
}

struct InterruptedFile {
    file: Arc<dyn VfsFile>,
    during_sync: During,
}

impl std::fmt::Debug for InterruptedFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("InterruptedFile")
    }
}

impl Interrupted {
    pub(super) fn new(disk: SimDisk) -> Self {
        Self { disk, during_sync: During::default() }
    }

    /// What happens during the next sync.
    pub(super) fn during_sync(&self, call: impl FnOnce() + Send + 'static) {
        *self.during_sync.lock() = Some(Box::new(call));
    }

    pub(super) fn has_happened(&self) -> bool {
        self.during_sync.lock().is_none()
    }

    fn wrap(&self, file: Arc<dyn VfsFile>) -> Arc<dyn VfsFile> {
        Arc::new(InterruptedFile { file, during_sync: Arc::clone(&self.during_sync) })
    }
}

impl Vfs for Interrupted {
    fn open(&self, name: &str) -> io::Result<Arc<dyn VfsFile>> {
        Ok(self.wrap(self.disk.open(name)?))
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn VfsFile>> {
        Ok(self.wrap(self.disk.create(name)?))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.disk.rename(from, to)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.disk.remove(name)
    }

    fn list(&self) -> io::Result<Vec<String>> {
        self.disk.list()
    }

    fn sync_dir(&self) -> io::Result<()> {
        self.disk.sync_dir()
    }

    fn unlock(&self) {
        self.disk.unlock();
    }
}

impl VfsFile for InterruptedFile {
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn read_at(&self, buffer: &mut [u8], position: u64) -> io::Result<usize> {
        self.file.read_at(buffer, position)
    }

    fn write_at(&self, bytes: &[u8], position: u64) -> io::Result<()> {
        self.file.write_at(bytes, position)
    }

    fn set_len(&self, bytes: u64) -> io::Result<()> {
        self.file.set_len(bytes)
    }

    fn sync_data(&self) -> io::Result<()> {
        let call = self.during_sync.lock().take();
        if let Some(call) = call {
            call();
        }
        self.file.sync_data()
    }

    fn sync_all(&self) -> io::Result<()> {
        self.file.sync_all()
    }
}
