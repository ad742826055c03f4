//! A log as a source.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use stream_log::{Log, ReadBatch, ReadError, ReadFrom, ReadLimit, Record, TailWatch};
use stream_model::{BoxError, Event, Offset, StreamPosition};

use super::{Arrival, Connect, Source, SourceError, Sourced};
use crate::{Loader, SaveState, Saver, StartError, StateError};

/// Makes an item of a record.
pub(crate) type Decode<T> = Arc<dyn Fn(Record) -> Result<T, BoxError> + Send + Sync>;

/// The records of a log, from the oldest one on unless it is told otherwise.
///
/// The position of an item is the offset of its record.
/// At the tail it waits, without polling, for what is appended; it ends with a log that is closed.
/// What was trimmed away before it was read, is damaged or cannot be decoded, is
/// [told](SourceError) and passed over.
pub struct LogSource<T> {
    pub(crate) log: Arc<dyn Log>,
    pub(crate) from: ReadFrom,
    pub(crate) limit: ReadLimit,
    pub(crate) decode: Decode<T>,
}

impl LogSource<Event> {
    /// The events that records are, as sinks of events append them.
    pub fn events(log: Arc<dyn Log>) -> Self {
        Self::decoded(log, |record| Event::decode(&record.payload).map_err(Into::into))
    }
}

impl LogSource<Record> {
    /// The records as they are.
    pub fn records(log: Arc<dyn Log>) -> Self {
        Self::decoded(log, Ok)
    }
}

impl<T> LogSource<T> {
    /// What `decode` makes of the records.
    pub fn decoded(
        log: Arc<dyn Log>,
        decode: impl Fn(Record) -> Result<T, BoxError> + Send + Sync + 'static,
    ) -> Self {
        let (from, limit) = (ReadFrom::Earliest, ReadLimit::default());
        Self { log, from, limit, decode: Arc::new(decode) }
    }

    /// Begins here, unless a checkpoint says otherwise.
    #[must_use]
    pub fn from(mut self, from: ReadFrom) -> Self {
        self.from = from;
        self
    }

    /// Reads so much at once.
    #[must_use]
    pub fn limit(mut self, limit: ReadLimit) -> Self {
        self.limit = limit;
        self
    }
}

impl<T> Clone for LogSource<T> {
    fn clone(&self) -> Self {
        let Self { log, from, limit, decode } = self;
        let (log, decode) = (Arc::clone(log), Arc::clone(decode));
        Self { log, from: *from, limit: *limit, decode }
    }
}

impl<T> fmt::Debug for LogSource<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { log, from, .. } = self;
        f.debug_struct("LogSource").field("log", log).field("from", from).finish_non_exhaustive()
    }
}

impl<T: Send> Connect for LogSource<T> {
    type Item = T;
    type Source = LogTail<T>;

    async fn connect(self) -> Result<LogTail<T>, StartError> {
        let Self { log, from, limit, decode } = self;
        let tail = log.tail().await?;
        let next = tail.state.resolve(from)?;
        let position = StreamPosition { epoch: tail.state.epoch, offset: next };
        Ok(LogTail {
            log,
            limit,
            decode,
            next: position,
            records: Vec::new().into_iter(),
            reading: None,
            watch: tail.watch,
            end: None,
            is_over: false,
        })
    }
}

/// A read that waits for something to be there.
pub(crate) type Reading =
    Pin<Box<dyn Future<Output = (TailWatch, Result<ReadBatch, ReadError>)> + Send>>;

/// A log that a pipeline reads.
pub struct LogTail<T> {
    log: Arc<dyn Log>,
    limit: ReadLimit,
    decode: Decode<T>,
    /// The record that comes next.
    next: StreamPosition,
    records: std::vec::IntoIter<Record>,
    reading: Option<Reading>,
    /// Has seen the log as it was before the last read.
    watch: TailWatch,
    /// Where to end, once nothing new is wanted.
    end: Option<Offset>,
    is_over: bool,
}

impl<T> LogTail<T> {
    /// What comes next is at `offset`; tells how many were passed over.
    fn pass_to(&mut self, offset: Offset) -> SourceError {
        let missed = offset.since(self.next.offset);
        self.next.offset = offset;
        SourceError::Missed { missed }
    }

    fn end_with(&mut self, error: ReadError) -> SourceError {
        self.is_over = true;
        SourceError::Failed(error.into())
    }
}

/// Reads from `position` on, once there is something to read or never will be.
pub(crate) async fn read_or_wait(
    log: Arc<dyn Log>,
    position: StreamPosition,
    limit: ReadLimit,
    mut watch: TailWatch,
) -> (TailWatch, Result<ReadBatch, ReadError>) {
    loop {
        let batch = log.read(ReadFrom::Position(position), limit).await;
        let is_nothing = batch.as_ref().is_ok_and(|batch| batch.records.is_empty());
        if !is_nothing || batch.as_ref().is_ok_and(ReadBatch::is_end) {
            return (watch, batch);
        }
        if watch.changed().await.is_none() {
            return (watch, batch);
        }
    }
}

impl<T: Send> Source for LogTail<T> {
    type Item = T;

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Arrival<T>>> {
        loop {
            if self.is_over || self.end.is_some_and(|end| self.next.offset >= end) {
                return Poll::Ready(None);
            }
            if let Some(record) = self.records.next() {
                let position = record.offset.get();
                self.next.offset = record.offset.next();
                let decoded = (self.decode)(record);
                return Poll::Ready(Some(match decoded {
                    Ok(item) => Ok(Sourced { position, item }),
                    Err(error) => Err(SourceError::Unreadable { position, error }),
                }));
            }
            let reading = self.reading.get_or_insert_with(|| {
                let (log, watch) = (Arc::clone(&self.log), self.watch.clone());
                Box::pin(read_or_wait(log, self.next, self.limit, watch))
            });
            let (watch, batch) = ready!(reading.as_mut().poll(cx));
            (self.reading, self.watch) = (None, watch);
            match batch {
                Ok(batch) => {
                    self.is_over = batch.records.is_empty();
                    self.records = batch.records.into_iter();
                }
                Err(ReadError::Trimmed { earliest: to, .. } | ReadError::Damaged { to, .. })
                    if to > self.next.offset =>
                {
                    return Poll::Ready(Some(Err(self.pass_to(to))));
                }
                Err(error) => return Poll::Ready(Some(Err(self.end_with(error)))),
            }
        }
    }

    fn close(&mut self) {
        self.end.get_or_insert(self.watch.state().next);
    }
}

impl<T> SaveState for LogTail<T> {
    fn save(&self, to: &mut Saver) -> Result<(), StateError> {
        to.put(&(self.next.epoch.get(), self.next.offset.get()))
    }

    fn restore(&mut self, from: &mut Loader<'_>) -> Result<(), StateError> {
        let (epoch, offset) = from.take()?;
        let (epoch, offset) = (stream_model::Epoch::new(epoch), Offset::new(offset));
        self.next = StreamPosition { epoch, offset };
        (self.records, self.reading) = (Vec::new().into_iter(), None);
        Ok(())
    }
}

impl<T> fmt::Debug for LogTail<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { log, next, .. } = self;
        f.debug_struct("LogTail").field("log", log).field("next", next).finish_non_exhaustive()
    }
}
