//! Readers that begin in the middle.

use proptest::prelude::*;

use super::plans::stream;
use super::read::{Kept, frames, read};
use super::said::{Said, SaidCall, SaidChoice, said};
use llm_stream::{Encoder, FinishReason, OutputFormat, StreamEvent};

/// The frames of a reader that knows nothing and begins after event `after`.
fn resumed(format: OutputFormat, events: &[StreamEvent], after: usize) -> Vec<Kept> {
    let mut encoder = Encoder::new(format);
    for event in &events[..after] {
        encoder.push(event);
    }
    let mut frames: Vec<Kept> = encoder.snapshot().map(Kept::from).collect();
    for event in &events[after..] {
        frames.extend(encoder.push(event).map(Kept::from));
    }
    frames
}

/// Whether what an encoder says depends on snapshots that were taken of it.
pub(super) fn is_changed_by_snapshots(format: OutputFormat, events: &[StreamEvent]) -> bool {
    let mut encoder = Encoder::new(format);
    let mut interrupted = Encoder::new(format);
    events.iter().any(|event| {
        interrupted.snapshot();
        !encoder.push(event).eq(interrupted.push(event))
    })
}

/// Why `part` cannot be what a reader from the middle has understood of `whole`.
fn misread(format: OutputFormat, part: &Said, whole: &Said) -> Option<String> {
    for choice in &part.choices {
        let Some(all) = whole.choices.iter().find(|all| all.index == choice.index) else {
            return Some(format!("choice {} is not in the whole", choice.index));
        };
        let texts = [
            (&choice.text, &all.text),
            (&choice.reasoning, &all.reasoning),
            (&choice.refusal, &all.refusal),
        ];
        if let Some((tail, text)) = texts.into_iter().find(|(tail, text)| !text.ends_with(*tail)) {
            return Some(format!("{tail:?} does not end {text:?}"));
        }
        let is_known = |call: &&SaidCall| {
            all.calls.iter().any(|known| known.id == call.id && known.arguments == call.arguments)
        };
        if let Some(call) = choice.calls.iter().find(|call| !is_known(call)) {
            return Some(format!("{call:?} is none of {:?}", all.calls));
        }
        if format == OutputFormat::OpenAiChat && choice.calls.len() != all.calls.len() {
            return Some("a call is missing".to_owned());
        }
        if !is_same_end(choice, all) {
            return Some(format!("{:?} instead of {:?}", choice.finish, all.finish));
        }
    }
    let (got, want) = ((&part.usage, part.status), (&whole.usage, whole.status));
    (got != want).then(|| format!("{got:?} instead of {want:?}"))
}

/// Whether both ended alike, as far as the reader of `part` can know: a stop is one for the sake of
/// tool calls only to those who have seen the calls.
fn is_same_end(part: &SaidChoice, whole: &SaidChoice) -> bool {
    let reason = |choice: &SaidChoice| choice.finish.as_ref().map(|(reason, _)| *reason);
    let has_missed_calls = part.calls.len() < whole.calls.len();
    let ends = (reason(part), reason(whole));
    part.finish == whole.finish
        || (has_missed_calls && ends == (Some(FinishReason::Stop), Some(FinishReason::ToolCalls)))
}

proptest! {
    #[test]
    fn a_reader_that_knows_nothing_understands_the_rest(events in stream()) {
        for format in OutputFormat::ALL {
            let all = frames(format, &events);
            let whole = said(&read(format, all.iter().flatten()));
            for after in 0..events.len() {
                let frames = resumed(format, &events, after);
                let part = said(&read(format, &frames));
                let wrong = misread(format, &part, &whole);
                prop_assert!(wrong.is_none(), "{format} after {after}: {wrong:?}\n{frames:#?}");
            }
        }
    }

    #[test]
    fn a_snapshot_changes_nothing_that_follows(events in stream()) {
        for format in OutputFormat::ALL {
            let mut encoder = Encoder::new(format);
            let mut got = Vec::new();
            for event in &events {
                encoder.snapshot();
                let mut copy = encoder.clone();
                got.push(encoder.push(event).map(Kept::from).collect::<Vec<_>>());
                let copied: Vec<_> = copy.push(event).map(Kept::from).collect();
                prop_assert_eq!(Some(&copied), got.last());
            }
            prop_assert_eq!(got, frames(format, &events));
        }
    }
}

#[test]
fn there_is_nothing_to_tell_before_the_first_frame_and_after_the_end() {
    for format in OutputFormat::ALL {
        let mut encoder = Encoder::new(format);
        assert_eq!(encoder.snapshot().len(), 0, "{format}");
        encoder.push(&StreamEvent::delta("x"));
        encoder.push(&StreamEvent::end(""));
        assert_eq!(encoder.snapshot().len(), 0, "{format}");
        assert_eq!(encoder.push(&StreamEvent::delta("late")).len(), 0, "{format}");
    }
}
