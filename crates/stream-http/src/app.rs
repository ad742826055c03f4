//! What all requests share.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use http::uri::Authority;
use llm_relay::{RelayId, RelayOptions, Relays};
use llm_stream::StreamEvent;
use llm_stream::filter::PatternSet;
use parking_lot::Mutex;
use stream_core::{Capacity, Cursor, Hub};
use stream_log::StoreError;
use stream_log::{LiveLogs, Log, LogConfig, LogName, LogStore, LogStoreExt, Namespace};
use stream_model::Topic;
use stream_model::now::now;
use stream_protocol::session::SessionOptions;
use stream_protocol::{Grant, OriginRules};
use tracing::warn;

use crate::auth::Auth;
use crate::client::Client;
use crate::connection::present;
use crate::durable::{Piece, Streams, Subscriptions};
use crate::frame::{Frame, relay_frame};
use crate::item::TopicItem;
use crate::limits::{
    BIRTHS_REMEMBERED, HOUSEKEEPING_INTERVAL, KEY_SET_INTERVAL, RING_BYTES, RING_RECORDS,
};
use crate::llm::relay_event;
use crate::metrics::Metrics;
use crate::options::{AppOptions, BeforeSleep};
use crate::others::live_with_others;
use crate::rates::Rates;
use crate::shutdown::{Shutdown, ShutdownSender};
use crate::trace::OnRequest;
use crate::upstream::Upstream;

/// The logs, who follows them, and the relays; a clone is another handle.
#[derive(Debug, Clone)]
pub struct App(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    options: AppOptions,
    store: Arc<dyn LogStore>,
    topics: LiveLogs<TopicItem>,
    /// Topics as they are made, for readers of patterns.
    births: Hub<Topic>,
    llm: LiveLogs<Frame>,
    /// The same relays for readers in other formats, each of whom has an encoder of its own.
    llm_events: LiveLogs<StreamEvent>,
    relays: Relays,
    streams: Arc<Streams>,
    /// What is appended to durable streams, for live readers.
    appends: LiveLogs<Piece>,
    subscriptions: Subscriptions,
    client: Client,
    metrics: Arc<Metrics>,
    rates: Rates,
    /// What a caller may do where nobody is asked.
    everybody: Arc<Grant>,
    origins: OriginRules,
    shutdown: ShutdownSender,
    /// Topics that somebody reads, or read, and that may have no event yet.
    unborn: Mutex<HashSet<LogName>>,
}

impl App {
    /// An app that keeps its events in `store`.
    pub fn new(store: Arc<dyn LogStore>, options: AppOptions) -> Self {
        let ring = Capacity::items(RING_RECORDS).weight(RING_BYTES);
        let shutdown = ShutdownSender::new();
        let origins = options.origins.clone().unwrap_or_else(|| match options.auth {
            Some(_) => OriginRules::any_host(),
            None => OriginRules::loopback(),
        });
        let streams = Arc::new(Streams::new(Arc::clone(&store), options.shared));
        let subscriptions = Subscriptions::new(
            Arc::clone(&store),
            Arc::clone(&streams),
            options.webhooks,
            shutdown.clone(),
            options.shared,
        );
        Self(Arc::new(Shared {
            relays: if options.shared {
                Relays::shared(Arc::clone(&store))
            } else {
                Relays::new(Arc::clone(&store))
            },
            topics: LiveLogs::new(ring, TopicItem::new),
            births: Hub::new(Capacity::items(BIRTHS_REMEMBERED)),
            llm: LiveLogs::new(ring, relay_frame),
            llm_events: LiveLogs::new(ring, relay_event),
            streams,
            appends: LiveLogs::new(ring, |_, record| Piece::new(&record)),
            subscriptions,
            client: Client::new(),
            metrics: Arc::new(Metrics::new(&options.host_metrics)),
            rates: Rates::new(present()),
            everybody: Arc::new(Grant::everything()),
            origins,
            shutdown,
            unborn: Mutex::default(),
            options,
            store,
        }))
    }

    pub(crate) fn store(&self) -> &Arc<dyn LogStore> {
        &self.0.store
    }

    pub(crate) fn topics(&self) -> &LiveLogs<TopicItem> {
        &self.0.topics
    }

    /// The topics that are made from now on.
    pub(crate) fn births(&self) -> Cursor<Topic> {
        self.0.births.cursor()
    }

    /// Readers who want to hear of topics that are made.
    pub(crate) fn birth_readers(&self) -> usize {
        self.0.births.cursors()
    }

    /// Tells them of topics that others made.
    pub(crate) fn announce(&self, topics: Vec<Topic>) {
        self.0.births.publish_all(topics.into_iter().map(|topic| (topic, 1)).collect::<Vec<_>>());
    }

    /// Whether other servers have the same logs.
    pub(crate) fn has_others(&self) -> bool {
        self.0.options.shared
    }

    pub(crate) fn llm(&self) -> &LiveLogs<Frame> {
        &self.0.llm
    }

    pub(crate) fn llm_events(&self) -> &LiveLogs<StreamEvent> {
        &self.0.llm_events
    }

    pub(crate) fn streams(&self) -> &Streams {
        &self.0.streams
    }

    pub(crate) fn appends(&self) -> &LiveLogs<Piece> {
        &self.0.appends
    }

    pub(crate) fn subscriptions(&self) -> &Subscriptions {
        &self.0.subscriptions
    }

    pub(crate) fn long_poll(&self) -> Duration {
        self.0.options.long_poll
    }

    pub(crate) fn public_url(&self) -> Option<&str> {
        self.0.options.public_url.as_deref()
    }

    pub(crate) fn relays(&self) -> &Relays {
        &self.0.relays
    }

    pub(crate) fn metrics(&self) -> &Arc<Metrics> {
        &self.0.metrics
    }

    /// How often events come to topics through this server.
    pub(crate) fn rates(&self) -> &Rates {
        &self.0.rates
    }

    pub(crate) fn client(&self) -> &Client {
        &self.0.client
    }

    pub(crate) fn auth(&self) -> Option<&Auth> {
        self.0.options.auth.as_ref()
    }

    pub(crate) fn origins(&self) -> &OriginRules {
        &self.0.origins
    }

    /// Whether an append that comes from no page needs no leave but to call the server by this
    /// name.
    pub(crate) fn lets_everybody_append(&self, host: &Authority) -> bool {
        self.auth().is_none() && self.origins().answers_to(host)
    }

    pub(crate) fn everybody(&self) -> Arc<Grant> {
        Arc::clone(&self.0.everybody)
    }

    pub(crate) fn heartbeat(&self) -> Duration {
        self.0.options.heartbeat
    }

    pub(crate) fn write_timeout(&self) -> Duration {
        self.0.options.write_timeout
    }

    pub(crate) fn head_timeout(&self) -> Duration {
        self.0.options.head_timeout
    }

    pub(crate) fn connections_max(&self) -> usize {
        self.0.options.connections_max
    }

    pub(crate) fn body_bytes_max(&self) -> usize {
        self.0.options.body_bytes_max
    }

    pub(crate) fn before_sleep(&self) -> Option<BeforeSleep> {
        self.0.options.before_sleep.clone()
    }

    pub(crate) fn on_request(&self) -> Option<&OnRequest> {
        self.0.options.on_request.as_ref()
    }

    pub(crate) fn upstream(&self, name: &str) -> Option<&Upstream> {
        self.0.options.upstreams.get(name)
    }

    /// What every relay has in common.
    pub(crate) fn relay_options(&self) -> RelayOptions {
        let options = RelayOptions::default();
        match self.filter() {
            Some(patterns) => options.filter(patterns.clone()),
            None => options,
        }
    }

    /// What must not be let through of anything that a model says.
    pub(crate) fn filter(&self) -> Option<&PatternSet> {
        self.0.options.filter.as_ref()
    }

    pub(crate) fn upstream_names(&self) -> Vec<&str> {
        let mut names: Vec<_> = self.0.options.upstreams.keys().map(String::as_str).collect();
        names.sort_unstable();
        names
    }

    pub(crate) fn session_options(&self) -> SessionOptions {
        SessionOptions::default().heartbeat(self.0.options.heartbeat)
    }

    pub(crate) fn shutdown_signal(&self) -> Shutdown {
        self.0.shutdown.signal()
    }

    /// The topic's log, made if there is none.
    pub(crate) async fn topic_log(&self, topic: &Topic) -> Result<Arc<dyn Log>, StoreError> {
        let name = topic_log_name(topic);
        if let Some(log) = self.store().get(&name).await? {
            return Ok(log);
        }
        let config = LogConfig { retention: self.0.options.retention, ..LogConfig::default() };
        let log = self.store().get_or_create(&name, config).await?;
        // Told once too often if two make it at once, which is harmless.
        self.0.births.publish(topic.clone(), 1);
        Ok(log)
    }

    /// The relay's log, if there is one.
    pub(crate) async fn relay_log(&self, id: &RelayId) -> Result<Option<Arc<dyn Log>>, StoreError> {
        match id.log_name() {
            Ok(name) => self.store().get(&name).await,
            Err(_) => Ok(None),
        }
    }

    /// Remembers that a topic was made by a reader alone.
    pub(crate) fn note_unborn(&self, name: LogName) {
        self.0.unborn.lock().insert(name);
    }

    /// Puts in order what a process that was killed left behind; before the first request.
    pub(crate) async fn recover(&self) {
        if self.0.options.shared {
            return;
        }
        match self.relays().end_unfinished().await {
            Ok(0) => {}
            Ok(relays) => warn!(relays, "ended relays that an earlier process left without an end"),
            Err(error) => warn!(%error, "cannot end the relays of an earlier process"),
        }
    }

    /// Ends relays in order, then tells every reader that the server goes down.
    pub(crate) async fn begin_shutdown(&self) {
        self.relays().shutdown().await;
        self.0.shutdown.begin();
    }

    /// Lets go of what nobody needs any more, for as long as the server runs.
    pub(crate) async fn keep_house(&self) {
        let mut shutdown = self.shutdown_signal();
        let others = live_with_others(self);
        tokio::pin!(others);
        self.streams().load().await;
        self.subscriptions().load().await;
        loop {
            self.fetch_keys(KEY_SET_INTERVAL).await;
            tokio::select! {
                () = shutdown.begun() => return,
                () = &mut others => {}
                () = tokio::time::sleep(HOUSEKEEPING_INTERVAL) => self.clean().await,
            }
        }
    }

    /// Fetches the keys of tokens, if they are published somewhere and were not fetched for so
    /// long.
    pub(crate) async fn fetch_keys(&self, pause: Duration) {
        if let Some(published) = self.auth().and_then(Auth::published) {
            published.refresh(self.client(), pause).await;
        }
    }

    async fn clean(&self) {
        if let Err(error) = self.store().sweep(now()).await {
            warn!(%error, "cannot let go of expired logs");
        }
        self.rates().clean(present());
        self.streams().clean(now()).await;
        let read: HashSet<_> = self.topics().readers().into_iter().map(|(name, _)| name).collect();
        // A reader on another server would lose its topic.
        let unread: Vec<_> = if self.0.options.shared {
            self.0.unborn.lock().clear();
            Vec::new()
        } else {
            let mut unborn = self.0.unborn.lock();
            unborn.extract_if(|name| !read.contains(name)).collect()
        };
        for name in unread {
            if let Err(error) = self.delete_if_empty(&name).await {
                warn!(%error, log = %name, "cannot let go of an empty topic");
            }
        }
    }

    async fn delete_if_empty(&self, name: &LogName) -> Result<(), StoreError> {
        let Some(log) = self.store().get(name).await? else { return Ok(()) };
        if log.tail().await.is_ok_and(|tail| tail.state.next.get() == 0) {
            self.store().delete(name).await?;
        }
        Ok(())
    }
}

/// The log of a topic.
pub(crate) fn topic_log_name(topic: &Topic) -> LogName {
    #[expect(clippy::expect_used, reason = "a topic is shorter than a log's name may be")]
    LogName::new(Namespace::Topic, topic.as_str()).expect("every topic is a log's name")
}
