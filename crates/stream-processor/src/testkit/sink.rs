//! A sink that does as it is told.

use std::sync::Arc;

use async_trait::async_trait;
use parking_lot::Mutex;
use stream_core::{InMemoryStream, PublishError, Receipt, Stream, Subscribe, SubscribeError};
use stream_model::{Event, Subscription, SubscriptionId};
use tokio::sync::watch;

/// Keeps the events that it gets; refuses them, or holds them up, when the test says so.
///
/// A clone is the same sink.
#[derive(Debug, Clone)]
pub struct TestSink {
    /// Whoever subscribes gets what was taken.
    stream: InMemoryStream,
    state: Arc<Mutex<State>>,
    is_held: Arc<watch::Sender<bool>>,
}

#[derive(Debug, Default)]
struct State {
    events: Vec<Event>,
    refusals: u64,
    refused: u64,
}

impl Default for TestSink {
    fn default() -> Self {
        Self::new()
    }
}

impl TestSink {
    /// A sink that takes everything.
    pub fn new() -> Self {
        let (stream, state) = (InMemoryStream::new(), Arc::default());
        Self { stream, state, is_held: Arc::new(watch::Sender::new(false)) }
    }

    /// What it has taken, in order.
    pub fn events(&self) -> Vec<Event> {
        self.state.lock().events.clone()
    }

    /// Refuses the next so many events that it is given; they may be tried again.
    pub fn refuse(&self, times: u64) {
        self.state.lock().refusals = times;
    }

    /// How often it has refused an event.
    pub fn refused(&self) -> u64 {
        self.state.lock().refused
    }

    /// Makes whoever publishes wait until it is released.
    pub fn hold(&self) {
        self.is_held.send_replace(true);
    }

    /// Goes on.
    pub fn release(&self) {
        self.is_held.send_replace(false);
    }
}

#[async_trait]
impl Stream for TestSink {
    async fn publish(&self, event: Event) -> Result<Receipt, PublishError> {
        let mut is_held = self.is_held.subscribe();
        // The sender is this sink's own, so there is always an answer.
        drop(is_held.wait_for(|is_held| !is_held).await);
        {
            let mut state = self.state.lock();
            if let Some(left) = state.refusals.checked_sub(1) {
                state.refusals = left;
                state.refused += 1;
                return Err(PublishError::Full);
            }
            state.events.push(event.clone());
        }
        self.stream.publish(event).await
    }

    async fn subscribe(&self, request: Subscribe) -> Result<Subscription, SubscribeError> {
        self.stream.subscribe(request).await
    }

    async fn unsubscribe(&self, id: SubscriptionId) -> bool {
        self.stream.unsubscribe(id).await
    }
}
