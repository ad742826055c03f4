//! The pure machine: a provider's bytes in, a log's records out.

use bytes::{Bytes, BytesMut};
use llm_stream::filter::ContentFilter;
use llm_stream::{
    Decoder, EndStatus, ErrorKind, EventBody, ProcessError, Processor, StatsRecorder, StreamError,
    StreamEvent, StreamStats,
};

use crate::{Moment, RelayOptions};

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
/// The records do not depend on how the bytes were cut, but for their timestamps, where a filter
/// cuts its deltas, and the times among the statistics.
#[derive(Debug)]
pub struct Relay {
    decoder: Decoder,
    filter: Option<ContentFilter>,
    stats: Option<StatsRecorder>,
    /// What came of one event of the decoder.
    passed: Vec<StreamEvent>,
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
    /// A relay that has seen nothing; the times of its statistics count from `now`.
    pub fn new(options: &RelayOptions, now: Moment) -> Self {
        let stats = options.statistics.then(|| {
            let mut stats = StatsRecorder::default();
            stats.begin(now.instant);
            stats
        });
        Self {
            decoder: options.format.map_or_else(Decoder::detect, Decoder::new),
            filter: options.filter.as_ref().map(ContentFilter::new),
            stats,
            passed: Vec::new(),
            records: Vec::new(),
            block: BytesMut::with_capacity(BLOCK_BYTES),
            json: Vec::new(),
            bytes: 0,
            bytes_max: options.bytes_max,
            status: None,
        }
    }

    /// Takes bytes that came at `now`; after the end they are ignored.
    pub fn push(&mut self, now: Moment, bytes: &[u8]) {
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
    pub fn finish(&mut self, now: Moment, ending: &Ending) {
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

    /// What was measured so far; `None` if nothing is.
    pub fn stats(&self) -> Option<StreamStats> {
        self.stats.as_ref().map(StatsRecorder::stats)
    }

    fn collect(&mut self, now: Moment, ending: &Ending) {
        while let Some(event) = self.decoder.next_event() {
            self.measure(now, &event);
            let passed = match &event.body {
                EventBody::End(end) => {
                    let status = end.status;
                    self.end(now, event, status, ending);
                    return;
                }
                _ => self.pass(now, event),
            };
            if let Err(error) = passed {
                self.give_up(now, error);
                return;
            }
        }
    }

    /// Records what the filter lets through of an event.
    fn pass(&mut self, now: Moment, event: StreamEvent) -> Result<(), ProcessError> {
        let Some(filter) = &mut self.filter else {
            self.record(&event.at(now.time));
            return Ok(());
        };
        let result = filter.process(event, &mut self.passed);
        self.record_passed(now);
        result
    }

    /// Records what the filter still holds back.
    fn flush(&mut self, now: Moment) -> Result<(), ProcessError> {
        let Some(filter) = &mut self.filter else { return Ok(()) };
        let result = filter.flush(&mut self.passed);
        self.record_passed(now);
        result
    }

    fn record_passed(&mut self, now: Moment) {
        let mut passed = std::mem::take(&mut self.passed);
        for event in passed.drain(..) {
            self.record(&event.at(now.time));
        }
        self.passed = passed;
    }

    fn end(&mut self, now: Moment, mut end: StreamEvent, status: EndStatus, ending: &Ending) {
        if let Err(error) = self.flush(now) {
            self.give_up(now, error);
            return;
        }
        if let Some(cause) = cause_of(status, ending) {
            self.record(&cause.at(now.time));
        }
        note_reason(&mut end, status, ending);
        self.close(now, end, status);
    }

    /// Ends a stream that must not go on.
    fn give_up(&mut self, now: Moment, error: ProcessError) {
        let error = StreamEvent::new(EventBody::Error(error.into_stream_error()));
        self.measure(now, &error);
        self.record(&error.at(now.time));
        let mut end = StreamEvent::end("");
        if let EventBody::End(end) = &mut end.body {
            end.status = EndStatus::Failed;
        }
        self.close(now, end, EndStatus::Failed);
    }

    fn close(&mut self, now: Moment, end: StreamEvent, status: EndStatus) {
        if let Some(stats) = self.stats() {
            self.record(&stats.to_event().at(now.time));
        }
        self.record(&end.at(now.time));
        self.status = Some(status);
    }

    fn measure(&mut self, now: Moment, event: &StreamEvent) {
        if let Some(stats) = &mut self.stats {
            stats.record(now.instant, event);
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
    use llm_stream::filter::{Action, Pattern, PatternSet};
    use llm_stream::{Metadata, STATISTICS};
    use proptest::prelude::*;
    const CHAT: &str = concat!(
        "data: {\"id\":\"c1\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Grü\"}}]}\n\n",
        "data: {\"id\":\"c1\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"ße\"}}]}\n\n",
        "data: {\"id\":\"c1\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n",
        "data: [DONE]\n\n",
    );

    /// Some moment: nothing here depends on which.
    fn t0() -> Moment {
        static T0: std::sync::OnceLock<Moment> = std::sync::OnceLock::new();
        *T0.get_or_init(Moment::now)
    }

    fn options() -> RelayOptions {
        RelayOptions::default().format(Format::OpenAiChat)
    }

    fn events(records: &[Bytes]) -> Vec<StreamEvent> {
        let text = |record: &Bytes| std::str::from_utf8(record).unwrap().to_owned();
        records.iter().map(|record| StreamEvent::from_json(&text(record)).unwrap()).collect()
    }

    fn run(input: &[u8], ending: &Ending) -> (Vec<StreamEvent>, EndStatus) {
        let mut relay = Relay::new(&options(), t0());
        relay.push(t0(), input);
        relay.finish(t0(), ending);
        relay.push(t0(), b"ignored");
        relay.finish(t0(), ending);
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
        assert!(kinds(&events).ends_with(&["error", "metadata", "end"]));
        assert_eq!(events[events.len() - 3].content(), "connection reset");
        let (events, status) = run(CHAT.as_bytes(), &broken());
        assert_eq!(status, EndStatus::Complete, "what broke after the end is no loss");
        assert!(!kinds(&events).contains(&"error"));
    }

    #[test]
    fn the_size_has_a_limit() {
        let mut relay = Relay::new(&options().bytes_max(500), t0());
        for _ in 0..100 {
            relay.push(t0(), CHAT.split_inclusive("\n\n").next().unwrap().as_bytes());
        }
        assert!(relay.is_finished());
        let records = relay.take_records();
        assert!(kinds(&events(&records)).ends_with(&["error", "metadata", "end"]));
        assert!(records.iter().map(Bytes::len).sum::<usize>() < 2000);
    }

    /// What is said of `CHAT` with `pattern` kept out, each event's kind and text.
    fn filtered(pattern: Pattern) -> (Vec<(&'static str, String)>, EndStatus) {
        let patterns = PatternSet::new([pattern]).unwrap();
        let mut relay = Relay::new(&options().filter(patterns), t0());
        relay.push(t0(), CHAT.as_bytes());
        relay.finish(t0(), &Ending::Finished);
        let events = events(&relay.take_records());
        let said =
            |event: &StreamEvent| (event.event_type().as_str(), event.delta_text().to_owned());
        (events.iter().map(said).collect(), relay.status().unwrap())
    }

    #[test]
    fn what_is_to_be_kept_out_is_not_recorded_even_where_it_was_cut() {
        let (said, status) = filtered(Pattern::literal("GRÜSSE"));
        assert_eq!(said.iter().map(|(_, text)| text.as_str()).collect::<String>(), "Grüße");
        assert_eq!(status, EndStatus::Complete);
        let (said, _) = filtered(Pattern::literal("üß").action(Action::Mask('*')));
        assert_eq!(said.iter().map(|(_, text)| text.as_str()).collect::<String>(), "Gr**e");
        let (said, status) = filtered(Pattern::literal("üß").action(Action::Block));
        assert_eq!(said.iter().map(|(_, text)| text.as_str()).collect::<String>(), "Gr");
        let kinds: Vec<_> = said.iter().map(|(kind, _)| *kind).collect();
        assert!(kinds.ends_with(&["error", "metadata", "end"]), "{kinds:?}");
        assert_eq!(status, EndStatus::Failed);
    }

    #[test]
    fn the_event_before_the_end_tells_what_the_stream_has_cost() {
        let mut relay = Relay::new(&options(), t0());
        let later = |millis| {
            let instant = t0().instant + std::time::Duration::from_millis(millis);
            Moment { instant, ..t0() }
        };
        let mut frames = CHAT.split_inclusive("\n\n");
        relay.push(later(250), frames.next().unwrap().as_bytes());
        let usage = "data: {\"choices\":[],\"usage\":{\"completion_tokens\":50}}\n\n";
        let rest: String = frames.by_ref().take(2).chain([usage, "data: [DONE]\n\n"]).collect();
        relay.push(later(2000), rest.as_bytes());
        relay.finish(later(2000), &Ending::Finished);
        let events = events(&relay.take_records());
        let told = &events[events.len() - 2];
        let EventBody::Metadata(metadata) = &told.body else { panic!("{told:?}") };
        let Metadata::Custom { kind } = &**metadata else { panic!("{told:?}") };
        let extra = told.extra.as_ref().unwrap();
        let fields = ["total_tokens", "first_token_ms", "tokens_per_second", "token_source"];
        let values = fields.map(|name| extra[name].to_string());
        assert_eq!(kind, STATISTICS);
        assert_eq!(values, ["50", "250.0", "25.0", "\"provider\""]);
    }

    proptest! {
        #[test]
        fn the_records_do_not_depend_on_the_cuts(cuts in proptest::collection::vec(1_usize..40, 0..80)) {
            let mut relay = Relay::new(&options(), t0());
            let (mut rest, mut records) = (CHAT.as_bytes(), Vec::new());
            for cut in cuts {
                let (head, tail) = rest.split_at(cut.min(rest.len()));
                relay.push(t0(), head);
                records.extend(relay.take_records());
                rest = tail;
            }
            relay.push(t0(), rest);
            relay.finish(t0(), &Ending::Finished);
            records.extend(relay.take_records());
            prop_assert_eq!(events(&records), run(CHAT.as_bytes(), &Ending::Finished).0);
        }
    }
}
