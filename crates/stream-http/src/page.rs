//! A page of a topic's history.

use serde::Serialize;
use stream_log::ReadBatch;
use stream_model::{Epoch, Offset};

use crate::item::TopicItem;

/// Consecutive events and where to read on.
#[derive(Debug, Serialize)]
pub(crate) struct Page {
    epoch: Epoch,
    /// The offset of the next page.
    next: Offset,
    /// The offset that the next event will get.
    tail: Offset,
    closed: bool,
    events: Vec<TopicItem>,
}

impl Page {
    pub(crate) fn new(batch: ReadBatch) -> Self {
        let ReadBatch { records, epoch, next, tail, closed } = batch;
        let events = records.into_iter().map(|record| TopicItem::new(epoch, record)).collect();
        Self { epoch, next, tail, closed, events }
    }
}
