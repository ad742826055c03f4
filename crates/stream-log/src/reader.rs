//! One reader's way from any position to the live end, without a gap and without a repeat.
//!
//! The hub of a [`LiveLog`] numbers its items by offset, so there is nothing to hand over: a
//! reader whose next record is still in the hub's ring takes it from there, and any other reads
//! the log until it is.
//!
//! # Lag
//!
//! A reader that falls behind the ring goes back to the log and loses nothing; it holds at most
//! one batch of records ([`ReadLimit::default`], or its own [`limit`](LogReader::limit)) in memory.
//! Only what was trimmed from the log itself, or is damaged, is missed, and a [`Gap`] says so
//! first.
//!
//! # End
//!
//! After the last record of a closed log comes [`Next::End`], again and again.

use std::sync::Arc;

use stream_core::{Cursor, Readiness, TryNext};
use stream_model::{Epoch, Offset, StreamPosition};

use crate::{LiveLog, ReadError, ReadFrom, ReadLimit, Record, TailState};

/// What a reader cannot be given any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gap {
    /// The records from `from` up to, not including, `to` were trimmed; reading goes on at `to`.
    Trimmed {
        /// The record that was to come next.
        from: Offset,
        /// The oldest that is left.
        to: Offset,
    },
    /// The records from `from` up to, not including, `to` are damaged; reading goes on at `to`.
    Damaged {
        /// The record that was to come next.
        from: Offset,
        /// The next that can be read, or may be.
        to: Offset,
    },
    /// The position was of another life of the log; reading starts at the oldest record.
    EpochChanged {
        /// The life that the position was of.
        asked: Epoch,
        /// The life that the log has.
        current: Epoch,
        /// The oldest record of this life.
        earliest: Offset,
    },
}

/// What a reader finds.
#[derive(Debug)]
pub enum Next<'a, T> {
    /// The next record, rendered.
    Record(Offset, &'a T),
    /// Records that nobody can read any more; told before anything that comes after them.
    Gap(Gap),
    /// The log is closed or deleted, and everything was read.
    End(TailState),
}

/// Reads a log in order, from history into the present.
pub struct LogReader<T> {
    live: Arc<LiveLog<T>>,
    cursor: Cursor<T>,
    position: Offset,
    gap: Option<Gap>,
    /// Records read from the log and not yet given.
    backlog: std::vec::IntoIter<Record>,
    /// The record of the backlog that was given last.
    rendered: Option<T>,
    limit: ReadLimit,
}

/// What the next step is.
#[derive(Clone, Copy)]
enum Step {
    Backlog,
    Ring,
    Gap(Gap),
    End(TailState),
    /// The record must be read from the log.
    Read,
    /// Nothing is there yet.
    Wait,
}

impl<T: Send + Sync + 'static> LogReader<T> {
    /// A reader that starts at `from`.
    ///
    /// A position of another epoch is no error: the reader is told so first.
    ///
    /// # Errors
    /// [`ReadError::BeyondTail`] if there never was such a record.
    pub fn open(live: Arc<LiveLog<T>>, from: ReadFrom) -> Result<Self, ReadError> {
        let state = live.state();
        let current = state.epoch;
        let (position, gap) = match from {
            ReadFrom::Earliest => (state.earliest, None),
            ReadFrom::Latest => (state.next, None),
            ReadFrom::Offset(offset) => (offset, None),
            ReadFrom::Position(StreamPosition { epoch, offset }) if epoch == current => {
                (offset, None)
            }
            ReadFrom::Position(StreamPosition { epoch: asked, .. }) => {
                let earliest = state.earliest;
                (earliest, Some(Gap::EpochChanged { asked, current, earliest }))
            }
        };
        if position > state.next {
            return Err(ReadError::BeyondTail { asked: position, tail: state.next });
        }
        let cursor = live.hub().cursor_at(position.get());
        let backlog = Vec::new().into_iter();
        let limit = ReadLimit::default();
        Ok(Self { live, cursor, position, gap, backlog, rendered: None, limit })
    }

    /// Takes at most so much out of the log at once, and so holds no more in memory: for whoever
    /// reads many logs at a time.
    #[must_use]
    pub fn limit(mut self, limit: ReadLimit) -> Self {
        self.limit = limit;
        self
    }

    /// The record to be read next.
    pub fn position(&self) -> StreamPosition {
        StreamPosition { epoch: self.live.epoch(), offset: self.position }
    }

    /// Takes the gap that is to be told first, if there is one, and nothing else.
    pub fn take_gap(&mut self) -> Option<Gap> {
        self.gap.take()
    }

    /// The log that is read.
    pub fn live(&self) -> &Arc<LiveLog<T>> {
        &self.live
    }

    /// Takes what is next without waiting and without touching the log.
    ///
    /// `None` means that [`next`](Self::next) may have to wait or to read.
    pub fn try_next(&mut self) -> Option<Next<'_, T>> {
        match self.step() {
            Step::Read | Step::Wait => None,
            step => self.take(step),
        }
    }

    /// Takes what is next, waiting for it.
    ///
    /// # Errors
    /// [`ReadError`] if the log could not be read; the reader stays where it is.
    ///
    /// # Cancel safety
    /// Dropping the future loses nothing: the reader moves only when a result is there.
    pub async fn next(&mut self) -> Result<Next<'_, T>, ReadError> {
        let step = loop {
            match self.step() {
                Step::Read => self.read().await?,
                Step::Wait => {
                    std::future::poll_fn(|cx| self.cursor.poll_ready(cx)).await;
                }
                step => break step,
            }
        };
        // A step that is neither reading nor waiting always gives something.
        self.take(step).ok_or(ReadError::Deleted)
    }

    /// Decides the next step; changes nothing that is seen.
    fn step(&mut self) -> Step {
        if let Some(gap) = self.gap {
            return Step::Gap(gap);
        }
        if !self.backlog.as_slice().is_empty() {
            return Step::Backlog;
        }
        if self.cursor.position() != self.position.get() {
            self.cursor.seek(self.position.get());
        }
        match self.cursor.readiness() {
            Some(Readiness::Item) => Step::Ring,
            Some(Readiness::Lagged { .. } | Readiness::Closed) => self.step_in_log(),
            None => Step::Wait,
        }
    }

    /// The next step of a reader that the ring has nothing for.
    fn step_in_log(&self) -> Step {
        let state = self.live.state();
        let unread = self.position < state.next;
        if unread && !state.deleted { Step::Read } else { Step::End(state) }
    }

    fn take(&mut self, step: Step) -> Option<Next<'_, T>> {
        match step {
            Step::Gap(gap) => {
                self.gap = None;
                Some(Next::Gap(gap))
            }
            Step::Backlog => {
                let record = self.backlog.next()?;
                let offset = record.offset;
                self.position = offset.next();
                Some(Next::Record(offset, self.rendered.insert(self.live.render(record))))
            }
            Step::Ring => {
                let offset = self.position;
                let TryNext::Item(item) = self.cursor.try_next() else { return None };
                self.position = offset.next();
                Some(Next::Record(offset, item))
            }
            Step::End(state) => Some(Next::End(state)),
            Step::Read | Step::Wait => None,
        }
    }

    /// Fills the backlog from the log, or finds a gap.
    async fn read(&mut self) -> Result<(), ReadError> {
        let from = ReadFrom::Offset(self.position);
        match self.live.log().read(from, self.limit).await {
            Ok(batch) => self.backlog = batch.records.into_iter(),
            Err(ReadError::Trimmed { asked, earliest }) => {
                self.gap = Some(Gap::Trimmed { from: asked, to: earliest });
                self.position = earliest;
            }
            Err(ReadError::Damaged { from, to }) if to > self.position => {
                self.gap = Some(Gap::Damaged { from, to });
                self.position = to;
            }
            // The state says so too by now, and the next step will see it.
            Err(ReadError::Deleted) if self.live.state().deleted => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }
}

impl<T> std::fmt::Debug for LogReader<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LogReader")
            .field("live", &self.live)
            .field("position", &self.position)
            .finish_non_exhaustive()
    }
}
