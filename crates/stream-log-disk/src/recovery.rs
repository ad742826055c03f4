//! Recovery: from a catalog and the segments after it to the state of every log.
//!
//! It takes bytes and gives state; nothing here touches a file.
//!
//! # Damage
//!
//! What is whole is kept, whatever is damaged around it.
//! A damaged batch leaves a hole in the offsets of its log, which readers are told of.
//! Whose it was says its head, or the frame after it, or the next offset of the log; a log whose
//! end cannot be told goes on in a new epoch, so that no offset ever means two records.

use std::collections::{BTreeMap, HashMap, HashSet};

use stream_model::Epoch;

use crate::body::{LastSecond, read_batch, read_create};
use crate::catalog::{Catalog, Configs};
use crate::compact::own_end;
use crate::error::Damage;
use crate::frame::{Back, Head, Kind};
use crate::index::{Entry, SegmentIndex};
use crate::scan::{Found, Scanner};
use crate::segment::{HEADER_BYTES, Header};
use crate::state::{Effect, LogId, LogState};
use stream_log::codec::{Reader, widen};

/// Every log as far as the segments tell it so far.
#[derive(Debug, Default)]
pub(crate) struct Replay {
    logs: HashMap<LogId, (String, LogState)>,
    next_log: LogId,
    /// The place before which the catalog knows what every frame says.
    known_before: (u64, u32),
    configs: Configs,
    pub(crate) damage: Vec<Damage>,
    /// Damage that the next frame may explain.
    hole: Option<Hole>,
    /// Logs that may have lost their newest records.
    suspects: HashSet<LogId>,
    /// Logs that let go of records whose bytes are not known.
    trimmed: HashSet<LogId>,
    back: Back,
}

/// Damaged bytes whose owner is not known yet.
#[derive(Debug, Clone, Copy)]
struct Hole {
    segment: u64,
    from: u32,
    to: u32,
}

/// Where a segment ends, as its frames say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SegmentEnd {
    pub(crate) end: u32,
    /// Whether the rest of a torn group lies behind the end.
    pub(crate) leftover: bool,
}

/// What recovery found.
#[derive(Debug)]
pub(crate) struct Recovered {
    pub(crate) logs: Vec<(String, LogState)>,
    pub(crate) next_log: LogId,
    /// Logs that let go of records whose bytes must be counted.
    pub(crate) trimmed: HashSet<LogId>,
    pub(crate) damage: Vec<Damage>,
    /// The last frame, which the next one will name.
    pub(crate) back: Back,
}

/// Where the segment before ended, if the segment's first frame is whole and says so.
pub(crate) fn end_of_previous(bytes: &[u8], header: Header) -> Option<u32> {
    Reader(first_body(bytes, header)?).u32()
}

/// Where a segment that was compacted ends, if its first frame is whole.
pub(crate) fn end_of_compacted(bytes: &[u8], header: Header) -> Option<u32> {
    first_body(bytes, header).filter(|_| header.compacted).and_then(own_end)
}

fn first_body(bytes: &[u8], header: Header) -> Option<&[u8]> {
    match Scanner::new(bytes, header.secret, HEADER_BYTES, 0).next()? {
        Found::Frame { head: Head { kind: Kind::Begin, .. }, body, .. } => Some(body),
        _ => None,
    }
}

/// The index of a sealed segment that ends at `end`, from its bytes.
pub(crate) fn index_of(bytes: &[u8], secret: u32, end: u32) -> SegmentIndex {
    let mut scanner = Scanner::new(bytes, secret, HEADER_BYTES, end);
    let mut logs: BTreeMap<LogId, Vec<Entry>> = BTreeMap::new();
    let mut last = LastSecond::default();
    while let Some(found) = scanner.next() {
        if let Found::Frame { position, head, body } = found
            && head.kind == Kind::Batch
            && head.records > 0
            && let Some(batch) = read_batch(body, head.records, &mut last)
        {
            let effect = Effect::of_batch(&batch.meta, (head.first, head.records), 0, position);
            logs.entry(head.log).or_default().push(effect.entry);
        }
    }
    SegmentIndex::new(logs)
}

impl Replay {
    /// Starts from what a catalog knows.
    pub(crate) fn new(catalog: Catalog) -> Self {
        let by_id = |(name, log): (String, LogState)| (log.id, (name, log));
        Self {
            next_log: catalog.next_log,
            known_before: catalog.known_before,
            logs: catalog.logs.into_iter().map(by_id).collect(),
            ..Self::default()
        }
    }

    /// Reads a segment; everything before `safe_before` is known to have been safe.
    pub(crate) fn segment(&mut self, header: Header, bytes: &[u8], safe_before: u32) -> SegmentEnd {
        let mut scanner = Scanner::new(bytes, header.secret, HEADER_BYTES, safe_before);
        while let Some(found) = scanner.next() {
            match found {
                Found::Frame { position, head, body } => {
                    self.explain_hole(position, &head);
                    self.back = head.as_back();
                    if !self.frame(position, &head, body) {
                        self.note(Damage::Nameless { segment: header.number });
                    }
                }
                Found::Damage { from, to, head } => self.damaged(header.number, (from, to), head),
            }
        }
        SegmentEnd { end: scanner.position(), leftover: scanner.has_leftover() }
    }

    /// Notes that a whole segment is missing or cannot be read.
    pub(crate) fn lost(&mut self, segment: u64) {
        self.note(Damage::Lost { segment });
        self.suspect_all();
    }

    /// Moves the batches of a segment that is sealed to the runs of their logs.
    pub(crate) fn seal(&mut self, segment: u64) -> SegmentIndex {
        let touched =
            self.logs.values_mut().map(|(_, log)| log).filter(|log| !log.entries.is_empty());
        SegmentIndex::new(touched.map(|log| (log.id, log.seal(segment))))
    }

    /// Ends; a log whose end cannot be told gets an epoch from `new_epoch`.
    pub(crate) fn finish(mut self, mut new_epoch: impl FnMut() -> Epoch) -> Recovered {
        self.close_hole();
        for id in &self.suspects {
            if let Some((_, log)) = self.logs.get_mut(id) {
                log.epoch = new_epoch();
            }
        }
        self.logs.retain(|_, (_, log)| !log.deleted);
        let Self { logs, next_log, trimmed, damage, back, .. } = self;
        Recovered { logs: logs.into_values().collect(), next_log, trimmed, damage, back }
    }

    fn note(&mut self, damage: Damage) {
        if !self.damage.contains(&damage) {
            self.damage.push(damage);
        }
    }

    fn damaged(&mut self, segment: u64, (from, to): (u32, u32), head: Option<Head>) {
        self.close_hole();
        match head {
            Some(head) => {
                self.lose(head.log, Some(head.first), head.records);
                self.back = head.as_back();
                let log = self.logs.get(&head.log).map(|(name, _)| name.clone());
                self.note(Damage::Segment { segment, from, to, log });
            }
            None => self.hole = Some(Hole { segment, from, to }),
        }
    }

    /// Nothing tells whose the damage was.
    fn close_hole(&mut self) {
        if let Some(Hole { segment, from, to }) = self.hole.take() {
            self.note(Damage::Segment { segment, from, to, log: None });
            if !self.is_known(segment, to) {
                self.suspect_all();
            }
        }
    }

    /// Whether the catalog knows what stood before this place.
    fn is_known(&self, segment: u64, to: u32) -> bool {
        (segment, to) <= self.known_before
    }

    /// Finds out whose the damage right before this frame was.
    fn explain_hole(&mut self, position: u32, head: &Head) {
        let Some(Hole { segment, from, to }) = self.hole.take() else { return };
        let Back { bytes, log, records } = head.back;
        // A segment's first frame speaks of the last one of the segment before.
        let fills = bytes == to.saturating_sub(from)
            && (head.kind == Kind::Begin || position.checked_sub(bytes) == Some(from));
        match (self.is_known(segment, to), fills) {
            // Every log knows where it went on.
            (true, _) => {}
            (false, true) => self.lose(log, None, records),
            (false, false) => self.suspect_all(),
        }
        let log = self.logs.get(&log).filter(|_| fills).map(|(name, _)| name.clone());
        self.note(Damage::Segment { segment, from, to, log });
    }

    /// Leaves room for records of a log that are lost.
    fn lose(&mut self, log: LogId, first: Option<u64>, records: u32) {
        if let Some((_, log)) = self.logs.get_mut(&log)
            && records > 0
        {
            let first = first.unwrap_or(log.next);
            log.next = log.next.max(first.saturating_add(records.into()));
        }
    }

    /// Any log may have lost its newest records; those that are heard of again have not.
    fn suspect_all(&mut self) {
        let open = self.logs.values().filter(|(_, log)| !log.closed && !log.deleted);
        self.suspects.extend(open.map(|(_, log)| log.id));
    }

    /// Does what a frame says; returns whether its log is known, or was.
    fn frame(&mut self, position: u32, head: &Head, body: &[u8]) -> bool {
        if head.kind == Kind::Begin {
            return true;
        }
        if head.kind == Kind::Create {
            return self.create(head.log, body);
        }
        self.suspects.remove(&head.log);
        let Some((_, log)) = self.logs.get_mut(&head.log) else {
            // What came before the catalog may be of a log that was deleted before it.
            return head.log < self.next_log;
        };
        match head.kind {
            Kind::Batch => return replay_batch(log, position, head, body),
            Kind::Trim => {
                // Runs whose records are all gone have no weight left that must be counted.
                log.earliest = log.earliest.max(head.first);
                log.next = log.next.max(head.first);
                self.trimmed.insert(head.log);
            }
            kind => log.apply(Effect::of(kind, head.first, position)),
        }
        true
    }

    fn create(&mut self, id: LogId, body: &[u8]) -> bool {
        let Some(create) = read_create(body) else { return false };
        // The catalog was made after this frame: it knows the log, or that it is gone.
        if id >= self.next_log {
            self.next_log = id.saturating_add(1);
            let config = self.configs.share(create.config);
            self.logs.insert(id, (create.name, LogState::new(id, create.epoch, config)));
        }
        true
    }
}

fn replay_batch(log: &mut LogState, position: u32, head: &Head, body: &[u8]) -> bool {
    let read = read_batch(body, head.records, &mut LastSecond::default());
    let Some(batch) = read else { return false };
    let bytes = widen(batch.payloads.len());
    let effect = Effect::of_batch(&batch.meta, (head.first, head.records), bytes, position);
    if head.first < log.next || (head.records == 0 && log.closed) {
        // The catalog knows its effect; only where it lies is news.
        if head.records > 0 {
            log.entries.push(effect.entry);
        }
        return true;
    }
    log.remember(&batch.meta, head.first, head.records);
    log.apply(effect);
    true
}
