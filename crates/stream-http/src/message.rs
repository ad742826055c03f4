//! JSON messages: a line of NDJSON or a WebSocket's text each, with one key that says what it is.

use std::fmt::Display;

use bytes::{BufMut, BytesMut};
use serde_json::{Value, json};
use stream_protocol::session::{Notice, Source};

use crate::item::TopicItem;

/// Adds `{"event": …, "subscription": …, "resume": …}` to `out`.
///
/// `resume` is the position of the whole subscription; the event itself has that of its topic.
pub(crate) fn put_event(
    out: &mut BytesMut,
    item: &TopicItem,
    subscription: Option<&str>,
    resume: &dyn Display,
) {
    out.put_slice(br#"{"event":"#);
    out.put_slice(item.entry());
    put_place(out, subscription, Some(resume));
}

/// Adds what the server itself says, for example
/// `{"trimmed": {"from": 3, "to": 8, "missed": 5}, "resume": …}`; the greeting is `hello`.
pub(crate) fn put_notice(
    out: &mut BytesMut,
    notice: &Notice<impl Source>,
    subscription: Option<&str>,
    resume: Option<&dyn Display>,
) {
    let name = notice.event_name().unwrap_or("hello");
    let data = notice.data().unwrap_or_else(|| json!({}));
    out.put_slice(format!("{{{}:{data}", Value::from(name)).as_bytes());
    put_place(out, subscription, resume.filter(|_| notice.has_position()));
}

fn put_place(out: &mut BytesMut, subscription: Option<&str>, resume: Option<&dyn Display>) {
    if let Some(id) = subscription {
        out.put_slice(format!(",\"subscription\":{}", Value::from(id)).as_bytes());
    }
    if let Some(resume) = resume {
        // A token holds nothing that JSON would escape.
        out.put_slice(format!(",\"resume\":\"{resume}\"").as_bytes());
    }
    out.put_slice(b"}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use stream_log::Record;
    use stream_model::now::now;
    use stream_model::{Epoch, Event, Offset, Topic};
    use stream_protocol::session::Gap;

    fn parse(write: impl FnOnce(&mut BytesMut)) -> Value {
        let mut out = BytesMut::new();
        write(&mut out);
        serde_json::from_slice(&out).unwrap()
    }

    #[test]
    fn every_message_says_what_it_is_and_where_the_reader_stands() {
        let payload = Event::text("x").encode();
        let record = Record { offset: Offset::new(4), timestamp: now(), payload };
        let item = TopicItem::new(Epoch::new(0xe), record);
        let event = parse(|out| put_event(out, &item, None, &"m1"));
        assert_eq!((&event["event"]["data"], &event["resume"]), (&json!("x"), &json!("m1")));
        let event = parse(|out| put_event(out, &item, Some("a\"b"), &"m1"));
        assert_eq!(event["subscription"], "a\"b");
        let hello = parse(|out| put_notice(out, &Notice::<()>::Hello, None, Some(&"m1")));
        assert_eq!(hello, json!({"hello": {}, "resume": "m1"}));
        let heartbeat = parse(|out| put_notice(out, &Notice::<()>::Heartbeat, None, Some(&"m1")));
        assert_eq!(heartbeat, json!({"heartbeat": {}}));
        let gap = Gap::Trimmed { from: Offset::new(3), to: Offset::new(8) };
        let gap = Notice::Gap(Topic::new("a").unwrap(), gap);
        assert_eq!(
            parse(|out| put_notice(out, &gap, Some("s"), Some(&"m1"))),
            json!({
                "trimmed": {"from": 3, "to": 8, "missed": 5, "topic": "a"},
                "subscription": "s",
                "resume": "m1",
            })
        );
    }
}
