//! What a format can express of a stream: the stream without its losses.

use serde_json::{Value, json};

use llm_stream::{
    Channel, End, EndStatus, ErrorKind, EventBody, Executor, Finish, FinishReason, Format,
    Identity, Loss, Metadata, OutputFormat, StreamError, StreamEvent, ToolCall,
};

/// `events` as they would be if they had said only what `format` can express.
pub(super) fn expressible(format: OutputFormat, events: &[StreamEvent]) -> Vec<StreamEvent> {
    // A later generation's name is a late one, and an end that is made an error needs no other.
    let mut losses = format.cannot_express().to_vec();
    losses.sort_by_key(|loss| match loss {
        Loss::LateNames => 1,
        Loss::IncompleteEnds => 2,
        Loss::FinishReasons => 3,
        Loss::ErrorKinds => 4,
        _ => 0,
    });
    losses.iter().fold(events.to_vec(), |events, loss| lose(*loss, format, events))
}

fn lose(loss: Loss, format: OutputFormat, events: Vec<StreamEvent>) -> Vec<StreamEvent> {
    match loss {
        Loss::Choices => keep(events, |body| choice_of(body).is_none_or(|choice| choice == 0)),
        Loss::Reasoning => keep(events, |body| channel_of(body) != Some(Channel::Reasoning)),
        Loss::Refusals => change(events, |body| {
            if let EventBody::Delta(delta) = body
                && delta.channel == Channel::Refusal
            {
                delta.channel = Channel::Text;
            }
        }),
        Loss::ToolCalls => keep(events, |body| call_of(body).is_none()),
        Loss::ServerCalls => {
            keep(events, |body| call_of(body).is_none_or(|by| by == Executor::Client))
        }
        Loss::CustomCalls => change(events, |body| {
            if let EventBody::ToolCall(call) = body {
                ordinary_call(format, call);
            }
        }),
        Loss::FinishReasons => finishes(format, events),
        Loss::StopSequences => change(events, |body| {
            if let Some(finish) = finish_of(body) {
                finish.stop_sequence = None;
            }
        }),
        Loss::Afterthoughts => first_calls(events),
        Loss::Totals => change(events, |body| {
            if let EventBody::Metadata(own) = body
                && let Metadata::Usage(usage) = &mut **own
            {
                usage.total_tokens = None;
            }
        }),
        Loss::Usage => keep(
            events,
            |body| !matches!(body, EventBody::Metadata(own) if matches!(**own, Metadata::Usage(_))),
        ),
        Loss::Names => nameless(events),
        Loss::LateNames => without_late_names(format, events),
        Loss::Generations => one_generation(events),
        Loss::Errors => keep(events, |body| !matches!(body, EventBody::Error(_))),
        Loss::ErrorKinds => change(events, |body| {
            if let EventBody::Error(error) = body {
                let has_none = matches!(format, OutputFormat::AiSdk | OutputFormat::AgUi);
                if has_none || !error.is_from_provider() {
                    error.kind = ErrorKind::Other;
                }
            }
        }),
        Loss::IncompleteEnds => incomplete_ends(format, events),
        _ => panic!("no test says what {loss:?} loses"),
    }
}

/// What becomes of a call where there are no custom ones.
fn ordinary_call(format: OutputFormat, call: &mut ToolCall) {
    if format == OutputFormat::Anthropic && !call.arguments.trim().starts_with('{') {
        call.arguments = json!({"input": call.arguments}).to_string();
        call.complete = true;
    } else if call.custom && format != OutputFormat::AiSdk {
        call.complete = serde_json::from_str::<Value>(&call.arguments).is_ok();
    }
    call.custom = false;
}

/// The first word of each generation on each of its calls.
fn first_calls(events: Vec<StreamEvent>) -> Vec<StreamEvent> {
    let mut whole = Vec::new();
    keep(events, |body| match body {
        EventBody::Start(_) => {
            whole.clear();
            true
        }
        EventBody::ToolCall(call) if whole.contains(&(call.choice, call.part)) => false,
        EventBody::ToolCall(call) => {
            whole.push((call.choice, call.part));
            true
        }
        _ => true,
    })
}

fn nameless(events: Vec<StreamEvent>) -> Vec<StreamEvent> {
    change(events, |body| match body {
        EventBody::Start(start) => (start.id, start.model) = (None, None),
        EventBody::Metadata(own) => {
            if let Metadata::Identity(identity) = &mut **own {
                (identity.id, identity.model) = (None, None);
            }
        }
        _ => {}
    })
}

fn without_late_names(format: OutputFormat, events: Vec<StreamEvent>) -> Vec<StreamEvent> {
    let mut begun = false;
    change(events, |body| match body {
        EventBody::Metadata(own) => match &mut **own {
            Metadata::Identity(identity) if begun => {
                identity.id = None;
                if format != OutputFormat::OpenAiResponses {
                    identity.model = None;
                }
            }
            Metadata::ToolStart(_) | Metadata::Finish(_) => begun = true,
            _ => {}
        },
        EventBody::Start(_) => {}
        _ => begun = true,
    })
}

/// All generations as if they were one.
fn one_generation(events: Vec<StreamEvent>) -> Vec<StreamEvent> {
    let mut starts = 0;
    change(events, |body| {
        if let EventBody::ToolCall(call) = body {
            call.index += 1_000 * starts;
        }
        if let EventBody::Start(start) = body {
            starts += 1;
            if starts > 1 {
                let (id, model) = (start.id.clone(), start.model.clone());
                *body = EventBody::Metadata(Box::new(Metadata::Identity(Identity { id, model })));
            }
        }
    })
}

fn keep(
    mut events: Vec<StreamEvent>,
    mut wanted: impl FnMut(&EventBody) -> bool,
) -> Vec<StreamEvent> {
    events.retain(|event| wanted(&event.body));
    events
}

fn change(
    mut events: Vec<StreamEvent>,
    mut change: impl FnMut(&mut EventBody),
) -> Vec<StreamEvent> {
    for event in &mut events {
        change(&mut event.body);
    }
    events
}

fn choice_of(body: &EventBody) -> Option<u32> {
    match body {
        EventBody::Delta(delta) => Some(delta.choice),
        EventBody::ToolCall(call) => Some(call.choice),
        EventBody::Metadata(own) => match &**own {
            Metadata::ToolStart(start) => Some(start.choice),
            Metadata::Finish(finish) => Some(finish.choice),
            _ => None,
        },
        _ => None,
    }
}

fn channel_of(body: &EventBody) -> Option<Channel> {
    match body {
        EventBody::Delta(delta) => Some(delta.channel),
        _ => None,
    }
}

/// Who runs the call that an event is about; deltas of arguments do not count when assembled.
fn call_of(body: &EventBody) -> Option<Executor> {
    match body {
        EventBody::ToolCall(call) => Some(call.by),
        _ => None,
    }
}

fn finish_of(body: &mut EventBody) -> Option<&mut Finish> {
    match body {
        EventBody::Metadata(own) => match &mut **own {
            Metadata::Finish(finish) => Some(finish),
            _ => None,
        },
        _ => None,
    }
}

/// The finish reasons that the format has words for.
fn finishes(format: OutputFormat, events: Vec<StreamEvent>) -> Vec<StreamEvent> {
    let source = events.iter().find_map(|event| match &event.body {
        EventBody::Start(start) => start.format,
        _ => None,
    });
    let client_calls: Vec<u32> = events
        .iter()
        .filter(|event| call_of(&event.body) == Some(Executor::Client))
        .filter_map(|event| choice_of(&event.body))
        .collect();
    let status = events.iter().find_map(|event| match &event.body {
        EventBody::End(end) => Some(end.status),
        _ => None,
    });
    let has_errors = events.iter().any(|event| matches!(event.body, EventBody::Error(_)));
    let mut failed = None;
    let mut events = change(events, |body| {
        let Some(finish) = finish_of(body) else { return };
        let own = FinishReason::from_provider(&finish.provider_reason) == finish.reason;
        finish.reason = nearest(format, finish.reason, own.then_some(source).flatten());
        let is_decoded = !matches!(format, OutputFormat::AiSdk | OutputFormat::AgUi);
        if is_decoded
            && finish.reason == FinishReason::Stop
            && client_calls.contains(&finish.choice)
        {
            finish.reason = FinishReason::ToolCalls;
        }
        if finish.reason == FinishReason::Error && finish.choice == 0 {
            failed = Some(finish.provider_reason.clone());
        }
    });
    let is_told_at_end = format != OutputFormat::OpenAiChat;
    if is_told_at_end && status != Some(EndStatus::Complete) {
        events = without_finishes(events);
        if matches!(format, OutputFormat::AiSdk | OutputFormat::OpenAiResponses) {
            events.push(a_finish(FinishReason::Error));
        }
    }
    let is_whole = status == Some(EndStatus::Complete);
    match (format, failed) {
        (OutputFormat::Text, _) => events = without_finishes(events),
        (OutputFormat::AiSdk, Some(_)) => set_status(&mut events, EndStatus::Failed),
        (OutputFormat::Anthropic | OutputFormat::AgUi, Some(word)) if is_whole => {
            events = without_finishes(events);
            let message = match format {
                OutputFormat::AgUi => word,
                _ => format!("the provider ended the message: {word}"),
            };
            if format == OutputFormat::Anthropic && has_errors {
                return events;
            }
            if !has_errors {
                events.push(error(ErrorKind::Server, &message));
            }
            set_status(&mut events, EndStatus::Failed);
        }
        // A response that is completed has stopped.
        (OutputFormat::OpenAiResponses, None)
            if is_whole && !events.iter_mut().any(|event| finish_of(&mut event.body).is_some()) =>
        {
            let calls = client_calls.contains(&0);
            events.push(a_finish(if calls { FinishReason::ToolCalls } else { FinishReason::Stop }));
        }
        _ => {}
    }
    events
}

fn without_finishes(mut events: Vec<StreamEvent>) -> Vec<StreamEvent> {
    events.retain_mut(|event| finish_of(&mut event.body).is_none());
    events
}

fn a_finish(reason: FinishReason) -> StreamEvent {
    let provider_reason = String::new();
    let finish = Finish { choice: 0, reason, provider_reason, stop_sequence: None, details: None };
    Metadata::Finish(finish).into()
}

fn error(kind: ErrorKind, message: &str) -> StreamEvent {
    EventBody::Error(Box::new(StreamError::new(kind, message))).into()
}

fn set_status(events: &mut [StreamEvent], status: EndStatus) {
    for event in events {
        if let EventBody::End(end) = &mut event.body {
            end.status = status;
        }
    }
}

fn nearest(format: OutputFormat, reason: FinishReason, own: Option<Format>) -> FinishReason {
    use FinishReason::{ContentFilter, Other, Pause, Refusal, Stop, ToolCalls};
    match (format, reason) {
        (OutputFormat::OpenAiChat, _) if own == Some(Format::OpenAiChat) => reason,
        (OutputFormat::Anthropic, _) if own == Some(Format::Anthropic) => reason,
        (OutputFormat::OpenAiChat, Pause | Other)
        | (OutputFormat::Anthropic, Other)
        | (OutputFormat::OpenAiResponses, Refusal | Pause | Other | ToolCalls) => Stop,
        (OutputFormat::Anthropic, ContentFilter) => Refusal,
        (OutputFormat::OpenAiChat | OutputFormat::AiSdk | OutputFormat::AgUi, Refusal) => {
            ContentFilter
        }
        (OutputFormat::AiSdk | OutputFormat::AgUi, Pause) => Other,
        _ => reason,
    }
}

fn incomplete_ends(format: OutputFormat, mut events: Vec<StreamEvent>) -> Vec<StreamEvent> {
    let place = events.iter().position(|event| matches!(event.body, EventBody::End(_)));
    let Some(place) = place else { return events };
    let EventBody::End(end) = &events[place].body else { return events };
    if format == OutputFormat::Text {
        let end = End { status: EndStatus::Complete, content: String::new() };
        events[place] = EventBody::End(Box::new(end)).into();
        return events;
    }
    let status = end.status;
    let known = events.iter().rev().find(|event| matches!(event.body, EventBody::Error(_)));
    let why = match (status, known) {
        (EndStatus::Complete, _) => return events,
        (EndStatus::Failed, Some(error)) => error.clone(),
        _ => error(ErrorKind::Server, "the stream ended before the model was done"),
    };
    events.insert(place, why);
    set_status(&mut events, EndStatus::Failed);
    events
}
