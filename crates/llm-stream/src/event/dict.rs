//! The dict form of an event: `{type, content, delta, metadata, timestamp?}`, both ways.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::de::{DeserializeOwned, Error as _};
use serde::ser::{SerializeMap, Serializer};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use time::format_description::well_known::{Iso8601, Rfc3339};
use time::{OffsetDateTime, PrimitiveDateTime, UtcOffset};

use super::{
    Channel, Delta, End, EndStatus, EventBody, Finish, Identity, Logprobs, Metadata, Opaque,
    RawEvent, RawJson, Signature, Start, StreamError, StreamEvent, StreamEventType, ToolCall,
    ToolStart, Usage,
};
use crate::format::Format;

impl StreamEvent {
    /// The event as a JSON object `{type, content, delta, metadata, timestamp?}`.
    ///
    /// `content` is an error's message or an end's gathered text, `delta` a delta's text or a
    /// tool call's arguments; both are empty in other events. `metadata` holds everything else:
    ///
    /// | type | metadata |
    /// |---|---|
    /// | `start` | `format`, `id`, `model`, `created` |
    /// | `delta` | `choice`, `part`, `channel` |
    /// | `tool_call` | `choice`, `part`, `index`, `id`, `name`, `by`, `complete`, `custom`, `raw` |
    /// | `metadata` | `kind`, and the fields of that [`Metadata`] variant |
    /// | `error` | `kind`, `code`, `raw`, `payload` |
    /// | `end` | `status` |
    ///
    /// What has its default is left out: choice 0, part 0, index 0, an empty `id`, channel
    /// `text`, `by` the client, `complete` true, `custom` false, an error's kind `other`, an end's
    /// status `complete`, and what is unknown.
    ///
    /// # Errors
    /// If a raw provider value cannot be a [`Value`]: it is nested deeper than 128, or holds a
    /// number out of range. [`write_json`](Self::write_json) has no such limits.
    pub fn to_dict(&self) -> Result<Value, serde_json::Error> {
        serde_json::to_value(self)
    }

    /// The event that [`to_dict`](Self::to_dict) wrote; unknown keys of `metadata` are kept in
    /// [`extra`](Self::extra), other unknown keys are ignored.
    /// A tool call may have its `arguments` in `metadata` too.
    ///
    /// # Errors
    /// If the dict has not that form.
    pub fn from_dict(dict: &Value) -> Result<Self, serde_json::Error> {
        Self::deserialize(dict)
    }

    /// The event that [`to_json`](Self::to_json) or [`write_json`](Self::write_json) wrote.
    ///
    /// # Errors
    /// If the text is no JSON, or no event.
    pub fn from_json(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }
}

impl Serialize for StreamEvent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut dict = serializer.serialize_map(None)?;
        dict.serialize_entry("type", &self.event_type())?;
        dict.serialize_entry("content", self.content())?;
        let delta = match &self.body {
            EventBody::ToolCall(call) => &call.arguments,
            _ => self.delta_text(),
        };
        dict.serialize_entry("delta", delta)?;
        dict.serialize_entry("metadata", &MetadataOf(self))?;
        if let Some(text) = self.timestamp_text() {
            dict.serialize_entry("timestamp", &text)?;
        }
        dict.end()
    }
}

impl<'de> Deserialize<'de> for StreamEvent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Dict::deserialize(deserializer)?.into_event().map_err(D::Error::custom)
    }
}

impl StreamEvent {
    /// The timestamp in RFC 3339; `None` also where RFC 3339 cannot say it.
    pub(super) fn timestamp_text(&self) -> Option<String> {
        self.timestamp?.checked_to_offset(UtcOffset::UTC)?.format(&Rfc3339).ok()
    }
}

/// A struct whose fields are keys of `metadata`.
trait Fields: Serialize + DeserializeOwned {
    /// The names of all its fields, and of the tag written beside them.
    const KEYS: &'static [&'static str];
}

/// Names the fields of each struct that appears as `metadata`.
macro_rules! fields {
    ($($kind:ty: $($key:literal)*;)*) => {
        $(impl Fields for $kind {
            const KEYS: &'static [&'static str] = &[$($key),*];
        })*
    };
}

fields! {
    StartFields: "format" "id" "model" "created";
    DeltaFields: "choice" "part" "channel";
    EndFields: "status";
    ExtraFields: "kind" "choice" "fields";
    CustomFields: "kind";
    ToolCall: "choice" "part" "index" "id" "name" "arguments" "by" "complete" "custom" "raw";
    StreamError: "kind" "code" "raw" "payload";
    Identity: "kind" "id" "model";
    ToolStart: "kind" "choice" "part" "index" "id" "name" "by";
    Finish: "kind" "choice" "reason" "provider_reason" "stop_sequence" "details";
    Usage: "kind" "input_tokens" "output_tokens" "total_tokens" "cache_read_tokens"
        "cache_write_tokens" "reasoning_tokens" "raw";
    Signature: "kind" "choice" "part" "signature";
    Opaque: "kind" "choice" "part" "object" "raw";
    Logprobs: "kind" "choice" "raw";
    RawEvent: "kind" "event" "raw";
}

#[derive(Serialize, Deserialize)]
struct StartFields {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    format: Option<Format>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    model: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    created: Option<u64>,
}

#[derive(Serialize, Deserialize)]
struct DeltaFields {
    #[serde(default, skip_serializing_if = "super::metadata::is_zero")]
    choice: u32,
    #[serde(default, skip_serializing_if = "super::metadata::is_zero")]
    part: u32,
    #[serde(default, skip_serializing_if = "is_text")]
    channel: Channel,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the form that serde asks for")]
fn is_text(channel: &Channel) -> bool {
    *channel == Channel::Text
}

#[derive(Serialize, Deserialize)]
struct EndFields {
    #[serde(default = "complete", skip_serializing_if = "is_complete")]
    status: EndStatus,
}

fn complete() -> EndStatus {
    EndStatus::Complete
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the form that serde asks for")]
fn is_complete(status: &EndStatus) -> bool {
    *status == EndStatus::Complete
}

#[derive(Serialize, Deserialize)]
struct ExtraFields {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    choice: Option<u32>,
    fields: BTreeMap<String, RawJson>,
}

#[derive(Serialize, Deserialize)]
struct CustomFields {}

/// Writes an event's `metadata`.
struct MetadataOf<'a>(&'a StreamEvent);

impl Serialize for MetadataOf<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let write = Writer { serializer, extra: self.0.extra.as_deref() };
        match &self.0.body {
            EventBody::Start(start) => write.fields(
                None,
                &StartFields {
                    format: start.format,
                    id: start.id.clone(),
                    model: start.model.clone(),
                    created: start.created,
                },
            ),
            EventBody::Delta(delta) => {
                let Delta { choice, part, channel, .. } = *delta;
                write.fields(None, &DeltaFields { choice, part, channel })
            }
            EventBody::ToolCall(call) => {
                // The arguments are the event's text.
                write.fields(None, &ToolCall { arguments: String::new(), ..(**call).clone() })
            }
            EventBody::Error(error) => write.fields(None, &**error),
            EventBody::End(end) => write.fields(None, &EndFields { status: end.status }),
            EventBody::Metadata(metadata) => write.metadata(metadata),
        }
    }
}

/// Where one `metadata` object goes, and what is attached to it.
struct Writer<'a, S> {
    serializer: S,
    extra: Option<&'a Map<String, Value>>,
}

impl<S: Serializer> Writer<'_, S> {
    fn metadata(self, metadata: &Metadata) -> Result<S::Ok, S::Error> {
        match metadata {
            Metadata::Identity(own) => self.fields(Some("identity"), own),
            Metadata::ToolStart(own) => self.fields(Some("tool_start"), own),
            Metadata::Finish(own) => self.fields(Some("finish"), own),
            Metadata::Usage(own) => self.fields(Some("usage"), own),
            Metadata::Signature(own) => self.fields(Some("signature"), own),
            Metadata::Citation(own) => self.fields(Some("citation"), own),
            Metadata::Logprobs(own) => self.fields(Some("logprobs"), own),
            Metadata::Block(own) => self.fields(Some("block"), own),
            Metadata::Raw(own) => self.fields(Some("raw"), own),
            Metadata::Extra { choice, fields } => {
                let own = ExtraFields { choice: *choice, fields: fields.clone() };
                self.fields(Some("extra"), &own)
            }
            Metadata::Custom { kind } => {
                let kind = Some(kind.as_str()).filter(|kind| !kind.is_empty());
                self.fields(kind, &CustomFields {})
            }
        }
    }

    fn fields<T: Fields>(self, kind: Option<&str>, own: &T) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Object<'a, T> {
            #[serde(skip_serializing_if = "Option::is_none")]
            kind: Option<&'a str>,
            #[serde(flatten)]
            own: &'a T,
            #[serde(flatten)]
            attached: Attached<'a>,
        }
        let attached = Attached { extra: self.extra, taken: T::KEYS };
        Object { kind, own, attached }.serialize(self.serializer)
    }
}

/// The attached keys that are not taken by the event's own.
struct Attached<'a> {
    extra: Option<&'a Map<String, Value>>,
    taken: &'a [&'a str],
}

impl Serialize for Attached<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let free = self.extra.into_iter().flatten();
        serializer.collect_map(free.filter(|(key, _)| !self.taken.contains(&key.as_str())))
    }
}

/// A dict as it was read, before its metadata is understood.
#[derive(Deserialize)]
struct Dict {
    #[serde(rename = "type")]
    kind: StreamEventType,
    #[serde(default)]
    content: Option<String>,
    #[serde(default)]
    delta: Option<String>,
    #[serde(default)]
    metadata: Option<Box<RawValue>>,
    #[serde(default)]
    timestamp: Option<String>,
}

impl Dict {
    fn into_event(self) -> Result<StreamEvent, serde_json::Error> {
        let metadata = self.metadata.as_deref().map_or("{}", RawValue::get);
        let mut read = Reader { metadata, extra: None };
        let content = self.content.unwrap_or_default();
        let body = match self.kind {
            StreamEventType::Start => {
                let StartFields { format, id, model, created } = read.fields()?;
                EventBody::Start(Box::new(Start { format, id, model, created }))
            }
            StreamEventType::Delta => {
                let DeltaFields { choice, part, channel } = read.fields()?;
                let text = self.delta.unwrap_or_default();
                EventBody::Delta(Delta { choice, part, channel, text })
            }
            StreamEventType::ToolCall => {
                let mut call: ToolCall = read.fields()?;
                if call.arguments.is_empty() {
                    call.arguments = self.delta.unwrap_or_default();
                }
                EventBody::ToolCall(Box::new(call))
            }
            StreamEventType::Metadata => EventBody::Metadata(Box::new(read.metadata()?)),
            StreamEventType::Error => {
                let mut error: StreamError = read.fields()?;
                error.message = content;
                EventBody::Error(Box::new(error))
            }
            StreamEventType::End => {
                let EndFields { status } = read.fields()?;
                EventBody::End(Box::new(End { status, content }))
            }
        };
        let timestamp = self.timestamp.as_deref().map(parse_timestamp).transpose()?;
        Ok(StreamEvent { body, timestamp, extra: read.extra })
    }
}

/// Reads one `metadata` object: first the event's own fields, then what is left.
struct Reader<'a> {
    metadata: &'a str,
    extra: Option<Box<Map<String, Value>>>,
}

impl Reader<'_> {
    fn metadata(&mut self) -> Result<Metadata, serde_json::Error> {
        #[derive(Deserialize)]
        struct Kind<'a> {
            #[serde(default, borrow)]
            kind: Cow<'a, str>,
        }
        let Kind { kind } = serde_json::from_str(self.metadata)?;
        Ok(match &*kind {
            "identity" => Metadata::Identity(self.fields()?),
            "tool_start" => Metadata::ToolStart(self.fields()?),
            "finish" => Metadata::Finish(self.fields()?),
            "usage" => Metadata::Usage(self.fields()?),
            "signature" => Metadata::Signature(self.fields()?),
            "citation" => Metadata::Citation(self.fields()?),
            "logprobs" => Metadata::Logprobs(self.fields()?),
            "block" => Metadata::Block(self.fields()?),
            "raw" => Metadata::Raw(self.fields()?),
            "extra" => {
                let ExtraFields { choice, fields } = self.fields()?;
                Metadata::Extra { choice, fields }
            }
            custom => {
                let kind = custom.to_owned();
                let CustomFields {} = self.fields()?;
                Metadata::Custom { kind }
            }
        })
    }

    fn fields<T: Fields>(&mut self) -> Result<T, serde_json::Error> {
        let own = serde_json::from_str(self.metadata)?;
        let mut extra = Map::new();
        if self.metadata != "{}" {
            let all: BTreeMap<Cow<'_, str>, &RawValue> = serde_json::from_str(self.metadata)?;
            for (key, value) in all {
                if !T::KEYS.contains(&&*key) {
                    extra.insert(key.into_owned(), serde_json::from_str(value.get())?);
                }
            }
        }
        self.extra = (!extra.is_empty()).then(|| Box::new(extra));
        Ok(own)
    }
}

/// Reads RFC 3339, and ISO 8601 without an offset as UTC.
fn parse_timestamp(text: &str) -> Result<OffsetDateTime, serde_json::Error> {
    OffsetDateTime::parse(text, &Rfc3339)
        .or_else(|_| {
            PrimitiveDateTime::parse(text, &Iso8601::DEFAULT).map(PrimitiveDateTime::assume_utc)
        })
        .map_err(serde_json::Error::custom)
}
