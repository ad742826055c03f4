//! A simulated disk that keeps what was synced and, of the rest, what chance leaves.
//!
//! Every call that changes something is one step; at a chosen step the machine crashes, and every
//! later call fails.
//! [`SimDisk::reboot`] then gives the disk as the next start finds it: of what was written since
//! the last sync of a file, any sectors may be there and any may be missing, in no order; of
//! what was created, renamed and removed since the last sync of the folder, a beginning.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use parking_lot::Mutex;

use super::{Vfs, VfsFile};
use stream_log::codec::{narrow, widen};

/// Bytes that are written whole or not at all.
const SECTOR_BYTES: usize = 512;

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum SimFault {
    /// Nothing.
    #[default]
    None,
    /// The machine stops when so many steps were taken; the last one may be half done.
    CrashAt(u64),
    /// Syncs return at once and make nothing safe.
    SyncsLie,
    /// Every sync fails from this step on, and what was written since the last good one is in
    /// doubt.
    SyncsFailFrom(u64),
    /// Every write fails from this step on.
    WritesFailFrom(u64),
    /// The files together can hold so many bytes.
    Full(u64),
}

/// A disk in memory; a clone is the same disk.
#[derive(Debug, Clone, Default)]
pub struct SimDisk(Arc<Mutex<Disk>>);

#[derive(Debug, Default)]
struct Disk {
    files: Vec<Inode>,
    names: BTreeMap<String, usize>,
    safe_names: BTreeMap<String, usize>,
    /// What happened to names since the last sync of the folder.
    renaming: Vec<Renaming>,
    fault: SimFault,
    steps: u64,
    crashed: bool,
}

#[derive(Debug, Default)]
struct Inode {
    now: Vec<u8>,
    safe: Vec<u8>,
    unsafe_writes: Vec<Change>,
}

#[derive(Debug, Clone)]
enum Change {
    Write { position: usize, bytes: Vec<u8> },
    Length(usize),
}

#[derive(Debug, Clone)]
enum Renaming {
    Put(String, usize),
    Remove(String),
}

impl Change {
    fn apply(&self, content: &mut Vec<u8>) {
        match self {
            Self::Length(length) => content.resize(*length, 0),
            Self::Write { position, bytes } => {
                let end = position.saturating_add(bytes.len());
                if content.len() < end {
                    content.resize(end, 0);
                }
                if let Some(place) = content.get_mut(*position..end) {
                    place.copy_from_slice(bytes);
                }
            }
        }
    }

    /// The sectors of a write, each of which is there or not on its own.
    fn sectors(&self) -> Vec<Self> {
        let Self::Write { position, bytes } = self else { return vec![self.clone()] };
        let (mut position, mut rest) = (*position, bytes.as_slice());
        let mut sectors = Vec::new();
        while !rest.is_empty() {
            let to_border = SECTOR_BYTES - position % SECTOR_BYTES;
            let (sector, after) = rest.split_at(to_border.min(rest.len()));
            sectors.push(Self::Write { position, bytes: sector.to_vec() });
            position += sector.len();
            rest = after;
        }
        sectors
    }
}

impl Renaming {
    fn apply(&self, names: &mut BTreeMap<String, usize>) {
        match self {
            Self::Put(name, file) => {
                names.retain(|_, known| known != file);
                names.insert(name.clone(), *file);
            }
            Self::Remove(name) => {
                names.remove(name);
            }
        }
    }
}

impl Disk {
    /// Takes a step that changes something, if the machine still runs.
    fn step(&mut self) -> io::Result<()> {
        self.alive()?;
        self.steps += 1;
        if matches!(self.fault, SimFault::CrashAt(at) if self.steps >= at) {
            self.crashed = true;
        }
        Ok(())
    }

    fn alive(&self) -> io::Result<()> {
        if self.crashed { Err(io::Error::other("the machine has crashed")) } else { Ok(()) }
    }

    fn inode(&mut self, file: usize) -> io::Result<&mut Inode> {
        self.files.get_mut(file).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn find(&self, name: &str) -> io::Result<usize> {
        self.names.get(name).copied().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn change(&mut self, file: usize, change: Change) -> io::Result<()> {
        self.step()?;
        if matches!(self.fault, SimFault::WritesFailFrom(from) if self.steps >= from) {
            return Err(io::Error::other("the disk does not write"));
        }
        if let (SimFault::Full(limit), Change::Write { position, bytes }) = (self.fault, &change) {
            let end = position.saturating_add(bytes.len());
            let grown = end.saturating_sub(self.inode(file)?.now.len());
            let used: usize = self.names.values().map(|file| self.bytes(*file)).sum();
            if grown > 0 && widen(used.saturating_add(grown)) > limit {
                return Err(io::ErrorKind::StorageFull.into());
            }
        }
        let inode = self.inode(file)?;
        change.apply(&mut inode.now);
        inode.unsafe_writes.push(change);
        Ok(())
    }

    fn bytes(&self, file: usize) -> usize {
        self.files.get(file).map_or(0, |inode| inode.now.len())
    }

    fn sync(&mut self, file: usize) -> io::Result<()> {
        self.step()?;
        match self.fault {
            SimFault::SyncsLie => return Ok(()),
            SimFault::SyncsFailFrom(from) if self.steps >= from => {
                // As Linux does: the pages count as clean, although the disk lacks them.
                self.inode(file)?.unsafe_writes.clear();
                return Err(io::Error::other("the disk does not sync"));
            }
            // A machine that crashes during a sync has not answered it.
            _ => self.alive()?,
        }
        let inode = self.inode(file)?;
        for change in std::mem::take(&mut inode.unsafe_writes) {
            change.apply(&mut inode.safe);
        }
        Ok(())
    }

    fn rename_step(&mut self, renaming: Renaming) -> io::Result<()> {
        self.step()?;
        renaming.apply(&mut self.names);
        self.renaming.push(renaming);
        Ok(())
    }
}

impl SimDisk {
    /// An empty disk.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets what goes wrong from now on.
    pub fn set_fault(&self, fault: SimFault) {
        self.0.lock().fault = fault;
    }

    /// Steps that were taken so far.
    pub fn steps(&self) -> u64 {
        self.0.lock().steps
    }

    /// Whether the machine has crashed.
    pub fn has_crashed(&self) -> bool {
        self.0.lock().crashed
    }

    /// The disk after a power failure now, as chance by `seed` leaves it; this one is dead.
    #[must_use]
    pub fn reboot(&self, seed: u64) -> Self {
        let mut chance = fastrand::Rng::with_seed(seed);
        let mut disk = self.0.lock();
        disk.crashed = true;
        let mut names = disk.safe_names.clone();
        let kept = chance.usize(..=disk.renaming.len());
        for renaming in disk.renaming.iter().take(kept) {
            renaming.apply(&mut names);
        }
        let files = disk.files.iter().map(|inode| inode.after_crash(&mut chance)).collect();
        let safe_names = names.clone();
        Self(Arc::new(Mutex::new(Disk { files, names, safe_names, ..Disk::default() })))
    }

    /// The disk after the process was killed: the system kept everything that was written.
    #[must_use]
    pub fn restart(&self) -> Self {
        let mut disk = self.0.lock();
        disk.crashed = true;
        let copy = |inode: &Inode| Inode {
            now: inode.now.clone(),
            safe: inode.safe.clone(),
            unsafe_writes: inode.unsafe_writes.clone(),
        };
        Self(Arc::new(Mutex::new(Disk {
            files: disk.files.iter().map(copy).collect(),
            names: disk.names.clone(),
            safe_names: disk.safe_names.clone(),
            renaming: disk.renaming.clone(),
            ..Disk::default()
        })))
    }

    /// A disk of its own with the same content, all of it safe.
    #[must_use]
    pub fn fork(&self) -> Self {
        let copy = Self::new();
        for (name, bytes) in self.contents() {
            copy.put(&name, bytes);
        }
        copy
    }

    /// Every file.
    pub fn contents(&self) -> BTreeMap<String, Vec<u8>> {
        let disk = self.0.lock();
        let content = |file: &usize| disk.files.get(*file).map(|inode| inode.now.clone());
        disk.names.iter().filter_map(|(name, file)| Some((name.clone(), content(file)?))).collect()
    }

    /// Puts a file in place, safe at once.
    pub fn put(&self, name: &str, bytes: Vec<u8>) {
        let mut disk = self.0.lock();
        let file = disk.files.len();
        disk.files.push(Inode { now: bytes.clone(), safe: bytes, unsafe_writes: Vec::new() });
        disk.names.insert(name.to_owned(), file);
        disk.safe_names.insert(name.to_owned(), file);
    }
}

impl Inode {
    /// What the next start finds.
    fn after_crash(&self, chance: &mut fastrand::Rng) -> Self {
        let mut content = self.safe.clone();
        let mut sectors: Vec<Change> =
            self.unsafe_writes.iter().flat_map(Change::sectors).collect();
        // All, none, and some are equally likely: extremes find other mistakes than mixtures.
        match chance.u8(..4) {
            0 => sectors.clear(),
            1 => {}
            2 => sectors.truncate(chance.usize(..=sectors.len())),
            _ => sectors.retain(|_| chance.bool()),
        }
        for change in sectors {
            change.apply(&mut content);
        }
        Self { now: content.clone(), safe: content, unsafe_writes: Vec::new() }
    }
}

impl Vfs for SimDisk {
    fn open(&self, name: &str) -> io::Result<Arc<dyn VfsFile>> {
        let disk = self.0.lock();
        disk.alive()?;
        let file = disk.find(name)?;
        Ok(Arc::new(SimFile { disk: self.clone(), file }))
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn VfsFile>> {
        let mut disk = self.0.lock();
        let file = disk.files.len();
        disk.files.push(Inode::default());
        disk.rename_step(Renaming::Put(name.to_owned(), file))?;
        Ok(Arc::new(SimFile { disk: self.clone(), file }))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut disk = self.0.lock();
        let file = disk.find(from)?;
        disk.rename_step(Renaming::Put(to.to_owned(), file))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut disk = self.0.lock();
        disk.find(name)?;
        disk.rename_step(Renaming::Remove(name.to_owned()))
    }

    fn list(&self) -> io::Result<Vec<String>> {
        let disk = self.0.lock();
        disk.alive()?;
        Ok(disk.names.keys().cloned().collect())
    }

    fn sync_dir(&self) -> io::Result<()> {
        let mut disk = self.0.lock();
        disk.step()?;
        match disk.fault {
            SimFault::SyncsLie => return Ok(()),
            SimFault::SyncsFailFrom(from) if disk.steps >= from => {
                return Err(io::Error::other("the disk does not sync"));
            }
            _ => disk.alive()?,
        }
        disk.safe_names = disk.names.clone();
        disk.renaming.clear();
        Ok(())
    }

    fn unlock(&self) {}
}

#[derive(Debug)]
struct SimFile {
    disk: SimDisk,
    file: usize,
}

impl VfsFile for SimFile {
    fn len(&self) -> io::Result<u64> {
        let mut disk = self.disk.0.lock();
        disk.alive()?;
        Ok(widen(disk.inode(self.file)?.now.len()))
    }

    fn read_at(&self, buffer: &mut [u8], position: u64) -> io::Result<usize> {
        let mut disk = self.disk.0.lock();
        disk.alive()?;
        let inode = disk.inode(self.file)?;
        let rest = inode.now.get(narrow(position)..).unwrap_or_default();
        let count = rest.len().min(buffer.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..count), rest.get(..count)) {
            to.copy_from_slice(from);
        }
        Ok(count)
    }

    fn write_at(&self, bytes: &[u8], position: u64) -> io::Result<()> {
        let change = Change::Write { position: narrow(position), bytes: bytes.to_vec() };
        self.disk.0.lock().change(self.file, change)
    }

    fn set_len(&self, bytes: u64) -> io::Result<()> {
        self.disk.0.lock().change(self.file, Change::Length(narrow(bytes)))
    }

    fn sync_data(&self) -> io::Result<()> {
        self.disk.0.lock().sync(self.file)
    }

    fn sync_all(&self) -> io::Result<()> {
        self.disk.0.lock().sync(self.file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_synced_survives_and_the_rest_is_left_to_chance() {
        let disk = SimDisk::new();
        let file = disk.create("a").unwrap();
        file.write_at(b"safe", 0).unwrap();
        file.sync_data().unwrap();
        disk.sync_dir().unwrap();
        file.write_at(&[b'x'; 3 * SECTOR_BYTES], 4).unwrap();
        let mut lengths = std::collections::BTreeSet::new();
        for seed in 0..100 {
            let content = disk.reboot(seed).contents().remove("a").unwrap();
            assert!(content.starts_with(b"safe"));
            lengths.insert(content.len());
        }
        assert!(lengths.len() >= 4, "{lengths:?}");
    }

    #[test]
    fn a_name_is_safe_with_its_folder() {
        let disk = SimDisk::new();
        disk.create("a").unwrap().sync_all().unwrap();
        let there = (0..20).filter(|seed| disk.reboot(*seed).contents().contains_key("a")).count();
        assert!((1..20).contains(&there), "{there}");
    }

    #[test]
    fn a_crashed_machine_does_nothing() {
        let disk = SimDisk::new();
        let file = disk.create("a").unwrap();
        disk.set_fault(SimFault::CrashAt(2));
        file.write_at(b"x", 0).unwrap();
        assert!(file.sync_data().is_err());
        assert!(disk.open("a").is_err());
    }
}
