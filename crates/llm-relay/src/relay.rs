//! The pure machine: a provider's bytes in, a log's records out.

use bytes::{Bytes, BytesMut};
use llm_stream::{Decoder, EndStatus, ErrorKind, EventBody, StreamError, StreamEvent};
use time::OffsetDateTime;

use crate::RelayOptions;

/// Bytes of a block of records.
const BLOCK_BYTES: usize = 4096;

/// Why no more bytes come.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ending {
    /// The provider closed its stream in order.
    Finished,
    /// The stream broke, or never began.
    Failed {
        /// What happened, for people.
        message: String,
        /// What kind of failure it is.
        kind: ErrorKind,
    },
    /// Somebody asked to stop the generation.
    Stopped,
    /// The server is going down.
    Shutdown,
}

/// Turns one provider's stream into records, each the JSON of one event.
///
/// Feed it bytes, take the records after each piece, and say how it ended.
/// The records do not depend on how the bytes were cut, but for their timestamps.
#[derive(Debug)]
pub struct Relay {
    decoder: Decoder,
    records: Vec<Bytes>,
    /// Where the next records lie side by side, so that most need no allocation of their own.
    block: BytesMut,
    /// The JSON that is being written.
    json: Vec<u8>,
    bytes: usize,
    bytes_max: usize,
    status: Option<EndStatus>,
}

impl Relay {
    /// A relay that has seen nothing.
    pub fn new(options: RelayOptions) -> Self {
        Self {
            decoder: options.format.map_or_else(Decoder::detect, Decoder::new),
            records: Vec::new(),
            block: BytesMut::with_capacity(BLOCK_BYTES),
            json: Vec::new(),
            bytes: 0,
            bytes_max: options.bytes_max,
            status: None,
        }
    }

    /// Takes bytes that came at `now`; after the end they are ignored.
    pub fn push(&mut self, now: OffsetDateTime, bytes: &[u8]) {
        if self.is_finished() {
            return;
        }
        self.decoder.push(bytes);
        self.collect(now, &Ending::Finished);
        if self.bytes > self.bytes_max && !self.is_finished() {
            let message = format!("stream longer than {} bytes of events", self.bytes_max);
            self.finish(now, &Ending::Failed { message, kind: ErrorKind::Limit });
        }
    }

    /// Says that no more bytes come; the last record is then the `end` event.
    pub fn finish(&mut self, now: OffsetDateTime, ending: &Ending) {
        if !self.is_finished() {
            self.decoder.finish();
            self.collect(now, ending);
        }
    }

    /// Takes the records made since the last call.
    pub fn take_records(&mut self) -> Vec<Bytes> {
        std::mem::take(&mut self.records)
    }

    /// Whether the provider has said that it is done, though it may still send something.
    pub fn is_done(&self) -> bool {
        self.decoder.is_done()
    }

    /// Whether the `end` event was made: no record will follow those that were taken.
    pub fn is_finished(&self) -> bool {
        self.status.is_some()
    }

    /// How the stream ended, once it has.
    pub fn status(&self) -> Option<EndStatus> {
        self.status
    }

    fn collect(&mut self, now: OffsetDateTime, ending: &Ending) {
        while let Some(mut event) = self.decoder.next_event() {
            let status = match &event.body {
                EventBody::End(end) => Some(end.status),
                _ => None,
            };
            if let Some(status) = status {
                if let Some(cause) = cause_of(status, ending) {
                    self.record(&cause.at(now));
                }
                note_reason(&mut event, status, ending);
                self.status = Some(status);
            }
            self.record(&event.at(now));
        }
    }

    fn record(&mut self, event: &StreamEvent) {
        self.json.clear();
        event.write_json(&mut self.json);
        self.bytes = self.bytes.saturating_add(self.json.len());
        self.block.extend_from_slice(&self.json);
        self.records.push(self.block.split().freeze());
    }
}

/// The error event that explains an end that came too early.
fn cause_of(status: EndStatus, ending: &Ending) -> Option<StreamEvent> {
    match ending {
        // A connection that breaks after the provider was done has taken nothing away.
        Ending::Failed { message, kind } if status != EndStatus::Complete => {
            Some(StreamEvent::new(EventBody::Error(Box::new(StreamError::new(*kind, message)))))
        }
        _ => None,
    }
}

/// Says in the `end` event that it was we who ended it.
fn note_reason(event: &mut StreamEvent, status: EndStatus, ending: &Ending) {
    let reason = match ending {
        Ending::Stopped => "stopped",
        Ending::Shutdown => "shutdown",
        Ending::Finished | Ending::Failed { .. } => return,
    };
    if status != EndStatus::Complete {
        event.extra.get_or_insert_default().insert("reason".to_owned(), reason.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use llm_stream::Format;
    use proptest::prelude::*;
    use time::macros::datetime;

    const T0: OffsetDateTime = datetime!(2026-01-02 03:04:05 UTC);
    const CHAT: &str = concat!(
        "data: {\"id\":\"c1\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Grü\"}}]}\n\n",
        "data: {\"id\":\"c1\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"ße\"}}]}\n\n",
        "data: {\"id\":\"c1\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n",
        "data: [DONE]\n\n",
    );

    fn options() -> RelayOptions {
        RelayOptions::default().format(Format::OpenAiChat)
    }

    fn events(records: &[Bytes]) -> Vec<StreamEvent> {
        let text = |record: &Bytes| std::str::from_utf8(record).unwrap().to_owned();
        records.iter().map(|record| StreamEvent::from_json(&text(record)).unwrap()).collect()
    }

    fn run(input: &[u8], ending: &Ending) -> (Vec<StreamEvent>, EndStatus) {
        let mut relay = Relay::new(options());
        relay.push(T0, input);
        relay.finish(T0, ending);
        relay.push(T0, b"ignored");
        relay.finish(T0, ending);
        let status = relay.status().unwrap();
        (events(&relay.take_records()), status)
    }

    fn kinds(events: &[StreamEvent]) -> Vec<&'static str> {
        events.iter().map(|event| event.event_type().as_str()).collect()
    }

    fn broken() -> Ending {
        Ending::Failed { message: "connection reset".into(), kind: ErrorKind::Server }
    }

    #[test]
    fn every_ending_ends_with_an_end() {
        let cut = &CHAT.as_bytes()[..60];
        let (whole, status) = run(CHAT.as_bytes(), &Ending::Finished);
        assert_eq!(status, EndStatus::Complete);
        assert_eq!(kinds(&whole).last(), Some(&"end"));
        for (ending, reason) in [
            (Ending::Finished, None),
            (Ending::Stopped, Some("stopped")),
            (Ending::Shutdown, Some("shutdown")),
        ] {
            let (events, status) = run(cut, &ending);
            assert_eq!(status, EndStatus::Incomplete);
            let end = events.last().unwrap();
            let found = end.extra.as_ref().and_then(|extra| extra.get("reason"));
            assert_eq!(found.and_then(|reason| reason.as_str()), reason);
        }
    }

    #[test]
    fn a_broken_stream_says_why_before_its_end() {
        let (events, status) = run(&CHAT.as_bytes()[..60], &broken());
        assert_eq!(status, EndStatus::Incomplete);
        assert!(kinds(&events).ends_with(&["error", "end"]));
        assert_eq!(events[events.len() - 2].content(), "connection reset");
        let (events, status) = run(CHAT.as_bytes(), &broken());
        assert_eq!(status, EndStatus::Complete, "what broke after the end is no loss");
        assert!(!kinds(&events).contains(&"error"));
    }

    #[test]
    fn the_size_has_a_limit() {
        let mut relay = Relay::new(options().bytes_max(500));
        for _ in 0..100 {
            relay.push(T0, CHAT.split_inclusive("\n\n").next().unwrap().as_bytes());
        }
        assert!(relay.is_finished());
        let records = relay.take_records();
        assert!(kinds(&events(&records)).ends_with(&["error", "end"]));
        assert!(records.iter().map(Bytes::len).sum::<usize>() < 1500);
    }

    proptest! {
        #[test]
        fn the_records_do_not_depend_on_the_cuts(cuts in proptest::collection::vec(1_usize..40, 0..80)) {
            let mut relay = Relay::new(options());
            let (mut rest, mut records) = (CHAT.as_bytes(), Vec::new());
            for cut in cuts {
                let (head, tail) = rest.split_at(cut.min(rest.len()));
                relay.push(T0, head);
                records.extend(relay.take_records());
                rest = tail;
            }
            relay.push(T0, rest);
            relay.finish(T0, &Ending::Finished);
            records.extend(relay.take_records());
            prop_assert_eq!(events(&records), run(CHAT.as_bytes(), &Ending::Finished).0);
        }
    }
}
