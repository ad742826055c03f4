//! What a stream said, as a client and as we understand it.

use millstream::llm::{
    Assembly, Channel, EndStatus, EventBody, Executor, Format, OutputFormat, StreamEvent, ToolCall,
    decode, encode,
};
use serde::Deserialize;
use serde_json::Value;

/// What a stream said.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
pub struct Said {
    /// Each choice that said something.
    pub choices: Vec<SaidChoice>,
    /// Tokens of the input and the output, as far as they are known.
    pub usage: Option<[Option<u64>; 2]>,
    /// The message of the first error.
    pub error: Option<String>,
}

/// What a choice said.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
pub struct SaidChoice {
    /// The answer.
    pub text: String,
    /// What the model thought.
    pub reasoning: String,
    /// The model's words for declining.
    pub refusal: String,
    /// The tool calls, in order.
    pub tool_calls: Vec<SaidCall>,
    /// Why it ended, in the words of the format.
    pub finish: Option<String>,
}

/// A tool call.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
pub struct SaidCall {
    /// Its id.
    pub id: String,
    /// The tool's name.
    pub name: String,
    /// The arguments, as text.
    pub arguments: String,
}

impl SaidChoice {
    fn is_empty(&self) -> bool {
        let texts = [&self.text, &self.reasoning, &self.refusal];
        texts.iter().all(|text| text.is_empty()) && self.tool_calls.is_empty()
    }
}

/// What we understand of `events` in `format`: by our own decoder of it, if there is one.
pub fn ours(format: OutputFormat, events: &[StreamEvent]) -> Said {
    match decoded(format, events) {
        Some(decoded) => assembled(format, &decoded),
        None => first_choice(events),
    }
}

/// What our own decoder makes of our encoding of `events`; `None` if there is no decoder.
pub fn decoded(format: OutputFormat, events: &[StreamEvent]) -> Option<Vec<StreamEvent>> {
    let decodable = match format {
        OutputFormat::OpenAiChat => Format::OpenAiChat,
        OutputFormat::OpenAiResponses => Format::OpenAiResponses,
        OutputFormat::Anthropic => Format::Anthropic,
        _ => return None,
    };
    Some(decode(decodable, &encode(format, events)))
}

/// The assembly of what our decoder made of an encoding.
fn assembled(format: OutputFormat, events: &[StreamEvent]) -> Said {
    let assembly: Assembly = events.iter().collect();
    let is_shown = |call: &&ToolCall| {
        // A provider's own items are of many types; the check knows the calls that all have.
        format != OutputFormat::OpenAiResponses || call.by == Executor::Client
    };
    let choices = assembly.choices().iter().map(|choice| SaidChoice {
        text: choice.text.clone(),
        reasoning: choice.reasoning.clone(),
        refusal: choice.refusal.clone(),
        tool_calls: choice.tool_calls.iter().filter(is_shown).map(call).collect(),
        finish: choice.finish.as_ref().map(|finish| finish.provider_reason.clone()),
    });
    let usage = assembly.usage().map(|usage| [usage.input_tokens, usage.output_tokens]);
    let error = assembly.errors().first().map(|error| error.message.clone());
    Said { choices: choices.collect(), usage, error }
}

/// What the AI SDK is told of `events`: the first choice of the last generation.
fn first_choice(events: &[StreamEvent]) -> Said {
    let assembly: Assembly = events.iter().collect();
    let first = assembly.choices().first().filter(|choice| choice.index == 0);
    let mut said = SaidChoice::default();
    let mut parts: Vec<u32> = Vec::new();
    for event in events {
        match &event.body {
            EventBody::Start(_) => {
                said = SaidChoice::default();
                parts.clear();
            }
            EventBody::Delta(delta) if delta.choice == 0 => match delta.channel {
                Channel::Text | Channel::Refusal => said.text.push_str(&delta.text),
                Channel::Reasoning => said.reasoning.push_str(&delta.text),
                _ => {}
            },
            EventBody::ToolCall(own) if own.choice == 0 && !parts.contains(&own.part) => {
                parts.push(own.part);
                said.tool_calls.push(call(own));
            }
            _ => {}
        }
    }
    let is_whole = assembly.status() == Some(EndStatus::Complete);
    let finish = first.and_then(|choice| choice.finish.as_ref());
    said.finish = match finish.filter(|_| is_whole) {
        Some(finish) => Some(ai_sdk_word(finish.reason.as_str()).to_owned()),
        None => (!is_whole).then(|| "error".to_owned()),
    };
    let usage = assembly.usage().map(|usage| [usage.input_tokens, usage.output_tokens]);
    let made_up = (!is_whole).then_some("the stream ended before the model was done");
    let error = assembly.errors().first().map(|error| error.message.as_str()).or(made_up);
    Said { choices: vec![said], usage, error: error.map(str::to_owned) }
}

fn ai_sdk_word(reason: &str) -> &str {
    match reason {
        "tool_calls" => "tool-calls",
        "content_filter" | "refusal" => "content-filter",
        "pause" => "other",
        same => same,
    }
}

fn call(call: &ToolCall) -> SaidCall {
    let ToolCall { id, name, arguments, .. } = call.clone();
    SaidCall { id, name, arguments }
}

/// What differs between a client's understanding and ours.
pub fn differences(theirs: &Said, ours: &Said) -> Vec<String> {
    let mut found = Vec::new();
    let mut check = |what: &str, theirs: String, ours: String| {
        if theirs != ours {
            found.push(format!("{what}: {theirs}, but we have {ours}"));
        }
    };
    check("error", format!("{:?}", theirs.error), format!("{:?}", ours.error));
    if ours.error.is_some() {
        // Clients stop at the first error: what they have by then begins what we have.
        let is_beginning = theirs.choices.iter().zip(&ours.choices).all(|(theirs, ours)| {
            ours.text.starts_with(&theirs.text) && ours.reasoning.starts_with(&theirs.reasoning)
        });
        check("texts before the error fit", is_beginning.to_string(), true.to_string());
        return found;
    }
    check("usage", known(theirs.usage), known(ours.usage));
    let said = |said: &Said| -> Vec<SaidChoice> {
        said.choices.iter().filter(|choice| !choice.is_empty()).cloned().collect()
    };
    let (theirs, ours) = (said(theirs), said(ours));
    check("choices", theirs.len().to_string(), ours.len().to_string());
    for (theirs, ours) in theirs.iter().zip(&ours) {
        check("text", format!("{:?}", theirs.text), format!("{:?}", ours.text));
        check("reasoning", format!("{:?}", theirs.reasoning), format!("{:?}", ours.reasoning));
        check("refusal", format!("{:?}", theirs.refusal), format!("{:?}", ours.refusal));
        check("finish", format!("{:?}", theirs.finish), format!("{:?}", ours.finish));
        let (theirs, ours) = calls(&theirs.tool_calls, &ours.tool_calls);
        check("calls", theirs, ours);
    }
    found
}

/// Counts of nothing are as good as none: a client fills in what is not known.
fn known(usage: Option<[Option<u64>; 2]>) -> String {
    let usage = usage.unwrap_or_default().map(|count| count.unwrap_or(0));
    format!("{usage:?}")
}

/// Both lists of calls as far as they can agree, with their arguments as values.
fn calls(theirs: &[SaidCall], ours: &[SaidCall]) -> (String, String) {
    let mut theirs = theirs.to_vec();
    let mut ours = ours.to_vec();
    for (theirs, ours) in theirs.iter_mut().zip(&mut ours) {
        if ours.id.is_empty() {
            // The provider gave none, and every client needs one.
            theirs.id.clear();
        }
        if ours.arguments.starts_with('{') && json(&ours.arguments).is_none() {
            // Of arguments that were cut off, some clients show what can be read.
            ours.arguments.clear();
            theirs.arguments.clear();
        }
    }
    let shown = |calls: &[SaidCall]| {
        let text = |text: &String| Value::from(text.as_str());
        let calls = calls.iter().map(|SaidCall { id, name, arguments }| {
            (id.clone(), name.clone(), json(arguments).unwrap_or_else(|| text(arguments)))
        });
        format!("{:?}", calls.collect::<Vec<_>>())
    };
    (shown(&theirs), shown(&ours))
}

fn json(text: &str) -> Option<Value> {
    serde_json::from_str(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A stream with one call.
    fn said(id: &str, arguments: &str) -> Said {
        let (id, name, arguments) = (id.to_owned(), "f".to_owned(), arguments.to_owned());
        let tool_calls = vec![SaidCall { id, name, arguments }];
        Said { choices: vec![SaidChoice { tool_calls, ..<_>::default() }], ..<_>::default() }
    }

    #[track_caller]
    fn check(theirs: (&str, &str), ours: (&str, &str), same: bool) {
        let found = differences(&said(theirs.0, theirs.1), &said(ours.0, ours.1));
        assert_eq!(found.is_empty(), same, "{found:?}");
    }

    #[test]
    fn calls_are_the_same_by_what_they_mean() {
        check(("a", r#"{"b": 1}"#), ("a", r#"{"b":1}"#), true);
        check(("a", r#"{"b": 2}"#), ("a", r#"{"b":1}"#), false);
        check(("made-up", "{}"), ("", "{}"), true);
        check(("b", "{}"), ("a", "{}"), false);
        check(("a", "{}"), ("a", r#"{"cut": "#), true);
        check(("a", r#""free text""#), ("a", "free text"), true);
    }

    #[test]
    fn before_an_error_there_may_be_less() {
        let text = |text: &str, error: Option<&str>| Said {
            choices: vec![SaidChoice { text: text.to_owned(), ..<_>::default() }],
            error: error.map(str::to_owned),
            ..<_>::default()
        };
        let ours = text("one two", Some("broken"));
        assert_eq!(differences(&text("one", Some("broken")), &ours), [""; 0]);
        assert_eq!(differences(&text("two", Some("broken")), &ours).len(), 1);
        assert_eq!(differences(&text("one", None), &ours).len(), 1);
        assert_eq!(differences(&text("one", None), &text("one two", None)).len(), 1);
    }

    #[test]
    fn our_reading_is_that_of_the_encoding() {
        let events = [StreamEvent::start(), StreamEvent::delta("Hi"), StreamEvent::end("")];
        for format in [OutputFormat::OpenAiChat, OutputFormat::AiSdk] {
            let ours = ours(format, &events);
            assert_eq!(ours.choices[0].text, "Hi", "{format}");
            assert_eq!(ours.error, None, "{format}");
        }
        let cut = ours(OutputFormat::AiSdk, &events[..2]);
        assert_eq!(cut.choices[0].finish.as_deref(), Some("error"));
    }
}
