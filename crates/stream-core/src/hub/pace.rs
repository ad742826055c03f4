//! Readers that publishers wait for, and the publishers who wait.
//!
//! Nothing is missed: a publisher says which progress it waits for before it looks at a reader's
//! place, a reader moves on before it looks whether that progress is waited for, and all four
//! steps are sequentially consistent.
//! So one of the two sees the other.

use std::task::Waker;

use crate::sync::{Arc, AtomicU64, Mutex, Ordering};

/// How far one such reader has come.
pub(super) struct Progress {
    position: AtomicU64,
    /// How many items it may lie behind.
    limit: u64,
    /// The position that a publisher waits for; 0 if none does.
    wanted: AtomicU64,
}

/// All such readers.
#[derive(Default)]
pub(super) struct Pace {
    state: Mutex<State>,
    /// Up to this number there is room for certain; 0 if it must be looked up.
    room: AtomicU64,
}

#[derive(Default)]
struct State {
    readers: Vec<Arc<Progress>>,
    /// The publishers who wait.
    senders: Vec<Waker>,
    /// How many readers have not come as far as they wait for.
    behind: usize,
}

impl Progress {
    /// The progress of a reader who may lie `limit` items behind (1 at the least).
    pub(super) fn new(position: u64, limit: u64) -> Self {
        let (position, wanted) = (AtomicU64::new(position), AtomicU64::new(0));
        Self { position, limit: limit.max(1), wanted }
    }

    pub(super) fn position(&self) -> u64 {
        self.position.load(Ordering::SeqCst)
    }

    /// Moves a reader on who has not joined, or not moved since.
    pub(super) fn raise(&self, position: u64) {
        self.position.fetch_max(position, Ordering::SeqCst);
    }

    fn end(&self) -> u64 {
        self.position().saturating_add(self.limit)
    }
}

impl Pace {
    /// Adds a reader.
    pub(super) fn join(&self, progress: Arc<Progress>) {
        let mut state = self.state.lock();
        state.readers.push(progress);
        self.room.store(0, Ordering::SeqCst);
    }

    /// Takes a reader out.
    pub(super) fn leave(&self, progress: &Arc<Progress>) {
        let mut state = self.state.lock();
        state.readers.retain(|reader| !Arc::ptr_eq(reader, progress));
        self.room.store(0, Ordering::SeqCst);
        let awake = state.arrive(progress);
        drop(state);
        awake.into_iter().for_each(Waker::wake);
    }

    /// Notes that a reader has come to `position`.
    pub(super) fn advance(&self, progress: &Progress, position: u64) {
        progress.position.store(position, Ordering::SeqCst);
        let wanted = progress.wanted.load(Ordering::SeqCst);
        if wanted != 0 && position >= wanted {
            let awake = self.state.lock().arrive(progress);
            awake.into_iter().for_each(Waker::wake);
        }
    }

    /// Whether every reader lets the item with this number be published.
    ///
    /// To be called by one publisher at a time.
    pub(super) fn has_room(&self, number: u64) -> bool {
        if number < self.room.load(Ordering::SeqCst) {
            return true;
        }
        let state = self.state.lock();
        let room = state.readers.iter().map(|reader| reader.end()).min().unwrap_or(u64::MAX);
        self.room.store(room, Ordering::SeqCst);
        number < room
    }

    /// Keeps `waker` until there may be room for `number`; `false` if there is room by now.
    pub(super) fn wait(&self, number: u64, waker: &Waker) -> bool {
        let mut state = self.state.lock();
        if state.look_for_room(number) {
            // Nobody is waited for any more, so this wakes those who waited before.
            let awake = std::mem::take(&mut state.senders);
            drop(state);
            awake.into_iter().for_each(Waker::wake);
            return false;
        }
        if !state.senders.iter().any(|known| known.will_wake(waker)) {
            state.senders.push(waker.clone());
        }
        true
    }

    /// Wakes every publisher who waits.
    pub(super) fn wake_all(&self) {
        let senders = std::mem::take(&mut self.state.lock().senders);
        senders.into_iter().for_each(Waker::wake);
    }
}

impl State {
    /// Whether there is room for `number`; if not, the readers in its way are waited for.
    fn look_for_room(&mut self, number: u64) -> bool {
        self.behind = 0;
        for reader in &self.readers {
            // A reader who stands one short of this has a full queue.
            let wanted = number.saturating_add(1).saturating_sub(reader.limit);
            reader.wanted.store(wanted, Ordering::SeqCst);
            if reader.position() < wanted {
                self.behind += 1;
            } else {
                reader.wanted.store(0, Ordering::SeqCst);
            }
        }
        self.behind == 0
    }

    /// Counts a reader who has come far enough; returns whom the last of them wakes.
    fn arrive(&mut self, progress: &Progress) -> Vec<Waker> {
        if progress.wanted.swap(0, Ordering::SeqCst) == 0 {
            return Vec::new();
        }
        self.behind = self.behind.saturating_sub(1);
        if self.behind > 0 { Vec::new() } else { std::mem::take(&mut self.senders) }
    }
}
