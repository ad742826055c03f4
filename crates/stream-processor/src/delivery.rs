//! How events get to the sinks, or to the dead letters.

mod notices;

use std::sync::Arc;

use stream_model::Event;
use tracing::warn;

pub use self::notices::CIRCUIT_TOPIC;
pub(crate) use self::notices::{Circuits, Notices};
use crate::counts::Counters;
use crate::policy::LastResort;
use crate::processor::Settings;
use crate::sinks::{Refusal, Sequences, Undelivered, Way};
use crate::{CircuitChange, DeadLetter, RunError};

/// The end of a pipeline.
pub(crate) struct Delivery {
    settings: Settings,
    counters: Arc<Counters>,
    circuits: Circuits,
    /// How far the producers of the logs are.
    pub(crate) sequences: Sequences,
}

impl Delivery {
    pub(crate) fn new(settings: Settings, counters: Arc<Counters>) -> Self {
        let circuits = Circuits::new(settings.policies.pipeline.breaker);
        Self { settings, counters, circuits, sequences: Sequences::new() }
    }

    /// Begins a new life of each producer whose life is an older one, so that logs refuse it.
    pub(crate) fn begin_lives(&mut self, epoch: u64) {
        self.sequences.values_mut().for_each(|sequence| sequence.begin_life(epoch));
    }

    /// Tells of circuits of stages.
    pub(crate) async fn tell(&self, changes: &mut Vec<CircuitChange>) {
        for change in std::mem::take(changes) {
            self.settings.notices.tell(&change).await;
        }
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
    async fn deliver(&mut self, event: &Event) -> Result<(), RunError> {
        let policy = self.settings.policies.pipeline;
        let Self { settings, circuits, .. } = self;
        let told = (circuits, &settings.notices);
        let errors = settings.sinks.publish(event, policy.retry.as_ref(), told).await;
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
        let notices = (&self.settings.notices, "dead letters");
        let way = Way { stream: &**target, retry: retry.as_ref(), breaker: None, notices };
        if let Err(Refusal { error: Some(error), .. }) = way.publish(letter).await {
            return Err(RunError::DeadLetter(error));
        }
        self.counters.set_aside();
        Ok(())
    }
}
