//! A record as the bytes that every reader of it gets, made once.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use stream_log::Record;
use stream_model::{Data, DataKind, Epoch, Event, StreamPosition};
use stream_protocol::ResumeToken;
use stream_protocol::session::Notice;
use stream_sse::{Encoder, EventName, FrameRef, LastEventId};
use tracing::error;

/// The bytes of one SSE frame.
pub type Frame = Bytes;

/// A topic's record: the event's type and its data as they came.
pub fn topic_frame(epoch: Epoch, record: Record) -> Frame {
    let token = token_after(epoch, &record);
    match Event::decode(&record.payload) {
        Ok(event) => {
            encode(Some(token), Some(event.event_type().as_str()), Some(&text(event.data())))
        }
        Err(damage) => {
            // The reader's position must move on, and it must know that something is missing.
            error!(%damage, offset = %record.offset, "record is no event");
            let data = serde_json::json!({"error": damage.to_string()}).to_string();
            encode(Some(token), Some("error"), Some(data.as_bytes()))
        }
    }
}

/// A relay's record: JSON whose `type` names the event.
pub fn relay_frame(epoch: Epoch, record: Record) -> Frame {
    let kind = relay_event_type(&record.payload).unwrap_or("message");
    encode(Some(token_after(epoch, &record)), Some(kind), Some(&record.payload))
}

/// The event's type, which its JSON always says first: parsing the rest would cost more than all
/// else that a frame takes.
fn relay_event_type(payload: &[u8]) -> Option<&str> {
    let rest = payload.strip_prefix(br#"{"type":""#)?;
    let end = rest.iter().position(|byte| *byte == b'"')?;
    std::str::from_utf8(rest.get(..end)?).ok()
}

/// What the server itself says.
pub(crate) fn notice_frame(notice: &Notice) -> Frame {
    let data = notice.data().map(|data| data.to_string());
    encode(notice.token(), notice.event_name(), data.as_deref().map(str::as_bytes))
}

/// What a text transport can carry of the data; bytes become base64.
fn text(data: &Data) -> std::borrow::Cow<'_, [u8]> {
    match data.kind() {
        DataKind::Json | DataKind::Text => data.as_bytes().into(),
        DataKind::Binary => BASE64.encode(data.as_bytes()).into_bytes().into(),
    }
}

fn token_after(epoch: Epoch, record: &Record) -> ResumeToken {
    ResumeToken::after(StreamPosition { epoch, offset: record.offset })
}

fn encode(token: Option<ResumeToken>, event: Option<&str>, data: Option<&[u8]>) -> Frame {
    // Tokens and our own names hold no line break; anything else is left out rather than sent.
    let id = token.and_then(|token| LastEventId::parse(token.to_string()).ok());
    let event = event.and_then(|event| EventName::parse(event).ok());
    let mut encoder = Encoder::new();
    encoder.push(FrameRef { id: id.as_ref(), event: event.as_ref(), data, ..FrameRef::default() });
    encoder.take().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use stream_model::Offset;
    use stream_model::now::now;

    fn record(payload: impl Into<Bytes>) -> Record {
        Record { offset: Offset::new(4), timestamp: now(), payload: payload.into() }
    }

    #[track_caller]
    fn check(frame: Frame, want: &str) {
        assert_eq!(std::str::from_utf8(&frame).unwrap(), want);
    }

    #[test]
    fn frames_carry_the_position_after_their_record() {
        let epoch = Epoch::new(0xe);
        let event = |data| record(Event::new(data).encode());
        check(
            topic_frame(epoch, event(Data::json("{\"n\":1}").unwrap())),
            "id: e.5\nevent: message\ndata: {\"n\":1}\n\n",
        );
        check(
            topic_frame(epoch, event(Data::text("a\nid: forged"))),
            "id: e.5\nevent: message\ndata: a\ndata: id: forged\n\n",
        );
        check(
            topic_frame(epoch, event(Data::binary(&b"\xff\n"[..]))),
            "id: e.5\nevent: message\ndata: /wo=\n\n",
        );
        check(
            relay_frame(epoch, record("{\"type\":\"delta\",\"delta\":\"x\"}")),
            "id: e.5\nevent: delta\ndata: {\"type\":\"delta\",\"delta\":\"x\"}\n\n",
        );
        check(
            topic_frame(epoch, record("\u{7}")),
            "id: e.5\nevent: error\ndata: {\"error\":\"expected event bytes of version 1, found 7\"}\n\n",
        );
    }
}
