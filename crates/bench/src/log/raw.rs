//! What the disk itself can do: writes to a file that is zeroed ahead, each made safe.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{Contestant, RECORD_BYTES};

/// Bytes of the file; the writes begin anew at its end.
const FILE_BYTES: u64 = 64 << 20;

/// A file.
#[derive(Debug)]
pub struct Raw {
    file: File,
    position: AtomicU64,
}

impl Contestant for Raw {
    fn open(path: &Path) -> anyhow::Result<Self> {
        std::fs::create_dir_all(path)?;
        let mut options = File::options();
        let file = options.create(true).truncate(false).read(true).write(true);
        let file = file.open(path.join("raw"))?;
        for position in (0..FILE_BYTES).step_by(1 << 20) {
            file.write_all_at(&vec![0; 1 << 20], position)?;
        }
        file.sync_all()?;
        Ok(Self { file, position: AtomicU64::new(0) })
    }

    fn name(&self) -> &'static str {
        "write + fdatasync"
    }

    fn append(&self, records: &[Vec<u8>]) -> anyhow::Result<()> {
        let bytes = records.concat();
        let length = bytes.len() as u64;
        let position = self.position.fetch_add(length, Ordering::Relaxed) % (FILE_BYTES - length);
        self.file.write_all_at(&bytes, position)?;
        self.file.sync_data()?;
        Ok(())
    }

    fn read(&self) -> anyhow::Result<usize> {
        let mut piece = vec![0; 1 << 20];
        let mut bytes = 0;
        while bytes < FILE_BYTES {
            self.file.read_exact_at(&mut piece, bytes)?;
            bytes += 1 << 20;
        }
        Ok(usize::try_from(bytes)? / RECORD_BYTES)
    }
}
