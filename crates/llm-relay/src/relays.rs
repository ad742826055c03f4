//! Every relay that runs, and the way to start and stop one.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use futures_core::Stream;
use llm_stream::ErrorKind;
use parking_lot::Mutex;
use stream_log::{
    AppendBatch, AppendError, Log, LogConfig, LogNameError, LogStore, Namespace, StoreError, Tail,
};
use stream_model::{BoxError, ErrorClass, Offset};
use tokio::sync::watch;
use tokio::task::JoinHandle;

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
        Self { store, running: Arc::default() }
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
        let pump = Pump { id: id.clone(), options, log, stop: stopped };

        let mut running = self.running.lock();
        let (registry, name) = (Arc::downgrade(&self.running), id.clone());
        let task = tokio::spawn(async move {
            let result = pump.run(source).await;
            tell.send_replace(Some(result.map_err(Arc::new)));
            if let Some(registry) = registry.upgrade() {
                registry.lock().remove(&name);
            }
        });
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
        Ok(match self.running.lock().get(id) {
            Some(running) => {
                running.ask(Ending::Stopped);
                StopOutcome::Stopping
            }
            None => StopOutcome::AlreadyEnded,
        })
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
                    let ended = end(&*log, state.next == Offset::ZERO).await;
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

/// Appends the end that a relay did not get to, and its start if it did not even get to that.
async fn end(log: &dyn Log, is_empty: bool) -> Result<(), AppendError> {
    let now = Moment::now();
    let mut relay = Relay::new(&RelayOptions::default().statistics(false), now);
    let message = "server stopped before the stream ended".to_owned();
    relay.finish(now, &Ending::Failed { message, kind: ErrorKind::Server });
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
