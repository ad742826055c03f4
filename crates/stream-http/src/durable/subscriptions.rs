//! All subscriptions: making, finding and deleting them, and telling them of appends.
//!
//! Each one has a log of its own, which keeps its newest state and no other, and a task, which
//! wakes its workers and ends with it.

mod keys;
mod routes;
mod sender;
mod task;

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::{Mutex, RwLock};
use stream_log::{
    AppendBatch, Log, LogConfig, LogName, LogStore, LogStoreExt, Namespace, ReadFrom, ReadLimit,
    Retention,
};
use stream_model::now::now;
use stream_protocol::durable::subscription::target::Reach;
use stream_protocol::durable::subscription::{Config, Fault, Subscription};
use stream_protocol::durable::{Refusal, StreamOffset, StreamPath};
use tokio::sync::{Notify, OnceCell};
use tokio::task::JoinHandle;
use tracing::warn;

use self::keys::Keys;
use self::sender::Sender;
use self::task::run;
use super::respond::{append_refused, read_refused, store_refused};
use super::streams::{Streams, reserved_log};
use crate::limits::SUBSCRIPTIONS_MAX;
use crate::shutdown::ShutdownSender;

pub(super) use self::routes::router;

/// The kind of the logs that hold subscriptions, within the reserved names.
const LOGS: &str = "subscriptions";

/// A log that keeps its newest record alone.
const NEWEST: LogConfig = LogConfig {
    retention: Retention { records_max: 1, bytes_max: u64::MAX, age_max: None },
    ttl: None,
    bytes_max: None,
};

/// The subscriptions of a store.
#[derive(Debug)]
pub(crate) struct Subscriptions {
    store: Arc<dyn LogStore>,
    streams: Arc<Streams>,
    reach: Reach,
    shutdown: ShutdownSender,
    keys: OnceCell<Arc<Keys>>,
    all: RwLock<BTreeMap<String, Entry>>,
    /// Held while one is made or deleted.
    making: tokio::sync::Mutex<()>,
}

/// A subscription, and the task that ends with it.
#[derive(Debug)]
struct Entry {
    active: Arc<Active>,
    task: JoinHandle<()>,
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A subscription that is kept.
#[derive(Debug)]
struct Active {
    machine: Mutex<Subscription>,
    log: Arc<dyn Log>,
    /// Held while the state is written, so that an older one never follows a newer.
    saving: tokio::sync::Mutex<()>,
    /// There may be something to send.
    changed: Notify,
}

impl Active {
    /// Lets the machine do something, and its task see what follows.
    fn update<T>(&self, act: impl FnOnce(&mut Subscription) -> T) -> T {
        let result = act(&mut self.machine.lock());
        self.changed.notify_one();
        result
    }

    /// Writes the present state.
    async fn save(&self) -> Result<(), Refusal> {
        let _guard = self.saving.lock().await;
        let state = serde_json::to_vec(&*self.machine.lock()).unwrap_or_default();
        let written = self.log.append(AppendBatch::new(now()).record(state)).await;
        written.map(|_| ()).map_err(|error| append_refused(&error))
    }
}

impl Subscriptions {
    pub(crate) fn new(
        store: Arc<dyn LogStore>,
        streams: Arc<Streams>,
        reach: Reach,
        shutdown: ShutdownSender,
    ) -> Self {
        Self {
            store,
            streams,
            reach,
            shutdown,
            keys: OnceCell::new(),
            all: RwLock::default(),
            making: tokio::sync::Mutex::default(),
        }
    }

    /// What signs webhooks and tokens; made when it is first needed, and kept.
    async fn keys(&self) -> Result<&Arc<Keys>, Refusal> {
        self.keys.get_or_try_init(|| async { Ok(Arc::new(Keys::load(&*self.store).await?)) }).await
    }

    fn find(&self, id: &str) -> Result<Arc<Active>, Fault> {
        let all = self.all.read();
        all.get(id).map(|entry| Arc::clone(&entry.active)).ok_or(Fault::NotFound)
    }

    /// Makes a subscription, or finds it made; says whether it was made now.
    async fn create(
        &self,
        id: &str,
        config: Config,
        base_url: String,
    ) -> Result<(Arc<Active>, bool), routes::Failure> {
        let _guard = self.making.lock().await;
        if let Ok(found) = self.find(id) {
            let same = *found.machine.lock().config() == config;
            return if same { Ok((found, false)) } else { Err(Fault::Exists.into()) };
        }
        if self.all.read().len() >= SUBSCRIPTIONS_MAX {
            return Err(Fault::TooMany { limit: SUBSCRIPTIONS_MAX }.into());
        }
        let mut machine =
            Subscription::new(id.to_owned(), config, base_url, now(), fastrand::u64(..));
        self.follow(&mut machine).await?;
        let log = self.store.get_or_create(&reserved_log(LOGS, id), NEWEST).await;
        let log = log.map_err(|error| store_refused(&error))?;
        let active = self.start(machine, log).await?;
        active.save().await?;
        // What was appended or made while the streams were looked through.
        self.catch_up(&active).await?;
        Ok((active, true))
    }

    /// Follows what there is already, from its present tail on.
    async fn follow(&self, machine: &mut Subscription) -> Result<(), Refusal> {
        let named: Vec<_> = machine.config().streams.iter().cloned().collect();
        for path in named.iter().filter_map(|path| StreamPath::new(path).ok()) {
            let tail = self.streams.tail(&path).await?.unwrap_or(StreamOffset::BEGINNING);
            machine.link(&path, tail);
        }
        for (path, tail) in self.matching(machine.config()).await? {
            machine.backfill(&path, tail);
        }
        Ok(())
    }

    /// The streams that a pattern takes, with their tails.
    async fn matching(&self, config: &Config) -> Result<Vec<(StreamPath, StreamOffset)>, Refusal> {
        let Some(pattern) = &config.pattern else { return Ok(Vec::new()) };
        let mut found = Vec::new();
        for path in self.streams.paths().await?.into_iter().filter(|path| pattern.matches(path)) {
            if let Some(tail) = self.streams.tail(&path).await? {
                found.push((path, tail));
            }
        }
        Ok(found)
    }

    /// Tells a subscription where its streams end now.
    async fn catch_up(&self, active: &Active) -> Result<(), Refusal> {
        let (config, followed) = {
            let machine = active.machine.lock();
            (machine.config().clone(), machine.paths().collect::<Vec<_>>())
        };
        let mut tails = self.matching(&config).await?;
        for path in followed {
            if let Some(tail) = self.streams.tail(&path).await? {
                tails.push((path, tail));
            }
        }
        active.update(|machine| {
            for (path, tail) in &tails {
                machine.handle_append(now(), path, *tail);
            }
        });
        Ok(())
    }

    /// Starts the task of a subscription.
    async fn start(
        &self,
        machine: Subscription,
        log: Arc<dyn Log>,
    ) -> Result<Arc<Active>, Refusal> {
        let id = machine.id().to_owned();
        let active = Arc::new(Active {
            machine: Mutex::new(machine),
            log,
            saving: tokio::sync::Mutex::default(),
            changed: Notify::new(),
        });
        let sender =
            Sender::new(Arc::clone(self.keys().await?), Arc::clone(&self.streams), self.reach);
        let task = tokio::spawn(run(Arc::clone(&active), sender, self.shutdown.signal()));
        self.all.write().insert(id, Entry { active: Arc::clone(&active), task });
        Ok(active)
    }

    /// Deletes a subscription; requests that are under way find it gone.
    async fn delete(&self, id: &str) -> Result<(), routes::Failure> {
        let _guard = self.making.lock().await;
        let removed = self.all.write().remove(id);
        if removed.is_none() {
            return Err(Fault::NotFound.into());
        }
        let deleted = self.store.delete(&reserved_log(LOGS, id)).await;
        deleted.map(|_| ()).map_err(|error| store_refused(&error).into())
    }

    /// Tells all subscriptions that a stream was appended to.
    pub(super) fn note_append(&self, path: &StreamPath, tail: StreamOffset) {
        for Entry { active, .. } in self.all.read().values() {
            let concerned = active.machine.lock().handle_append(now(), path, tail);
            if concerned {
                active.changed.notify_one();
            }
        }
    }

    /// Tells all subscriptions that a stream is gone.
    pub(super) fn note_deletion(&self, path: &StreamPath) {
        for Entry { active, .. } in self.all.read().values() {
            active.machine.lock().handle_deletion(path);
        }
    }

    /// Goes on with the subscriptions of a store that was used before.
    pub(crate) async fn load(&self) {
        let first = reserved_log(LOGS, "");
        let listed = self.store.list(Namespace::Durable, Some(&first), SUBSCRIPTIONS_MAX).await;
        let names = listed.unwrap_or_default();
        for name in names.iter().take_while(|name| name.name().starts_with(first.name())) {
            if let Err(refusal) = self.load_one(name).await {
                warn!(%name, ?refusal, "cannot load a subscription");
            }
        }
    }

    async fn load_one(&self, name: &LogName) -> Result<(), Refusal> {
        let log = self.store.get(name).await.map_err(|error| store_refused(&error))?;
        let Some(log) = log else { return Ok(()) };
        let batch = log.read(ReadFrom::Earliest, ReadLimit::records(1)).await;
        let batch = batch.map_err(|error| read_refused(&error))?;
        let state = batch.records.first().map(|record| serde_json::from_slice(&record.payload));
        let Some(Ok(machine)) = state else {
            warn!(%name, "log holds no subscription");
            return Ok(());
        };
        let active = self.start(machine, log).await?;
        self.catch_up(&active).await
    }
}
