//! What each stretch of the log holds, so that a query reads only those that may answer it.

use std::collections::{BTreeMap, BTreeSet};

use stream_model::{Event, Offset, Selector};
use time::OffsetDateTime;

use super::EventQuery;
use crate::limits::INDEX_BLOCK_RECORDS;
use crate::{Log, ReadError, ReadFrom, ReadLimit, Record, TailState};

/// The sums of all stretches, oldest first, without a gap between them.
#[derive(Debug, Default)]
pub(super) struct Index {
    blocks: Vec<Block>,
    /// Where the next block begins.
    next: Offset,
}

/// What up to [`INDEX_BLOCK_RECORDS`] consecutive records hold.
#[derive(Debug)]
struct Block {
    first: Offset,
    end: Offset,
    /// The oldest and the newest timestamp of its events; `None` if it has no event.
    times: Option<(OffsetDateTime, OffsetDateTime)>,
    /// The last event of each topic.
    topics: BTreeMap<Box<str>, Offset>,
}

impl Index {
    /// Reads what was appended and forgets what was trimmed; says how the log stands.
    ///
    /// Cancelled in between, it goes on where it was.
    pub(super) async fn catch_up(&mut self, log: &dyn Log) -> Result<TailState, ReadError> {
        let state = log.tail().await?.state;
        self.forget(state.earliest);
        while self.next < state.next {
            let limit = ReadLimit::records(INDEX_BLOCK_RECORDS - self.last_records());
            match log.read(ReadFrom::Offset(self.next), limit).await {
                Ok(batch) => self.add(&batch.records, batch.next),
                Err(ReadError::Damaged { to, .. }) if to > self.next => self.add(&[], to),
                Err(ReadError::Trimmed { earliest, .. }) => self.forget(earliest),
                Err(error) => return Err(error),
            }
        }
        Ok(state)
    }

    /// Topics that have an event at or after `earliest`, sorted.
    pub(super) fn topics(&self, earliest: Offset) -> Vec<String> {
        let blocks = self.blocks.iter().flat_map(|block| &block.topics);
        let left = blocks.filter(|(_, last)| **last >= earliest).map(|(topic, _)| &**topic);
        left.collect::<BTreeSet<_>>().into_iter().map(str::to_owned).collect()
    }

    /// The stretches between `start` and `end` that may hold what is asked for, cut to them.
    pub(super) fn stretches<'a>(
        &'a self,
        query: &'a EventQuery,
        start: Offset,
        end: Offset,
    ) -> impl DoubleEndedIterator<Item = (Offset, Offset)> + 'a {
        let skipped = self.blocks.partition_point(|block| block.end <= start);
        let blocks = self.blocks.iter().skip(skipped).filter(move |block| block.first < end);
        let blocks = blocks.filter(|block| block.may_answer(query));
        blocks.map(move |block| (block.first.max(start), block.end.min(end)))
    }

    /// Records of the last block; 0 if it takes no more.
    fn last_records(&self) -> usize {
        let records = self.blocks.last().map_or(0, |block| block.end.since(block.first));
        usize::try_from(records).ok().filter(|few| *few < INDEX_BLOCK_RECORDS).unwrap_or_default()
    }

    /// Takes what stands from the last place up to `next`.
    fn add(&mut self, records: &[Record], next: Offset) {
        if self.last_records() == 0 {
            self.blocks.push(Block::starting_at(self.next));
        }
        let Some(block) = self.blocks.last_mut() else { return };
        for record in records {
            block.add(record);
        }
        block.end = next;
        self.next = next;
    }

    fn forget(&mut self, earliest: Offset) {
        self.blocks.retain(|block| block.end > earliest);
        self.next = self.next.max(earliest);
    }
}

impl Block {
    fn starting_at(first: Offset) -> Self {
        Self { first, end: first, times: None, topics: BTreeMap::new() }
    }

    fn add(&mut self, record: &Record) {
        let Ok(event) = Event::decode(&record.payload) else { return };
        let at = event.timestamp();
        let (oldest, newest) = self.times.unwrap_or((at, at));
        self.times = Some((oldest.min(at), newest.max(at)));
        let Some(topic) = event.topic() else { return };
        match self.topics.get_mut(topic) {
            Some(last) => *last = record.offset,
            None => drop(self.topics.insert(topic.into(), record.offset)),
        }
    }

    fn may_answer(&self, query: &EventQuery) -> bool {
        let in_time = self.times.is_some_and(|(oldest, newest)| query.meets(oldest, newest));
        in_time
            && match &query.selector {
                Selector::Name(name) => self.topics.contains_key(&**name),
                Selector::Filter(filter) => self.topics.keys().any(|name| filter.matches_str(name)),
                _ => true,
            }
    }
}
