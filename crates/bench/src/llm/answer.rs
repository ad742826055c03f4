//! What is left of a stream when its framing and its format are gone.

use llm_stream::{Channel, Decoder, EventBody, StreamEvent};

use super::recording::Recording;

/// What a model said, of all choices and parts in the order of their deltas.
///
/// Each contestant puts it together, so that none gets away with deltas that nobody reads.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) text: String,
    pub(super) reasoning: String,
    pub(super) arguments: String,
}

impl Answer {
    fn add(&mut self, event: &StreamEvent) {
        let EventBody::Delta(delta) = &event.body else { return };
        match delta.channel {
            Channel::Text => self.text.push_str(&delta.text),
            Channel::Reasoning => self.reasoning.push_str(&delta.text),
            Channel::ToolArguments => self.arguments.push_str(&delta.text),
            _ => {}
        }
    }
}

/// Decodes a recording that comes in chunks of `chunk_bytes`.
pub(super) fn decode(recording: &Recording, chunk_bytes: usize) -> Answer {
    let mut answer = Answer::default();
    let mut decoder = Decoder::new(recording.format);
    for chunk in recording.bytes.chunks(chunk_bytes) {
        decoder.push(chunk);
        while let Some(event) = decoder.next_event() {
            answer.add(&event);
        }
    }
    decoder.finish();
    while let Some(event) = decoder.next_event() {
        answer.add(&event);
    }
    answer
}
