//! What the server tells of itself while it runs: events of the topic `$sys.stats`.
//!
//! They are made only while somebody reads them, and cost an idle server nothing.

use stream_log::AppendBatch;
use stream_model::now::now;
use stream_model::{Event, Topic};
use tracing::warn;

use crate::app::{App, topic_log_name};
use crate::limits::STATS_INTERVAL;

/// The topic of the statistics.
pub(crate) const STATS_TOPIC: &str = "$sys.stats";

/// Publishes statistics for as long as the server runs.
pub(crate) async fn tell(app: &App) {
    #[expect(clippy::expect_used, reason = "the name is a constant, and tested")]
    let topic = Topic::new(STATS_TOPIC).expect("the name is a topic");
    let name = topic_log_name(&topic);
    let mut shutdown = app.shutdown_signal();
    loop {
        tokio::select! {
            () = shutdown.begun() => return,
            () = tokio::time::sleep(STATS_INTERVAL) => {}
        }
        let is_read =
            app.topics().readers().iter().any(|(read, count)| *read == name && *count > 0);
        if is_read && let Err(error) = publish(app, &topic).await {
            warn!(error, "cannot publish statistics");
        }
    }
}

async fn publish(app: &App, topic: &Topic) -> Result<(), String> {
    app.metrics().note_lag(app.topics().lag());
    let event = Event::serialize(&app.metrics().snapshot()).map_err(|error| error.to_string())?;
    let event = event.to_builder().topic(topic).build();
    let log = app.topic_log(topic).await.map_err(|error| error.to_string())?;
    let batch = AppendBatch::new(now()).records([event.encode()]);
    log.append(batch).await.map(drop).map_err(|error| error.to_string())
}
