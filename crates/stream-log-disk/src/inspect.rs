//! A look into a folder: what is in it, and what is damaged, without changing anything.

use std::collections::HashMap;
use std::path::Path;

use stream_model::{Epoch, Offset};

use crate::catalog::NAME;
use crate::error::{Damage, OpenError};
use crate::frame::Kind;
use crate::load::{Loaded, load};
use crate::scan::{Found, Scanner};
use crate::segment::{HEADER_BYTES, Header, segment_name};
use crate::state::{LogId, LogState};
use crate::vfs::{OsVfs, Vfs, read_whole};
use stream_log::codec::{narrow, widen};

/// Times that a folder in use is looked at again because it changed meanwhile.
const ATTEMPTS: usize = 5;

/// What a folder holds.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Inspection {
    /// The segments, the oldest first.
    pub segments: Vec<SegmentReport>,
    /// The logs, by name.
    pub logs: Vec<LogReport>,
    /// What is damaged; empty for a whole folder.
    pub damage: Vec<Damage>,
}

/// One segment.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SegmentReport {
    /// Its place in the order of all segments.
    pub number: u64,
    /// Whether it is complete; the others go on.
    pub sealed: bool,
    /// Bytes of its file.
    pub file_bytes: u64,
    /// Bytes up to the end of its last frame.
    pub used_bytes: u64,
    /// Of these, bytes of batches that hold a record which its log still has; compaction gives the
    /// others back once they are the greater part.
    pub live_bytes: u64,
    /// Whether it was written anew with less than it had.
    pub compacted: bool,
    /// Whole frames: batches, and what else happened to logs.
    pub frames: u64,
    /// Records in them, trimmed ones included.
    pub records: u64,
}

/// One log.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LogReport {
    /// Its name, with the prefix of its space.
    pub name: String,
    /// The life of the log.
    pub epoch: Epoch,
    /// The oldest record that is left.
    pub earliest: Offset,
    /// The offset that the next record gets.
    pub next: Offset,
    /// Bytes of payload that it holds.
    pub bytes: u64,
    /// Whether it takes no more records.
    pub closed: bool,
    /// Producers that it remembers.
    pub producers: usize,
    /// Segments that it has records in.
    pub segments: usize,
}

/// Looks into the folder at `path`, also while a server uses it; reads every segment.
///
/// # Errors
/// [`OpenError`] if another version wrote the folder, or the system refuses something.
pub fn inspect(path: &Path) -> Result<Inspection, OpenError> {
    let vfs = OsVfs::look(path)?;
    let mut last = None;
    for _ in 0..ATTEMPTS {
        let before = catalog_of(&vfs);
        let inspection = inspect_on(&vfs);
        // A catalog that was written meanwhile speaks of other segments than were found.
        if before == catalog_of(&vfs) {
            return inspection;
        }
        last = Some(inspection);
    }
    last.unwrap_or_else(|| inspect_on(&vfs))
}

fn catalog_of(vfs: &dyn Vfs) -> Option<Vec<u8>> {
    read_whole(&*vfs.open(NAME).ok()?).ok()
}

fn inspect_on(vfs: &dyn Vfs) -> Result<Inspection, OpenError> {
    let Loaded { recovered, sealed, last, .. } = load(vfs)?;
    let mut damage = recovered.damage;
    let mut segments = Vec::new();
    let earliest = recovered.logs.iter().map(|(_, log)| (log.id, log.earliest)).collect();
    for known in &sealed {
        let (mut report, found) = look_at(vfs, known.header, known.end, &earliest)?;
        report.sealed = true;
        if known.index.is_none() {
            // The others were read to find out how the logs stand.
            damage.extend(found);
        }
        segments.push(report);
    }
    if let Some(last) = &last {
        segments.push(look_at(vfs, last.header, last.end.end, &earliest)?.0);
    }
    segments.sort_by_key(|segment| segment.number);
    let mut logs: Vec<LogReport> = recovered.logs.into_iter().map(log_report).collect();
    logs.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(Inspection { segments, logs, damage })
}

fn log_report((name, log): (String, LogState)) -> LogReport {
    LogReport {
        name,
        epoch: log.epoch,
        earliest: Offset::new(log.earliest),
        next: Offset::new(log.next),
        bytes: log.bytes.saturating_sub(log.trimmed),
        closed: log.closed,
        producers: log.producers.as_ref().map_or(0, |producers| producers.iter().len()),
        segments: log.runs.len().saturating_add(usize::from(!log.entries.is_empty())),
    }
}

/// Goes through the frames of a segment that ends at `end`; `earliest` tells the oldest record
/// that each log has.
fn look_at(
    vfs: &dyn Vfs,
    header: Header,
    end: u32,
    earliest: &HashMap<LogId, u64>,
) -> Result<(SegmentReport, Vec<Damage>), OpenError> {
    let mut bytes = read_whole(&*vfs.open(&segment_name(header.number))?)?;
    let file_bytes = widen(bytes.len());
    bytes.truncate(narrow(end.into()));
    let mut report = SegmentReport {
        number: header.number,
        sealed: false,
        file_bytes,
        used_bytes: end.into(),
        live_bytes: 0,
        compacted: header.compacted,
        frames: 0,
        records: 0,
    };
    let mut damage = Vec::new();
    let mut scanner = Scanner::new(&bytes, header.secret, HEADER_BYTES, end);
    while let Some(found) = scanner.next() {
        match found {
            Found::Frame { head, .. } => {
                report.frames = report.frames.saturating_add(1);
                report.records = report.records.saturating_add(head.records.into());
                let after = head.first.saturating_add(head.records.into());
                let is_live = earliest.get(&head.log).is_some_and(|earliest| after > *earliest);
                if head.kind == Kind::Batch && is_live {
                    report.live_bytes = report.live_bytes.saturating_add(head.frame_bytes().into());
                }
            }
            Found::Damage { from, to, .. } => {
                damage.push(Damage::Segment { segment: header.number, from, to, log: None });
            }
        }
    }
    Ok((report, damage))
}
