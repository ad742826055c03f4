//! The one event type that every provider's stream is turned into.

mod dict;
mod error;
mod finish;
mod metadata;
mod raw_json;
mod tool;
mod usage;
mod write;

use serde_json::{Map, Value};
use time::OffsetDateTime;

pub use error::{ErrorKind, StreamError};
pub use finish::{Finish, FinishReason};
pub use metadata::{Identity, Logprobs, Metadata, Opaque, RawEvent, Signature};
pub use raw_json::RawJson;
pub use tool::{Executor, ToolCall, ToolStart};
pub use usage::Usage;
pub(crate) use write::write_string;

use crate::format::Format;
use crate::names::wire_names;

/// What kind of event a [`StreamEvent`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum StreamEventType {
    /// The stream begins.
    Start,
    /// A piece of text arrived.
    Delta,
    /// A tool call is whole.
    ToolCall,
    /// Something about the stream became known.
    Metadata,
    /// Something went wrong.
    Error,
    /// The stream is over; nothing follows.
    End,
}

wire_names!(StreamEventType {
    Start = "start",
    Delta = "delta",
    ToolCall = "tool_call",
    Metadata = "metadata",
    Error = "error",
    End = "end",
});

/// Which stream of text within a choice a delta belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[non_exhaustive]
pub enum Channel {
    /// The answer.
    #[default]
    Text,
    /// What the model thinks, or a summary of it.
    Reasoning,
    /// The model's own words for declining.
    Refusal,
    /// The arguments of a tool call, as JSON text (or free text for a custom tool).
    ToolArguments,
}

wire_names!(Channel {
    Text = "text",
    Reasoning = "reasoning",
    Refusal = "refusal",
    ToolArguments = "tool_arguments",
});

/// One event of a stream of a language model, whichever provider it came from.
///
/// As JSON it is the dict `{type, content, delta, metadata, timestamp?}`: see
/// [`to_dict`](Self::to_dict) for the exact shape.
/// Every event survives the way to JSON and back without loss.
///
/// # Examples
/// ```
/// use llm_stream::StreamEvent;
///
/// let event = StreamEvent::delta("Hello");
/// assert_eq!(
///     event.to_json(),
///     r#"{"type":"delta","content":"","delta":"Hello","metadata":{}}"#,
/// );
/// assert_eq!(StreamEvent::from_json(&event.to_json())?, event);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct StreamEvent {
    /// What happened.
    pub body: EventBody,
    /// When it happened, if the caller said so; decoders have no clock and leave it empty.
    ///
    /// In JSON it is RFC 3339 in UTC; a time before the year 0 is left out there.
    pub timestamp: Option<OffsetDateTime>,
    /// What users and processors attach: keys of `metadata` that are not the event's own.
    ///
    /// An attached key of the same name as one of the event's own is left out of JSON.
    pub extra: Option<Box<Map<String, Value>>>,
}

/// The typed content of a [`StreamEvent`].
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum EventBody {
    /// A generation begins; a stream spliced from several has several.
    Start(Box<Start>),
    /// A piece of text.
    Delta(Delta),
    /// A whole tool call; a later one of the same choice and part replaces it.
    ToolCall(Box<ToolCall>),
    /// Something about the stream.
    Metadata(Box<Metadata>),
    /// Something went wrong; more events may follow.
    Error(Box<StreamError>),
    /// Nothing follows.
    End(Box<End>),
}

/// The beginning of a generation.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Start {
    /// The wire format that it was decoded from.
    pub format: Option<Format>,
    /// The provider's id of the generation, if it came first.
    pub id: Option<String>,
    /// The model that answers, if it was named first.
    pub model: Option<String>,
    /// When the provider says that it began, in Unix time as it was written.
    pub created: Option<u64>,
}

/// A piece of text of one choice.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Delta {
    /// The choice (candidate) that it belongs to; 0 if there is only one.
    pub choice: u32,
    /// The part of the choice that it belongs to.
    ///
    /// A part is one unbroken thing: a text block, a reasoning block, a tool call.
    /// Its number is unique within the choice and grows with first appearance; gaps are normal.
    pub part: u32,
    /// What the text is.
    pub channel: Channel,
    /// The text itself; decoders never send an empty one.
    pub text: String,
}

/// How a stream ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum EndStatus {
    /// The provider said that it was done.
    Complete,
    /// The provider reported an error that ended the answer, or the decoder had to give up.
    Failed,
    /// The bytes stopped before the provider said that it was done.
    Incomplete,
}

wire_names!(EndStatus {
    Complete = "complete",
    Failed = "failed",
    Incomplete = "incomplete",
});

/// The end of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct End {
    /// How it ended.
    pub status: EndStatus,
    /// The whole text, where the one who ends the stream has gathered it; decoders do not.
    pub content: String,
}

impl StreamEvent {
    /// An event with `body` and nothing attached.
    pub fn new(body: EventBody) -> Self {
        Self { body, timestamp: None, extra: None }
    }

    /// A start of which nothing is known.
    pub fn start() -> Self {
        Self::new(EventBody::Start(Box::default()))
    }

    /// A piece of the first choice's text.
    pub fn delta(text: impl Into<String>) -> Self {
        Self::new(EventBody::Delta(Delta { text: text.into(), ..Delta::default() }))
    }

    /// An error of unknown kind with a message for people.
    pub fn error(message: impl Into<String>) -> Self {
        Self::new(EventBody::Error(Box::new(StreamError::new(ErrorKind::Other, message))))
    }

    /// A complete end with the whole text.
    pub fn end(content: impl Into<String>) -> Self {
        let end = End { status: EndStatus::Complete, content: content.into() };
        Self::new(EventBody::End(Box::new(end)))
    }

    /// Sets the time of the event.
    #[must_use]
    pub fn at(mut self, timestamp: OffsetDateTime) -> Self {
        self.timestamp = Some(timestamp);
        self
    }

    /// What kind of event this is.
    pub fn event_type(&self) -> StreamEventType {
        match &self.body {
            EventBody::Start(_) => StreamEventType::Start,
            EventBody::Delta(_) => StreamEventType::Delta,
            EventBody::ToolCall(_) => StreamEventType::ToolCall,
            EventBody::Metadata(_) => StreamEventType::Metadata,
            EventBody::Error(_) => StreamEventType::Error,
            EventBody::End(_) => StreamEventType::End,
        }
    }

    /// The text of a delta on any channel; empty for other events.
    pub fn delta_text(&self) -> &str {
        match &self.body {
            EventBody::Delta(delta) => &delta.text,
            _ => "",
        }
    }

    /// The message of an error or the gathered text of an end; empty for other events.
    pub fn content(&self) -> &str {
        match &self.body {
            EventBody::Error(error) => &error.message,
            EventBody::End(end) => &end.content,
            _ => "",
        }
    }

    /// Whether this is a piece of the answer: a non-empty delta of [`Channel::Text`].
    pub fn is_content(&self) -> bool {
        matches!(&self.body, EventBody::Delta(delta)
            if delta.channel == Channel::Text && !delta.text.is_empty())
    }
}

impl From<EventBody> for StreamEvent {
    fn from(body: EventBody) -> Self {
        Self::new(body)
    }
}

impl From<Metadata> for StreamEvent {
    fn from(metadata: Metadata) -> Self {
        Self::new(EventBody::Metadata(Box::new(metadata)))
    }
}
