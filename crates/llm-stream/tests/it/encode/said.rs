//! What a stream said, in the terms that all formats share.

use llm_stream::{Assembly, EndStatus, ErrorKind, Executor, FinishReason, StreamEvent, Usage};

/// The sense of a stream, free of ids and words that formats make up.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Said {
    pub(super) choices: Vec<SaidChoice>,
    pub(super) usage: Option<Usage>,
    pub(super) errors: Vec<(ErrorKind, String)>,
    pub(super) id: Option<String>,
    pub(super) model: Option<String>,
    pub(super) status: EndStatus,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct SaidChoice {
    pub(super) index: u32,
    pub(super) text: String,
    pub(super) reasoning: String,
    pub(super) refusal: String,
    pub(super) calls: Vec<SaidCall>,
    pub(super) finish: Option<(FinishReason, Option<String>)>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct SaidCall {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) arguments: String,
    pub(super) by: Executor,
    pub(super) complete: bool,
    pub(super) custom: bool,
}

pub(super) fn said(events: &[StreamEvent]) -> Said {
    let assembly: Assembly = events.iter().collect();
    let choices = assembly.choices().iter().map(|choice| SaidChoice {
        index: choice.index,
        text: choice.text.clone(),
        reasoning: choice.reasoning.clone(),
        refusal: choice.refusal.clone(),
        calls: choice
            .tool_calls
            .iter()
            .map(|call| SaidCall {
                id: call.id.clone(),
                name: call.name.clone(),
                arguments: call.arguments.clone(),
                by: call.by,
                complete: call.complete,
                custom: call.custom,
            })
            .collect(),
        finish: choice.finish.as_ref().map(|f| (f.reason, f.stop_sequence.clone())),
    });
    let mut errors: Vec<_> =
        assembly.errors().iter().map(|error| (error.kind, error.message.clone())).collect();
    // A failed response names its error once more.
    errors.dedup();
    Said {
        choices: choices.filter(|choice| *choice != empty(choice.index)).collect(),
        usage: assembly.usage().cloned(),
        errors,
        id: assembly.id().map(str::to_owned),
        model: assembly.model().map(str::to_owned),
        status: assembly.status().unwrap(),
    }
}

fn empty(index: u32) -> SaidChoice {
    let (text, reasoning, refusal) = (String::new(), String::new(), String::new());
    SaidChoice { index, text, reasoning, refusal, calls: Vec::new(), finish: None }
}

/// What differs; what `want` does not know, a format may have made up.
pub(super) fn differences(got: &Said, want: &Said) -> Vec<String> {
    let mut got = got.clone();
    for (got, want) in got.choices.iter_mut().zip(&want.choices) {
        for (got, want) in got.calls.iter_mut().zip(&want.calls) {
            if want.id.is_empty() {
                got.id.clear();
            }
        }
    }
    got.id = got.id.filter(|_| want.id.is_some());
    got.usage = match (got.usage, &want.usage) {
        (Some(got), Some(want)) => Some(known_counts(got, want)),
        _ => None,
    };
    let mut want = want.clone();
    want.usage = want.usage.map(|usage| known_counts(usage.clone(), &usage));
    let mut pairs = vec![
        (format!("{} choices", got.choices.len()), format!("{} choices", want.choices.len())),
        (format!("{:?}", got.usage), format!("{:?}", want.usage)),
        (format!("{:?}", got.errors), format!("{:?}", want.errors)),
        (format!("{:?}", (&got.id, &got.model)), format!("{:?}", (&want.id, &want.model))),
        (format!("{:?}", got.status), format!("{:?}", want.status)),
    ];
    for (got, want) in got.choices.iter().zip(&want.choices) {
        pairs.push((format!("{:?}", got.text), format!("{:?}", want.text)));
        pairs.push((format!("{:?}", got.reasoning), format!("{:?}", want.reasoning)));
        pairs.push((format!("{:?}", got.refusal), format!("{:?}", want.refusal)));
        pairs.push((format!("{:?}", got.finish), format!("{:?}", want.finish)));
        pairs.push((format!("{:?}", got.calls), format!("{:?}", want.calls)));
    }
    let differ = pairs.into_iter().filter(|(got, want)| got != want);
    differ.map(|(got, want)| format!("got {got}\nwant {want}")).collect()
}

/// Those counts that `want` knows.
fn known_counts(got: Usage, want: &Usage) -> Usage {
    Usage {
        input_tokens: got.input_tokens.filter(|_| want.input_tokens.is_some()),
        output_tokens: got.output_tokens.filter(|_| want.output_tokens.is_some()),
        total_tokens: got.total_tokens.filter(|_| want.total_tokens.is_some()),
        cache_read_tokens: got.cache_read_tokens.filter(|_| want.cache_read_tokens.is_some()),
        cache_write_tokens: got.cache_write_tokens.filter(|_| want.cache_write_tokens.is_some()),
        reasoning_tokens: got.reasoning_tokens.filter(|_| want.reasoning_tokens.is_some()),
        raw: None,
    }
}
