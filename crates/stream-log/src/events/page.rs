//! Queries answered: events with their offsets, in pages.

use std::collections::VecDeque;

use stream_model::{Event, Offset};

use super::{EventLog, EventQuery};
use crate::limits::EVENT_PAGE_MAX;
use crate::{ReadError, ReadFrom, ReadLimit, TailState};

/// An event and where it lies.
#[derive(Debug, Clone, PartialEq)]
pub struct LoggedEvent {
    /// Its place in the log.
    pub offset: Offset,
    /// What was appended.
    pub event: Event,
}

/// Events that were asked for, in order.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct EventPage {
    /// The events; may be fewer than asked for, or none, also when more follow.
    pub events: Vec<LoggedEvent>,
    /// Records among them that are no events, or damaged.
    pub unreadable: Vec<Offset>,
    /// Where the next page begins; `None` if there was nothing more when this one was read.
    pub next: Option<Offset>,
}

/// The part of the log that a query is about, as the log stands.
#[derive(Debug)]
struct Range {
    /// The offset after its last record.
    end: Offset,
    /// Stretches of it that may hold what is asked for, oldest first.
    stretches: VecDeque<(Offset, Offset)>,
}

impl EventLog {
    /// The first events that are asked for, at most `limit` of them and at most
    /// [`EVENT_PAGE_MAX`].
    ///
    /// # Errors
    /// [`ReadError::Trimmed`] if the query names a first offset that is gone; else as
    /// [`Log::read`](crate::Log::read).
    ///
    /// # Cancel safety
    /// A read changes nothing.
    pub async fn read(&self, query: &EventQuery, limit: usize) -> Result<EventPage, ReadError> {
        let (mut page, end) = self.page(query, limit).await?;
        page.next = page.next.filter(|next| *next < end);
        Ok(page)
    }

    /// The first events that are asked for, and how far the query goes as the log stands.
    pub(super) async fn page(
        &self,
        query: &EventQuery,
        limit: usize,
    ) -> Result<(EventPage, Offset), ReadError> {
        let limit = limit.clamp(1, EVENT_PAGE_MAX);
        let mut page = EventPage::default();
        let Range { end, stretches } = self.range(query).await?;
        for (mut at, stop) in stretches {
            while at < stop {
                at = self.read_into(&mut page, query, at, stop).await?;
                if page.events.len() + page.unreadable.len() >= limit {
                    page.cut(limit, at);
                    return Ok((page, end));
                }
            }
        }
        Ok((page, end))
    }

    /// The newest events that are asked for, at most `count` of them and at most
    /// [`EVENT_PAGE_MAX`], oldest first.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    ///
    /// # Cancel safety
    /// A read changes nothing.
    pub async fn newest(
        &self,
        query: &EventQuery,
        count: usize,
    ) -> Result<Vec<LoggedEvent>, ReadError> {
        let count = count.min(EVENT_PAGE_MAX);
        let mut newest: VecDeque<LoggedEvent> = VecDeque::new();
        for (mut at, stop) in self.range(query).await?.stretches.into_iter().rev() {
            if newest.len() >= count {
                break;
            }
            let mut page = EventPage::default();
            while at < stop {
                at = self.read_into(&mut page, query, at, stop).await?;
            }
            for logged in page.events.into_iter().rev().take(count - newest.len()) {
                newest.push_front(logged);
            }
        }
        Ok(newest.into())
    }

    /// Where the query looks, as the log stands now.
    async fn range(&self, query: &EventQuery) -> Result<Range, ReadError> {
        let mut index = self.index.lock().await;
        let TailState { earliest, next, .. } = index.catch_up(&*self.log).await?;
        let start = query.start.unwrap_or(earliest);
        if start < earliest {
            return Err(ReadError::Trimmed { asked: start, earliest });
        }
        let end = query.end.map_or(next, |end| end.min(next));
        let stretches = index.stretches(query, start, end).collect();
        Ok(Range { end, stretches })
    }

    /// Reads some records from `at` on, but none from `end` on; says where to go on.
    async fn read_into(
        &self,
        page: &mut EventPage,
        query: &EventQuery,
        at: Offset,
        end: Offset,
    ) -> Result<Offset, ReadError> {
        let count = usize::try_from(end.since(at)).unwrap_or(usize::MAX);
        let batch = match self.log.read(ReadFrom::Offset(at), ReadLimit::records(count)).await {
            // Nobody asked for those by their offsets, so what is left answers the query.
            Err(ReadError::Trimmed { earliest, .. }) if query.start.is_none() => {
                return Ok(earliest);
            }
            Err(ReadError::Damaged { to, .. }) if to > at => {
                let damaged = at.get()..to.min(end).get();
                page.unreadable.extend(damaged.map(Offset::new));
                return Ok(to);
            }
            batch => batch?,
        };
        for record in batch.records {
            let offset = record.offset;
            match Event::decode(&record.payload) {
                Ok(event) => page.add(LoggedEvent { offset, event }, query),
                Err(_) => page.unreadable.push(offset),
            }
        }
        Ok(batch.next)
    }
}

impl EventPage {
    fn add(&mut self, logged: LoggedEvent, query: &EventQuery) {
        if query.takes(&logged) {
            self.events.push(logged);
        }
    }

    /// Leaves out what is more than `limit`; the next page begins there, or at `at`.
    fn cut(&mut self, limit: usize, at: Offset) {
        let next = self.events.get(limit).map_or(at, |logged| logged.offset);
        self.events.truncate(limit);
        self.unreadable.retain(|offset| *offset < next);
        self.next = Some(next);
    }
}
