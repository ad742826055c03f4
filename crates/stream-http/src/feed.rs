//! What a connection is fed from: one log, or many.

use std::future::Future;

use stream_log::{Behind, LogReader, Next, ReadError};
use stream_model::{Offset, StreamPosition};
use stream_protocol::session::{Gap, Notice, Source};
use stream_protocol::subscribe::SlowPolicy;
use stream_protocol::{CloseCode, ResumeToken};

use crate::chunk::Chunk;
use crate::rendition::Rendition;

/// Moves records to a connection, in its format, and knows where its reader stands.
pub(crate) trait Feed: Send + 'static {
    /// Tells one log of the feed from the others.
    type Source: Source + Send + 'static;

    /// Writes what is there, without waiting.
    fn try_take(&mut self, chunk: &mut Chunk) -> Option<Found<Self::Source>>;

    /// Writes what is next, waiting for it.
    ///
    /// Dropping the future loses nothing.
    fn take(
        &mut self,
        chunk: &mut Chunk,
    ) -> impl Future<Output = Result<Found<Self::Source>, ReadError>> + Send;

    /// Writes what the server itself says.
    fn notice(&mut self, notice: &Notice<Self::Source>, chunk: &mut Chunk);

    /// Takes what the logs hold now as all that must still be delivered.
    fn begin_drain(&mut self);

    /// Whether that was delivered, and the connection must be ended; one that is over ends by
    /// itself.
    fn is_drained(&self) -> bool;

    /// Whether nothing more can be written.
    fn is_over(&self) -> bool;

    /// See [`Rendition::tells_its_end`].
    fn tells_its_end(&self) -> bool;
}

/// What was found, and written if it was a record.
#[derive(Debug)]
pub(crate) enum Found<S> {
    /// A record.
    Record,
    /// A record that this reader does not take, or nothing of note.
    Nothing,
    /// Records that nobody can read any more.
    Gap(S, Gap),
    /// One of many logs was deleted.
    Deleted(S),
    /// There is nothing more, and why.
    End(CloseCode),
}

/// What a log's reader calls a gap, as a session does.
pub(crate) fn session_gap(gap: stream_log::Gap) -> Gap {
    match gap {
        stream_log::Gap::Trimmed { from, to } => Gap::Trimmed { from, to },
        stream_log::Gap::Damaged { from, to } => Gap::Damaged { from, to },
        stream_log::Gap::Lagged { from, to } => Gap::Lagged { from, to },
        stream_log::Gap::EpochChanged { asked, current, earliest } => {
            let earliest = StreamPosition { epoch: current, offset: earliest };
            Gap::EpochChanged { asked, earliest }
        }
    }
}

/// What becomes of a reader that falls behind.
pub(crate) fn behind(slow: SlowPolicy) -> Behind {
    match slow {
        SlowPolicy::CatchUp => Behind::CatchUp,
        SlowPolicy::DropOldest => Behind::DropOldest,
        SlowPolicy::Disconnect => Behind::Disconnect,
    }
}

/// One log, in one format.
pub(crate) struct LogFeed<R: Rendition> {
    reader: LogReader<R::Item>,
    rendition: R,
    /// Once the server goes down: what must still be delivered.
    drain_to: Option<Offset>,
}

impl<R: Rendition> LogFeed<R> {
    pub(crate) fn new(reader: LogReader<R::Item>, rendition: R) -> Self {
        Self { reader, rendition, drain_to: None }
    }
}

impl<R: Rendition> Feed for LogFeed<R> {
    type Source = ();

    fn try_take(&mut self, chunk: &mut Chunk) -> Option<Found<()>> {
        let next = self.reader.try_next()?;
        Some(write(&mut self.rendition, chunk, next))
    }

    async fn take(&mut self, chunk: &mut Chunk) -> Result<Found<()>, ReadError> {
        let next = self.reader.next().await?;
        Ok(write(&mut self.rendition, chunk, next))
    }

    fn notice(&mut self, notice: &Notice, chunk: &mut Chunk) {
        self.rendition.notice(notice, ResumeToken::at(self.reader.position()), chunk);
    }

    fn begin_drain(&mut self) {
        self.drain_to = Some(self.reader.live().state().next);
    }

    fn is_drained(&self) -> bool {
        let over = self.reader.live().state().is_final();
        !over && self.drain_to.is_some_and(|to| self.reader.position().offset >= to)
    }

    fn is_over(&self) -> bool {
        self.rendition.is_over()
    }

    fn tells_its_end(&self) -> bool {
        self.rendition.tells_its_end()
    }
}

/// Adds a record to the chunk, and says what was found.
fn write<R: Rendition>(rendition: &mut R, chunk: &mut Chunk, next: Next<'_, R::Item>) -> Found<()> {
    match next {
        Next::Record(offset, item) => {
            rendition.record(offset, item, chunk);
            Found::Record
        }
        Next::Gap(gap) => Found::Gap((), session_gap(gap)),
        Next::End(state) if state.deleted => Found::End(CloseCode::Deleted),
        Next::End(_) => Found::End(CloseCode::Ended),
        Next::TooSlow => Found::End(CloseCode::TooSlow),
    }
}
