//! What the server counts, and `GET /metrics`, which tells it (as `OpenMetrics` text).
//!
//! No label holds a name that a client chose: whoever asks for a million topics must not make a
//! million series.

mod gen_ai;
mod host;

use std::sync::Arc;
use std::sync::atomic::AtomicI64;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::CONTENT_TYPE;
use llm_relay::{Ended, Summary};
use prometheus_client::encoding::text::{encode_eof, encode_registry};
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use serde_json::{Value, json};
use stream_protocol::Action;
use stream_protocol::session::Gap;

use self::gen_ai::GenAi;
pub use self::host::Buckets;
pub(crate) use self::host::{HostMetric, Read};
use crate::app::App;
use crate::caller::Caller;
use crate::reject::Reject;
use crate::slots::Slots;

/// The media type of the text (`OpenMetrics` 1.0, "Overall Structure").
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What a reader reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    Topic,
    Llm,
    Durable,
}

impl EncodeLabelValue for Kind {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), std::fmt::Error> {
        let name = match self {
            Self::Topic => "topic",
            Self::Llm => "llm",
            Self::Durable => "durable",
        };
        EncodeLabelValue::encode(&name, encoder)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfKind {
    kind: Kind,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Gaps {
    kind: Kind,
    cause: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Ends {
    status: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Responses {
    status: u16,
}

/// Every counter of one server.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    connections: Gauge,
    connections_refused: Counter,
    responses: Family<Responses, Counter>,
    published: Counter,
    duplicates: Counter,
    readers: Family<OfKind, Gauge>,
    delivered: Family<OfKind, Counter>,
    gaps: Family<Gaps, Counter>,
    missed: Family<OfKind, Counter>,
    topic_lag: Gauge,
    live_pages: Counter,
    live_let_go: Counter,
    live_bytes: Counter,
    relays: Gauge,
    relays_ended: Family<Ends, Counter>,
    relay_events: Counter,
    gen_ai: GenAi,
    host: Vec<HostMetric>,
}

impl Metrics {
    /// Nothing counted yet; the numbers of the host are told beside the counters.
    pub(crate) fn new(host: &[HostMetric]) -> Self {
        let mut metrics = Self {
            registry: Registry::with_prefix("millstream"),
            connections: Gauge::default(),
            connections_refused: Counter::default(),
            responses: Family::default(),
            published: Counter::default(),
            duplicates: Counter::default(),
            readers: Family::default(),
            delivered: Family::default(),
            gaps: Family::default(),
            missed: Family::default(),
            topic_lag: Gauge::default(),
            live_pages: Counter::default(),
            live_let_go: Counter::default(),
            live_bytes: Counter::default(),
            relays: Gauge::<i64, AtomicI64>::default(),
            relays_ended: Family::default(),
            relay_events: Counter::default(),
            gen_ai: GenAi::new(),
            host: host.to_vec(),
        };
        metrics.register();
        for one in host {
            metrics.registry.register_collector(Box::new(one.clone()));
        }
        metrics
    }

    fn register(&mut self) {
        let registry = &mut self.registry;
        registry.register("connections", "Connections that are open", self.connections.clone());
        let help = "Connections that were refused because there were too many";
        registry.register("connections_refused", help, self.connections_refused.clone());
        registry.register("http_responses", "Responses by status", self.responses.clone());
        registry.register("events_published", "Events that topics took", self.published.clone());
        let help = "Requests to publish that had been carried out before";
        registry.register("publishes_repeated", help, self.duplicates.clone());
        registry.register("readers", "Readers that are connected", self.readers.clone());
        let help = "Records that were written to readers";
        registry.register("records_delivered", help, self.delivered.clone());
        registry.register("gaps", "Gaps that readers were told of", self.gaps.clone());
        let help = "Records that readers were told to have missed";
        registry.register("records_missed", help, self.missed.clone());
        let help = "Events that the slowest reader of any topic has still to be given";
        registry.register("topic_lag", help, self.topic_lag.clone());
        let help = "Pages that were read for live readers who were behind";
        registry.register("live_pages", help, self.live_pages.clone());
        let help = "Live readers that were let go of because they took nothing more";
        registry.register("live_readers_let_go", help, self.live_let_go.clone());
        let help = "Bytes that were written to live readers outside the HTTP library";
        registry.register("live_bytes", help, self.live_bytes.clone());
        registry.register("llm_relays", "Relays that run", self.relays.clone());
        registry.register("llm_relays_ended", "Relays by their end", self.relays_ended.clone());
        let help = "Events of relays that have ended";
        registry.register("llm_relay_events", help, self.relay_events.clone());
    }

    /// Counts connections, of which there may be so many.
    pub(crate) fn slots(&self, max: usize) -> Slots {
        Slots::new(max, self.connections.clone(), self.connections_refused.clone())
    }

    /// Counts a response.
    pub(crate) fn responded(&self, status: StatusCode) {
        self.responses.get_or_create(&Responses { status: status.as_u16() }).inc();
    }

    /// Notes how far the slowest reader of any topic is behind.
    pub(crate) fn note_lag(&self, events: u64) {
        self.topic_lag.set(i64::try_from(events).unwrap_or(i64::MAX));
    }

    /// The same numbers as the metrics, as one JSON object.
    pub(crate) fn snapshot(&self) -> Value {
        let of_kind = |kind| OfKind { kind };
        let kinds = [("topic", Kind::Topic), ("llm", Kind::Llm), ("durable", Kind::Durable)];
        let by_kind = |read: &dyn Fn(&OfKind) -> i128| -> Value {
            let entries = kinds.map(|(name, kind)| (name.to_owned(), json!(read(&of_kind(kind)))));
            Value::Object(entries.into_iter().collect())
        };
        let host = self.host.iter().map(|one| (one.name.to_owned(), one.value()));
        let failed = |status| Some(self.responses.get(&Responses { status })?.get());
        json!({
            "connections": self.connections.get(),
            "connections_refused": self.connections_refused.get(),
            "events_published": self.published.get(),
            "publishes_repeated": self.duplicates.get(),
            "requests_failed": (500..600).filter_map(failed).sum::<u64>(),
            "readers": by_kind(&|kind| self.readers.get_or_create(kind).get().into()),
            "records_delivered": by_kind(&|kind| self.delivered.get_or_create(kind).get().into()),
            "readers_let_go": self.live_let_go.get(),
            "topic_lag": self.topic_lag.get(),
            "records_missed": by_kind(&|kind| self.missed.get_or_create(kind).get().into()),
            "llm_relays": self.relays.get(),
            "llm_relay_events": self.relay_events.get(),
            "storage": Value::Object(host.collect()),
        })
    }

    /// Counts what a topic took.
    pub(crate) fn published(&self, events: usize, duplicate: bool) {
        if duplicate {
            self.duplicates.inc();
        } else {
            self.published.inc_by(u64::try_from(events).unwrap_or(u64::MAX));
        }
    }

    /// Counts what is written to a reader that has just come.
    pub(crate) fn reader(&self, kind: Kind) -> ReaderMeter {
        let label = OfKind { kind };
        let gap = |cause| self.gaps.get_or_create_owned(&Gaps { kind, cause });
        let present = self.readers.get_or_create_owned(&label);
        present.inc();
        ReaderMeter {
            present,
            delivered: self.delivered.get_or_create_owned(&label),
            missed: self.missed.get_or_create_owned(&label),
            trimmed: gap("trimmed"),
            damaged: gap("damaged"),
            lagged: gap("lagged"),
            epoch_changed: gap("epoch-changed"),
            pending: 0,
        }
    }

    /// Counts a gap that a reader is told of before it is counted itself.
    pub(crate) fn gap(&self, kind: Kind, gap: &Gap) {
        self.reader(kind).gap(gap);
    }

    /// Counts what a shard writes to its readers.
    pub(crate) fn live(&self) -> LiveMeter {
        LiveMeter {
            topic: Crowds { meter: self.absent(Kind::Topic), readers: 0 },
            durable: Crowds { meter: self.absent(Kind::Durable), readers: 0 },
            pages: self.live_pages.clone(),
            let_go: self.live_let_go.clone(),
            bytes: self.live_bytes.clone(),
            pending_bytes: 0,
        }
    }

    /// The counters of a kind, for readers who are counted otherwise.
    fn absent(&self, kind: Kind) -> ReaderMeter {
        let meter = self.reader(kind);
        meter.present.dec();
        meter
    }

    /// Counts a relay that has just begun, and its end.
    ///
    /// Must be called within a tokio runtime.
    pub(crate) fn relay(self: &Arc<Self>, ended: Ended) -> tokio::task::JoinHandle<RelayEnd> {
        let metrics = Arc::clone(self);
        metrics.relays.inc();
        tokio::spawn(async move {
            let end = ended.wait().await;
            metrics.relays.dec();
            let status = match &end {
                Some(Ok(summary)) => summary.status.as_str(),
                Some(Err(_)) | None => "lost",
            };
            metrics.relays_ended.get_or_create(&Ends { status }).inc();
            if let Some(Ok(summary)) = &end {
                metrics.relay_events.inc_by(summary.events);
                summary.stats.iter().for_each(|stats| metrics.gen_ai.observe(stats));
            }
            end
        })
    }
}

/// How a relay ended; `None` if its task was lost.
pub(crate) type RelayEnd = Option<Result<Summary, Arc<stream_log::AppendError>>>;

/// What one reader adds to the counters; it is gone from them when it is dropped.
#[derive(Debug)]
pub(crate) struct ReaderMeter {
    present: Gauge,
    delivered: Counter,
    missed: Counter,
    trimmed: Counter,
    damaged: Counter,
    lagged: Counter,
    epoch_changed: Counter,
    /// Records that were written since the last [`flush`](Self::flush).
    pending: u64,
}

impl ReaderMeter {
    /// Notes a record; counted with all others of one piece, as the counter is everybody's.
    pub(crate) fn delivered(&mut self) {
        self.pending += 1;
    }

    /// Counts what was noted.
    pub(crate) fn flush(&mut self) {
        self.delivered.inc_by(std::mem::take(&mut self.pending));
    }

    /// Counts a gap.
    pub(crate) fn gap(&self, gap: &Gap) {
        match gap {
            Gap::Trimmed { from, to } => {
                self.trimmed.inc();
                self.missed.inc_by(to.since(*from));
            }
            Gap::Damaged { from, to } => {
                self.damaged.inc();
                self.missed.inc_by(to.since(*from));
            }
            Gap::Lagged { from, to } => {
                self.lagged.inc();
                self.missed.inc_by(to.since(*from));
            }
            Gap::EpochChanged { .. } => {
                self.epoch_changed.inc();
            }
        }
    }
}

impl Drop for ReaderMeter {
    fn drop(&mut self) {
        self.flush();
        self.present.dec();
    }
}

/// What one shard adds to the counters.
#[derive(Debug)]
pub(crate) struct LiveMeter {
    topic: Crowds,
    durable: Crowds,
    pages: Counter,
    let_go: Counter,
    bytes: Counter,
    pending_bytes: u64,
}

/// The readers of one kind in one shard.
#[derive(Debug)]
struct Crowds {
    meter: ReaderMeter,
    readers: i64,
}

impl LiveMeter {
    fn of(&mut self, kind: Kind) -> &mut Crowds {
        match kind {
            Kind::Durable => &mut self.durable,
            Kind::Topic | Kind::Llm => &mut self.topic,
        }
    }

    pub(crate) fn joined(&mut self, kind: Kind) {
        let crowds = self.of(kind);
        crowds.readers += 1;
        crowds.meter.present.inc();
    }

    pub(crate) fn left(&mut self, kind: Kind) {
        let crowds = self.of(kind);
        crowds.readers -= 1;
        crowds.meter.present.dec();
    }

    /// Notes what one write has carried.
    pub(crate) fn wrote(&mut self, kind: Kind, records: u64, bytes: usize) {
        self.of(kind).meter.pending += records;
        self.pending_bytes += u64::try_from(bytes).unwrap_or(u64::MAX);
    }

    /// Counts a page that one reader gets, and the gaps that it tells of.
    pub(crate) fn paged(&mut self, kind: Kind, gaps: &[Gap]) {
        self.pages.inc();
        for gap in gaps {
            self.of(kind).meter.gap(gap);
        }
    }

    /// Counts a reader that took nothing more.
    pub(crate) fn let_go(&mut self) {
        self.let_go.inc();
    }

    /// Counts what was noted.
    pub(crate) fn flush(&mut self) {
        self.topic.meter.flush();
        self.durable.meter.flush();
        self.bytes.inc_by(std::mem::take(&mut self.pending_bytes));
    }
}

impl Drop for Crowds {
    fn drop(&mut self) {
        // The meter takes one reader from the count when it is dropped.
        self.meter.present.inc_by(1 - self.readers);
    }
}

/// Counts every response by its status.
pub(crate) async fn count_response(
    State(app): State<App>,
    request: Request<Body>,
    next: Next,
) -> Response {
    let response = next.run(request).await;
    app.metrics().responded(response.status());
    response
}

/// `GET /metrics`
pub(crate) async fn get(State(app): State<App>, caller: Caller) -> Result<Response, Reject> {
    caller.check(Action::Operate)?;
    app.metrics().note_lag(app.topics().lag());
    let mut text = String::new();
    let registries = [&app.metrics().registry, app.metrics().gen_ai.registry()];
    let encoded = registries.into_iter().try_for_each(|one| encode_registry(&mut text, one));
    #[expect(clippy::expect_used, reason = "a string takes everything")]
    encoded.and_then(|()| encode_eof(&mut text)).expect("nothing refuses text");
    Ok(([(CONTENT_TYPE, OPEN_METRICS)], text).into_response())
}
