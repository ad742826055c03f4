//! One item into several hubs at one instant.

use std::future::poll_fn;
use std::task::Poll;

use super::publish::{Refused, SendError};
use super::{Hub, Shared};
use crate::sync::{Arc, Ordering};

/// Several hubs that one item goes to.
///
/// Whatever two such items have in common, every hub gives them numbers in the same order: all
/// rings are locked together, in an order that never changes, and nothing foreign runs meanwhile.
pub(crate) struct Together<'a, T> {
    /// Sorted by address, each once.
    hubs: Vec<&'a Arc<Shared<T>>>,
    /// Where the hub stands whose number is wanted.
    first: usize,
}

impl<'a, T: Clone> Together<'a, T> {
    /// The item gets its number from `first`, and is dropped if that one is closed.
    pub(crate) fn new(first: &'a Hub<T>, others: impl IntoIterator<Item = &'a Hub<T>>) -> Self {
        let mut hubs: Vec<_> = others.into_iter().map(Hub::shared).collect();
        hubs.push(first.shared());
        hubs.sort_unstable_by_key(|hub| Arc::as_ptr(hub));
        hubs.dedup_by_key(|hub| Arc::as_ptr(hub));
        let first = hubs.iter().position(|hub| Arc::ptr_eq(hub, first.shared())).unwrap_or(0);
        Self { hubs, first }
    }

    /// Publishes to all hubs, or to none if one of them has no room.
    pub(crate) fn try_publish(&self, item: T, weight: usize) -> Result<u64, Refused<T>> {
        self.try_push(item, weight).map_err(|(refused, _)| refused)
    }

    /// As [`try_publish`](Self::try_publish), but waits until all have room.
    pub(crate) async fn send(&self, item: T, weight: usize) -> Result<u64, SendError<T>> {
        let mut slot = Some(item);
        poll_fn(|cx| {
            while let Some(item) = slot.take() {
                let full = match self.try_push(item, weight) {
                    Ok(number) => return Poll::Ready(Ok(number)),
                    Err((Refused::Closed(item), _)) => return Poll::Ready(Err(SendError(item))),
                    Err((Refused::Full(item), full)) => {
                        slot = Some(item);
                        full
                    }
                };
                let waits = full.pace.wait(full.next.load(Ordering::SeqCst), cx.waker());
                if waits && !full.is_closed() {
                    break;
                }
            }
            Poll::Pending
        })
        .await
    }

    /// Publishes, or says which hub is in the way.
    fn try_push(&self, item: T, weight: usize) -> Result<u64, (Refused<T>, &'a Shared<T>)> {
        let mut rings: Vec<_> = self.hubs.iter().map(|hub| hub.ring.write()).collect();
        let Some(first) = self.hubs.get(self.first) else { return Ok(0) };
        if first.is_closed() {
            return Err((Refused::Closed(item), first));
        }
        let number = first.next.load(Ordering::Acquire);
        for (hub, ring) in self.hubs.iter().zip(&rings) {
            if !hub.is_closed() && !hub.pace.has_room(ring.next()) {
                return Err((Refused::Full(item), hub));
            }
        }
        let mut evicted = Vec::new();
        for (hub, ring) in self.hubs.iter().zip(&mut rings) {
            if !hub.is_closed() {
                ring.push(item.clone(), weight, |next| hub.handlers.pin(next), &mut evicted);
            }
        }
        let told: Vec<_> =
            self.hubs.iter().zip(rings).map(|(hub, ring)| (hub, hub.give_back(ring))).collect();
        // Only now that no lock is left.
        for (hub, news) in told {
            hub.tell(news);
        }
        drop(evicted);
        Ok(number)
    }
}
