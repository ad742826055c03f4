//! Writes what waits for a log: one message at a time, with everything in it that waits by then.

use std::collections::VecDeque;
use std::sync::Arc;

use stream_log::{AppendError, Producers};
use stream_model::Offset;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep, timeout_at};
use tracing::warn;

use crate::api::Published;
use crate::cell::{Cell, Waiting};
use crate::engine::{Engine, count};
use crate::error::NatsError;
use crate::group::{Answer, Ask, Plan};
use crate::limits::{
    CHECKPOINT_BYTES, HEAD_BYTES_MAX, PAGE_BYTES, PAGE_MESSAGES, STUBS_MAX, WINNER_LOOKS,
    WINNER_PAUSE,
};
use crate::message::{Link, Message};
use stream_log::codec::widen;

/// What is known on the way of a group to its answers.
#[derive(Debug)]
struct Known {
    /// Whether the cluster was asked how the log stands since the group was put together.
    confirmed: bool,
    /// How far retention has come, and after which message.
    walked: (Link, Offset),
}

impl Engine {
    /// Does what is asked of a log, together with what others ask at the same time.
    pub(crate) async fn submit(self: &Arc<Self>, cell: &Arc<Cell>, ask: Ask) -> Answer {
        let (bytes, limit) = (ask.bytes_max(), self.message_bytes_max());
        if bytes > limit {
            let (bytes, limit) = (widen(bytes), widen(limit));
            return Answer::Refused(AppendError::TooLarge { bytes, limit });
        }
        let timed_out = Answer::Failed(NatsError::Timeout { what: "append" });
        let deadline = self.api.deadline();
        let Ok(Ok(room)) = timeout_at(deadline, cell.room().acquire_owned()).await else {
            return Answer::Failed(NatsError::Unavailable { what: "append" });
        };
        let (answer, answered) = oneshot::channel();
        if cell.wait(Waiting { ask, answer, _room: room }) {
            let (engine, cell) = (Arc::clone(self), Arc::clone(cell));
            self.spawn(async move { engine.write(&cell).await });
        }
        match timeout_at(deadline, answered).await {
            Ok(Ok(answer)) => answer,
            _ => timed_out,
        }
    }

    /// Bytes of the largest group of appends.
    fn message_bytes_max(&self) -> usize {
        self.api.client().max_payload().saturating_sub(HEAD_BYTES_MAX)
    }

    /// Writes until nobody waits.
    async fn write(&self, cell: &Arc<Cell>) {
        while let Some(mut group) = cell.next_group(self.message_bytes_max()) {
            let deadline = self.api.deadline();
            let mut known = Known { confirmed: false, walked: (Link::NONE, Offset::ZERO) };
            while !group.is_empty() {
                let step = self.write_some(cell, &mut group, &mut known, deadline).await;
                let Err(error) = step else { continue };
                count(&self.counts.failures);
                warn!(log = %cell.name, %error, "cannot write to log");
                for waiting in group.drain(..) {
                    waiting.answer.send(Answer::Failed(error.clone())).ok();
                }
            }
        }
        if let Some(before) = cell.take_garbage(Instant::now()) {
            let purged =
                self.api.purge(&cell.place.shard.stream, &cell.place.subject, before).await;
            if let Err(error) = purged {
                warn!(log = %cell.name, %error, "cannot give messages back");
            }
        }
    }

    /// Gets a group one step further, until the deadline.
    async fn write_some(
        &self,
        cell: &Arc<Cell>,
        group: &mut VecDeque<Waiting>,
        known: &mut Known,
        deadline: Instant,
    ) -> Result<(), NatsError> {
        self.settle(&cell.place.shard).await?;
        if cell.is_lost() {
            return Err(NatsError::Lost);
        }
        if let Some((from, last)) = cell.unknown_producers() {
            self.learn_producers(cell, from, last).await?;
            // If a message came meanwhile, what was read is of no use, and is read again.
            return within(deadline);
        }
        let checkpoint_bytes = CHECKPOINT_BYTES.min(self.message_bytes_max() / 2);
        match cell.plan(group, known.walked, cell.place.shard.durability(), checkpoint_bytes) {
            Plan::Needs(offset) => {
                known.walked = (cell.last(), offset);
                self.learn_stubs(cell, offset).await?;
            }
            Plan::Known(answers) if known.confirmed => answer(group, answers),
            Plan::Known(_) => {
                self.catch_up(cell).await?;
                known.confirmed = true;
            }
            Plan::Write(message, answers) => {
                if self.store(cell, &message, deadline).await? {
                    answer(group, answers);
                } else {
                    known.confirmed = true;
                }
            }
        }
        within(deadline)
    }

    /// Stores a message and says whether it is stored; if not, another came first, and is known
    /// then.
    ///
    /// A message that is stored when a new history has begun is not acknowledged: its position
    /// would be one of the life that is over.
    async fn store(
        &self,
        cell: &Cell,
        message: &Message,
        deadline: Instant,
    ) -> Result<bool, NatsError> {
        let (shard, subject) = (&cell.place.shard, &cell.place.subject);
        let sent = Instant::now();
        let after = Some(message.after.at);
        let made = (message, cell.history);
        match self.api.publish(shard, subject, after, made, deadline).await? {
            Published::Stored(at) => {
                count(&self.counts.messages);
                cell.heard(sent);
                self.take(cell, at, message);
                if cell.is_lost() { Err(NatsError::Lost) } else { Ok(true) }
            }
            Published::Conflict => {
                count(&self.counts.conflicts);
                let next = self.winner(cell, message, deadline).await?;
                let own = next.as_ref().is_some_and(|(_, next)| next.id == message.id);
                if let Some((at, next)) = next.filter(|_| own) {
                    self.take(cell, at, &next);
                }
                self.catch_up(cell).await?;
                Ok(own)
            }
        }
    }

    /// What came right after the one that a refused message was to follow: another, or the message
    /// itself, if it was sent twice and this was its second copy.
    ///
    /// A message is refused as soon as another one is on its way into the stream, so that one may
    /// take a moment to be there; and it may be lost yet, with the server that was storing it.
    async fn winner(
        &self,
        cell: &Cell,
        message: &Message,
        deadline: Instant,
    ) -> Result<Option<(u64, Message)>, NatsError> {
        let (shard, subject) = (&cell.place.shard, &cell.place.subject);
        let from = message.after.at.saturating_add(1);
        for _ in 0..WINNER_LOOKS {
            let next = self.api.next(shard, subject, from).await?;
            if next.is_some() {
                return Ok(next);
            }
            within(deadline)?;
            sleep(WINNER_PAUSE).await;
        }
        Ok(None)
    }

    /// Reads what each producer appended last.
    async fn learn_producers(&self, cell: &Cell, from: u64, last: Link) -> Result<(), NatsError> {
        let mut producers = Producers::default();
        let mut from = from;
        while from <= last.at {
            let page = self.messages(cell, from).await?;
            let Some((newest, _)) = page.last() else { break };
            from = newest.saturating_add(1);
            for (_, message) in page.iter().filter(|(at, _)| *at <= last.at) {
                for (id, state) in &message.producers {
                    producers.put(id.clone(), *state);
                }
                message.appended().for_each(|(id, state)| producers.put(id, state));
            }
        }
        cell.learn_producers(producers, last);
        Ok(())
    }

    /// Reads where the records from `offset` on lie.
    async fn learn_stubs(&self, cell: &Cell, offset: Offset) -> Result<(), NatsError> {
        let from = self.locate(cell, offset).await?.ok_or(NatsError::Malformed { at: 0 })?;
        let page = self.messages(cell, from).await?;
        let stubs = page.iter().flat_map(|(at, message)| message.stubs(*at));
        let stubs: VecDeque<_> =
            stubs.skip_while(|stub| stub.offset < offset).take(STUBS_MAX).collect();
        // Anything else would ask for the same again and again.
        if stubs.front().is_none_or(|stub| stub.offset != offset) {
            return Err(NatsError::Malformed { at: from });
        }
        cell.learn_stubs(stubs);
        Ok(())
    }

    /// Messages of a log from the number `from` on: at least one, if there is one.
    pub(crate) async fn messages(
        &self,
        cell: &Cell,
        from: u64,
    ) -> Result<Vec<(u64, Message)>, NatsError> {
        let (shard, subject) = (&cell.place.shard, &cell.place.subject);
        let page = self.api.page(shard, subject, from, (PAGE_MESSAGES, PAGE_BYTES)).await?;
        if !page.is_empty() {
            return Ok(page);
        }
        // Whoever answered does not have it yet; the leader does.
        Ok(self.api.next(shard, subject, from).await?.into_iter().collect())
    }
}

fn within(deadline: Instant) -> Result<(), NatsError> {
    if Instant::now() < deadline { Ok(()) } else { Err(NatsError::Contended) }
}

/// Tells the first of a group what became of what they asked for.
fn answer(group: &mut VecDeque<Waiting>, answers: Vec<Answer>) {
    for answer in answers {
        if let Some(waiting) = group.pop_front() {
            // Who waits no more has given up.
            waiting.answer.send(answer).ok();
        }
    }
}
