//! Finds that a stream has lost what it acknowledged, and begins a new history of it then.
//!
//! Three things show a loss, and nothing else does:
//!
//! - A message that is stored now gets a number that was seen before.
//! - Another message than was seen has the number of one that was seen, or follows it.
//! - A log ends before a message that was seen, also after a message was stored meanwhile.
//!
//! A server that leads no more without knowing it may tell how a stream was some time ago, so what
//! it tells is no proof; storing a message is, as only the leader of a majority can.
//!
//! What was seen is compared with the cluster in every new connection before anything else is asked
//! for, and with every audit.
//! A loss that no running server has seen before cannot be found; see the guide on scaling.
//!
//! A server that has seen nothing of what is lost hears of it from the one that has: by the message
//! that begins the new history, as soon as that is stored.
//! If it has not heard by then, every message says in which history it was written; and what the
//! stream tells is looked at with every audit, and before a position is refused that the log does
//! not have.

use std::sync::{Arc, Weak};

use async_nats::Subscriber;
use futures_util::StreamExt as _;
use stream_log::LogConfig;
use stream_model::Epoch;
use tracing::warn;

use crate::api::Published;
use crate::cell::Cell;
use crate::engine::{Engine, count};
use crate::error::NatsError;
use crate::head::Head;
use crate::message::{Link, Message};
use crate::shard::Shard;
use crate::view::Step;

/// The step to a new history is less than this: what an epoch counts in an eighth of a second.
const STEP_MAX: u64 = 1 << 19;

impl Engine {
    /// Compares what was seen of a stream with the cluster, if that was not done since the
    /// connection was made.
    pub(crate) async fn settle(&self, shard: &Arc<Shard>) -> Result<(), NatsError> {
        if shard.is_settled(self.api.connection()) {
            return Ok(());
        }
        let _turn = shard.comparing.lock().await;
        let connection = self.api.connection();
        if shard.is_settled(connection) {
            return Ok(());
        }
        self.compare(shard).await?;
        // Without a connection before, nobody knows how many there were since.
        shard.settle(connection);
        Ok(())
    }

    async fn compare(&self, shard: &Arc<Shard>) -> Result<(), NatsError> {
        let seen = shard.newest();
        let Some(stream) = self.api.stream(&shard.stream, None).await? else {
            self.recipe.make(&self.api, shard).await?;
            warn!(stream = shard.stream, "stream was gone and is made again, without logs");
            self.go_on(shard, 0, None);
            return Ok(());
        };
        if self.takes_new_history(shard).await? {
            return Ok(());
        }
        let Some(seen) = seen else { return Ok(()) };
        let lost = if stream.state.last_seq < seen.at {
            self.probe(shard).await? <= seen.at
        } else {
            // What is not there any more was let go of.
            self.api.id_at(shard, seen.at).await?.is_some_and(|id| id != seen.id)
        };
        if lost { self.begin_history(shard).await } else { Ok(()) }
    }

    /// A message of a log shows that the stream lost others, while its history was `history`.
    pub(crate) async fn lost(&self, shard: &Arc<Shard>, history: u64) -> Result<(), NatsError> {
        let _turn = shard.comparing.lock().await;
        // Somebody else may have found it out first.
        if shard.history() != history || self.takes_new_history(shard).await? {
            return Ok(());
        }
        self.begin_history(shard).await
    }

    /// Takes the histories that other servers begin, as long as the engine lives.
    pub(crate) async fn hear_histories(engine: Weak<Self>, mut begun: Subscriber) {
        while let Some(message) = begun.next().await {
            let Some(engine) = engine.upgrade() else { return };
            let Some(shard) = engine.layout.shard_of(&message.subject) else { continue };
            if let Err(error) = engine.hear_history(shard).await {
                // The next audit is the next try.
                warn!(stream = shard.stream, %error, "cannot look whether the stream lost messages");
            }
        }
    }

    /// Asks the cluster whether another server has begun a new history.
    pub(crate) async fn hear_history(&self, shard: &Arc<Shard>) -> Result<(), NatsError> {
        let _turn = shard.comparing.lock().await;
        self.takes_new_history(shard).await?;
        Ok(())
    }

    /// The cluster says that a log ends before the message `seen`: true only if it still says so
    /// once it has stored something.
    pub(crate) async fn doubt(
        &self,
        cell: &Cell,
        seen: u64,
        history: u64,
    ) -> Result<(), NatsError> {
        let shard = &cell.place.shard;
        self.probe(shard).await?;
        match self.api.last(shard, &cell.place.subject).await? {
            Some((at, _)) if at < seen => self.lost(shard, history).await,
            Some((at, message)) if self.take(cell, at, &message) == Step::Forked => {
                self.lost(shard, history).await
            }
            // The next who asks goes on from here.
            _ => Ok(()),
        }
    }

    /// Stores a message that means nothing, and gives its number.
    async fn probe(&self, shard: &Shard) -> Result<u64, NatsError> {
        let subject = shard.probe_subject();
        let message = Message::bare(fastrand::u64(..), Link::NONE, empty_head(0));
        let deadline = self.api.deadline();
        match self.api.publish(shard, &subject, None, (&message, 0), deadline).await? {
            Published::Stored(at) => {
                self.api.purge(&shard.stream, &subject, at).await?;
                Ok(at)
            }
            Published::Conflict => Err(NatsError::Malformed { at: 0 }),
        }
    }

    /// Goes on with the history that the stream tells, if it is a later one.
    ///
    /// That an earlier one is told is a loss, as the compared messages show, too.
    async fn takes_new_history(&self, shard: &Arc<Shard>) -> Result<bool, NatsError> {
        let told = self.api.history(shard).await?;
        let (link, history) = told.map_or((None, 0), |(link, history)| (Some(link), history));
        if link == shard.told() || history < shard.history() {
            return Ok(false);
        }
        // Nobody holds a log of a stream that is looked at for the first time.
        if shard.newest().is_some() {
            warn!(stream = shard.stream, "another server found that the stream lost messages");
        }
        self.go_on(shard, history, link);
        Ok(true)
    }

    /// Tells every server, by a message of the stream itself, that its history is another one.
    async fn begin_history(&self, shard: &Arc<Shard>) -> Result<(), NatsError> {
        let (after, told) = self.api.history(shard).await?.unwrap_or((Link::NONE, 0));
        let history = told.max(shard.history()).saturating_add(fastrand::u64(1..STEP_MAX));
        let message = Message::bare(fastrand::u64(..), after, empty_head(history));
        let deadline = self.api.deadline();
        let written = self.api.write_history(shard, &message, deadline).await?;
        let Published::Stored(at) = written else {
            // Another server was faster, or this is our own message that was sent twice: what the
            // stream tells holds.
            self.takes_new_history(shard).await?;
            return Ok(());
        };
        count(&self.counts.losses);
        warn!(
            stream = shard.stream,
            "stream lost messages that were acknowledged; its logs have new epochs"
        );
        self.go_on(shard, history, Some(Link { at, id: message.id }));
        Ok(())
    }

    /// Ends every log of the stream as it was known.
    fn go_on(&self, shard: &Arc<Shard>, history: u64, newest: Option<Link>) {
        shard.begin(history, newest);
        for cell in self.cells().iter().filter(|cell| Arc::ptr_eq(&cell.place.shard, shard)) {
            self.end_lost(cell);
            self.forget(cell);
        }
    }
}

fn empty_head(epoch: u64) -> Head {
    Head::new(Epoch::new(epoch), LogConfig::default())
}
