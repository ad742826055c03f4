//! One item into several hubs at one instant.

use std::future::poll_fn;
use std::task::Poll;

use super::publish::{Refused, SendError};
use super::{Hub, Shared};
use crate::sync::{Arc, Ordering};

/// Several hubs that one item goes to.
///
/// Whatever hubs two such items have in common, all of them give the two numbers in the same
/// order: all rings are locked together, in an order that never changes, and nothing foreign runs
/// meanwhile.
///
/// # Examples
///
/// ```
/// use stream_core::{Capacity, Hub, Together};
///
/// let (all, some) = (Hub::new(Capacity::items(10)), Hub::new(Capacity::items(10)));
/// all.publish("for all", 1);
/// assert_eq!(Together::new(&all, [&some]).try_publish("for both", 1), Ok(1));
/// assert_eq!(all.recent(10), ["for all", "for both"]);
/// assert_eq!(some.recent(10), ["for both"]);
/// ```
pub struct Together<'a, T> {
    /// Sorted by address, each once.
    hubs: Vec<&'a Arc<Shared<T>>>,
    /// Where the hub stands whose number is wanted.
    first: usize,
}

impl<'a, T: Clone> Together<'a, T> {
    /// The item gets its number from `first`, and is refused if that one is closed.
    pub fn new(first: &'a Hub<T>, others: impl IntoIterator<Item = &'a Hub<T>>) -> Self {
        let mut hubs: Vec<_> = others.into_iter().map(Hub::shared).collect();
        hubs.push(first.shared());
        hubs.sort_unstable_by_key(|hub| Arc::as_ptr(hub));
        hubs.dedup_by_key(|hub| Arc::as_ptr(hub));
        let first = hubs.iter().position(|hub| Arc::ptr_eq(hub, first.shared())).unwrap_or(0);
        Self { hubs, first }
    }

    /// Publishes to all hubs that are open, or to none if one of them has no room.
    ///
    /// # Errors
    /// Gives the item back if there is no room for it, or if the first hub is closed.
    pub fn try_publish(&self, item: T, weight: usize) -> Result<u64, Refused<T>> {
        self.try_push(item, weight).map_err(|(refused, _)| refused)
    }

    /// As [`try_publish`](Self::try_publish), but waits until all have room.
    ///
    /// # Errors
    /// Gives the item back if the first hub is closed.
    ///
    /// # Cancel safety
    /// If the future is dropped before it is ready, nothing was published.
    pub async fn send(&self, item: T, weight: usize) -> Result<u64, SendError<T>> {
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
        let mut rings: Vec<_> = self.hubs.iter().map(|hub| hub.ring.lock()).collect();
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
            hub.tell(news, None);
        }
        drop(evicted);
        Ok(number)
    }
}

impl<T> std::fmt::Debug for Together<'_, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Together").field("hubs", &self.hubs.len()).finish_non_exhaustive()
    }
}
