//! The store: logs of one cluster by name.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use async_trait::async_trait;
use stream_log::{Durability, Log, LogConfig, LogName, LogStore, Namespace, StoreError};
use stream_model::now::new_epoch;
use time::OffsetDateTime;
use tokio::time::Instant;

use crate::api::Published;
use crate::catalog::{self, Catalog};
use crate::cell::Cell;
use crate::engine::Engine;
use crate::error::{NatsError, OpenError};
use crate::group::{Answer, Ask};
use crate::head::Head;
use crate::log::NatsLog;
use crate::message::{Link, Message};
use crate::opening;
use crate::options::NatsOptions;
use crate::shard::Shard;
use crate::subject::Place;
use crate::sweeping::Expiries;

/// Logs on a cluster of NATS servers with JetStream.
///
/// # Overload
///
/// Appends to one log share messages; of those that wait, more than
/// [`WAITING_PER_LOG`](crate::limits::WAITING_PER_LOG) wait outside, and what cannot be done in
/// [`OPERATION_WAIT`](crate::limits::OPERATION_WAIT) fails with [`NatsError::Timeout`].
///
/// # Outages
///
/// While no server can be reached, or none leads a stream, operations wait and then fail with an
/// error that may be retried; readers of what is in memory notice nothing.
/// The connection is made again for as long as it takes.
///
/// # End of life
///
/// Dropping the last handle of the store and of its logs ends the tasks and the connection.
#[derive(Debug, Clone)]
pub struct NatsStore {
    engine: Arc<Engine>,
    expiries: Arc<Expiries>,
    catalog: Arc<Catalog>,
}

/// What a store did since it was opened, and how it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct NatsStats {
    /// Whether there is a connection.
    pub connected: bool,
    /// Connections made, the first one among them.
    pub connections: u64,
    /// Messages stored.
    pub messages: u64,
    /// Messages that others came before.
    pub conflicts: u64,
    /// Groups of appends that were not stored, or of which nobody knows.
    pub failures: u64,
    /// Times that a log was so far behind that its messages were not read one by one.
    pub jumps: u64,
    /// Times that the cluster was found to have lost messages that it had acknowledged.
    pub losses: u64,
}

impl NatsStore {
    /// Connects to a cluster and makes the streams that are not there.
    ///
    /// `servers` are addresses like `nats://host:4222` or `tls://host`, with commas between them.
    ///
    /// # Errors
    /// [`OpenError`] if no server can be reached, the credentials are refused, there is no
    /// JetStream, or streams of these names are somebody else's.
    ///
    /// # Cancel safety
    /// Dropping the future may leave streams behind, which the next opening finds.
    pub async fn open(servers: &str, options: NatsOptions) -> Result<Self, OpenError> {
        let (engine, histories) = opening::open(servers, options).await?;
        let engine = Arc::new(engine);
        engine.spawn(Engine::hear_histories(Arc::downgrade(&engine), histories));
        engine.spawn(Engine::audit(Arc::downgrade(&engine)));
        Ok(Self { engine, expiries: Arc::default(), catalog: Arc::default() })
    }

    /// What a receipt of this store says at least.
    pub fn durability(&self) -> Durability {
        let shards = self.engine.layout.shards().iter();
        shards.map(|shard| shard.durability()).min().unwrap_or(Durability::Memory)
    }

    /// What the store did, and how it is.
    pub fn stats(&self) -> NatsStats {
        let counts = &self.engine.counts;
        let api = &self.engine.api;
        NatsStats {
            connected: api.connection().is_some(),
            connections: api.client().statistics().connects.load(Ordering::Relaxed),
            messages: counts.messages.load(Ordering::Relaxed),
            conflicts: counts.conflicts.load(Ordering::Relaxed),
            failures: counts.failures.load(Ordering::Relaxed),
            losses: counts.losses.load(Ordering::Relaxed),
            jumps: counts.jumps.load(Ordering::Relaxed),
        }
    }

    fn log(&self, cell: Arc<Cell>) -> Arc<dyn Log> {
        Arc::new(NatsLog::new(Arc::clone(&self.engine), cell))
    }

    /// Makes a log; `None` if it is there.
    async fn make(
        &self,
        name: &LogName,
        config: LogConfig,
    ) -> Result<Option<Arc<Cell>>, NatsError> {
        let engine = &self.engine;
        let place = engine.layout.place(name);
        let (shard, subject) = (&place.shard, &place.subject);
        engine.settle(shard).await?;
        let history = shard.history();
        let newest = engine.api.last(shard, subject).await?;
        let after = match newest {
            None => Link::NONE,
            Some((at, message)) if message.head.state.deleted => Link { at, id: message.id },
            Some(_) => return Ok(None),
        };
        let (id, head) = (fastrand::u64(..), Head::new(new_epoch(), config));
        let message = Message::bare(id, after, head);
        let made = (&message, history);
        let deadline = engine.api.deadline();
        if config.ttl.is_some() {
            // The mark comes first: a log without one would never expire.
            let mark = engine.api.last(shard, &place.mark).await?.map_or(0, |(at, _)| at);
            engine.api.publish(shard, &place.mark, Some(mark), made, deadline).await?;
        }
        let sent = Instant::now();
        let at = match engine.api.publish(shard, subject, Some(after.at), made, deadline).await? {
            Published::Stored(at) => at,
            Published::Conflict => {
                let next = engine.api.next(shard, subject, after.at.saturating_add(1)).await?;
                match next.filter(|(_, next)| next.id == id) {
                    Some((at, _)) => at,
                    None => return Ok(None),
                }
            }
        };
        self.catalog.note_change();
        engine.hold(name, (at, message), (sent, history)).map(Some)
    }

    /// Deletes a log if `ask` does, and gives its messages back.
    pub(crate) async fn remove(&self, cell: &Arc<Cell>, ask: Ask) -> Result<bool, NatsError> {
        let engine = &self.engine;
        match engine.submit(cell, ask).await {
            Answer::Done => {}
            Answer::Nothing => return Ok(false),
            Answer::Failed(error) => return Err(error),
            _ => return Err(NatsError::Malformed { at: 0 }),
        }
        // Up to the message that says so: another life of the log may have begun.
        let before = cell.last().at.saturating_add(1);
        engine.forget(cell);
        let Place { shard, subject, mark, .. } = &cell.place;
        engine.api.purge(&shard.stream, subject, before).await?;
        if cell.head().config.ttl.is_some() {
            engine.api.purge(&shard.stream, mark, before).await?;
        }
        self.catalog.note_change();
        Ok(true)
    }

    /// The logs that a stream has marks of.
    pub(crate) async fn marked(&self, shard: &Shard) -> Result<Vec<LogName>, NatsError> {
        catalog::ask(&self.engine.api, &self.engine.layout, shard, &shard.marks()).await
    }

    pub(crate) fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }
}

#[async_trait]
impl LogStore for NatsStore {
    async fn create(&self, name: &LogName, config: LogConfig) -> Result<Arc<dyn Log>, StoreError> {
        let cell = self.make(name, config).await?.ok_or(StoreError::Exists)?;
        Ok(self.log(cell))
    }

    async fn get(&self, name: &LogName) -> Result<Option<Arc<dyn Log>>, StoreError> {
        Ok(self.engine.find(name).await?.map(|cell| self.log(cell)))
    }

    async fn delete(&self, name: &LogName) -> Result<bool, StoreError> {
        match self.engine.find(name).await? {
            Some(cell) => Ok(self.remove(&cell, Ask::Delete).await?),
            None => Ok(false),
        }
    }

    async fn list(
        &self,
        namespace: Namespace,
        after: Option<&LogName>,
        limit: usize,
    ) -> Result<Vec<LogName>, StoreError> {
        let cluster = (&self.engine.api, &self.engine.layout);
        let mut names = Vec::new();
        for shard in self.engine.layout.shards() {
            let known = self.catalog.names(cluster, shard, namespace).await?;
            names.extend_from_slice(known.page(after, limit));
        }
        names.sort_unstable();
        names.truncate(limit);
        Ok(names)
    }

    async fn sweep(&self, now: OffsetDateTime) -> Result<usize, StoreError> {
        Ok(self.expiries.sweep(self, now).await?)
    }
}
