//! Events to many SSE connections: publish once, write the same frame to all.
//!
//! # Overload
//!
//! A subscriber reads the newest [`SseStreamOptions::capacity`] events from a ring that all of
//! them share, so its queue is bounded, and a slow one holds up neither the publisher nor others.
//! One that falls behind is told how many events it missed ([`SseDelivery::Lagged`], a frame named
//! `lagged`) and goes on with the oldest that is left; [`SseSubscription::missed`] counts them.
//!
//! # Resume
//!
//! A subscriber that names the id of the last event it has gets what came after it, as long as
//! the ring holds it.
//! If the ring does not, the subscriber is told so first, and starts with the oldest event.
//!
//! # Silence
//!
//! After [`SseStreamOptions::heartbeat`] without an event the subscriber gets a heartbeat.
//! It has no id, so it never moves the place where a client resumes.
//!
//! # Closing
//!
//! [`SseStream::unsubscribe`], [`SseCanceller::cancel`] and [`SseStream::close`] wake a waiting
//! consumer; it still gets what was published before, and then the end.
//! Dropping the last handle of the stream closes it; dropping a subscription cancels it.

mod cancel;
mod delivery;
mod options;
mod subscription;

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use stream_core::{Capacity, Hub, TryNext};
use stream_model::{Event, TopicFilter};

use self::cancel::Cancel;
pub use self::cancel::SseCanceller;
use self::delivery::Published;
pub use self::delivery::SseDelivery;
pub use self::options::SseStreamOptions;
pub use self::subscription::{SseEvents, SseFrames, SseSubscription};

/// Publishes events to subscribers that read them as server-sent events.
///
/// A clone is another handle to the same stream.
///
/// # Examples
///
/// ```
/// use futures_util::StreamExt;
/// use stream_model::{Event, TopicFilter};
/// use stream_sse::SseStream;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let stream = SseStream::default();
/// let mut frames = stream.subscribe(TopicFilter::all(), None).frames();
/// let event = Event::json(r#"{"n":1}"#)?;
/// let id = event.id().to_string();
/// stream.publish(event);
/// let frame = frames.next().await.unwrap();
/// assert_eq!(frame, format!("id: {id}\nevent: message\ndata: {{\"n\":1}}\n\n"));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct SseStream {
    hub: Hub<Published>,
    options: SseStreamOptions,
    subscribers: Arc<Mutex<Subscribers>>,
}

#[derive(Debug, Default)]
struct Subscribers {
    next_id: u64,
    cancels: HashMap<u64, Arc<Cancel>>,
}

impl SseStream {
    /// A stream without events or subscribers.
    pub fn new(options: SseStreamOptions) -> Self {
        let hub = Hub::new(Capacity::items(options.capacity));
        Self { hub, options, subscribers: Arc::default() }
    }

    /// Publishes an event to everybody whose filter takes it; never waits.
    ///
    /// Its frame is made once, when the first subscriber asks for it.
    /// An event without a topic goes to subscribers of all topics only.
    /// After [`close`](Self::close) it does nothing.
    pub fn publish(&self, event: Event) {
        let weight = event.data().as_bytes().len();
        self.hub.publish(Published::new(event), weight);
    }

    /// Subscribes to the events whose topic `filter` takes, from now on, or from behind the event
    /// with the id `last_event_id`.
    pub fn subscribe(&self, filter: TopicFilter, last_event_id: Option<&str>) -> SseSubscription {
        let (position, lost) = match last_event_id {
            None => (self.hub.next(), false),
            Some(id) => match self.position_behind(id) {
                Some(position) => (position, false),
                None => (self.hub.first(), true),
            },
        };
        let cancel = Arc::new(Cancel::new(self.hub.cursor_at(0)));
        let id = {
            let mut subscribers = self.subscribers.lock();
            let id = subscribers.next_id;
            subscribers.next_id += 1;
            subscribers.cancels.insert(id, Arc::clone(&cancel));
            id
        };
        SseSubscription::new(id, self, filter, position, lost, cancel)
    }

    /// Where to go on behind the event with this id, if the ring holds it.
    fn position_behind(&self, id: &str) -> Option<u64> {
        let mut cursor = self.hub.cursor_at(self.hub.first());
        let mut found = None;
        loop {
            match cursor.try_next() {
                TryNext::Item(published) if published.id() == id => {
                    found = Some(cursor.position());
                }
                TryNext::Item(_) | TryNext::Lagged { .. } => {}
                TryNext::Empty | TryNext::Closed => return found,
            }
        }
    }

    /// Ends a subscription and says whether there was one; what it has not read yet it still gets.
    pub fn unsubscribe(&self, id: u64) -> bool {
        let cancel = self.subscribers.lock().cancels.remove(&id);
        cancel.inspect(|cancel| cancel.cancel()).is_some()
    }

    /// How many subscriptions there are.
    pub fn subscribers(&self) -> usize {
        self.subscribers.lock().cancels.len()
    }

    /// Ends every subscription once it has read what was published, and takes no more events.
    pub fn close(&self) {
        self.hub.close();
    }
}

/// A stream with the default options.
impl Default for SseStream {
    fn default() -> Self {
        Self::new(SseStreamOptions::default())
    }
}
