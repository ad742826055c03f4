//! One follower of a log for all its live readers.
//!
//! A task reads what is appended, renders each record once, and publishes it to a [`Hub`] whose
//! sequence numbers are the log's offsets.
//! A log is followed only while somebody reads it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use stream_core::{Capacity, Hub};
use stream_model::{Epoch, Offset};
use tokio::task::JoinHandle;
use tracing::warn;

use crate::{Log, LogName, ReadError, ReadFrom, ReadLimit, Record, Tail, TailState, TailWatch};

/// Makes of a record, and the life of its log, what readers get; called once a record for all
/// live readers.
pub type Render<T> = Arc<dyn Fn(Epoch, Record) -> T + Send + Sync>;

/// A log that is being followed; stops when the last reader lets go of it.
pub struct LiveLog<T> {
    log: Arc<dyn Log>,
    hub: Hub<T>,
    watch: TailWatch,
    epoch: Epoch,
    render: Render<T>,
    pump: JoinHandle<()>,
    /// Cursors that are shared, and the readers that share them.
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    cursors: AtomicUsize,
    readers: AtomicUsize,
    places: Mutex<Vec<Weak<Place>>>,
}

impl Shared {
    /// A place that counts as long as it is held.
    fn place(&self, next: u64) -> Arc<Place> {
        let place = Arc::new(Place(AtomicU64::new(next)));
        let mut places = self.places.lock();
        if places.len() == places.capacity() {
            places.retain(|known| known.strong_count() > 0);
        }
        places.push(Arc::downgrade(&place));
        place
    }
}

/// The offset of the record that a reader is to be given next, as others may ask for it.
#[derive(Debug)]
pub(crate) struct Place(AtomicU64);

impl Place {
    pub(crate) fn set(&self, next: u64) {
        self.0.store(next, Ordering::Relaxed);
    }
}

/// Readers that share one cursor, and are counted one by one; gone from the count when it is
/// dropped.
#[derive(Debug)]
pub struct SharedReaders {
    shared: Arc<Shared>,
    /// Cursors that are no readers themselves: one or none.
    cursors: usize,
    readers: usize,
    /// Where the slowest of them stands.
    slowest: Option<Arc<Place>>,
}

impl SharedReaders {
    /// Counts one more.
    pub fn join(&mut self) {
        self.readers = self.readers.saturating_add(1);
        self.shared.readers.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts one less; below none it does nothing.
    pub fn leave(&mut self) {
        if let Some(left) = self.readers.checked_sub(1) {
            self.readers = left;
            self.shared.readers.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.readers
    }

    /// Notes the offset of the record that the slowest of them is to be given next; for
    /// [`LiveLog::lag`].
    pub fn note_slowest(&self, next: u64) {
        if let Some(place) = &self.slowest {
            place.set(next);
        }
    }
}

impl Drop for SharedReaders {
    fn drop(&mut self) {
        self.shared.readers.fetch_sub(self.readers, Ordering::Relaxed);
        self.shared.cursors.fetch_sub(self.cursors, Ordering::Relaxed);
    }
}

impl<T: Send + Sync + 'static> LiveLog<T> {
    /// Follows `log` from `tail` on, with a ring of `capacity` for live readers; records are
    /// weighed by the bytes of their payload.
    ///
    /// Must be called within a tokio runtime.
    pub fn start(log: Arc<dyn Log>, tail: Tail, capacity: Capacity, render: Render<T>) -> Self {
        let Tail { state, watch } = tail;
        let hub = Hub::starting_at(state.next.get(), capacity);
        let pump = Pump {
            log: Arc::clone(&log),
            hub: hub.clone(),
            watch: watch.clone(),
            render: Arc::clone(&render),
            epoch: state.epoch,
        };
        let pump = tokio::spawn(pump.run());
        Self { log, hub, watch, epoch: state.epoch, render, pump, shared: Arc::default() }
    }

    /// The log.
    pub fn log(&self) -> &Arc<dyn Log> {
        &self.log
    }

    /// The ring of the newest records.
    pub fn hub(&self) -> &Hub<T> {
        &self.hub
    }

    /// The life of the log.
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// How the log stands now.
    pub fn state(&self) -> TailState {
        self.watch.state()
    }

    /// Says that one cursor of the hub is shared by readers who are counted with what is returned,
    /// and is no reader itself.
    pub fn share_cursor(&self) -> SharedReaders {
        self.shared.cursors.fetch_add(1, Ordering::Relaxed);
        let shared = Arc::clone(&self.shared);
        let slowest = Some(shared.place(u64::MAX));
        SharedReaders { shared, cursors: 1, readers: 0, slowest }
    }

    /// Counts a reader that has no cursor yet, until what is returned is dropped.
    pub fn count_reader(&self) -> SharedReaders {
        let shared = Arc::clone(&self.shared);
        let mut readers = SharedReaders { shared, cursors: 0, readers: 0, slowest: None };
        readers.join();
        readers
    }

    /// How many read the log now.
    pub fn readers(&self) -> usize {
        let shared = self.shared.cursors.load(Ordering::Relaxed);
        let own = self.hub.cursors().saturating_sub(shared);
        own.saturating_add(self.shared.readers.load(Ordering::Relaxed))
    }

    /// How many records the slowest reader has still to be given; 0 without readers.
    ///
    /// A record counts as given when the reader's connection has it to write.
    pub fn lag(&self) -> u64 {
        let next = self.state().next.get();
        let places = self.shared.places.lock();
        let places = places.iter().filter_map(Weak::upgrade);
        let slowest = places.map(|place| place.0.load(Ordering::Relaxed)).min();
        next.saturating_sub(slowest.unwrap_or(next))
    }

    /// A reader's place, for as long as it is held.
    pub(crate) fn place(&self, next: Offset) -> Arc<Place> {
        self.shared.place(next.get())
    }

    pub(crate) fn render(&self, record: Record) -> T {
        (self.render)(self.epoch, record)
    }
}

impl<T> Drop for LiveLog<T> {
    fn drop(&mut self) {
        self.pump.abort();
    }
}

impl<T> std::fmt::Debug for LiveLog<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LiveLog")
            .field("log", &self.log)
            .field("hub", &self.hub)
            .finish_non_exhaustive()
    }
}

/// Moves what is appended from the log to the hub.
struct Pump<T> {
    log: Arc<dyn Log>,
    hub: Hub<T>,
    watch: TailWatch,
    render: Render<T>,
    epoch: Epoch,
}

impl<T> Pump<T> {
    async fn run(mut self) {
        let mut state = self.watch.state();
        loop {
            if let Err(error) = self.catch_up(state).await {
                // The next change of the log is the next try; readers read the log themselves.
                warn!(%error, "cannot follow log");
            }
            if state.is_final() {
                break;
            }
            match self.watch.changed().await {
                Some(changed) => state = changed,
                None => break,
            }
        }
        self.hub.close();
    }

    /// Publishes everything up to the tail.
    async fn catch_up(&self, state: TailState) -> Result<(), ReadError> {
        while self.hub.next() < state.next.get() {
            let from = ReadFrom::Offset(Offset::new(self.hub.next()));
            match self.log.read(from, ReadLimit::default()).await {
                Ok(batch) => {
                    // Rendered before the hub is locked: rendering may be slow.
                    let rendered = batch.records.into_iter().map(|record| {
                        let weight = record.payload.len();
                        ((self.render)(self.epoch, record), weight)
                    });
                    self.hub.publish_all(rendered.collect::<Vec<_>>());
                }
                // Trimmed faster than it was followed: readers find the gap in the log itself.
                Err(ReadError::Trimmed { earliest, .. }) => self.hub.skip_to(earliest.get()),
                Err(ReadError::Damaged { to, .. }) if to.get() > self.hub.next() => {
                    self.hub.skip_to(to.get());
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// The logs that are followed now, each of them once however many readers it has.
pub struct LiveLogs<T> {
    live: Mutex<HashMap<LogName, Weak<LiveLog<T>>>>,
    capacity: Capacity,
    render: Render<T>,
}

impl<T: Send + Sync + 'static> LiveLogs<T> {
    /// Follows logs with rings of `capacity`.
    pub fn new(
        capacity: Capacity,
        render: impl Fn(Epoch, Record) -> T + Send + Sync + 'static,
    ) -> Self {
        Self { live: Mutex::default(), capacity, render: Arc::new(render) }
    }

    /// Follows `log`, or joins those who do.
    ///
    /// Must be called within a tokio runtime.
    ///
    /// # Errors
    /// [`ReadError::Backend`] if the storage engine failed.
    ///
    /// # Cancel safety
    /// Dropping the future leaves nothing behind.
    pub async fn follow(
        &self,
        name: &LogName,
        log: Arc<dyn Log>,
    ) -> Result<Arc<LiveLog<T>>, ReadError> {
        let tail = log.tail().await?;
        let mut live = self.live.lock();
        if let Some(known) = live.get(name).and_then(Weak::upgrade)
            && known.epoch() == tail.state.epoch
        {
            return Ok(known);
        }
        if live.len() == live.capacity() {
            live.retain(|_, known| known.strong_count() > 0);
        }
        let started = Arc::new(LiveLog::start(log, tail, self.capacity, Arc::clone(&self.render)));
        live.insert(name.clone(), Arc::downgrade(&started));
        Ok(started)
    }

    /// The logs that are followed now, with the number of their readers.
    pub fn readers(&self) -> Vec<(LogName, usize)> {
        let live = self.live.lock();
        let count = |known: &Weak<LiveLog<T>>| known.upgrade().map(|live| live.readers());
        live.iter().filter_map(|(name, known)| Some((name.clone(), count(known)?))).collect()
    }

    /// The log of that name, if it is followed now.
    pub fn get(&self, name: &LogName) -> Option<Arc<LiveLog<T>>> {
        self.live.lock().get(name)?.upgrade()
    }

    /// What the slowest reader of any log has still to be given ([`LiveLog::lag`]).
    pub fn lag(&self) -> u64 {
        let live: Vec<_> = self.live.lock().values().filter_map(Weak::upgrade).collect();
        live.iter().map(|live| live.lag()).max().unwrap_or_default()
    }
}

impl<T> std::fmt::Debug for LiveLogs<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LiveLogs").field("capacity", &self.capacity).finish_non_exhaustive()
    }
}
