//! Events that were set aside.
//!
//! A dead letter is the source event itself, with its id, type, data and metadata as they were,
//! and one name more in the metadata that says what went wrong.
//! So nothing of it is lost, any reader of events can read it, and replaying it means to take that
//! name away again.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use stream_core::{PublishError, Stream};
use stream_model::Event;
use time::OffsetDateTime;

/// The name in the metadata under which a dead letter says what went wrong.
pub const DEAD_LETTER: &str = "dead_letter";

/// What went wrong with an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DeadLetter {
    /// The stage that could not treat it, or the sink that did not take it.
    pub stage: String,
    /// Whether it is a sink: then the event is what came out of the last stage.
    #[serde(default)]
    pub is_sink: bool,
    /// Why, with what that stems from.
    pub error: String,
    /// How often it was tried.
    pub attempts: u32,
    /// Where in its source the event lies, or the one from which it came.
    pub position: Option<u64>,
    /// When it failed first.
    #[serde(with = "time::serde::rfc3339")]
    pub first_failed_at: OffsetDateTime,
    /// When it failed last.
    #[serde(with = "time::serde::rfc3339")]
    pub last_failed_at: OffsetDateTime,
}

impl DeadLetter {
    /// What the letter `event` says went wrong; `None` if it is no dead letter.
    pub fn of(event: &Event) -> Option<Self> {
        let told = event.metadata().get(DEAD_LETTER)?;
        serde_json::from_value(told.clone()).ok()
    }

    /// The event as it was before it was set aside.
    pub fn original(letter: &Event) -> Event {
        let mut metadata = letter.metadata().clone();
        metadata.remove(DEAD_LETTER);
        letter.to_builder().metadata(metadata).build()
    }

    /// The letter for `event`.
    pub(crate) fn letter(&self, event: &Event) -> Event {
        // Texts, numbers and times: there is nothing in it that JSON could refuse.
        let told = serde_json::to_value(self).unwrap_or_default();
        event.to_builder().meta(DEAD_LETTER, told).build()
    }

    pub(crate) fn new(stage: String, error: &dyn std::error::Error, attempts: u32) -> Self {
        let now = stream_model::now::now();
        Self {
            stage,
            is_sink: false,
            error: chain(error),
            attempts,
            position: None,
            first_failed_at: now,
            last_failed_at: now,
        }
    }

    pub(crate) fn after(mut self, spent: Duration) -> Self {
        self.first_failed_at = self.last_failed_at - spent;
        self
    }
}

/// An error and all that it stems from, in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// Publishes the originals of `letters` to the stream that `target` names for each, and returns
/// the letters that were not taken.
///
/// A letter that a stage set aside belongs into the source again; one that a sink did not take,
/// into the sink.
/// Those for which `target` has no stream are returned, too.
///
/// # Cancel safety
/// If the future is dropped, some letters have been published, in order.
pub async fn replay<'a>(
    letters: impl IntoIterator<Item = Event>,
    target: impl Fn(&DeadLetter) -> Option<&'a dyn Stream>,
) -> Vec<(Event, Option<PublishError>)> {
    let mut left = Vec::new();
    for letter in letters {
        match DeadLetter::of(&letter).and_then(|told| target(&told)) {
            None => left.push((letter, None)),
            Some(stream) => {
                if let Err(error) = stream.publish(DeadLetter::original(&letter)).await {
                    left.push((letter, Some(error)));
                }
            }
        }
    }
    left
}
