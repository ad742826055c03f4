//! Events as structured log records.

use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use stream_core::{PublishError, Receipt, Stream, Subscribe, SubscribeError};
use stream_model::{Epoch, Event, EventType, Offset, StreamPosition, Subscription, SubscriptionId};
use tracing::{error, info};

/// A sink that writes each event as a record of `tracing`: errors at the level `ERROR`, others at
/// `INFO`, with `id`, `event_type`, `topic` and `data` as fields.
///
/// Nobody can subscribe to it.
///
/// # Examples
///
/// ```
/// use stream_core::{InMemoryStream, StreamExt};
/// use stream_processor::{LogRecords, StreamProcessor};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let orders = InMemoryStream::new();
/// let logged = StreamProcessor::new(orders.clone()).sink(LogRecords::default()).start().await?;
/// orders.publish_data(serde_json::json!({"order": 7})).await?;
/// logged.drain().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Default)]
pub struct LogRecords {
    written: AtomicU64,
}

#[async_trait]
impl Stream for LogRecords {
    async fn publish(&self, event: Event) -> Result<Receipt, PublishError> {
        let (id, event_type) = (event.id(), event.event_type().as_str());
        let topic = event.topic().unwrap_or_default();
        let data = event.data().to_value().unwrap_or_default();
        match event.event_type() {
            EventType::Error => error!(%id, event_type, topic, %data, "event"),
            _ => info!(%id, event_type, topic, %data, "event"),
        }
        let offset = Offset::new(self.written.fetch_add(1, Ordering::Relaxed));
        Ok(Receipt::new(StreamPosition { epoch: Epoch::new(0), offset }))
    }

    async fn subscribe(&self, _request: Subscribe) -> Result<Subscription, SubscribeError> {
        Err(SubscribeError::TooMany { limit: 0 })
    }

    async fn unsubscribe(&self, _id: SubscriptionId) -> bool {
        false
    }
}
