//! The small words for processors.

use millstream::llm::{
    EventBody, PassthroughProcessor, ProcessError, Processor, StreamEvent, StreamHandler,
};
use serde::Deserialize;
use serde_json::{Map, Value};

/// The words of a processor that fails.
const PROCESSOR_FAILED: &str = "processor";

/// Where a delta that became another event keeps its text.
const KEPT_TEXT: &str = "text";

/// One processor.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Step {
    Passthrough(()),
    Upper(()),
    DropIfContains(String),
    FailIfContains(String),
    /// Deltas of a text become events of a type.
    Retype(String, Retyped),
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Retyped {
    Metadata,
}

impl Step {
    pub(super) fn add_to(&self, handler: StreamHandler) -> StreamHandler {
        match self.clone() {
            Self::Passthrough(()) => handler.add_processor(PassthroughProcessor),
            Self::Upper(()) => handler.add_processor(|mut event: StreamEvent| {
                if let EventBody::Delta(delta) = &mut event.body {
                    delta.text = delta.text.to_uppercase();
                }
                Some(event)
            }),
            Self::DropIfContains(text) => handler.add_processor(move |event: StreamEvent| {
                (!event.delta_text().contains(&text)).then_some(event)
            }),
            Self::FailIfContains(text) => handler.add_processor(FailIfContains(text)),
            Self::Retype(text, Retyped::Metadata) => {
                handler.add_processor(move |event: StreamEvent| {
                    Some(if event.delta_text() == text { to_metadata(&event) } else { event })
                })
            }
        }
    }
}

struct FailIfContains(String);

impl Processor for FailIfContains {
    fn process(
        &mut self,
        event: StreamEvent,
        out: &mut Vec<StreamEvent>,
    ) -> Result<(), ProcessError> {
        if event.delta_text().contains(&self.0) {
            return Err(ProcessError::new(PROCESSOR_FAILED));
        }
        out.push(event);
        Ok(())
    }
}

/// A metadata event that keeps the text of a delta.
fn to_metadata(event: &StreamEvent) -> StreamEvent {
    let text = Value::from(event.delta_text());
    let mut event = StreamEvent::from(millstream::llm::Metadata::Custom { kind: String::new() });
    event.extra = Some(Box::new(Map::from_iter([(KEPT_TEXT.to_owned(), text)])));
    event
}
