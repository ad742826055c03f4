//! A relay's events in the format that a reader asked for.

use llm_stream::{
    Encoder, EndStatus, ErrorKind, EventBody, Frame, OutputFormat, StreamError, StreamEvent,
};
use stream_log::Record;
use stream_model::{Epoch, Offset, StreamPosition};
use stream_protocol::ResumeToken;
use stream_protocol::session::{Gap, Notice};
use stream_sse::{Encoder as SseEncoder, EventName, FrameRef, LastEventId};
use tracing::error;

use crate::chunk::Chunk;
use crate::rendition::Rendition;

/// A comment line, which every client skips.
///
/// No blank line comes after it: that would end an event, and some clients of providers take one
/// without data for a broken one.
const KEEP_ALIVE: &[u8] = b":\n";

/// One reader's encoder.
#[derive(Debug)]
pub(crate) struct Output {
    encoder: Encoder,
    sse: SseEncoder,
    /// Where the reader begins; what comes before only brings the encoder there.
    from: StreamPosition,
    /// Whether the reader must be told what is open where it begins.
    wants_snapshot: bool,
    end: Option<EndStatus>,
}

impl Output {
    /// An encoder for a reader that begins at `from`, of a stream whose records all go through it.
    pub(crate) fn new(
        format: OutputFormat,
        id: &str,
        from: StreamPosition,
        wants_snapshot: bool,
    ) -> Self {
        let encoder = Encoder::new(format).stream_id(id);
        Self { encoder, sse: SseEncoder::new(), from, wants_snapshot, end: None }
    }

    fn write(&mut self, event: &StreamEvent, token: Option<ResumeToken>, chunk: &mut Chunk) {
        let format = self.encoder.format();
        for frame in self.encoder.push(event) {
            put(format, &frame, token.filter(|_| frame.is_last), &mut self.sse, chunk);
        }
    }

    fn write_snapshot(&mut self, chunk: &mut Chunk) {
        let format = self.encoder.format();
        for frame in self.encoder.snapshot() {
            put(format, &frame, None, &mut self.sse, chunk);
        }
    }

    /// Says that something is missing, in the only words that every format has: an error's.
    fn break_off(&mut self, message: String, chunk: &mut Chunk) {
        let error = StreamError::new(ErrorKind::Other, message);
        self.write(&StreamEvent::new(EventBody::Error(Box::new(error))), None, chunk);
        let mut end = StreamEvent::end("");
        if let EventBody::End(end) = &mut end.body {
            end.status = EndStatus::Incomplete;
        }
        self.write(&end, None, chunk);
        self.end = Some(EndStatus::Incomplete);
    }
}

fn put(
    format: OutputFormat,
    frame: &Frame<'_>,
    token: Option<ResumeToken>,
    sse: &mut SseEncoder,
    chunk: &mut Chunk,
) {
    if !format.is_sse() {
        chunk.extend(frame.data);
        return;
    }
    let id = token.and_then(|token| LastEventId::parse(token.to_string()).ok());
    let event = frame.event.and_then(|name| EventName::parse(name).ok());
    let (id, event, data) = (id.as_ref(), event.as_ref(), Some(frame.data));
    sse.push(FrameRef { id, event, data, ..FrameRef::default() });
    chunk.extend(sse.as_bytes());
    sse.clear();
}

impl Rendition for Output {
    type Item = StreamEvent;

    fn record(&mut self, offset: Offset, event: &StreamEvent, chunk: &mut Chunk) {
        if let EventBody::End(end) = &event.body {
            self.end = Some(end.status);
        }
        if offset >= self.from.offset {
            let position = StreamPosition { epoch: self.from.epoch, offset };
            self.write(event, Some(ResumeToken::after(position)), chunk);
            return;
        }
        let _unseen = self.encoder.push(event);
        if offset.next() == self.from.offset && self.wants_snapshot {
            self.write_snapshot(chunk);
        }
    }

    fn notice(&mut self, notice: &Notice, _: ResumeToken, chunk: &mut Chunk) {
        let missing = match notice {
            Notice::Heartbeat if self.encoder.format().is_sse() => {
                chunk.extend(KEEP_ALIVE);
                return;
            }
            Notice::Gap((), Gap::Trimmed { .. }) => "records are gone",
            Notice::Gap((), Gap::Lagged { .. }) => "records were skipped",
            Notice::Gap((), Gap::Damaged { .. }) => "records are damaged",
            Notice::Gap((), Gap::EpochChanged { .. }) => "the stream was made anew",
            // Their clients expect nothing but the provider's words; they come back by themselves.
            Notice::Hello | Notice::Heartbeat | Notice::Deleted(()) | Notice::Disconnect(_) => {
                return;
            }
        };
        self.break_off(missing.to_owned(), chunk);
    }

    fn is_over(&self) -> bool {
        self.end.is_some()
    }

    fn tells_its_end(&self) -> bool {
        // Plain text has no word for an end that came too early.
        let format = self.encoder.format();
        self.end.is_some_and(|status| format.is_sse() || status == EndStatus::Complete)
    }
}

/// A relay's record as an event.
pub(crate) fn relay_event(_: Epoch, record: Record) -> StreamEvent {
    let text = std::str::from_utf8(&record.payload).map_err(|error| error.to_string());
    let event = text.and_then(|text| StreamEvent::from_json(text).map_err(|e| e.to_string()));
    event.unwrap_or_else(|damage| {
        // The reader's position must move on, and it must know that something is missing.
        error!(damage, offset = %record.offset, "record is no event");
        StreamEvent::error(damage)
    })
}
