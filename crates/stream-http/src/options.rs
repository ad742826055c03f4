//! How the server behaves, as whoever starts it says.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use llm_stream::filter::PatternSet;
use stream_log::Retention;
use stream_protocol::durable::subscription::target::Reach;
use stream_protocol::{BODY_BYTES_MAX, OriginRules};
use tracing::Span;

use crate::auth::Auth;
use crate::limits::{
    CONNECTIONS_MAX, HEAD_TIMEOUT, LIVE_WRITE_TIMEOUT, LONG_POLL, TOPIC_BYTES, TOPIC_RECORDS,
};
use crate::metrics::{Buckets, HostMetric, Read};
use crate::trace::OnRequest;
use crate::upstream::Upstream;

/// What a thread does before it sleeps.
#[derive(Clone)]
pub(crate) struct BeforeSleep(Arc<dyn Fn() + Send + Sync>);

impl BeforeSleep {
    pub(crate) fn call(&self) {
        (self.0)();
    }
}

impl std::fmt::Debug for BeforeSleep {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("BeforeSleep")
    }
}

/// How the server behaves.
#[derive(Debug, Clone)]
pub struct AppOptions {
    pub(crate) heartbeat: Duration,
    pub(crate) write_timeout: Duration,
    pub(crate) head_timeout: Duration,
    pub(crate) connections_max: usize,
    pub(crate) body_bytes_max: usize,
    pub(crate) retention: Retention,
    pub(crate) upstreams: HashMap<String, Upstream>,
    pub(crate) filter: Option<PatternSet>,
    pub(crate) long_poll: Duration,
    pub(crate) public_url: Option<String>,
    pub(crate) webhooks: Reach,
    pub(crate) auth: Option<Auth>,
    pub(crate) origins: Option<OriginRules>,
    pub(crate) before_sleep: Option<BeforeSleep>,
    pub(crate) on_request: Option<OnRequest>,
    pub(crate) host_metrics: Vec<HostMetric>,
    pub(crate) shared: bool,
}

impl Default for AppOptions {
    fn default() -> Self {
        Self {
            heartbeat: Duration::from_secs(30),
            write_timeout: LIVE_WRITE_TIMEOUT,
            head_timeout: HEAD_TIMEOUT,
            connections_max: CONNECTIONS_MAX,
            body_bytes_max: BODY_BYTES_MAX,
            retention: Retention {
                records_max: TOPIC_RECORDS,
                bytes_max: TOPIC_BYTES,
                age_max: None,
            },
            upstreams: HashMap::new(),
            filter: None,
            long_poll: LONG_POLL,
            public_url: None,
            webhooks: Reach::Public,
            auth: None,
            origins: None,
            before_sleep: None,
            on_request: None,
            host_metrics: Vec::new(),
            shared: false,
        }
    }
}

impl AppOptions {
    /// After how long a silence readers get a heartbeat; 30 s otherwise.
    #[must_use]
    pub fn heartbeat(mut self, idle: Duration) -> Self {
        self.heartbeat = idle;
        self
    }

    /// After how long a live reader whose connection takes nothing of what is due to it counts as
    /// gone, and one that does not answer at all; 30 s otherwise.
    ///
    /// It may come back with the id that it has, and misses nothing.
    #[must_use]
    pub fn write_timeout(mut self, timeout: Duration) -> Self {
        self.write_timeout = timeout;
        self
    }

    /// How long a request's head may take, and how long an open connection may rest before one; 30 s
    /// otherwise, after which the connection is closed.
    #[must_use]
    pub fn head_timeout(mut self, timeout: Duration) -> Self {
        self.head_timeout = timeout;
        self
    }

    /// Connections at one moment; 50,000 otherwise. One more is answered 503 and closed.
    ///
    /// Only [`serve`](crate::serve) counts connections; a router that is mounted elsewhere does not
    /// see them.
    #[must_use]
    pub fn connections_max(mut self, connections: usize) -> Self {
        self.connections_max = connections;
        self
    }

    /// Bytes of a published body; 1 MiB otherwise.
    #[must_use]
    pub fn body_bytes_max(mut self, bytes: usize) -> Self {
        self.body_bytes_max = bytes;
        self
    }

    /// What a topic keeps; 100,000 records and 64 MiB otherwise.
    #[must_use]
    pub fn retention(mut self, retention: Retention) -> Self {
        self.retention = retention;
        self
    }

    /// Adds a provider that `POST /llm/{id}` may name.
    #[must_use]
    pub fn upstream(mut self, name: impl Into<String>, upstream: Upstream) -> Self {
        self.upstreams.insert(name.into(), upstream);
        self
    }

    /// After how long a long poll of a durable stream is answered that nothing came; 30 s
    /// otherwise.
    #[must_use]
    pub fn long_poll(mut self, timeout: Duration) -> Self {
        self.long_poll = timeout;
        self
    }

    /// Where clients reach the server, such as `https://events.example.org`; the `Host` that a
    /// request names otherwise.
    #[must_use]
    pub fn public_url(mut self, url: impl Into<String>) -> Self {
        self.public_url = Some(url.into());
        self
    }

    /// Asks callers who they are; otherwise everybody who reaches the server may do everything.
    #[must_use]
    pub fn auth(mut self, auth: Auth) -> Self {
        self.auth = Some(auth);
        self
    }

    /// What must never reach a reader of anything that a model says: neither in relays, whatever
    /// their source, nor in the answers of providers that are handed through.
    #[must_use]
    pub fn filter(mut self, patterns: PatternSet) -> Self {
        self.filter = Some(patterns);
        self
    }

    /// To which names the server answers, and which origins' pages may use it; without a word,
    /// the names of loopback alone, or any name where callers are asked who they are, and no
    /// other origin.
    #[must_use]
    pub fn origins(mut self, rules: OriginRules) -> Self {
        self.origins = Some(rules);
        self
    }

    /// Lets webhooks of subscriptions reach this machine's loopback, also by plain HTTP: for
    /// development and tests.
    #[must_use]
    pub fn allow_local_webhooks(mut self) -> Self {
        self.webhooks = Reach::PublicAndLoopback;
        self
    }

    /// What threads that do nothing but append to durable streams call each time before they
    /// sleep: a store may commit there what they appended, and may block for as long.
    #[must_use]
    pub fn before_sleep(mut self, call: impl Fn() + Send + Sync + 'static) -> Self {
        self.before_sleep = Some(BeforeSleep(Arc::new(call)));
        self
    }

    /// What is done with the [`Span`] of each request and its headers before the request is carried
    /// out: whoever exports spans can set their parents there.
    #[must_use]
    pub fn on_request(mut self, call: impl Fn(&Span, &HeaderMap) + Send + Sync + 'static) -> Self {
        self.on_request = Some(OnRequest(Arc::new(call)));
        self
    }

    /// Says that other servers have the same logs.
    ///
    /// Then a relay without an end is not ended at the start but once its server is gone, topics
    /// that others make are looked for, and empty ones are left to them.
    #[must_use]
    pub fn shared(mut self) -> Self {
        self.shared = true;
        self
    }

    /// Adds a gauge of the host's own to `GET /metrics`, as `millstream_NAME`; `read` is called
    /// for each of them, and must be quick.
    #[must_use]
    pub fn gauge(
        self,
        name: &'static str,
        help: &'static str,
        read: impl Fn() -> u64 + Send + Sync + 'static,
    ) -> Self {
        self.host_metric(name, help, Read::Gauge(Arc::new(read)))
    }

    /// Adds a counter in the same way, as `millstream_NAME_total`.
    #[must_use]
    pub fn counter(
        self,
        name: &'static str,
        help: &'static str,
        read: impl Fn() -> u64 + Send + Sync + 'static,
    ) -> Self {
        self.host_metric(name, help, Read::Counter(Arc::new(read)))
    }

    /// Adds a histogram in the same way.
    #[must_use]
    pub fn histogram(
        self,
        name: &'static str,
        help: &'static str,
        read: impl Fn() -> Buckets + Send + Sync + 'static,
    ) -> Self {
        self.host_metric(name, help, Read::Histogram(Arc::new(read)))
    }

    fn host_metric(mut self, name: &'static str, help: &'static str, read: Read) -> Self {
        self.host_metrics.push(HostMetric { name, help, read });
        self
    }
}
