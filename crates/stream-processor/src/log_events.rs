//! Log records as events, and events as log records.

use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use parking_lot::Mutex;
use serde_json::{Map, Value, json};
use stream_model::Event;
use tracing::field::{Field, Visit};
use tracing_subscriber::Layer;
use tracing_subscriber::layer;

use crate::limits::LOG_EVENTS_WAITING;

/// The topic of events that log records become.
pub const LOG_TOPIC: &str = "log";

/// Records of these crates become no events: publishing an event would make others.
const OWN: &[&str] = &["stream_core", "stream_processor", "stream_log"];

/// A layer of `tracing` that turns log records into events, and those events.
///
/// An event has the topic [`LOG_TOPIC`], and data of `level`, `target`, `message` and the record's
/// `fields`.
///
/// # Overload
///
/// Whoever logs never waits: while [`LOG_EVENTS_WAITING`] events wait for their reader, the oldest
/// is left out for each that comes, and the next event tells in its metadata (`missed`) how many.
///
/// # Examples
///
/// ```
/// use futures_util::StreamExt;
/// use stream_processor::log_events;
/// use tracing_subscriber::layer::SubscriberExt;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let (layer, mut events) = log_events();
/// tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
///     tracing::warn!(room = "attic", degrees = 40, "too warm");
/// });
/// let record = events.next().await.expect("there is one").data().to_value()?;
/// assert_eq!(record["message"], "too warm");
/// assert_eq!(record["fields"]["degrees"], 40);
/// # Ok(())
/// # }
/// ```
pub fn log_events() -> (LogLayer, LogEvents) {
    let queue = Arc::<Mutex<Queue>>::default();
    (LogLayer { queue: Arc::clone(&queue) }, LogEvents { queue })
}

#[derive(Default)]
struct Queue {
    events: VecDeque<Event>,
    missed: u64,
    is_closed: bool,
    reader: Option<Waker>,
}

/// What [`log_events`] makes for `tracing`.
pub struct LogLayer {
    queue: Arc<Mutex<Queue>>,
}

/// What [`log_events`] makes for a pipeline: a [`futures_core::Stream`] of events, which ends when
/// the layer is dropped.
pub struct LogEvents {
    queue: Arc<Mutex<Queue>>,
}

impl<S: tracing::Subscriber> Layer<S> for LogLayer {
    fn on_event(&self, record: &tracing::Event<'_>, _context: layer::Context<'_, S>) {
        let metadata = record.metadata();
        let home = metadata.target().split("::").next().unwrap_or_default();
        if OWN.contains(&home) {
            return;
        }
        let mut fields = Fields::default();
        record.record(&mut fields);
        let data = json!({
            "level": metadata.level().as_str(),
            "target": metadata.target(),
            "message": fields.message,
            "fields": fields.others,
        });
        let mut queue = self.queue.lock();
        if queue.events.len() >= LOG_EVENTS_WAITING {
            queue.events.pop_front();
            queue.missed += 1;
        }
        queue.events.push_back(Event::builder().data(data).meta("topic", LOG_TOPIC).build());
        if let Some(reader) = queue.reader.take() {
            reader.wake();
        }
    }
}

impl Drop for LogLayer {
    fn drop(&mut self) {
        let mut queue = self.queue.lock();
        queue.is_closed = true;
        if let Some(reader) = queue.reader.take() {
            reader.wake();
        }
    }
}

impl futures_core::Stream for LogEvents {
    type Item = Event;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        let mut queue = self.queue.lock();
        if let Some(event) = queue.events.pop_front() {
            let event = match std::mem::take(&mut queue.missed) {
                0 => event,
                missed => event.to_builder().meta("missed", missed).build(),
            };
            return Poll::Ready(Some(event));
        }
        if queue.is_closed {
            return Poll::Ready(None);
        }
        queue.reader = Some(cx.waker().clone());
        Poll::Pending
    }
}

/// The fields of a record.
#[derive(Default)]
struct Fields {
    message: String,
    others: Map<String, Value>,
}

impl Fields {
    fn put(&mut self, field: &Field, value: impl Into<Value>) {
        self.others.insert(field.name().to_owned(), value.into());
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            self.message = format!("{value:?}");
        } else {
            self.put(field, format!("{value:?}"));
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value);
    }
}

impl fmt::Debug for LogLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogLayer").finish_non_exhaustive()
    }
}

impl fmt::Debug for LogEvents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogEvents").finish_non_exhaustive()
    }
}
