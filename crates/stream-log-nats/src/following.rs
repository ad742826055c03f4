//! Follows the logs that somebody watches, each of them once.
//!
//! A stream sends out again each message that it stored, on a subject of the log's own: whoever
//! watches a log subscribes to that, so a server gets a message once however many readers it has,
//! and nothing of logs that nobody reads there.
//! What is sent out again may be lost with a connection or a leader.
//! A message says which one it follows, so a loss shows with the next one; before that it shows to
//! the audit, which compares silent logs of busy streams with the leader's word.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use async_nats::Subscriber;
use futures_util::StreamExt as _;
use stream_log::Tail;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::interval;
use tracing::warn;

use crate::api::stored;
use crate::cell::Cell;
use crate::engine::Engine;
use crate::error::NatsError;
use crate::limits::{AUDIT_EVERY, AUDITS_AT_ONCE};
use crate::view::Step;

impl Engine {
    /// How a log stands, with a watch that hears what any server appends.
    pub(crate) async fn watch(self: &Arc<Self>, cell: &Arc<Cell>) -> Result<Tail, NatsError> {
        // Held before the log is followed, or an audit might think that nobody watches.
        let held = cell.tail();
        self.follow(cell).await?;
        self.catch_up(cell).await?;
        drop(held);
        Ok(cell.tail())
    }

    async fn follow(self: &Arc<Self>, cell: &Arc<Cell>) -> Result<(), NatsError> {
        let _turn = cell.joining.lock().await;
        if cell.is_followed() || cell.state().deleted {
            return Ok(());
        }
        let subscribed = self.api.client().subscribe(cell.place.live.clone()).await;
        let live = subscribed.map_err(|_| NatsError::Unavailable { what: "follow a log" })?;
        let feed = Feed {
            engine: Arc::downgrade(self),
            cell: Arc::downgrade(cell),
            connections: self.connections.clone(),
        };
        cell.follow_with(tokio::spawn(feed.run(live)));
        Ok(())
    }

    /// Compares what is followed with the cluster, now and then, as long as the engine lives.
    pub(crate) async fn audit(engine: Weak<Self>) {
        let mut ticks = interval(AUDIT_EVERY);
        let mut seen = HashMap::new();
        loop {
            ticks.tick().await;
            let Some(engine) = engine.upgrade() else { return };
            if let Err(error) = engine.audit_once(&mut seen).await {
                warn!(%error, "cannot compare logs with the cluster");
            }
        }
    }

    /// `seen` holds the newest message of each stream at the audit before.
    async fn audit_once(
        self: &Arc<Self>,
        seen: &mut HashMap<String, u64>,
    ) -> Result<(), NatsError> {
        let newest = self.audit_streams().await?;
        let mut silent: HashMap<String, Vec<Arc<Cell>>> = HashMap::new();
        for cell in self.cells().into_iter().filter(|cell| cell.is_followed()) {
            if !cell.is_watched() {
                self.unfollow(&cell);
            } else if !cell.has_stirred() {
                silent.entry(cell.place.shard.stream.clone()).or_default().push(cell);
            }
        }
        for (stream, cells) in silent {
            let newest = newest.get(&stream).copied();
            if newest.is_some() && seen.get(&stream).copied() == newest {
                continue;
            }
            self.compare_logs(cells).await;
            seen.extend(newest.map(|newest| (stream, newest)));
        }
        Ok(())
    }

    /// Looks at the streams that are used: what they survive, and whether they lost anything; says
    /// the number of the newest message of each.
    async fn audit_streams(&self) -> Result<HashMap<String, u64>, NatsError> {
        let mut all = HashMap::new();
        for shard in self.layout.shards() {
            let Some(seen) = shard.newest() else { continue };
            let info = self.api.stream(&shard.stream, None).await?;
            let newest = info.as_ref().map(|info| info.state.last_seq);
            if let Some(info) = &info {
                self.recipe.judge(shard, info);
            }
            if newest.is_none_or(|newest| newest < seen.at) {
                shard.settle(None);
                self.settle(shard).await?;
            }
            self.hear_history(shard).await?;
            all.extend(newest.map(|newest| (shard.stream.clone(), newest)));
        }
        Ok(all)
    }

    async fn compare_logs(self: &Arc<Self>, cells: Vec<Arc<Cell>>) {
        let mut running = JoinSet::new();
        for cell in cells {
            if running.len() >= AUDITS_AT_ONCE {
                running.join_next().await;
            }
            let engine = Arc::clone(self);
            running.spawn(async move {
                if let Err(error) = engine.catch_up(&cell).await {
                    warn!(log = %cell.name, %error, "cannot compare log with the cluster");
                }
            });
        }
        while running.join_next().await.is_some() {}
    }
}

/// What feeds one followed log; it ends with the log's cell.
struct Feed {
    engine: Weak<Engine>,
    cell: Weak<Cell>,
    connections: watch::Receiver<u64>,
}

impl Feed {
    async fn run(mut self, mut live: Subscriber) {
        loop {
            tokio::select! {
                message = live.next() => match message {
                    Some(message) => self.take(&message).await,
                    None => return,
                },
                // What was sent out while there was no connection is lost.
                changed = self.connections.changed() => match changed {
                    Ok(()) => self.catch_up().await,
                    Err(_) => return,
                },
            }
        }
    }

    async fn take(&self, message: &async_nats::Message) {
        let (Some(engine), Some(cell)) = (self.engine.upgrade(), self.cell.upgrade()) else {
            return;
        };
        let shard = &cell.place.shard;
        let missing = match stored(shard, message) {
            // Whether messages are lost, the one who asks the cluster finds out.
            Ok((at, message)) => {
                matches!(engine.take(&cell, at, &message), Step::Missing | Step::Forked)
            }
            Err(NatsError::Lost) => true,
            Err(error) => {
                warn!(log = %cell.name, %error, "cannot read what was sent out");
                true
            }
        };
        if missing {
            self.catch_up().await;
        }
    }

    async fn catch_up(&self) {
        let (Some(engine), Some(cell)) = (self.engine.upgrade(), self.cell.upgrade()) else {
            return;
        };
        if let Err(error) = engine.catch_up(&cell).await {
            // The next message or audit is the next try.
            warn!(log = %cell.name, %error, "cannot catch up with log");
        }
    }
}
