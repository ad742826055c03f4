//! Output items: what each kind of them is called in the events about it, and its whole form.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::super::object::{Array, Json, Object};
use super::super::target::{Block, Content};
use crate::event::{Opaque, RawJson};

/// What an item is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ItemKind {
    Text,
    Refusal,
    Reasoning,
    Call,
    /// A provider's own item.
    Opaque,
}

/// What the events about an item's content are called.
#[derive(Debug, Clone, Copy)]
pub(super) struct ContentWords {
    pub(super) added: &'static str,
    pub(super) done: &'static str,
    /// The field that counts the contents of an item.
    pub(super) index: &'static str,
}

impl ItemKind {
    /// The events about its content; `None` if it has none.
    pub(super) fn content(self) -> Option<ContentWords> {
        match self {
            Self::Text | Self::Refusal => Some(ContentWords {
                added: "response.content_part.added",
                done: "response.content_part.done",
                index: "content_index",
            }),
            Self::Reasoning => Some(ContentWords {
                added: "response.reasoning_summary_part.added",
                done: "response.reasoning_summary_part.done",
                index: "summary_index",
            }),
            Self::Call | Self::Opaque => None,
        }
    }

    /// The event of a piece of its text.
    pub(super) fn delta(self) -> Option<&'static str> {
        match self {
            Self::Text => Some("response.output_text.delta"),
            Self::Refusal => Some("response.refusal.delta"),
            Self::Reasoning => Some("response.reasoning_summary_text.delta"),
            Self::Call => Some("response.function_call_arguments.delta"),
            Self::Opaque => None,
        }
    }

    /// The event of its whole text.
    pub(super) fn done(self) -> Option<&'static str> {
        match self {
            Self::Text => Some("response.output_text.done"),
            Self::Refusal => Some("response.refusal.done"),
            Self::Reasoning => Some("response.reasoning_summary_text.done"),
            Self::Call => Some("response.function_call_arguments.done"),
            Self::Opaque => None,
        }
    }

    /// The field that its whole text is in.
    pub(super) fn text_key(self) -> &'static str {
        match self {
            Self::Refusal => "refusal",
            Self::Call => "arguments",
            _ => "text",
        }
    }

    /// What its id begins with.
    fn prefix(self) -> &'static str {
        match self {
            Self::Text | Self::Refusal => "msg",
            Self::Reasoning => "rs",
            Self::Call => "fc",
            Self::Opaque => "item",
        }
    }
}

/// An output item, as far as it has been told.
#[derive(Debug, Clone)]
pub(super) struct Item {
    pub(super) id: String,
    pub(super) kind: ItemKind,
    pub(super) text: String,
    pub(super) annotations: Vec<RawJson>,
    /// The whole of a provider's own item.
    pub(super) raw: Option<RawJson>,
    /// The provider's proof of its reasoning.
    encrypted_content: Option<RawJson>,
    /// A call's id and name.
    call: (String, String),
    /// Whether it has been told to its end.
    pub(super) is_whole: bool,
}

/// What a provider's reasoning item holds: its words, twice, and the proof of them.
#[derive(Debug, Deserialize)]
struct Reasoning<'a> {
    #[serde(borrow)]
    summary: Option<&'a RawValue>,
    #[serde(borrow)]
    content: Option<&'a RawValue>,
    #[serde(borrow)]
    encrypted_content: Option<&'a RawValue>,
}

impl Reasoning<'_> {
    fn has_words(&self) -> bool {
        [self.summary, self.content].into_iter().flatten().any(|words| words.get() != "[]")
    }
}

impl Item {
    /// An item of the response `response` of which nothing has been told.
    pub(super) fn new(response: &str, block: &Block) -> Self {
        let kind = match block.content {
            Content::Text => ItemKind::Text,
            Content::Refusal => ItemKind::Refusal,
            Content::Reasoning => ItemKind::Reasoning,
            Content::Call(_) => ItemKind::Call,
            Content::Opaque => ItemKind::Opaque,
        };
        let call = block.content.call();
        Self {
            id: format!("{}_{response}_{}", kind.prefix(), block.number),
            kind,
            text: String::new(),
            annotations: Vec::new(),
            raw: None,
            encrypted_content: None,
            call: call.map(|call| (call.id.clone(), call.name.clone())).unwrap_or_default(),
            is_whole: false,
        }
    }

    /// The item before anything is told.
    pub(super) fn empty(&self) -> Form<'_> {
        Form { item: self, status: "in_progress" }
    }

    /// The item with all that has been told of it.
    pub(super) fn whole(&self) -> Form<'_> {
        Form { item: self, status: if self.is_whole { "completed" } else { "incomplete" } }
    }

    /// Takes a provider's own item, which has not been told.
    ///
    /// What it reasoned in words has been, so that such an item is told without them: nobody
    /// shall read them twice.
    pub(super) fn take_own(&mut self, own: &Opaque) {
        let is_reasoning = own.kind.as_deref() == Some("reasoning");
        let reasoning = own.raw.parse().ok().filter(|_| is_reasoning);
        if reasoning.is_some_and(|reasoning: Reasoning<'_>| reasoning.has_words()) {
            self.kind = ItemKind::Reasoning;
            self.take_proof(&own.raw);
        } else {
            self.raw = Some(own.raw.clone());
        }
    }

    /// Takes the proof of a provider's own reasoning item.
    ///
    /// Not its id, which comes too late: clients give up when the id of an item changes.
    pub(super) fn take_proof(&mut self, raw: &RawJson) {
        let Ok(Reasoning { encrypted_content, .. }) = raw.parse() else { return };
        self.encrypted_content = encrypted_content.map(|proof| RawJson::from_valid(proof.get()));
    }

    /// A call's name.
    pub(super) fn call_name(&self) -> Option<&str> {
        (self.kind == ItemKind::Call).then_some(self.call.1.as_str())
    }

    /// Adds the fields of its content, with this text.
    pub(super) fn write_content(&self, text: &str, part: &mut Object<'_>) {
        match self.kind {
            ItemKind::Refusal => {
                part.put("type", "refusal").put("refusal", text);
            }
            ItemKind::Reasoning => {
                part.put("type", "summary_text").put("text", text);
            }
            _ => {
                part.put("type", "output_text").put("text", text);
                part.array("annotations", |list| {
                    for annotation in &self.annotations {
                        list.put(annotation);
                    }
                });
                part.nothing("logprobs");
            }
        }
    }
}

/// An item as the object that says what it is now.
#[derive(Debug, Clone, Copy)]
pub(super) struct Form<'a> {
    item: &'a Item,
    status: &'static str,
}

impl Form<'_> {
    fn has_begun(self) -> bool {
        self.status != "in_progress"
    }

    fn fill(self, object: &mut Object<'_>) {
        let Self { item, status } = self;
        object.put("id", &item.id);
        match item.kind {
            ItemKind::Text | ItemKind::Refusal => {
                object.put("type", "message").put("status", status).put("role", "assistant");
                object.array("content", |content| self.content(content));
            }
            ItemKind::Reasoning => {
                object.put("type", "reasoning").array("summary", |list| self.content(list));
                object.put_some("encrypted_content", item.encrypted_content.as_ref());
            }
            ItemKind::Call | ItemKind::Opaque => {
                let (id, name) = &item.call;
                let arguments = if self.has_begun() { item.text.as_str() } else { "" };
                object.put("type", "function_call").put("status", status);
                object.put("call_id", id).put("name", name).put("arguments", arguments);
            }
        }
    }

    fn content(self, list: &mut Array<'_>) {
        if self.has_begun() {
            list.object(|part| self.item.write_content(&self.item.text, part));
        }
    }
}

impl Json for Form<'_> {
    fn write(&self, out: &mut Vec<u8>) {
        match &self.item.raw {
            Some(raw) => raw.write(out),
            None => Object::write(out, |object| self.fill(object)),
        }
    }
}
