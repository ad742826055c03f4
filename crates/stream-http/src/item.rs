//! A topic's record in the forms that its readers get, each made once, when the first one asks.

use std::sync::{Arc, OnceLock};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use serde::Serialize;
use stream_log::Record;
use stream_model::{Data, DataKind, Epoch, Event, Offset, StreamPosition};
use stream_protocol::ResumeToken;
use tracing::error;

use crate::frame::{Frame, encode};

/// A record of a topic; a clone is another handle to the same forms.
#[derive(Debug, Clone)]
pub(crate) struct TopicItem(Arc<Parts>);

#[derive(Debug)]
struct Parts {
    position: StreamPosition,
    /// The event, or what is wrong with the record.
    event: Result<Event, String>,
    frame: OnceLock<Frame>,
    entry: OnceLock<Bytes>,
}

impl TopicItem {
    pub(crate) fn new(epoch: Epoch, record: Record) -> Self {
        let event = Event::decode(&record.payload).map_err(|damage| {
            // The reader's position must move on, and it must know that something is missing.
            error!(%damage, offset = %record.offset, "record is no event");
            damage.to_string()
        });
        let position = StreamPosition { epoch, offset: record.offset };
        Self(Arc::new(Parts { position, event, frame: OnceLock::new(), entry: OnceLock::new() }))
    }

    /// The position after it.
    pub(crate) fn token(&self) -> ResumeToken {
        ResumeToken::after(self.0.position)
    }

    /// Where it lies in its topic.
    pub(crate) fn offset(&self) -> Offset {
        self.0.position.offset
    }

    /// The event; `None` if the record is damaged.
    pub(crate) fn event(&self) -> Option<&Event> {
        self.0.event.as_ref().ok()
    }

    /// The name of its SSE frame.
    pub(crate) fn event_name(&self) -> &'static str {
        self.event().map_or("error", |event| event.event_type().as_str())
    }

    /// The SSE frame for readers of this topic alone: the event's type and its data as they came.
    pub(crate) fn frame(&self) -> &Frame {
        self.0.frame.get_or_init(|| {
            let data = match &self.0.event {
                Ok(event) => text(event.data()),
                Err(damage) => serde_json::json!({"error": damage}).to_string().into_bytes().into(),
            };
            encode(Some(&self.token()), Some(self.event_name()), Some(&data))
        })
    }

    /// The JSON object of history pages, lines, and readers of many topics.
    pub(crate) fn entry(&self) -> &Bytes {
        self.0.entry.get_or_init(|| {
            // Only a timestamp beyond the year 9999 cannot be written.
            serde_json::to_vec(self).map_or_else(
                |failure| {
                    Bytes::from(serde_json::json!({"error": failure.to_string()}).to_string())
                },
                Bytes::from,
            )
        })
    }
}

/// As its [`entry`](TopicItem::entry).
impl Serialize for TopicItem {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Entry::new(self).serialize(serializer)
    }
}

/// An event with its place, or what is wrong with the record.
#[derive(Debug, Serialize)]
struct Entry<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    topic: Option<&'a str>,
    offset: Offset,
    /// What resumes a reader of this topic after the event.
    resume: String,
    #[serde(flatten)]
    what: What<'a>,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum What<'a> {
    Event(&'a Event),
    Damage { error: &'a str },
}

impl<'a> Entry<'a> {
    fn new(item: &'a TopicItem) -> Self {
        let what = match &item.0.event {
            Ok(event) => What::Event(event),
            Err(error) => What::Damage { error },
        };
        Self {
            topic: item.event().and_then(Event::topic),
            offset: item.0.position.offset,
            resume: item.token().to_string(),
            what,
        }
    }
}

/// What a text transport can carry of the data; bytes become base64.
fn text(data: &Data) -> std::borrow::Cow<'_, [u8]> {
    match data.kind() {
        DataKind::Json | DataKind::Text => data.as_bytes().into(),
        DataKind::Binary => BASE64.encode(data.as_bytes()).into_bytes().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};
    use stream_model::Topic;
    use stream_model::now::now;

    fn item(payload: impl Into<Bytes>) -> TopicItem {
        let record = Record { offset: Offset::new(4), timestamp: now(), payload: payload.into() };
        TopicItem::new(Epoch::new(0xe), record)
    }

    #[track_caller]
    fn check_frame(payload: impl Into<Bytes>, want: &str) {
        assert_eq!(std::str::from_utf8(item(payload).frame()).unwrap(), want);
    }

    #[test]
    fn frames_carry_the_position_after_their_record() {
        let event = |data| Event::new(data).encode();
        check_frame(
            event(Data::json("{\"n\":1}").unwrap()),
            "id: e.5\nevent: message\ndata: {\"n\":1}\n\n",
        );
        check_frame(
            event(Data::text("a\nid: forged")),
            "id: e.5\nevent: message\ndata: a\ndata: id: forged\n\n",
        );
        check_frame(event(Data::binary(&b"\xff\n"[..])), "id: e.5\nevent: message\ndata: /wo=\n\n");
        check_frame(
            "\u{7}",
            "id: e.5\nevent: error\ndata: {\"error\":\"expected event bytes of version 1, found 7\"}\n\n",
        );
    }

    #[test]
    fn entries_hold_the_event_and_its_place() {
        let topic = Topic::new("a.b").unwrap();
        let event = Event::builder().data(Data::json("[1]").unwrap()).topic(&topic).build();
        let entry: Value = serde_json::from_slice(item(event.encode()).entry()).unwrap();
        let place = |name: &str| entry[name].clone();
        assert_eq!(place("topic"), "a.b");
        assert_eq!((place("offset"), place("resume")), (json!(4), json!("e.5")));
        assert_eq!((place("type"), place("data")), (json!("message"), json!([1])));
        assert_eq!(place("id"), event.id().to_string());
        let damaged: Value = serde_json::from_slice(item("\u{7}").entry()).unwrap();
        let error = "expected event bytes of version 1, found 7";
        assert_eq!(damaged, json!({"offset": 4, "resume": "e.5", "error": error}));
    }
}
