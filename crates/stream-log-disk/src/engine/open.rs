//! From what a folder holds to an engine that serves it.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use parking_lot::{Condvar, Mutex};
use tokio::sync::watch;

use super::files::{create_segment, is_draft, is_spare, new_secret};
use super::{Cell, Chores, Engine, Garbage, Names, Room, Segment, Stage};
use crate::error::OpenError;
use crate::group::group;
use crate::index::SegmentIndex;
use crate::limits::SPARE_SEGMENTS;
use crate::load::{Last, Loaded, load};
use crate::meter::CommitMeter;
use crate::options::DiskOptions;
use crate::read::Windows;
use crate::recovery::Recovered;
use crate::segment::{HEADER_BYTES, Header, grown, index_name, index_number, segment_name};
use crate::state::LogState;
use crate::vfs::Vfs;

/// The segment that frames will go to.
struct Active {
    header: Header,
    position: u32,
    limit: u32,
    /// Where the segment before ended, if this one has not begun.
    begins_after: Option<u32>,
}

impl Engine {
    /// Recovers what the folder holds, and goes on from there.
    pub(crate) fn open(vfs: Arc<dyn Vfs>, options: DiskOptions) -> Result<Self, OpenError> {
        let mut loaded = load(&*vfs)?;
        let spares = tidy_folder(&*vfs, &loaded)?;
        let active = match loaded.last.take() {
            Some(last) if loaded.recovered.damage.is_empty() => resume(&*vfs, &last, options)?,
            last => begin(&*vfs, last, &mut loaded, options)?,
        };
        let Recovered { logs, next_log, trimmed, damage, back } = loaded.recovered;
        let segments = loaded.sealed.into_iter().map(|sealed| {
            let segment = Segment::new(sealed.header.number, sealed.header.secret, sealed.end);
            *segment.index.lock() = sealed.index.map(Arc::new);
            (segment.number, segment)
        });
        let segments: BTreeMap<u64, Arc<Segment>> = segments.collect();
        count_live(&segments, &logs);
        let stage = Stage::new(&*vfs, &active, back)?;
        let engine = Self {
            vfs,
            options,
            names: Mutex::new(Names { next_log, ..Names::default() }),
            stage: Mutex::new(stage),
            work: Condvar::new(),
            committing: Mutex::default(),
            touched: Mutex::default(),
            segments: Mutex::new(segments),
            indexed: Mutex::new(VecDeque::new()),
            opened: Mutex::new(VecDeque::new()),
            windows: Windows::default(),
            spares: Mutex::new(spares),
            chores: Mutex::new(Chores::default()),
            bell: Condvar::new(),
            room: watch::channel(Room::default()).0,
            garbage: Garbage::default(),
            meter: CommitMeter::default(),
            damage,
        };
        engine.settle(logs, &trimmed)?;
        Ok(engine)
    }

    /// Takes the recovered logs in.
    fn settle(&self, logs: Vec<(String, LogState)>, trimmed: &HashSet<u32>) -> io::Result<()> {
        {
            let mut segments = self.segments.lock();
            let active = Arc::clone(&self.stage.lock().active);
            segments.insert(active.number, active);
        }
        for (name, mut log) in logs {
            log.config = self.names.lock().configs.share(*log.config);
            if trimmed.contains(&log.id) {
                let earliest = log.earliest;
                self.trim_to(&mut log, earliest);
            }
            self.retain(&mut log);
            let touched = !log.entries.is_empty();
            log.entries.shrink_to_fit();
            let cell = Arc::new(Cell { state: Mutex::new(log) });
            if touched {
                self.touched.lock().push(Arc::clone(&cell));
            }
            self.names.lock().logs.insert(&name, cell);
        }
        self.put_to_sleep();
        let unwritten: Vec<_> = self.segments.lock().values().cloned().collect();
        for segment in unwritten.into_iter().filter(|segment| segment.index.lock().is_some()) {
            self.ask_to_tidy(segment);
        }
        if !self.damage.is_empty() {
            // What was damaged is told once, and no offset that was in it is given twice.
            self.write_catalog().map_err(io::Error::other)?;
        }
        Ok(())
    }
}

impl Stage {
    fn new(vfs: &dyn Vfs, active: &Active, back: crate::frame::Back) -> io::Result<Self> {
        let Active { header, position, limit, begins_after } = *active;
        let (sender, group) = group();
        let mut stage = Self {
            active: Segment::new(header.number, header.secret, 0),
            file: vfs.open(&segment_name(header.number))?,
            position,
            limit,
            synced: position,
            back,
            buffer: Vec::new(),
            start: position,
            staged: Vec::new(),
            expected: 0,
            called: false,
            sender,
            group,
            needs_sync: false,
            rolling: false,
            successor: None,
            trouble: None,
            stopping: false,
            meta: Vec::new(),
        };
        if let Some(end) = begins_after {
            stage.begin(end);
        }
        Ok(stage)
    }
}

/// Goes on in the segment that was written last.
fn resume(vfs: &dyn Vfs, last: &Last, options: DiskOptions) -> io::Result<Active> {
    let Last { header, end, bytes } = last;
    let file = vfs.open(&segment_name(header.number))?;
    if end.leftover {
        // Frames of a torn group could seem to follow what is written in its place.
        file.put_zeros(end.end.into(), (*bytes).into())?;
    }
    // What was read may not be safe yet, if the process alone ended.
    file.sync_all()?;
    let begins_after = (end.end == HEADER_BYTES).then_some(0);
    let limit = (*bytes).min(options.segment());
    Ok(Active { header: *header, position: end.end, limit, begins_after })
}

/// Begins a segment: the first one, or one after damage, which is left as it is.
fn begin(
    vfs: &dyn Vfs,
    last: Option<Last>,
    loaded: &mut Loaded,
    options: DiskOptions,
) -> io::Result<Active> {
    let mut previous_end = 0;
    if let Some(Last { header, end, .. }) = last {
        previous_end = end.end;
        vfs.open(&segment_name(header.number))?.sync_all()?;
        let logs = loaded.recovered.logs.iter_mut().map(|(_, log)| log);
        let touched = logs.filter(|log| !log.entries.is_empty());
        let index = SegmentIndex::new(touched.map(|log| (log.id, log.seal(header.number))));
        let sealed = crate::load::Sealed { header, end: end.end, index: Some(index) };
        loaded.sealed.push(sealed);
    }
    let header = Header::new(loaded.highest.saturating_add(1), new_secret());
    let bytes = grown(0, 1, options.segment());
    let limit = create_segment(vfs, header, bytes, None)?;
    let begins_after = Some(previous_end);
    Ok(Active { header, position: HEADER_BYTES, limit, begins_after })
}

/// Removes the files that nobody needs; returns the spare ones.
fn tidy_folder(vfs: &dyn Vfs, loaded: &Loaded) -> io::Result<Vec<String>> {
    let names = vfs.list()?;
    let is_orphan = |name: &&String| {
        index_number(name).is_some_and(|number| !names.contains(&segment_name(number)))
    };
    for name in names.iter().filter(|name| is_draft(name) || is_orphan(name)) {
        vfs.remove(name)?;
    }
    for number in &loaded.unused {
        vfs.remove(&segment_name(*number))?;
        // It has no index if it was never sealed.
        vfs.remove(&index_name(*number)).ok();
    }
    let mut spares: Vec<String> = names.iter().filter(|name| is_spare(name)).cloned().collect();
    for name in spares.split_off(SPARE_SEGMENTS.min(spares.len())) {
        vfs.remove(&name)?;
    }
    Ok(spares)
}

/// Counts the logs that need each segment.
fn count_live(segments: &BTreeMap<u64, Arc<Segment>>, logs: &[(String, LogState)]) {
    for run in logs.iter().flat_map(|(_, log)| &log.runs) {
        if let Some(segment) = segments.get(&run.segment) {
            segment.live.fetch_add(1, Ordering::Relaxed);
        }
    }
}
