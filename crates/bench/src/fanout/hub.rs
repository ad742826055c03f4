//! Ours: a paced cursor on the hub's shared ring for each reader.

use millstream::Event;
use millstream::core::{Capacity, Cursor, Hub, TryBatch};

use super::{CAPACITY, Fanout, Reader};

/// Readers come for their items with cursors.
#[derive(Debug)]
pub struct Cursors(Hub<Event>);

impl Fanout for Cursors {
    const NAME: &'static str = "millstream";

    type Reader = Cursor<Event>;

    fn open(readers: usize) -> (Self, Vec<Self::Reader>) {
        let hub = Hub::new(Capacity::items(CAPACITY));
        let cursors = (0..readers).map(|_| hub.paced_cursor(CAPACITY)).collect();
        (Self(hub), cursors)
    }

    async fn publish(&mut self, event: Event) {
        let published = self.0.send(event, 1).await;
        assert!(published.is_ok(), "the hub is open");
    }
}

impl Reader for Cursor<Event> {
    async fn read(mut self, mut seen: impl FnMut(&Event) + Send) -> u64 {
        let mut lost = 0;
        loop {
            match self.next_batch().await {
                TryBatch::Items(batch) => batch.for_each(&mut seen),
                TryBatch::Lagged { missed } => lost += missed,
                TryBatch::Empty => {}
                TryBatch::Closed => return lost,
            }
        }
    }
}
