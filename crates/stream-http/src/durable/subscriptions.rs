//! All subscriptions: making, finding and deleting them, and telling them of appends.
//!
//! Each one has a log of its own, which keeps its newest state and no other, and a task, which
//! wakes its workers and ends with it.
//! Servers that have the same logs all run all of them: see `active`.

mod active;
mod keys;
mod routes;
mod sender;
mod task;

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::RwLock;
use stream_log::{LogName, LogStore, LogStoreExt, Namespace};
use stream_model::Offset;
use stream_model::now::now;
use stream_protocol::durable::subscription::target::Reach;
use stream_protocol::durable::subscription::{Config, Fault, Subscription};
use stream_protocol::durable::{Refusal, StreamOffset, StreamPath};
use tokio::sync::OnceCell;
use tokio::task::JoinHandle;
use tracing::warn;

use self::active::Active;
use self::keys::Keys;
use self::sender::Sender;
use self::task::run;
use super::respond::store_refused;
use super::streams::{NEWEST, Streams, reserved_log};
use crate::limits::SUBSCRIPTIONS_MAX;
use crate::shutdown::ShutdownSender;

pub(super) use self::routes::router;

/// The kind of the logs that hold subscriptions, within the reserved names.
const LOGS: &str = "subscriptions";

/// The subscriptions of a store.
#[derive(Debug)]
pub(crate) struct Subscriptions {
    store: Arc<dyn LogStore>,
    streams: Arc<Streams>,
    reach: Reach,
    shutdown: ShutdownSender,
    /// Whether other servers have the same subscriptions.
    shared: bool,
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

impl Subscriptions {
    pub(crate) fn new(
        store: Arc<dyn LogStore>,
        streams: Arc<Streams>,
        reach: Reach,
        shutdown: ShutdownSender,
        shared: bool,
    ) -> Self {
        Self {
            store,
            streams,
            reach,
            shutdown,
            shared,
            keys: OnceCell::new(),
            all: RwLock::default(),
            making: tokio::sync::Mutex::default(),
        }
    }

    /// What signs webhooks and tokens; made when it is first needed, and kept.
    async fn keys(&self) -> Result<&Arc<Keys>, Refusal> {
        self.keys.get_or_try_init(|| async { Ok(Arc::new(Keys::load(&*self.store).await?)) }).await
    }

    /// The subscription, also one that another server has made since.
    async fn find(&self, id: &str) -> Result<Arc<Active>, routes::Failure> {
        if let Some(known) = self.known(id) {
            return Ok(known);
        }
        if self.shared {
            let _guard = self.making.lock().await;
            self.load_one(&reserved_log(LOGS, id)).await?;
        }
        Ok(self.known(id).ok_or(Fault::NotFound)?)
    }

    /// A subscription that runs here, unless another server has deleted it.
    fn known(&self, id: &str) -> Option<Arc<Active>> {
        let active = self.all.read().get(id).map(|entry| Arc::clone(&entry.active))?;
        if active.is_deleted() {
            self.all.write().remove(id);
            return None;
        }
        Some(active)
    }

    /// Makes a subscription, or finds it made; says whether it was made now.
    async fn create(
        &self,
        id: &str,
        config: Config,
        base_url: String,
    ) -> Result<(Arc<Active>, bool), routes::Failure> {
        let _guard = self.making.lock().await;
        if self.shared {
            self.load_one(&reserved_log(LOGS, id)).await?;
        }
        if let Some(found) = self.known(id) {
            return if found.config() == config {
                Ok((found, false))
            } else {
                Err(Fault::Exists.into())
            };
        }
        if self.all.read().len() >= SUBSCRIPTIONS_MAX {
            return Err(Fault::TooMany { limit: SUBSCRIPTIONS_MAX }.into());
        }
        let mut machine =
            Subscription::new(id.to_owned(), config.clone(), base_url, now(), fastrand::u64(..));
        self.follow(&mut machine).await?;
        let log = self.store.get_or_create(&reserved_log(LOGS, id), NEWEST).await;
        let log = log.map_err(|error| store_refused(&error))?;
        let active = Arc::new(Active::new(machine, log, Offset::ZERO).await?);
        active.change(|_| Ok(())).await?;
        if active.config() != config {
            // Another server was faster.
            return Err(Fault::Exists.into());
        }
        self.start(&active).await?;
        // What was appended or made while the streams were looked through.
        active.catch_up(&self.streams).await?;
        Ok((active, true))
    }

    /// Follows what there is already, from its present tail on.
    async fn follow(&self, machine: &mut Subscription) -> Result<(), Refusal> {
        let named: Vec<_> = machine.config().streams.iter().cloned().collect();
        for path in named.iter().filter_map(|path| StreamPath::new(path).ok()) {
            let tail = self.streams.tail(&path).await?.unwrap_or(StreamOffset::BEGINNING);
            machine.link(&path, tail);
        }
        for (path, tail) in matching(&self.streams, machine.config()).await? {
            machine.backfill(&path, tail);
        }
        Ok(())
    }

    /// Starts the task of a subscription.
    async fn start(&self, active: &Arc<Active>) -> Result<(), Refusal> {
        let sender =
            Sender::new(Arc::clone(self.keys().await?), Arc::clone(&self.streams), self.reach);
        let task = run(Arc::clone(active), sender, self.shutdown.signal(), self.shared);
        let entry = Entry { active: Arc::clone(active), task: tokio::spawn(task) };
        self.all.write().insert(active.id(), entry);
        Ok(())
    }

    /// Deletes a subscription; requests that are under way find it gone.
    async fn delete(&self, id: &str) -> Result<(), routes::Failure> {
        // One that another server has made is stopped here, too.
        drop(self.find(id).await?);
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
            active.note_append(path, tail);
        }
    }

    /// Tells all subscriptions that a stream is gone.
    pub(super) fn note_deletion(&self, path: &StreamPath) {
        for Entry { active, .. } in self.all.read().values() {
            active.note_deletion(path);
        }
    }

    /// Goes on with the subscriptions of a store that was used before, or that others use.
    pub(crate) async fn load(&self) {
        let first = reserved_log(LOGS, "");
        let listed = self.store.list(Namespace::Durable, Some(&first), SUBSCRIPTIONS_MAX).await;
        let names = listed.unwrap_or_else(|error| {
            warn!(%error, "cannot list the subscriptions; those that do not run yet stay so");
            Vec::new()
        });
        for name in names.iter().take_while(|name| name.name().starts_with(first.name())) {
            let _guard = self.making.lock().await;
            if let Err(refusal) = self.load_one(name).await {
                warn!(%name, ?refusal, "cannot load a subscription");
            }
        }
    }

    /// Starts a subscription that lies in the store and does not run here.
    async fn load_one(&self, name: &LogName) -> Result<(), Refusal> {
        let first = reserved_log(LOGS, "");
        let id = name.name().strip_prefix(first.name());
        if id.is_some_and(|id| self.known(id).is_some()) {
            return Ok(());
        }
        let log = self.store.get(name).await.map_err(|error| store_refused(&error))?;
        let Some(log) = log else { return Ok(()) };
        let Some((machine, next)) = active::read(&*log).await? else {
            // Another server may be about to write it.
            return Ok(());
        };
        let active = Arc::new(Active::new(machine, log, next).await?);
        self.start(&active).await?;
        active.catch_up(&self.streams).await
    }
}

/// The streams that a pattern takes, with their tails.
async fn matching(
    streams: &Streams,
    config: &Config,
) -> Result<Vec<(StreamPath, StreamOffset)>, Refusal> {
    let Some(pattern) = &config.pattern else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    for path in streams.paths().await?.into_iter().filter(|path| pattern.matches(path)) {
        if let Some(tail) = streams.tail(&path).await? {
            found.push((path, tail));
        }
    }
    Ok(found)
}
