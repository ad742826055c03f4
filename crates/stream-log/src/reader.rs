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
//! [`when_behind`](LogReader::when_behind) has it skip what it was too slow for, or end, instead.
//!
//! # End
//!
//! After the last record of a closed log comes [`Next::End`], again and again.

use std::sync::Arc;

use stream_core::{Cursor, Readiness, TryNext};
use stream_model::{Epoch, Offset, StreamPosition};

use crate::live::Place;
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
    /// The reader was too slow for the records from `from` up to, not including, `to`, and does not
    /// want them any more ([`Behind::DropOldest`]); reading goes on at `to`.
    Lagged {
        /// The record that was to come next.
        from: Offset,
        /// The oldest that is still in memory.
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

/// What becomes of a reader that was live and has fallen behind what is kept in memory.
///
/// History that it asks for when it comes is given in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Behind {
    /// It reads the log until it is live again.
    #[default]
    CatchUp,
    /// It goes on with the oldest record in memory, and is told what it missed.
    DropOldest,
    /// It ends; its position resumes it.
    Disconnect,
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
    /// The reader has fallen behind, and is not to go on then ([`Behind::Disconnect`]).
    TooSlow,
}

/// Reads a log in order, from history into the present.
pub struct LogReader<T> {
    live: Arc<LiveLog<T>>,
    cursor: Cursor<T>,
    position: Offset,
    /// The position, as whoever measures the lag sees it.
    place: Arc<Place>,
    gap: Option<Gap>,
    /// Records read from the log and not yet given.
    backlog: std::vec::IntoIter<Record>,
    /// The record of the backlog that was given last.
    rendered: Option<T>,
    limit: ReadLimit,
    behind: Behind,
    /// Whether it has ever been up to date.
    was_live: bool,
}

/// What the next step is.
#[derive(Clone, Copy)]
enum Step {
    Backlog,
    Ring,
    Gap(Gap),
    End(TailState),
    /// What comes before this record is not wanted any more.
    Skip(Offset),
    TooSlow,
    /// The record must be read from the log.
    Read,
    /// Nothing is there yet.
    Wait,
}

impl<T: Send + Sync + 'static> LogReader<T> {
    /// A reader that starts at `from`.
    ///
    /// A position of another epoch is no error: the reader is told so first.
    /// So is one of this epoch that the log has not reached: it was told before records were lost.
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
            ReadFrom::Position(StreamPosition { epoch, offset })
                if epoch == current && offset <= state.next =>
            {
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
        let place = live.place(position);
        Ok(Self {
            live,
            cursor,
            position,
            place,
            gap,
            backlog,
            rendered: None,
            limit: ReadLimit::default(),
            behind: Behind::default(),
            was_live: false,
        })
    }

    /// What becomes of it when it has fallen behind; it catches up otherwise.
    #[must_use]
    pub fn when_behind(mut self, behind: Behind) -> Self {
        self.behind = behind;
        self
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
                    self.was_live = true;
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
            Some(Readiness::Lagged { missed }) if self.was_live => match self.behind {
                Behind::CatchUp => self.step_in_log(),
                Behind::DropOldest => {
                    Step::Skip(Offset::new(self.position.get().saturating_add(missed)))
                }
                Behind::Disconnect => Step::TooSlow,
            },
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
                self.move_to(offset.next());
                Some(Next::Record(offset, self.rendered.insert(self.live.render(record))))
            }
            Step::Ring => {
                let offset = self.position;
                let TryNext::Item(item) = self.cursor.try_next() else { return None };
                self.was_live = true;
                self.position = offset.next();
                self.place.set(self.position.get());
                Some(Next::Record(offset, item))
            }
            Step::Skip(to) => {
                let from = self.position;
                self.move_to(to);
                Some(Next::Gap(Gap::Lagged { from, to }))
            }
            Step::End(state) => Some(Next::End(state)),
            Step::TooSlow => Some(Next::TooSlow),
            Step::Read | Step::Wait => None,
        }
    }

    fn move_to(&mut self, position: Offset) {
        self.position = position;
        self.place.set(position.get());
    }

    /// Fills the backlog from the log, or finds a gap.
    async fn read(&mut self) -> Result<(), ReadError> {
        let from = ReadFrom::Offset(self.position);
        match self.live.log().read(from, self.limit).await {
            Ok(batch) => self.backlog = batch.records.into_iter(),
            Err(ReadError::Trimmed { asked, earliest }) => {
                self.gap = Some(Gap::Trimmed { from: asked, to: earliest });
                self.move_to(earliest);
            }
            Err(ReadError::Damaged { from, to }) if to > self.position => {
                self.gap = Some(Gap::Damaged { from, to });
                self.move_to(to);
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
