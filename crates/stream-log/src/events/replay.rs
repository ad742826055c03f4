//! Old events handled again, and whether that gives the same.

use std::fmt;

use super::projection::check_room;
use super::{LoggedEvent, Projection, ProjectionFull};

/// What a handler makes of each event.
///
/// Two replays of the same events can be compared by [`differences`]; only that shows whether a
/// handler is deterministic.
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
/// use serde_json::json;
/// use stream_log::events::{EventLog, EventQuery, Replay, differences};
/// use stream_log::{LogConfig, MemoryLog};
/// use stream_model::Event;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let log = EventLog::new(Arc::new(MemoryLog::new(LogConfig::default())));
/// for number in [1, 2] {
///     let _ = log.append(&Event::new(json!(number))).await?;
/// }
/// let replay = || Replay::new(|logged| logged.event.data().to_value().ok());
/// let first = log.project(EventQuery::all(), replay()).await?;
/// let second = log.project(EventQuery::all(), replay()).await?;
/// assert_eq!(first.outputs(), [1, 2]);
/// assert!(differences(first.outputs(), second.outputs()).is_empty());
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Replay<T, F> {
    handle: F,
    outputs: Vec<T>,
    events: u64,
}

impl<T, F: FnMut(&LoggedEvent) -> Option<T>> Replay<T, F> {
    /// Gives each event to `handle` and keeps what it answers.
    pub fn new(handle: F) -> Self {
        Self { handle, outputs: Vec::new(), events: 0 }
    }

    /// How many events were handled.
    pub const fn events(&self) -> u64 {
        self.events
    }

    /// What the handler answered, in the order of the events.
    pub fn outputs(&self) -> &[T] {
        &self.outputs
    }
}

impl<T, F: FnMut(&LoggedEvent) -> Option<T>> Projection for Replay<T, F> {
    fn apply(&mut self, logged: &LoggedEvent) -> Result<(), ProjectionFull> {
        check_room(self.outputs.len())?;
        self.outputs.extend((self.handle)(logged));
        self.events += 1;
        Ok(())
    }
}

impl<T: fmt::Debug, F> fmt::Debug for Replay<T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Replay")
            .field("outputs", &self.outputs)
            .field("events", &self.events)
            .finish_non_exhaustive()
    }
}

/// The places at which two sequences differ; what one of them lacks at its end differs.
///
/// ```
/// use stream_log::events::differences;
///
/// assert_eq!(differences(&[1, 2, 3], &[1, 9, 3]), [1]);
/// assert_eq!(differences(&[1], &[1, 2, 3]), [1, 2]);
/// ```
pub fn differences<T: PartialEq>(left: &[T], right: &[T]) -> Vec<usize> {
    let places = 0..left.len().max(right.len());
    places.filter(|place| left.get(*place) != right.get(*place)).collect()
}
