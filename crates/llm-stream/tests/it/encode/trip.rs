//! What is encoded reads back as what went in, but for the losses that are listed.

use proptest::prelude::*;

use super::express::expressible;
use super::plans::stream;
use super::read::{Kept, frames, read};
use super::said::{differences, said};
use llm_stream::{Channel, Delta, EventBody, Executor, Loss, OutputFormat, StreamEvent};

/// What of `events` does not arrive through `format`.
pub(super) fn lost(format: OutputFormat, events: &[StreamEvent]) -> Vec<String> {
    let frames = frames(format, events);
    let mut got = said(&read(format, frames.iter().flatten()));
    if format.cannot_express().contains(&Loss::ServerCalls) {
        // In the provider's own format they are there all the same, as its own items.
        for choice in &mut got.choices {
            choice.calls.retain(|call| call.by == Executor::Client);
        }
    }
    differences(&got, &said(&expressible(format, events)))
}

/// Whether a frame adds words to what a client has.
fn adds_words(format: OutputFormat, frame: &Kept) -> bool {
    let is_delta = match format {
        OutputFormat::OpenAiChat => frame.data.contains("\"delta\""),
        OutputFormat::OpenAiResponses => frame.data.contains(".delta\""),
        OutputFormat::Anthropic => frame.event == Some("content_block_delta"),
        OutputFormat::AiSdk => frame.data.contains("-delta\""),
        OutputFormat::AgUi => frame.data.contains("_CONTENT\""),
        OutputFormat::Text => true,
        _ => panic!("no test reads {format}"),
    };
    let is_call = ["tool_calls", "arguments", "input_json_delta", "tool-input"]
        .iter()
        .any(|word| frame.data.contains(word));
    is_delta && !is_call && frame.data.contains('§')
}

/// Cuts the texts of deltas in two.
fn cut_deltas(events: &[StreamEvent]) -> Vec<StreamEvent> {
    let mut cut = Vec::new();
    for event in events {
        match &event.body {
            EventBody::Delta(delta) if delta.channel != Channel::ToolArguments => {
                let middle = delta.text.floor_char_boundary(delta.text.len() / 2);
                let (head, tail) = delta.text.split_at(middle);
                for text in [head, tail] {
                    let delta = Delta { text: text.to_owned(), ..delta.clone() };
                    cut.push(EventBody::Delta(delta).into());
                }
            }
            _ => cut.push(event.clone()),
        }
    }
    cut
}

proptest! {
    #[test]
    fn what_can_be_said_arrives(events in stream()) {
        for format in OutputFormat::ALL {
            let lost = lost(format, &events);
            prop_assert!(lost.is_empty(), "{format}: {}", lost.join("\n"));
        }
    }

    #[test]
    fn only_the_last_frame_of_an_event_adds_words(events in stream()) {
        for format in OutputFormat::ALL {
            for frames in frames(format, &events) {
                let last = frames.len().saturating_sub(1);
                for (place, frame) in frames.iter().enumerate() {
                    prop_assert_eq!(frame.is_last, place == last);
                    prop_assert!(frame.is_last || !adds_words(format, frame), "{:?}", frame);
                }
            }
        }
    }

    #[test]
    fn how_text_was_cut_does_not_matter(events in stream()) {
        for format in OutputFormat::ALL {
            let cut = cut_deltas(&events);
            let (whole, pieces) = (frames(format, &events), frames(format, &cut));
            let whole = said(&read(format, whole.iter().flatten()));
            prop_assert_eq!(said(&read(format, pieces.iter().flatten())), whole);
        }
    }
}
