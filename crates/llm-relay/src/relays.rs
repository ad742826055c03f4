//! Every relay that runs, and the way to start and stop one.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use futures_core::Stream;
use llm_stream::otel;
use llm_stream::{ErrorKind, StreamStats};
use parking_lot::Mutex;
use stream_log::{
    AppendBatch, AppendError, Log, LogConfig, LogNameError, LogStore, Namespace, StoreError, Tail,
};
use stream_model::{BoxError, ErrorClass, Offset};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tracing::field::Empty;
use tracing::{Instrument, Span, info_span};

use crate::pump::Pump;
use crate::{Ending, Moment, Relay, RelayId, RelayOptions, Summary};

/// Bytes that a relay's log holds beyond the relay's own bound: room for what says so.
const LOG_SLACK_BYTES: u64 = 1 << 20;

/// Names of logs that are asked for at once.
const LISTED_AT_ONCE: usize = 1000;

/// Starts, stops and owns relays.
///
/// A relay runs on whoever started it goes or stays.
/// Dropping the registry asks every relay to end in order.
#[derive(Debug)]
pub struct Relays {
    store: Arc<dyn LogStore>,
    /// Whether other servers have the same logs.
    shared: bool,
    running: Arc<Mutex<HashMap<RelayId, Running>>>,
}

#[derive(Debug)]
struct Running {
    stop: watch::Sender<Option<Ending>>,
    /// Taken by the one who waits for the end.
    task: Option<JoinHandle<()>>,
}

impl Running {
    /// Asks for an end, unless one was asked for already.
    fn ask(&self, ending: Ending) {
        self.stop.send_if_modified(|asked| {
            let first = asked.is_none();
            asked.get_or_insert(ending);
            first
        });
    }
}

/// The span of a relay: one of its own, as it outlives the request that began it, which it follows.
fn span(id: &RelayId) -> Span {
    let span = info_span!(
        parent: None,
        "relay",
        relay = %id,
        gen_ai.operation.name = Empty,
        gen_ai.provider.name = Empty,
        gen_ai.response.model = Empty,
        gen_ai.response.finish_reasons = Empty,
        gen_ai.usage.input_tokens = Empty,
        gen_ai.usage.output_tokens = Empty,
        error.type = Empty,
    );
    span.follows_from(Span::current());
    span
}

/// Notes in a relay's span what was measured; names that the span does not have are left out.
fn describe(span: &Span, stats: &StreamStats) {
    for (name, value) in otel::attributes(stats) {
        match value {
            otel::Value::Text(text) => span.record(name, text),
            otel::Value::Count(count) => span.record(name, count),
            otel::Value::Seconds(seconds) => span.record(name, seconds),
            otel::Value::List(words) => span.record(name, words.join(",")),
            _ => continue,
        };
    }
}

/// What came of asking a relay to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopOutcome {
    /// It is ending.
    Stopping,
    /// It had ended before.
    AlreadyEnded,
    /// There is no such relay.
    NotFound,
}

impl Relays {
    /// A registry whose relays keep their events in `store`.
    pub fn new(store: Arc<dyn LogStore>) -> Self {
        Self { store, shared: false, running: Arc::default() }
    }

    /// A registry whose relays keep their events in a `store` that other servers have, too.
    ///
    /// Then [`keep_lease`](Self::keep_lease) must be polled, and
    /// [`end_unfinished`](Self::end_unfinished) must not be called.
    pub fn shared(store: Arc<dyn LogStore>) -> Self {
        Self { store, shared: true, running: Arc::default() }
    }

    pub(crate) fn store(&self) -> &dyn LogStore {
        &*self.store
    }

    /// The relays that run here.
    pub(crate) fn ids(&self) -> Vec<RelayId> {
        self.running.lock().keys().cloned().collect()
    }

    /// Starts a relay that reads `source`; the result tells how it ended, and may be let go of.
    ///
    /// Must be called within a tokio runtime.
    ///
    /// # Errors
    /// [`StartError::Exists`] if a relay of that name runs, or ran and is still kept.
    ///
    /// # Cancel safety
    /// Dropping the future may leave an empty log of that name; dropping what it returns stops
    /// nothing.
    pub async fn start<S>(
        &self,
        id: &RelayId,
        options: RelayOptions,
        source: S,
    ) -> Result<Ended, StartError>
    where
        S: Stream<Item = Result<Bytes, BoxError>> + Send + 'static,
    {
        let config = LogConfig {
            ttl: Some(options.keep),
            bytes_max: Some((options.bytes_max as u64).saturating_add(LOG_SLACK_BYTES)),
            ..LogConfig::default()
        };
        let log = self.store.create(&id.log_name()?, config).await?;
        let (stop, stopped) = watch::channel(None);
        let (tell, told) = watch::channel(None);
        let tail = if self.shared { log.tail().await.ok() } else { None };
        let closed = tail.map(|tail| tail.watch);
        let pump = Pump { id: id.clone(), options, log, stop: stopped, closed };

        let mut running = self.running.lock();
        let (registry, name) = (Arc::downgrade(&self.running), id.clone());
        let task = async move {
            let result = pump.run(source).await;
            if let Ok(Summary { stats: Some(stats), .. }) = &result {
                describe(&Span::current(), stats);
            }
            tell.send_replace(Some(result.map_err(Arc::new)));
            if let Some(registry) = registry.upgrade() {
                registry.lock().remove(&name);
            }
        };
        let task = tokio::spawn(task.instrument(span(id)));
        running.insert(id.clone(), Running { stop, task: Some(task) });
        Ok(Ended(told))
    }

    /// Asks a relay to stop its generation.
    ///
    /// # Errors
    /// [`StartError::Store`] if the storage engine failed.
    ///
    /// # Cancel safety
    /// Dropping the future does not take the request back.
    pub async fn stop(&self, id: &RelayId) -> Result<StopOutcome, StartError> {
        let Some(log) = self.store.get(&id.log_name()?).await? else {
            return Ok(StopOutcome::NotFound);
        };
        // Readers see the end in the log a moment before the task is gone; what they see counts.
        if log.tail().await.is_ok_and(|tail| tail.state.is_final()) {
            return Ok(StopOutcome::AlreadyEnded);
        }
        if let Some(running) = self.running.lock().get(id) {
            running.ask(Ending::Stopped);
            return Ok(StopOutcome::Stopping);
        }
        if !self.shared {
            return Ok(StopOutcome::AlreadyEnded);
        }
        // It runs elsewhere: its pump sees that its log is closed.
        let ended = self.end_for_others(id, &Ending::Stopped).await;
        let stopping = ended.map_err(StoreError::Backend)?;
        Ok(if stopping { StopOutcome::Stopping } else { StopOutcome::AlreadyEnded })
    }

    /// Ends the relays that a process before this one left without an end: their readers are told
    /// that the server stopped.
    ///
    /// To be called before any relay is started; says how many there were.
    ///
    /// # Errors
    /// [`StoreError`] if the storage engine failed; relays may be left then.
    ///
    /// # Cancel safety
    /// Dropping the future may leave relays without an end.
    pub async fn end_unfinished(&self) -> Result<usize, StoreError> {
        let (mut count, mut after) = (0, None);
        loop {
            let names = self.store.list(Namespace::Relay, after.as_ref(), LISTED_AT_ONCE).await?;
            for name in &names {
                let Some(log) = self.store.get(name).await? else { continue };
                let Ok(Tail { state, .. }) = log.tail().await else { continue };
                if !state.is_final() {
                    let ended = end(&*log, state.next == Offset::ZERO, &server_stopped()).await;
                    ended.map_err(|error| StoreError::Backend(Box::new(error)))?;
                    count += 1;
                }
            }
            let Some(last) = names.into_iter().next_back() else { return Ok(count) };
            after = Some(last);
        }
    }

    /// How many relays run.
    pub fn running(&self) -> usize {
        self.running.lock().len()
    }

    /// Ends every relay in order and waits for them.
    ///
    /// # Cancel safety
    /// Dropping the future does not take the request back.
    pub async fn shutdown(&self) {
        let tasks: Vec<_> = {
            let mut running = self.running.lock();
            running
                .values_mut()
                .filter_map(|relay| {
                    relay.ask(Ending::Shutdown);
                    relay.task.take()
                })
                .collect()
        };
        for task in tasks {
            // A pump that panicked has ended too.
            drop(task.await);
        }
    }
}

/// What is told of a relay whose server is gone.
pub(crate) fn server_stopped() -> Ending {
    let message = "server stopped before the stream ended".to_owned();
    Ending::Failed { message, kind: ErrorKind::Server }
}

/// Appends the end that a relay did not get to, and its start if it did not even get to that.
pub(crate) async fn end(log: &dyn Log, is_empty: bool, ending: &Ending) -> Result<(), AppendError> {
    let now = Moment::now();
    let mut relay = Relay::new(&RelayOptions::default().statistics(false), now);
    relay.finish(now, ending);
    // A second start would have readers forget what had come.
    let mut records = relay.take_records();
    records.drain(..usize::from(!is_empty));
    log.append(AppendBatch::new(now.time).records(records).close()).await.map(drop)
}

/// Tells how a relay ended.
#[derive(Debug)]
pub struct Ended(watch::Receiver<Option<Result<Summary, Arc<AppendError>>>>);

impl Ended {
    /// Waits for the relay's end; `None` if its task was lost.
    ///
    /// # Errors
    /// [`AppendError`] if the log did not take the events.
    ///
    /// # Cancel safety
    /// Dropping the future stops nothing.
    pub async fn wait(mut self) -> Option<Result<Summary, Arc<AppendError>>> {
        self.0.wait_for(Option::is_some).await.ok()?.clone()
    }
}

/// Why a relay could not be started or stopped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// There is one of that name.
    #[error("relay exists")]
    Exists,
    /// The name is none that a log may have.
    #[error(transparent)]
    Name(#[from] LogNameError),
    /// The store refused.
    #[error("cannot create the relay's log")]
    Store(#[source] StoreError),
}

impl From<StoreError> for StartError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Exists => Self::Exists,
            other => Self::Store(other),
        }
    }
}

impl StartError {
    /// What kind of failure it is.
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Exists => ErrorClass::Conflict,
            Self::Name(_) => ErrorClass::Invalid,
            Self::Store(error) => error.class(),
        }
    }
}
