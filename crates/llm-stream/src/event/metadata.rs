//! What becomes known about a stream besides its text and tool calls.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Finish, RawJson, ToolStart, Usage};

/// Something about a stream; the JSON form names the variant in `metadata.kind`.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Metadata {
    /// `identity`: the id or the model became known, or changed, after the start.
    Identity(Identity),
    /// `tool_start`: a tool call begins.
    ToolStart(ToolStart),
    /// `finish`: a choice ended.
    Finish(Finish),
    /// `usage`: the token counts so far; replaces the ones before.
    Usage(Usage),
    /// `signature`: proof of a reasoning part, to be sent back to the provider with it.
    Signature(Signature),
    /// `citation`: a source of the text of a part.
    Citation(Opaque),
    /// `logprobs`: token probabilities of the deltas just before.
    Logprobs(Logprobs),
    /// `block`: a content block with no text of its own, such as a search result or redacted
    /// reasoning.
    Block(Opaque),
    /// `extra`: fields outside the format's known ones, reported when they change.
    Extra {
        /// The choice whose object had them; `None` for the payload itself.
        choice: Option<u32>,
        /// The fields by name.
        fields: BTreeMap<String, RawJson>,
    },
    /// `raw`: a whole payload that the decoder does not interpret.
    Raw(RawEvent),
    /// Any other kind: an event of a user's own, all of whose fields are in
    /// [`StreamEvent::extra`](crate::StreamEvent::extra).
    Custom {
        /// The name of the kind; empty if there was none.
        kind: String,
    },
}

/// What a generation is called.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Identity {
    /// The provider's id of the generation, if it is new.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The model that answers, if it is new.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
}

/// Proof of a part, opaque to everybody but the provider.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Signature {
    /// The choice.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub choice: u32,
    /// The part that it proves.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub part: u32,
    /// The signature; later ones of the same part follow it.
    pub signature: String,
}

/// A provider's object that belongs to a part.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Opaque {
    /// The choice.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub choice: u32,
    /// The part that it belongs to, or that it is.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub part: u32,
    /// The object's own type, where it has one.
    #[serde(default, rename = "object", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// The object.
    pub raw: RawJson,
}

/// Token probabilities in the provider's form.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Logprobs {
    /// The choice.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub choice: u32,
    /// The provider's object.
    pub raw: RawJson,
}

/// A payload that the decoder does not interpret.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RawEvent {
    /// The event's name on the wire: the SSE event field, if it had one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<String>,
    /// The payload.
    pub raw: RawJson,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the form that serde asks for")]
pub(super) fn is_zero(number: &u32) -> bool {
    *number == 0
}
