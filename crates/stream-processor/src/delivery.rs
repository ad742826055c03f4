//! How events get to the sinks, or to the dead letters.

use std::sync::Arc;

use stream_model::Event;
use tracing::warn;

use crate::counts::Counters;
use crate::policy::LastResort;
use crate::processor::Settings;
use crate::sinks::{Sequences, Undelivered, publish};
use crate::{DeadLetter, RunError};

/// The end of a pipeline.
pub(crate) struct Delivery {
    settings: Settings,
    counters: Arc<Counters>,
    /// How far the producers of the logs are.
    pub(crate) sequences: Sequences,
}

impl Delivery {
    pub(crate) fn new(settings: Settings, counters: Arc<Counters>) -> Self {
        Self { settings, counters, sequences: Sequences::new() }
    }

    /// Hands events to the sinks: each to the streams, and then all of them to the logs.
    ///
    /// A log that does not take them ends the pipeline, whatever the policy: whether they are in it
    /// may be uncertain.
    pub(crate) async fn deliver_all(&mut self, events: &[Event]) -> Result<(), RunError> {
        for event in events {
            self.deliver(event).await?;
        }
        let retry = self.settings.policies.pipeline.retry;
        let Self { settings, sequences, .. } = self;
        let appended = settings.sinks.append_to_logs(events, sequences, retry.as_ref()).await;
        appended.map_err(RunError::Delivery)
    }

    /// Hands an event to the sinks that are streams.
    async fn deliver(&self, event: &Event) -> Result<(), RunError> {
        let policy = self.settings.policies.pipeline;
        let errors = self.settings.sinks.publish(event, policy.retry.as_ref()).await;
        self.counters.delivered(errors.is_empty());
        for Undelivered { error, attempts, spent } in errors {
            warn!(%error, attempts, id = %event.id(), "cannot deliver an event");
            match policy.last {
                LastResort::Skip => {}
                LastResort::DeadLetter if self.settings.dead_letters.is_some() => {
                    let sink = error.sink().to_owned();
                    let told = DeadLetter::new(sink, &error, attempts).after(spent);
                    let told = DeadLetter { is_sink: true, ..told };
                    self.set_aside(&told.letter(event)).await?;
                }
                LastResort::Fail | LastResort::DeadLetter => {
                    return Err(RunError::Delivery(error));
                }
            }
        }
        Ok(())
    }

    pub(crate) async fn set_aside(&self, letter: &Event) -> Result<(), RunError> {
        let Some(target) = &self.settings.dead_letters else { return Ok(()) };
        let retry = self.settings.policies.pipeline.retry;
        let published = publish(&**target, letter, retry.as_ref()).await;
        published.map_err(|(error, ..)| RunError::DeadLetter(error))?;
        self.counters.set_aside();
        Ok(())
    }
}
