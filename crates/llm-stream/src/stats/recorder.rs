//! Makes statistics of events and the times at which they came.

use std::time::{Duration, Instant};

use super::latency::Latencies;
use super::limits::STALL_AFTER;
use super::stall::StallDetector;
use super::usage::UsageMeter;
use super::{Origin, StreamStats};
use crate::event::{Channel, Delta, EndStatus, EventBody, Metadata, Start, StreamEvent};
use crate::limits::CHOICES_MAX;
use crate::tokens::{TokenCounter, TokenSource, WordCounter};

/// Keeps the statistics of one stream at a time, in memory that does not grow with it.
///
/// A pure machine: it is told the time. [`begin`](Self::begin) sets where times are counted from;
/// without it, the first event does.
///
/// # Tokens
/// The provider's count is taken where the provider has said that it is whole. Until then, and
/// for a stream that was cut, a tokenizer's count is taken if there is one
/// ([`token_counter`](Self::token_counter)); without one, the larger of the provider's count so
/// far and the number of words.
///
/// # Usage
/// A usage event holds all that the provider has counted in its generation so far, so it replaces
/// the one before it; numbers that it does not have stay.
/// A start with another id in mid-stream begins another generation, whose usage is added.
///
/// # Examples
/// ```
/// use std::time::{Duration, Instant};
///
/// use llm_stream::{StatsRecorder, StreamEvent};
///
/// let start = Instant::now();
/// let mut recorder = StatsRecorder::default();
/// recorder.begin(start);
/// recorder.record(start + Duration::from_millis(250), &StreamEvent::delta("Hello world"));
/// recorder.record(start + Duration::from_millis(500), &StreamEvent::end("Hello world"));
///
/// let stats = recorder.stats();
/// assert_eq!(stats.first_token_ms, Some(250.0));
/// assert_eq!(stats.tokens_per_second(), 4.0);
/// ```
#[derive(Debug)]
pub struct StatsRecorder {
    stall_after: Duration,
    counter: Box<dyn TokenCounter>,
    times: Option<Times>,
    latencies: Latencies,
    deltas: u64,
    stalls: u64,
    stalled: Duration,
    usage: UsageMeter,
    is_complete: bool,
    origin: Origin,
}

/// When things happened.
#[derive(Debug, Clone)]
struct Times {
    begin: Instant,
    last: Instant,
    first_token: Option<Instant>,
    first_reasoning: Option<Instant>,
    last_token: Option<Instant>,
    stall: StallDetector,
}

impl Default for StatsRecorder {
    fn default() -> Self {
        Self {
            stall_after: STALL_AFTER,
            counter: Box::new(WordCounter::default()),
            times: None,
            latencies: Latencies::default(),
            deltas: 0,
            stalls: 0,
            stalled: Duration::ZERO,
            usage: UsageMeter::default(),
            is_complete: false,
            origin: Origin::default(),
        }
    }
}

impl StatsRecorder {
    /// Sets who counts tokens where the provider does not.
    #[must_use]
    pub fn token_counter(mut self, counter: impl TokenCounter + 'static) -> Self {
        self.counter = Box::new(counter);
        self
    }

    /// Sets how long a silence is a stall; see [`STALL_AFTER`].
    ///
    /// It counts from the next [`begin`](Self::begin) on.
    #[must_use]
    pub fn stall_after(mut self, silence: Duration) -> Self {
        self.stall_after = silence;
        self
    }

    /// Forgets everything and counts time from `now`.
    pub fn begin(&mut self, now: Instant) {
        self.counter.reset();
        self.latencies.clear();
        self.times = Some(Times::new(now, self.stall_after));
        self.deltas = 0;
        self.stalls = 0;
        self.stalled = Duration::ZERO;
        self.usage = UsageMeter::default();
        self.is_complete = false;
        self.origin = Origin::default();
    }

    /// Takes an event that came at `now`.
    pub fn record(&mut self, now: Instant, event: &StreamEvent) {
        self.finish(now);
        match &event.body {
            EventBody::Delta(delta) => self.record_delta(now, delta),
            EventBody::ToolCall(_) => self.record_token(now, Channel::ToolArguments),
            EventBody::Start(start) => self.record_start(start),
            EventBody::Metadata(metadata) => self.record_metadata(metadata),
            EventBody::Error(error) => self.origin.error = Some(error.kind),
            EventBody::End(end) => self.is_complete |= end.status == EndStatus::Complete,
        }
    }

    /// Notes that the stream still went on, or was ended, at `now`.
    pub fn finish(&mut self, now: Instant) {
        let times = self.times.get_or_insert_with(|| Times::new(now, self.stall_after));
        times.last = times.last.max(now);
        if let Some(silence) = times.stall.handle_progress(now) {
            self.stalls += 1;
            self.stalled = self.stalled.saturating_add(silence);
        }
    }

    /// Returns whether a stall has begun since the last call; early calls do nothing.
    ///
    /// It is counted once the stream goes on or ends.
    pub fn handle_timeout(&mut self, now: Instant) -> bool {
        self.times.as_mut().is_some_and(|times| times.stall.handle_timeout(now))
    }

    /// When [`handle_timeout`](Self::handle_timeout) must be called to learn of a stall while it
    /// lasts; `None` if there is nothing to learn.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.times.as_ref().and_then(|times| times.stall.poll_timeout())
    }

    /// The statistics so far.
    pub fn stats(&self) -> StreamStats {
        let usage = self.usage.total();
        let usage_is_final = usage.is_some() && self.provider_is_done();
        let provided = usage.as_ref().and_then(|usage| usage.output_tokens);
        let (total_tokens, token_source) = self.tokens(provided, usage_is_final);
        let since = |time: fn(&Times) -> Option<Instant>| {
            let times = self.times.as_ref()?;
            let duration = time(times)?.saturating_duration_since(times.begin);
            Some(duration.as_secs_f64() * 1e3)
        };
        StreamStats {
            total_tokens,
            token_source,
            first_token_ms: since(|times| times.first_token),
            first_reasoning_ms: since(|times| times.first_reasoning),
            total_duration_ms: since(|times| Some(times.last)).unwrap_or_default(),
            events_count: self.deltas,
            inter_token: self.latencies.summary(),
            stalls: self.stalls,
            stalled_ms: self.stalled.as_secs_f64() * 1e3,
            usage,
            usage_is_final,
            origin: self.origin.clone(),
        }
    }

    /// Whether the provider has counted all there is.
    fn provider_is_done(&self) -> bool {
        self.is_complete || !self.origin.finish_reasons.is_empty()
    }

    fn tokens(&self, provided: Option<u64>, is_final: bool) -> (u64, TokenSource) {
        let counted = (self.counter.tokens(), self.counter.source());
        match provided {
            Some(provided) if is_final => (provided, TokenSource::Provider),
            Some(provided) if counted.1 == TokenSource::Words && provided >= counted.0 => {
                (provided, TokenSource::Provider)
            }
            _ => counted,
        }
    }

    fn record_delta(&mut self, now: Instant, delta: &Delta) {
        self.deltas += 1;
        if !delta.text.is_empty() {
            self.counter.push(delta);
            self.record_token(now, delta.channel);
        }
    }

    fn record_token(&mut self, now: Instant, channel: Channel) {
        let Some(times) = &mut self.times else { return };
        let first = match channel {
            Channel::Reasoning => &mut times.first_reasoning,
            _ => &mut times.first_token,
        };
        first.get_or_insert(now);
        if let Some(last) = times.last_token.replace(now) {
            self.latencies.record(now.saturating_duration_since(last));
        }
    }

    fn record_start(&mut self, start: &Start) {
        self.usage.begin(start.id.as_deref());
        self.origin.format = start.format.or(self.origin.format);
        self.origin.id.clone_from(&start.id);
        self.origin.model.clone_from(&start.model);
    }

    fn record_metadata(&mut self, metadata: &Metadata) {
        match metadata {
            Metadata::Usage(usage) => self.usage.record(usage),
            Metadata::Identity(identity) => {
                self.usage.identify(identity.id.as_deref());
                self.origin.id = identity.id.clone().or(self.origin.id.take());
                self.origin.model = identity.model.clone().or(self.origin.model.take());
            }
            Metadata::Finish(finish) => {
                let reasons = &mut self.origin.finish_reasons;
                if reasons.len() < CHOICES_MAX {
                    reasons.push(finish.reason);
                }
            }
            _ => {}
        }
    }
}

impl Times {
    fn new(now: Instant, stall_after: Duration) -> Self {
        Self {
            begin: now,
            last: now,
            first_token: None,
            first_reasoning: None,
            last_token: None,
            stall: StallDetector::new(stall_after, now),
        }
    }
}
