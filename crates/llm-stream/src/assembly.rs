//! Folds events back into what the model said: the whole text, calls, usage and errors.

use crate::event::{
    Channel, Delta, EndStatus, EventBody, Finish, Metadata, StreamError, StreamEvent, ToolCall,
    Usage,
};
use crate::limits::ASSEMBLY_BYTES_MAX;

/// The whole of a stream, as far as it has been seen.
///
/// A stream that holds several generations, one after the other, begins anew with each start:
/// the choices are those of the last one.
///
/// # Examples
/// ```
/// use llm_stream::{Assembly, StreamEvent};
///
/// let events = [StreamEvent::start(), StreamEvent::delta("Hel"), StreamEvent::delta("lo")];
/// let assembly: Assembly = events.iter().collect();
/// assert_eq!(assembly.text(), "Hello");
/// assert_eq!(assembly.status(), None, "no end has come");
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Assembly {
    choices: Vec<Choice>,
    usage: Option<Usage>,
    errors: Vec<StreamError>,
    id: Option<String>,
    model: Option<String>,
    status: Option<EndStatus>,
    bytes: usize,
    overflowed: bool,
}

/// The whole of one choice.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Choice {
    /// Its number.
    pub index: u32,
    /// The answer.
    pub text: String,
    /// What the model thought.
    pub reasoning: String,
    /// The model's words for declining.
    pub refusal: String,
    /// The tool calls, in the order in which they began.
    pub tool_calls: Vec<ToolCall>,
    /// How it ended, if it did.
    pub finish: Option<Finish>,
}

impl Assembly {
    /// An assembly of nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next event.
    pub fn push(&mut self, event: &StreamEvent) {
        match &event.body {
            EventBody::Start(start) => {
                self.choices.clear();
                self.id.clone_from(&start.id);
                self.model.clone_from(&start.model);
            }
            EventBody::Delta(delta) => self.push_delta(delta),
            EventBody::ToolCall(call) => self.push_call(call),
            EventBody::Metadata(metadata) => self.push_metadata(metadata),
            EventBody::Error(error) => {
                if self.has_room(error.message.len()) {
                    self.errors.push((**error).clone());
                }
            }
            EventBody::End(end) => self.status = Some(end.status),
        }
    }

    /// The choices, by number.
    pub fn choices(&self) -> &[Choice] {
        &self.choices
    }

    /// The text of the first choice.
    pub fn text(&self) -> &str {
        self.choices.first().map_or("", |choice| &choice.text)
    }

    /// The last word on token counts.
    pub fn usage(&self) -> Option<&Usage> {
        self.usage.as_ref()
    }

    /// The errors inside the stream, in order.
    pub fn errors(&self) -> &[StreamError] {
        &self.errors
    }

    /// The provider's id of the last generation.
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// The model that answered.
    pub fn model(&self) -> Option<&str> {
        self.model.as_deref()
    }

    /// How the stream ended, if it did.
    pub fn status(&self) -> Option<EndStatus> {
        self.status
    }

    /// Whether text was dropped because more than
    /// [`ASSEMBLY_BYTES_MAX`](crate::limits::ASSEMBLY_BYTES_MAX) bytes came.
    pub fn overflowed(&self) -> bool {
        self.overflowed
    }

    fn push_delta(&mut self, delta: &Delta) {
        // Arguments come again, whole, with their call.
        if delta.channel == Channel::ToolArguments || !self.has_room(delta.text.len()) {
            return;
        }
        let choice = self.choice(delta.choice);
        let text = match delta.channel {
            Channel::Reasoning => &mut choice.reasoning,
            Channel::Refusal => &mut choice.refusal,
            _ => &mut choice.text,
        };
        text.push_str(&delta.text);
    }

    fn push_call(&mut self, call: &ToolCall) {
        if !self.has_room(call.arguments.len()) {
            return;
        }
        let calls = &mut self.choice(call.choice).tool_calls;
        match calls.iter_mut().find(|known| known.part == call.part) {
            Some(known) => known.clone_from(call),
            None => {
                let place = calls.partition_point(|known| known.index <= call.index);
                calls.insert(place, call.clone());
            }
        }
    }

    fn push_metadata(&mut self, metadata: &Metadata) {
        match metadata {
            Metadata::Identity(identity) => {
                self.id = identity.id.clone().or(self.id.take());
                self.model = identity.model.clone().or(self.model.take());
            }
            Metadata::Usage(usage) => self.usage = Some(usage.clone()),
            Metadata::Finish(finish) => {
                self.choice(finish.choice).finish = Some(finish.clone());
            }
            _ => {}
        }
    }

    #[expect(clippy::indexing_slicing, reason = "the choice at `place` is known or just inserted")]
    fn choice(&mut self, index: u32) -> &mut Choice {
        let place = self.choices.partition_point(|choice| choice.index < index);
        let known = self.choices.get(place).is_some_and(|choice| choice.index == index);
        if !known {
            self.choices.insert(place, Choice { index, ..Choice::default() });
        }
        &mut self.choices[place]
    }

    fn has_room(&mut self, bytes: usize) -> bool {
        let total = self.bytes.saturating_add(bytes);
        if total > ASSEMBLY_BYTES_MAX {
            self.overflowed = true;
            return false;
        }
        self.bytes = total;
        true
    }
}

impl<'a> Extend<&'a StreamEvent> for Assembly {
    fn extend<I: IntoIterator<Item = &'a StreamEvent>>(&mut self, events: I) {
        events.into_iter().for_each(|event| self.push(event));
    }
}

impl<'a> FromIterator<&'a StreamEvent> for Assembly {
    fn from_iter<I: IntoIterator<Item = &'a StreamEvent>>(events: I) -> Self {
        let mut assembly = Self::new();
        assembly.extend(events);
        assembly
    }
}
