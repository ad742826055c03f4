//! The items of one partition of a group.

use std::task::{Context, Poll, ready};

use stream_model::{BoxError, Epoch, Offset, StreamPosition};
use tokio::sync::mpsc;

use super::feed::{Feed, Parcel};
use crate::limits::PASSED_RECORDS;
use crate::{Arrival, Loader, SaveState, Saver, Source, SourceError, Sourced, StateError};

/// A partition that a pipeline reads.
pub(super) struct PartitionSource<T> {
    feed: Feed<T>,
    partition: u32,
    /// The record that is looked at next.
    next: StreamPosition,
    /// What was read for it and was not given yet.
    items: std::vec::IntoIter<(u64, Result<T, BoxError>)>,
    /// Where it is once that is given.
    after: Offset,
    parcels: Option<mpsc::Receiver<Parcel<T>>>,
    /// What need not come again.
    acknowledged: u64,
    is_over: bool,
}

impl<T> PartitionSource<T> {
    /// Reads from `begin` on, unless a checkpoint says otherwise.
    pub(super) fn new(feed: Feed<T>, partition: u32, begin: StreamPosition) -> Self {
        Self {
            feed,
            partition,
            next: begin,
            items: Vec::new().into_iter(),
            after: begin.offset,
            parcels: None,
            acknowledged: begin.offset.get(),
            is_over: false,
        }
    }

    /// Takes what was read, and says what there is to tell about it.
    fn take(&mut self, parcel: Option<Parcel<T>>) -> Option<SourceError> {
        match parcel {
            Some(Parcel::Items(items, next)) => {
                (self.items, self.after) = (items.into_iter(), next);
                None
            }
            Some(Parcel::Missed(to)) => {
                let missed = to.since(self.next.offset);
                (self.next.offset, self.after) = (to, to);
                Some(SourceError::Missed { missed })
            }
            Some(Parcel::End) => {
                self.is_over = true;
                None
            }
            Some(Parcel::Failed(error)) => {
                self.is_over = true;
                Some(SourceError::Failed(error.into()))
            }
            None => {
                self.is_over = true;
                Some(SourceError::Failed("the reader of the group has gone".into()))
            }
        }
    }
}

impl<T: Send> Source for PartitionSource<T> {
    type Item = T;

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Arrival<T>>> {
        loop {
            if self.is_over {
                return Poll::Ready(None);
            }
            if let Some((position, item)) = self.items.next() {
                self.next.offset = Offset::new(position).next();
                return Poll::Ready(Some(match item {
                    Ok(item) => Ok(Sourced { position, item }),
                    Err(error) => Err(SourceError::Unreadable { position, error }),
                }));
            }
            self.next.offset = self.next.offset.max(self.after);
            let Self { feed, partition, next, .. } = self;
            let parcels = self.parcels.get_or_insert_with(|| feed.subscribe(*partition, *next));
            let parcel = ready!(parcels.poll_recv(cx));
            if let Some(error) = self.take(parcel) {
                return Poll::Ready(Some(Err(error)));
            }
        }
    }

    fn has_moved(&self) -> bool {
        self.next.offset.get().saturating_sub(self.acknowledged) >= PASSED_RECORDS
    }

    fn acknowledge(&mut self, before: u64) {
        // What it passed over without an item was written down, too.
        self.acknowledged = before.max(self.next.offset.get());
    }

    /// What was read for it and was not given is left to the partition's next owner.
    fn close(&mut self) {
        self.is_over = true;
    }
}

impl<T> SaveState for PartitionSource<T> {
    fn save(&self, to: &mut Saver) -> Result<(), StateError> {
        to.put(&(self.next.epoch.get(), self.next.offset.get()))
    }

    fn restore(&mut self, from: &mut Loader<'_>) -> Result<(), StateError> {
        let (epoch, offset) = from.take()?;
        self.next = StreamPosition { epoch: Epoch::new(epoch), offset: Offset::new(offset) };
        (self.items, self.after) = (Vec::new().into_iter(), self.next.offset);
        (self.parcels, self.acknowledged) = (None, offset);
        Ok(())
    }
}
