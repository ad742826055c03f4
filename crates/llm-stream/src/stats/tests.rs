//! Statistics of small streams with given times.

use std::time::{Duration, Instant};

use super::*;
use crate::event::{Channel, Delta, EndStatus, EventBody, Finish, Identity, Metadata, StreamEvent};
use crate::tokens::TokenCounter;

#[expect(clippy::disallowed_methods, reason = "tests need one instant to count from")]
fn t0() -> Instant {
    Instant::now()
}

/// A recorder that is told times in milliseconds.
struct Script {
    begin: Instant,
    recorder: StatsRecorder,
}

impl Script {
    fn new(mut recorder: StatsRecorder) -> Self {
        let begin = t0();
        recorder.begin(begin);
        Self { begin, recorder }
    }

    fn at(&self, ms: u64) -> Instant {
        self.begin + Duration::from_millis(ms)
    }

    fn record(&mut self, ms: u64, event: impl Into<StreamEvent>) -> &mut Self {
        self.recorder.record(self.at(ms), &event.into());
        self
    }

    fn stats(&self) -> StreamStats {
        self.recorder.stats()
    }
}

fn script() -> Script {
    Script::new(StatsRecorder::default())
}

fn on(channel: Channel, text: &str) -> StreamEvent {
    EventBody::Delta(Delta { channel, text: text.to_owned(), ..Delta::default() }).into()
}

fn usage(input: u64, output: u64) -> Metadata {
    Metadata::Usage(Usage {
        input_tokens: Some(input),
        output_tokens: Some(output),
        ..Usage::default()
    })
}

fn finish() -> Metadata {
    Metadata::Finish(Finish {
        choice: 0,
        reason: FinishReason::Stop,
        provider_reason: "stop".to_owned(),
        stop_sequence: None,
        details: None,
    })
}

/// A tokenizer for which every byte is a token.
#[derive(Debug, Default)]
struct Bytes(u64);

impl TokenCounter for Bytes {
    fn push(&mut self, delta: &Delta) {
        self.0 += u64::try_from(delta.text.len()).unwrap();
    }

    fn tokens(&self) -> u64 {
        self.0
    }

    fn reset(&mut self) {
        self.0 = 0;
    }
}

#[test]
fn reasoning_and_answer_have_a_first_token_each() {
    let mut script = script();
    script.record(100, on(Channel::Reasoning, "hm")).record(300, on(Channel::Text, "yes"));
    script.record(310, on(Channel::Reasoning, "hm"));
    let stats = script.stats();
    assert_eq!((stats.first_reasoning_ms, stats.first_token_ms), (Some(100.0), Some(300.0)));
}

#[test]
fn times_between_tokens_leave_out_empty_deltas() {
    let mut script = script();
    for (ms, text) in [(100, "a"), (105, ""), (110, "b"), (140, "c")] {
        script.record(ms, StreamEvent::delta(text));
    }
    let times = script.stats().inter_token.unwrap();
    assert_eq!((times.count, times.mean_ms), (2, 20.0));
    assert_eq!((times.p99_ms, times.max_ms), (30.0, 30.0));
}

#[test]
fn the_providers_last_word_on_tokens_counts() {
    let mut script = Script::new(StatsRecorder::default().token_counter(Bytes::default()));
    script.record(0, usage(7, 1)).record(1, StreamEvent::delta("abcdef"));
    let stats = script.stats();
    assert_eq!((stats.total_tokens, stats.token_source), (6, TokenSource::Tokenizer));
    assert!(stats.is_estimated());

    script.record(2, usage(7, 3)).record(2, finish());
    let stats = script.stats();
    assert_eq!((stats.total_tokens, stats.token_source), (3, TokenSource::Provider));
    assert!(!stats.is_estimated());
}

#[test]
fn a_cut_stream_without_a_tokenizer_has_the_larger_guess() {
    let mut script = script();
    script.record(0, usage(7, 2)).record(1, StreamEvent::delta("a b c"));
    assert_eq!((script.stats().total_tokens, script.stats().token_source), (3, TokenSource::Words));
    script.record(2, usage(7, 9));
    let stats = script.stats();
    assert_eq!((stats.total_tokens, stats.token_source), (9, TokenSource::Provider));
    assert!(stats.is_estimated());
}

#[test]
fn silences_are_counted_and_told_of_in_time() {
    let mut script = Script::new(StatsRecorder::default().stall_after(Duration::from_millis(100)));
    script.record(99, StreamEvent::delta("a"));
    assert_eq!(script.recorder.poll_timeout(), Some(script.at(199)));
    assert!(!script.recorder.handle_timeout(script.begin + Duration::from_millis(198)));
    assert!(script.recorder.handle_timeout(script.begin + Duration::from_millis(199)));
    assert!(!script.recorder.handle_timeout(script.begin + Duration::from_millis(200)), "once");
    assert_eq!(script.recorder.poll_timeout(), None);
    assert_eq!(script.stats().stalls, 0, "it lasts");

    script.record(299, StreamEvent::delta("b")).record(398, StreamEvent::delta("c"));
    assert_eq!((script.stats().stalls, script.stats().stalled_ms), (1, 200.0));
    assert_eq!(script.recorder.poll_timeout(), Some(script.at(498)));
    script.recorder.finish(script.begin + Duration::from_millis(500));
    assert_eq!((script.stats().stalls, script.stats().total_duration_ms), (2, 500.0));
}

#[test]
fn a_clock_that_goes_back_does_no_harm() {
    let mut script = script();
    script.record(100, StreamEvent::delta("a")).record(50, StreamEvent::delta("b"));
    let stats = script.stats();
    assert_eq!((stats.total_duration_ms, stats.first_token_ms), (100.0, Some(100.0)));
    assert_eq!(stats.inter_token.map(|times| times.max_ms), Some(0.0));
}

#[test]
fn statistics_begin_again() {
    let mut script = script();
    script.record(10, usage(1, 2)).record(20, StreamEvent::delta("a b")).record(30, finish());
    script.recorder.begin(script.begin);
    assert_eq!(script.stats(), StreamStats::default());
}

#[test]
fn without_a_beginning_the_first_event_is_one() {
    let mut recorder = StatsRecorder::default();
    assert_eq!(recorder.stats(), StreamStats::default());
    recorder.record(t0(), &StreamEvent::delta("a"));
    assert_eq!(recorder.stats().first_token_ms, Some(0.0));
}

#[test]
fn unknown_usage_is_not_reported() {
    let mut script = script();
    script.record(250, StreamEvent::delta("some words")).record(500, StreamEvent::end(""));
    let stats = script.stats();
    assert_eq!(stats.total_tokens, 2);
    let tokens = |name: &&str| name.contains("tokens");
    assert!(!otel::attributes(&stats).iter().any(|(name, _)| tokens(name)));
    let names: Vec<_> = otel::measurements(&stats).iter().map(|m| (m.name, m.value)).collect();
    assert_eq!(
        names,
        [
            (otel::CLIENT_OPERATION_DURATION, 0.5),
            (otel::CLIENT_OPERATION_TIME_TO_FIRST_CHUNK, 0.25),
        ],
    );
}

#[test]
fn a_cut_stream_reports_the_input_only() {
    let mut script = script();
    script.record(0, usage(7, 9)).record(1, StreamEvent::delta("a"));
    let counts: Vec<_> =
        otel::measurements(&script.stats()).iter().filter_map(|m| m.token_type).collect();
    assert_eq!(counts, ["input"]);
}

#[test]
fn known_usage_is_reported_in_the_words_of_the_conventions() {
    let mut script = script();
    let mut start = StreamEvent::start();
    if let EventBody::Start(start) = &mut start.body {
        start.format = Some(Format::Anthropic);
    }
    let identity = Identity { id: Some("msg_1".into()), model: Some("claude".into()) };
    script.record(0, start).record(0, Metadata::Identity(identity));
    script.record(100, on(Channel::Reasoning, "hm")).record(300, on(Channel::Text, "yes"));
    script.record(400, usage(7, 9)).record(400, finish());
    script.record(500, EventBody::Error(Box::new(crate::StreamError::new(ErrorKind::Server, ""))));

    let text = |text: &str| otel::Value::Text(text.to_owned());
    assert_eq!(
        otel::attributes(&script.stats()),
        [
            ("gen_ai.operation.name", text("chat")),
            ("gen_ai.provider.name", text("anthropic")),
            ("gen_ai.response.model", text("claude")),
            ("gen_ai.response.id", text("msg_1")),
            ("gen_ai.response.finish_reasons", otel::Value::List(vec!["stop"])),
            ("gen_ai.response.time_to_first_chunk", otel::Value::Seconds(0.1)),
            ("gen_ai.usage.input_tokens", otel::Value::Count(7)),
            ("gen_ai.usage.output_tokens", otel::Value::Count(9)),
            ("error.type", text("server")),
        ],
    );
    let measured = otel::measurements(&script.stats());
    let found = measured.iter().find(|m| m.token_type == Some("output")).unwrap();
    assert_eq!(
        (found.name, found.value, found.unit),
        ("gen_ai.client.token.usage", 9.0, "{token}")
    );
}

#[test]
fn a_complete_end_makes_usage_final() {
    let mut script = script();
    script.record(0, usage(1, 2));
    let mut end = StreamEvent::end("");
    if let EventBody::End(end) = &mut end.body {
        end.status = EndStatus::Incomplete;
    }
    script.record(1, end);
    assert!(!script.stats().usage_is_final);
    script.record(2, StreamEvent::end(""));
    assert!(script.stats().usage_is_final);
}
