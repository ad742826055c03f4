//! The one reader of a group's source in a process, whatever the number of partitions there.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use parking_lot::Mutex;
use stream_log::{Log, ReadBatch, ReadError, ReadLimit, Record, TailWatch};
use stream_model::{BoxError, Offset, StreamPosition};
use tokio::sync::{Notify, mpsc};
use tokio::time::sleep;
use tracing::warn;

use crate::LogSource;
use crate::limits::{FEED_PARCELS, FEED_TOLD_RECORDS, GROUP_PAUSE};
use crate::source::{Decode, Reading, read_or_wait};

/// What a partition gets of what was read.
pub(super) enum Parcel<T> {
    /// Its items, and what is read next.
    Items(Vec<(u64, Result<T, BoxError>)>, Offset),
    /// Records that nobody can read; reading goes on there.
    Missed(Offset),
    /// The source is closed, and everything was read.
    End,
    /// The source cannot be read any more.
    Failed(Arc<ReadError>),
}

/// Says which partition an item belongs to.
pub(super) type Placing<T> = Arc<dyn Fn(&T) -> u32 + Send + Sync>;

/// How partitions come to the reader.
pub(super) struct Feed<T>(Arc<Desk<T>>);

impl<T> Clone for Feed<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

struct Desk<T> {
    arrivals: Mutex<Vec<(u32, Subscriber<T>)>>,
    bell: Notify,
}

/// A partition that is read for.
struct Subscriber<T> {
    /// The record that it is to get next, if that is its.
    next: StreamPosition,
    /// What it is to get of the present read.
    items: Vec<(u64, Result<T, BoxError>)>,
    /// How far it was told that the reader is.
    told: Offset,
    parcels: mpsc::Sender<Parcel<T>>,
}

impl<T> Feed<T> {
    /// Reads for `partition` from `next` on, until what is returned is dropped.
    pub(super) fn subscribe(
        &self,
        partition: u32,
        next: StreamPosition,
    ) -> mpsc::Receiver<Parcel<T>> {
        let (parcels, received) = mpsc::channel(FEED_PARCELS);
        let (items, told) = (Vec::new(), next.offset);
        self.0.arrivals.lock().push((partition, Subscriber { next, items, told, parcels }));
        self.0.bell.notify_one();
        received
    }

    /// Waits until a partition comes, or something was read.
    async fn wake(&self, reading: &mut (StreamPosition, Reading)) -> Wake {
        let mut arrival = std::pin::pin!(self.0.bell.notified());
        poll_fn(|cx| {
            if arrival.as_mut().poll(cx).is_ready() {
                return Poll::Ready(Wake::Arrival);
            }
            reading.1.as_mut().poll(cx).map(|read| Wake::Read(Box::new(read)))
        })
        .await
    }
}

/// The reader.
///
/// It reads on from the partition that is furthest behind, so one that is taken over gets what it
/// has missed first; the others wait for as long as that takes.
pub(super) struct Reader<T> {
    feed: Feed<T>,
    log: Arc<dyn Log>,
    /// Has seen the log as it was before the last read.
    watch: TailWatch,
    limit: ReadLimit,
    decode: Decode<T>,
    place: Placing<T>,
    /// By partition: one that comes again takes the place of a pipeline that is not quite gone.
    subscribers: BTreeMap<u32, Subscriber<T>>,
}

/// What woke the reader.
enum Wake {
    Arrival,
    Read(Box<(TailWatch, Result<ReadBatch, ReadError>)>),
}

impl<T: Send + 'static> Reader<T> {
    /// A reader of `source`, which stood as `watch` has seen, and how to come to it.
    pub(super) fn new(
        source: LogSource<T>,
        watch: TailWatch,
        place: Placing<T>,
    ) -> (Self, Feed<T>) {
        let LogSource { log, limit, decode, .. } = source;
        let feed = Feed(Arc::new(Desk { arrivals: Mutex::default(), bell: Notify::new() }));
        let (desk, subscribers) = (feed.clone(), BTreeMap::new());
        (Self { feed: desk, log, watch, limit, decode, place, subscribers }, feed)
    }

    /// Reads for whoever is there; never ends.
    pub(super) async fn run(mut self) {
        let mut reading: Option<(StreamPosition, Reading)> = None;
        loop {
            self.subscribers.extend(self.feed.0.arrivals.lock().drain(..));
            self.subscribers.retain(|_, subscriber| !subscriber.parcels.is_closed());
            let behind = self.subscribers.values().map(|subscriber| subscriber.next);
            let Some(from) = behind.min_by_key(|next| next.offset) else {
                reading = None;
                self.feed.0.bell.notified().await;
                continue;
            };
            let current = match reading.take().filter(|(position, _)| *position == from) {
                Some(current) => current,
                None => (from, self.begin(from)),
            };
            match self.feed.wake(reading.insert(current)).await {
                Wake::Arrival => {}
                Wake::Read(read) => {
                    reading = None;
                    let (watch, batch) = *read;
                    self.watch = watch;
                    self.deal_out(batch).await;
                }
            }
        }
    }

    fn begin(&self, from: StreamPosition) -> Reading {
        let (log, watch) = (Arc::clone(&self.log), self.watch.clone());
        Box::pin(read_or_wait(log, from, self.limit, watch))
    }

    async fn deal_out(&mut self, read: Result<ReadBatch, ReadError>) {
        match read {
            Ok(batch) if batch.records.is_empty() => self.tell_all(|| Parcel::End).await,
            Ok(batch) => self.deal_out_records(batch.records, batch.next).await,
            Err(error) if error.is_retryable() => {
                warn!(%error, "cannot read the source of a group");
                sleep(GROUP_PAUSE).await;
            }
            Err(ReadError::Trimmed { earliest: to, .. } | ReadError::Damaged { to, .. }) => {
                self.pass_to(to).await;
            }
            Err(error) => {
                let error = Arc::new(error);
                self.tell_all(|| Parcel::Failed(Arc::clone(&error))).await;
            }
        }
    }

    async fn deal_out_records(&mut self, records: Vec<Record>, next: Offset) {
        for record in records {
            let offset = record.offset;
            let decoded = (self.decode)(record);
            // What cannot be read has no key, and is told by one partition.
            let partition = decoded.as_ref().map_or(0, |item| (self.place)(item));
            let subscriber = self.subscribers.get_mut(&partition);
            if let Some(subscriber) = subscriber.filter(|known| known.next.offset <= offset) {
                subscriber.items.push((offset.get(), decoded));
            }
        }
        for subscriber in self.subscribers.values_mut() {
            subscriber.give(next).await;
        }
    }

    async fn pass_to(&mut self, to: Offset) {
        for subscriber in self.subscribers.values_mut().filter(|known| known.next.offset < to) {
            (subscriber.next.offset, subscriber.told) = (to, to);
            drop(subscriber.parcels.send(Parcel::Missed(to)).await);
        }
    }

    /// Tells everybody the last that there is to tell.
    async fn tell_all(&mut self, last: impl Fn() -> Parcel<T>) {
        for subscriber in std::mem::take(&mut self.subscribers).into_values() {
            drop(subscriber.parcels.send(last()).await);
        }
    }
}

impl<T> Subscriber<T> {
    /// Hands on its items of what was read up to `next`, or tells it how far that is.
    async fn give(&mut self, next: Offset) {
        if next <= self.next.offset {
            return;
        }
        let items = std::mem::take(&mut self.items);
        self.next.offset = next;
        if !items.is_empty() || next.since(self.told) >= FEED_TOLD_RECORDS {
            self.told = next;
            // One that has gone is forgotten in the next round.
            drop(self.parcels.send(Parcel::Items(items, next)).await);
        }
    }
}
