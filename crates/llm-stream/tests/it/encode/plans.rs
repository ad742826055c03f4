//! Random streams, as any provider could send them.

use proptest::collection::vec;
use proptest::prelude::*;

use llm_stream::{
    Channel, Delta, End, EndStatus, ErrorKind, EventBody, Executor, Finish, FinishReason, Identity,
    Metadata, Start, StreamError, StreamEvent, ToolCall, ToolStart, Usage,
};

/// A part of a choice and the pieces that it comes in.
#[derive(Debug, Clone)]
enum Part {
    Text(Channel, Vec<String>),
    Call { id: String, name: String, pieces: Vec<String>, by: Executor, custom: bool, whole: bool },
}

/// A word that is found again in no other piece.
const MARK: &str = "§";

fn piece() -> impl Strategy<Value = String> {
    "[a-z \\n\"\\\\é😀]{0,6}".prop_map(|text| format!("{MARK}{text}"))
}

fn part() -> impl Strategy<Value = Part> {
    let channel = prop_oneof![
        3 => Just(Channel::Text),
        1 => Just(Channel::Reasoning),
        1 => Just(Channel::Refusal),
    ];
    let text =
        (channel, vec(piece(), 1..4)).prop_map(|(channel, pieces)| Part::Text(channel, pieces));
    let arguments = prop_oneof![
        3 => Just(vec!["{\"a\":".to_owned(), " [1,\n\"§é\"]".to_owned(), "}".to_owned()]),
        1 => Just(vec!["{}".to_owned()]),
        1 => Just(vec![]),
        1 => Just(vec![" ".to_owned(), "{\"cut\":\"".to_owned()]),
    ];
    let by = prop_oneof![3 => Just(Executor::Client), 1 => Just(Executor::Server)];
    let free = vec(piece(), 1..3);
    let call = ("[a-z]{0,3}", "[a-z]{1,5}", arguments, by, free, 0..5).prop_map(
        |(id, name, pieces, by, free, kind)| {
            let custom = kind == 0;
            let pieces = if custom { free } else { pieces };
            let whole = kind == 1 || pieces.is_empty();
            Part::Call { id, name, pieces, by, custom, whole }
        },
    );
    prop_oneof![2 => text, 1 => call]
}

/// The events of a part, in order.
fn part_events(choice: u32, part: u32, index: u32, plan: Part, unique: usize) -> Vec<StreamEvent> {
    match plan {
        Part::Text(channel, pieces) => pieces
            .into_iter()
            .map(|text| EventBody::Delta(Delta { choice, part, channel, text }).into())
            .collect(),
        Part::Call { id, name, pieces, by, custom, whole } => {
            let id = if id.is_empty() { id } else { format!("{id}{unique}") };
            let start = ToolStart { choice, part, index, id: id.clone(), name: name.clone(), by };
            let mut arguments = pieces.concat();
            if arguments.is_empty() {
                arguments.push_str("{}");
            }
            let complete = custom || serde_json::from_str::<serde_json::Value>(&arguments).is_ok();
            let mut events = vec![Metadata::ToolStart(start).into()];
            let channel = Channel::ToolArguments;
            for text in pieces.into_iter().filter(|_| !whole) {
                events.push(EventBody::Delta(Delta { choice, part, channel, text }).into());
            }
            let call = ToolCall {
                choice,
                part,
                index,
                id,
                name,
                arguments,
                by,
                complete,
                custom,
                raw: None,
            };
            events.push(EventBody::ToolCall(Box::new(call)).into());
            events
        }
    }
}

/// The events of a choice: calls that follow each other may run at once.
fn choice_events(choice: u32, parts: Vec<Part>, interleave: bool) -> Vec<StreamEvent> {
    let mut events: Vec<StreamEvent> = Vec::new();
    let mut calls = 0;
    let mut before: Option<(usize, usize)> = None;
    for (number, plan) in parts.into_iter().enumerate() {
        let part = u32::try_from(number).unwrap();
        let is_call = matches!(plan, Part::Call { .. });
        let own = part_events(choice, part, calls, plan, number);
        calls += u32::from(is_call);
        match before.filter(|_| interleave && is_call && own.len() > 2) {
            Some((start, end)) if end - start > 2 => {
                // The second call begins while the first goes on.
                let tail = events.split_off(start + 2);
                events.extend(own.iter().take(2).cloned());
                events.extend(tail);
                events.extend(own.into_iter().skip(2));
                before = None;
            }
            _ => {
                let start = events.len();
                events.extend(own);
                before = is_call.then_some((start, events.len()));
            }
        }
    }
    events
}

fn finish(choice: u32, has_client_call: bool, reason: FinishReason) -> StreamEvent {
    let reason = match reason {
        FinishReason::Stop if has_client_call => FinishReason::ToolCalls,
        FinishReason::ToolCalls if !has_client_call => FinishReason::Stop,
        reason => reason,
    };
    let stop_sequence = (reason == FinishReason::Stop).then(|| "END".to_owned());
    let provider_reason = reason.as_str().to_owned();
    Metadata::Finish(Finish { choice, reason, provider_reason, stop_sequence, details: None })
        .into()
}

fn reason() -> impl Strategy<Value = FinishReason> {
    proptest::sample::select(vec![
        FinishReason::Stop,
        FinishReason::Length,
        FinishReason::ToolCalls,
        FinishReason::ContentFilter,
        FinishReason::Refusal,
        FinishReason::Pause,
        FinishReason::Other,
        FinishReason::Error,
    ])
}

/// How a stream ends beside what its choices say.
#[derive(Debug, Clone)]
struct Tail {
    reason: FinishReason,
    usage: Option<(u64, u64)>,
    error: Option<ErrorKind>,
    status: EndStatus,
    model: Option<String>,
    late_model: bool,
}

fn tail() -> impl Strategy<Value = Tail> {
    let status = prop_oneof![
        4 => Just(EndStatus::Complete),
        1 => Just(EndStatus::Failed),
        1 => Just(EndStatus::Incomplete),
    ];
    let error = proptest::option::weighted(
        0.2,
        proptest::sample::select(vec![
            ErrorKind::RateLimit,
            ErrorKind::Server,
            ErrorKind::Quota,
            ErrorKind::Malformed,
        ]),
    );
    let usage = proptest::option::of((0_u64..1_000, 0_u64..1_000));
    let model = proptest::option::of("[a-z]{3}");
    (reason(), usage, error, status, model, any::<bool>()).prop_map(
        |(reason, usage, error, status, model, late_model)| {
            // A stream whose choice ended in an error that was reported has failed.
            let broke_off = reason == FinishReason::Error && error.is_some();
            let status = if broke_off { EndStatus::Failed } else { status };
            Tail { reason, usage, error, status, model, late_model }
        },
    )
}

/// A whole stream.
pub(super) fn stream() -> impl Strategy<Value = Vec<StreamEvent>> {
    let choice = (vec(part(), 0..5), any::<bool>());
    (vec(choice, 1..3), tail()).prop_map(|(choices, tail)| events(choices, &tail))
}

fn events(choices: Vec<(Vec<Part>, bool)>, tail: &Tail) -> Vec<StreamEvent> {
    let model = tail.model.clone();
    let start = Start {
        id: Some("gen-1".to_owned()),
        model: model.clone().filter(|_| !tail.late_model),
        ..Start::default()
    };
    let mut events: Vec<StreamEvent> = vec![EventBody::Start(Box::new(start)).into()];
    if tail.late_model && model.is_some() {
        events.push(Metadata::Identity(Identity { id: None, model }).into());
    }
    for (number, (parts, interleave)) in choices.into_iter().enumerate() {
        let choice = u32::try_from(number).unwrap();
        let by_client = |part: &Part| matches!(part, Part::Call { by: Executor::Client, .. });
        let has_client_call = parts.iter().any(by_client);
        events.extend(choice_events(choice, parts, interleave));
        if tail.status == EndStatus::Complete {
            events.push(finish(choice, has_client_call, tail.reason));
        }
    }
    if let Some(kind) = tail.error {
        let error = StreamError::new(kind, "it broke");
        events.push(EventBody::Error(Box::new(error)).into());
    }
    if let Some((input, output)) = tail.usage {
        let usage = Usage {
            input_tokens: Some(input + 10),
            output_tokens: Some(output),
            cache_read_tokens: Some(input.min(7)),
            reasoning_tokens: Some(output / 2),
            ..Usage::default()
        };
        events.push(Metadata::Usage(usage).into());
    }
    let end = End { status: tail.status, content: String::new() };
    events.push(EventBody::End(Box::new(end)).into());
    events
}
