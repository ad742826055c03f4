//! Reads records: from memory if they are new, and otherwise from the cluster.

use stream_log::{ReadBatch, ReadError, ReadFrom, ReadLimit};
use stream_model::Offset;
use tokio::time::Instant;

use crate::cell::{Cell, batch};
use crate::engine::Engine;
use crate::error::NatsError;
use crate::message::Message;
use crate::search::{Found, QUESTIONS_MAX};
use crate::view::page;

impl Engine {
    pub(crate) async fn read(
        &self,
        cell: &Cell,
        from: ReadFrom,
        limit: ReadLimit,
    ) -> Result<ReadBatch, ReadError> {
        if !cell.is_followed() {
            self.catch_up(cell).await?;
        }
        let start = match cell.resolve(from) {
            // Another server may have acknowledged what has not come here yet, or found a loss.
            Err(ReadError::BeyondTail { .. } | ReadError::EpochChanged { .. }) => {
                self.hear_history(&cell.place.shard).await?;
                self.catch_up(cell).await?;
                cell.resolve(from)?
            }
            // That includes what would be read now.
            Ok(start) if start == cell.state().next && cell.is_followed() => {
                self.catch_up(cell).await?;
                start
            }
            resolved => resolved?,
        };
        match cell.recent(start, limit) {
            Some(batch) => Ok(batch),
            None => self.read_stored(cell, start, limit).await,
        }
    }

    async fn read_stored(
        &self,
        cell: &Cell,
        start: Offset,
        limit: ReadLimit,
    ) -> Result<ReadBatch, ReadError> {
        let from = match cell.bookmark(start) {
            Some(at) => at,
            None => self.locate(cell, start).await?.unwrap_or_default(),
        };
        let state = cell.state();
        let (mut from, mut records) = (from, Vec::new());
        // Messages that only trim or close hold no records; a page may hold nothing else.
        let messages = loop {
            let messages = self.messages(cell, from).await?;
            let mut next = start;
            for (at, message) in &messages {
                let lost = message.first() > next || message.head.state.epoch != state.epoch;
                if lost && records.is_empty() {
                    return Err(self.missing(cell, start, message.first()).await);
                }
                if lost || next >= state.next {
                    break;
                }
                let here = next..state.next;
                records.extend(message.records().filter(|record| here.contains(&record.offset)));
                (next, from) = (next.max(message.head.state.next), at.saturating_add(1));
            }
            if messages.is_empty() {
                return Err(self.missing(cell, start, state.next).await);
            }
            if !records.is_empty() {
                break messages;
            }
        };
        let batch = batch(state, start, page(records, limit));
        let ends_at = |message: &Message| message.head.state.next;
        let read = messages.iter().find(|(_, message)| batch.next <= ends_at(message));
        if let Some((at, message)) = read {
            let whole = ends_at(message) == batch.next;
            cell.put_bookmark(batch.next, if whole { at.saturating_add(1) } else { *at });
        }
        Ok(batch)
    }

    /// Why there is no record where one should be: the log changed meanwhile, or is damaged.
    async fn missing(&self, cell: &Cell, from: Offset, to: Offset) -> ReadError {
        if let Err(error) = self.catch_up(cell).await {
            return error.into();
        }
        cell.resolve(ReadFrom::Offset(from)).err().unwrap_or(ReadError::Damaged { from, to })
    }

    /// The message that holds a record; `None` if the cluster has lost it.
    pub(crate) async fn locate(
        &self,
        cell: &Cell,
        offset: Offset,
    ) -> Result<Option<u64>, NatsError> {
        let Some(mut search) = cell.search(offset) else { return Ok(None) };
        let (shard, subject) = (&cell.place.shard, &cell.place.subject);
        let deadline = self.api.deadline();
        for _ in 0..QUESTIONS_MAX {
            let asked = search.question();
            let Some((at, message)) = self.api.next(shard, subject, asked).await? else {
                return Ok(None);
            };
            match search.answer(asked, at, message.first(), message.head.state.next) {
                // Where there is a hole, what comes after it tells how large it is.
                Found::Here | Found::Nowhere(_) => return Ok(Some(at)),
                Found::Elsewhere if Instant::now() > deadline => break,
                Found::Elsewhere => {}
            }
        }
        Err(NatsError::Timeout { what: "find a record" })
    }
}
