//! A log read as one history of events: by topic, by time, and summed up.
//!
//! An [`EventLog`] keeps events of any topics in one log, in one order.
//! It knows what each stretch of the log holds, so that a query by topic or time reads only the
//! stretches that may answer it.
//!
//! | question | answer |
//! |---|---|
//! | which events, from where to where, of which topics, from when to when | [`EventQuery`], [`EventLog::read`] |
//! | the newest of them | [`EventLog::newest`] |
//! | what they add up to | a [`Projection`]: [`Counter`], [`Fold`], [`RunningSum`], [`LatestPerKey`], [`GroupBy`] |
//! | the same, kept up to date | [`View`] |
//! | what a handler makes of them, and whether it does so again | [`Replay`] and [`differences`] |
//!
//! # Gaps
//!
//! A query without a first offset begins at the oldest event that is left.
//! One that names an offset which was trimmed is refused, also if that happens while it runs.
//!
//! # Unreadable records
//!
//! A record that is no event, or that the log tells to be damaged, is left out of every answer, and
//! its page says so.

mod index;
mod page;
mod projection;
mod query;
mod replay;
mod view;

use std::sync::Arc;

use stream_model::{Event, Offset};
use tokio::sync::Mutex;

use self::index::Index;
use crate::{AppendBatch, AppendError, AppendReceipt, Log, ReadError, TailState, TrimError};

pub use self::page::{EventPage, LoggedEvent};
pub use self::projection::{
    Counter, Fold, GroupBy, LatestPerKey, Projection, ProjectionFull, RunningSum,
};
pub use self::query::EventQuery;
pub use self::replay::{Replay, differences};
pub use self::view::{ProjectError, View};

/// A log whose records are events.
///
/// An event is kept as the bytes that it encodes to, so nothing that happens to it afterwards
/// changes history.
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
/// use serde_json::json;
/// use stream_log::events::{EventLog, EventQuery, LatestPerKey};
/// use stream_log::{LogConfig, MemoryLog};
/// use stream_model::Event;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let log = EventLog::new(Arc::new(MemoryLog::new(LogConfig::default())));
/// for (room, degrees) in [("kitchen", 19), ("attic", 15), ("kitchen", 21)] {
///     let event = Event::builder().data(json!(degrees)).meta("topic", "temperature").meta("room", room);
///     let _ = log.append(&event.build()).await?;
/// }
///
/// let query = EventQuery::all().topic("temperature");
/// let by_room = LatestPerKey::new(|event| event.metadata().get_str("room").map(str::to_owned));
/// let by_room = log.project(query, by_room).await?.into_events();
/// assert_eq!(by_room["kitchen"].event.data().to_value()?, 21);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct EventLog {
    log: Arc<dyn Log>,
    /// Held while new records are read: two queries at once index them once.
    index: Mutex<Index>,
}

impl EventLog {
    /// Reads `log` as events; what it holds already is read when first asked for.
    pub fn new(log: Arc<dyn Log>) -> Self {
        Self { log, index: Mutex::new(Index::default()) }
    }

    /// The log.
    pub fn log(&self) -> &Arc<dyn Log> {
        &self.log
    }

    /// Appends one event; its record gets the event's timestamp.
    ///
    /// # Errors
    /// As [`Log::append`].
    ///
    /// # Cancel safety
    /// As [`Log::append`].
    pub async fn append(&self, event: &Event) -> Result<AppendReceipt, AppendError> {
        self.log.append(AppendBatch::new(event.timestamp()).record(event.encode())).await
    }

    /// How many events are left.
    ///
    /// # Errors
    /// As [`Log::tail`].
    ///
    /// # Cancel safety
    /// Asking changes nothing.
    pub async fn count(&self) -> Result<u64, ReadError> {
        let state = self.state().await?;
        Ok(state.next.since(state.earliest))
    }

    /// The newest event's offset; `None` if there never was one.
    ///
    /// # Errors
    /// As [`Log::tail`].
    ///
    /// # Cancel safety
    /// Asking changes nothing.
    pub async fn latest(&self) -> Result<Option<Offset>, ReadError> {
        Ok(self.state().await?.next.get().checked_sub(1).map(Offset::new))
    }

    /// The topics of the events that are left, sorted.
    ///
    /// # Errors
    /// As [`Log::read`].
    ///
    /// # Cancel safety
    /// Asking changes nothing.
    pub async fn topics(&self) -> Result<Vec<String>, ReadError> {
        let mut index = self.index.lock().await;
        let state = index.catch_up(&*self.log).await?;
        Ok(index.topics(state.earliest))
    }

    /// Lets go of the events before `before` and says how many there were; the others keep their
    /// offsets.
    ///
    /// # Errors
    /// As [`Log::trim`].
    ///
    /// # Cancel safety
    /// As [`Log::trim`].
    pub async fn compact(&self, before: Offset) -> Result<u64, TrimError> {
        let earliest = match self.state().await {
            Ok(state) => state.earliest,
            Err(ReadError::Backend(source)) => return Err(TrimError::Backend(source)),
            // Trimming says what is wrong with the log.
            Err(_) => before,
        };
        self.log.trim(before).await?;
        Ok(before.since(earliest))
    }

    async fn state(&self) -> Result<TailState, ReadError> {
        Ok(self.log.tail().await?.state)
    }
}
