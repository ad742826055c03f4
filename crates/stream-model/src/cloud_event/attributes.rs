//! The attributes of an event, in whichever form they travel.

use serde_json::{Map, Value};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{CloudEventError, Source};
use crate::{DataKind, Event, EventBuilder, EventId, EventType, Metadata, dict};

/// Before the name of an event type of ours.
const TYPE_PREFIX: &str = "millstream.";

/// The extension that holds the metadata that no attribute can.
const REST: &str = "metadata";

/// What the specification names; no extension may be called so.
const NAMED: [&str; 10] = [
    "id",
    "source",
    "specversion",
    "type",
    "subject",
    "time",
    "datacontenttype",
    "dataschema",
    "data",
    "data_base64",
];

/// Characters of a name that an error repeats.
const NAME_CHARS_MAX: usize = 64;

/// The attributes of `event`, in the order in which they are written; texts, numbers and flags.
pub(super) fn write(
    event: &Event,
    source: &Source,
) -> Result<Vec<(String, Value)>, CloudEventError> {
    let mut out = Vec::with_capacity(8);
    let mut rest = Map::new();
    let mut put = |name: &str, value: Value| out.push((name.to_owned(), value));
    let time = event.timestamp().format(&Rfc3339);
    put("specversion", "1.0".into());
    put("id", event.id().to_string().into());
    put("source", text_of(event, "source").unwrap_or(source.as_str()).into());
    put("type", type_text(event).into());
    put("time", time.map_err(|_| CloudEventError::Attribute("time"))?.into());
    for (name, value) in event.metadata().iter() {
        match name {
            "source" | "datacontenttype" if is_text(value) => {}
            "type" if foreign_type(event).is_some() => {}
            "topic" if is_text(value) => {
                put(if has_subject(event) { "topic" } else { "subject" }, value.clone());
            }
            "subject" if has_subject(event) => put(name, value.clone()),
            "dataschema" if is_text(value) => put(name, value.clone()),
            _ if is_extension(name, value) => put(name, value.clone()),
            _ => drop(rest.insert(name.to_owned(), value.clone())),
        }
    }
    if let Some(content_type) = content_type(event) {
        put("datacontenttype", content_type.into());
    }
    if !rest.is_empty() {
        put(REST, Value::Object(rest).to_string().into());
    }
    Ok(out)
}

/// What the metadata says, or else what kind of data it is; JSON goes without saying.
pub(super) fn content_type(event: &Event) -> Option<&str> {
    let implied = match event.data().kind() {
        DataKind::Json => None,
        DataKind::Text => Some("text/plain"),
        DataKind::Binary => Some("application/octet-stream"),
    };
    text_of(event, "datacontenttype").or(implied)
}

/// The value of a name in the metadata that can be an attribute's.
fn text_of<'a>(event: &'a Event, name: &str) -> Option<&'a str> {
    event.metadata().get(name).filter(|value| is_text(value))?.as_str()
}

/// Whether an attribute may have this text: one that is neither empty nor holds controls.
fn is_text(value: &Value) -> bool {
    value.as_str().is_some_and(|text| !text.is_empty() && !text.chars().any(char::is_control))
}

/// Whether an event has a subject of its own beside its topic, as one of others may.
fn has_subject(event: &Event) -> bool {
    text_of(event, "subject").is_some() && text_of(event, "topic").is_some()
}

fn type_text(event: &Event) -> String {
    match foreign_type(event) {
        Some(text) => text.to_owned(),
        None => format!("{TYPE_PREFIX}{}", event.event_type()),
    }
}

/// The type that a foreign event came with; it is a message to us.
fn foreign_type(event: &Event) -> Option<&str> {
    let message = event.event_type() == EventType::Message;
    text_of(event, "type").filter(|text| message && own_type(text).is_none())
}

/// The event type that a type of ours names.
fn own_type(text: &str) -> Option<EventType> {
    text.strip_prefix(TYPE_PREFIX)?.parse().ok()
}

/// Whether metadata can travel as an extension and read back as what it was.
fn is_extension(name: &str, value: &Value) -> bool {
    let fits = match value {
        Value::Bool(_) => true,
        Value::Number(number) => {
            number.as_i64().is_some_and(|number| i32::try_from(number).is_ok())
        }
        other => is_text(other),
    };
    fits && is_name(name) && name != REST && name != "topic"
}

/// Whether an extension may have this name.
fn is_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    !name.is_empty() && name.bytes().all(allowed) && !NAMED.contains(&name)
}

/// Attributes as they come in, one by one.
#[derive(Default)]
pub(super) struct Reader {
    seen: Map<String, Value>,
}

impl Reader {
    /// Takes one attribute; `null` counts as missing.
    pub(super) fn take(&mut self, name: &str, value: Value) -> Result<(), CloudEventError> {
        if value.is_null() {
            return Ok(());
        }
        if self.seen.insert(name.to_owned(), value).is_some() {
            return Err(CloudEventError::Repeated { name: shortened(name) });
        }
        Ok(())
    }

    /// The content type of the data, if there is one.
    pub(super) fn content_type(&self) -> Option<&str> {
        self.seen.get("datacontenttype")?.as_str()
    }

    /// All attributes as an event that lacks nothing but its data.
    pub(super) fn finish(mut self) -> Result<EventBuilder, CloudEventError> {
        if self.required("specversion")? != "1.0" {
            return Err(CloudEventError::Version);
        }
        let mut builder = Event::builder().id(EventId::new(&self.required("id")?)?);
        let mut metadata = Metadata::new();
        metadata.insert("source", self.required("source")?);
        let kind = self.required("type")?;
        match own_type(&kind) {
            Some(event_type) => builder = builder.event_type(event_type),
            None => drop(metadata.insert("type", kind)),
        }
        if let Some(time) = self.optional("time")? {
            builder = builder.timestamp(instant(&time)?);
        }
        let subject = if self.seen.contains_key("topic") { "subject" } else { "topic" };
        for (name, ours) in [("subject", subject), ("dataschema", "dataschema")] {
            if let Some(text) = self.optional(name)? {
                metadata.insert(ours, text);
            }
        }
        if let Some(text) = self.optional("datacontenttype")? {
            metadata.insert("datacontenttype", text);
        }
        for (name, value) in self.seen {
            extend(&mut metadata, name, value)?;
        }
        Ok(builder.metadata(metadata))
    }

    fn required(&mut self, name: &'static str) -> Result<String, CloudEventError> {
        self.optional(name)?.ok_or(CloudEventError::Missing(name))
    }

    fn optional(&mut self, name: &'static str) -> Result<Option<String>, CloudEventError> {
        match self.seen.remove(name) {
            None => Ok(None),
            Some(Value::String(text)) if !text.is_empty() => Ok(Some(text)),
            Some(_) => Err(CloudEventError::Attribute(name)),
        }
    }
}

fn instant(text: &str) -> Result<OffsetDateTime, CloudEventError> {
    dict::parse_time(text).map_err(|_| CloudEventError::Attribute("time"))
}

/// Takes an extension into the metadata; one that holds metadata is unpacked.
fn extend(metadata: &mut Metadata, name: String, value: Value) -> Result<(), CloudEventError> {
    if name == REST
        && let Value::String(text) = &value
        && let Ok(rest) = serde_json::from_str::<Map<String, Value>>(text)
    {
        for (name, value) in rest {
            metadata.insert(name, value);
        }
        return Ok(());
    }
    if !is_name(&name) || matches!(value, Value::Array(_) | Value::Object(_)) {
        return Err(CloudEventError::Extension { name: shortened(&name) });
    }
    metadata.insert(name, value);
    Ok(())
}

fn shortened(name: &str) -> String {
    name.chars().take(NAME_CHARS_MAX).collect()
}
