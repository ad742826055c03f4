//! SSE frames.

use std::fmt::Display;

use bytes::Bytes;
use stream_log::Record;
use stream_model::{Epoch, StreamPosition};
use stream_protocol::ResumeToken;
use stream_protocol::session::{Notice, Source};
use stream_sse::{Encoder, EventName, FrameRef, LastEventId};

/// The bytes of one SSE frame.
pub type Frame = Bytes;

/// A relay's record: JSON whose `type` names the event.
pub fn relay_frame(epoch: Epoch, record: Record) -> Frame {
    let kind = relay_event_type(&record.payload).unwrap_or("message");
    let token = ResumeToken::after(StreamPosition { epoch, offset: record.offset });
    encode(Some(&token), Some(kind), Some(&record.payload))
}

/// The event's type, which its JSON always says first: parsing the rest would cost more than all
/// else that a frame takes.
fn relay_event_type(payload: &[u8]) -> Option<&str> {
    let rest = payload.strip_prefix(br#"{"type":""#)?;
    let end = rest.iter().position(|byte| *byte == b'"')?;
    std::str::from_utf8(rest.get(..end)?).ok()
}

/// What the server itself says, to a reader that stands at `token`.
pub(crate) fn notice_frame(notice: &Notice<impl Source>, token: &dyn Display) -> Frame {
    let data = notice.data().map(|data| data.to_string());
    let token = notice.has_position().then_some(token);
    encode(token, notice.event_name(), data.as_deref().map(str::as_bytes))
}

/// A frame of its own.
pub(crate) fn encode(
    token: Option<&dyn Display>,
    event: Option<&str>,
    data: Option<&[u8]>,
) -> Frame {
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

    #[test]
    fn a_relays_frames_are_named_by_their_type() {
        let payload = Bytes::from_static(br#"{"type":"delta","delta":"x"}"#);
        let record = Record { offset: Offset::new(4), timestamp: now(), payload };
        let frame = relay_frame(Epoch::new(0xe), record);
        let want = "id: e.5\nevent: delta\ndata: {\"type\":\"delta\",\"delta\":\"x\"}\n\n";
        assert_eq!(std::str::from_utf8(&frame).unwrap(), want);
    }
}
