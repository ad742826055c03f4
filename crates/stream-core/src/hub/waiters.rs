//! Who waits for the next item.

use std::task::Waker;

use crate::sync::{AtomicUsize, Mutex, Ordering};

/// One place for each cursor, and the list of those that wait.
///
/// A publisher looks at one counter and takes the lock only if somebody waits.
/// Nothing is missed: a reader counts itself and then looks for an item once more under the ring's
/// lock, a publisher looks at the count before it gives that lock back.
#[derive(Default)]
pub(super) struct Waiters {
    waiting: AtomicUsize,
    cursors: AtomicUsize,
    places: Mutex<Places>,
}

#[derive(Default)]
struct Places {
    /// The waker of each cursor that waits; the cursor's key is the index.
    wakers: Vec<Option<Waker>>,
    free: Vec<usize>,
    /// The keys that wait, or waited when they were last woken or dropped.
    queue: Vec<usize>,
    /// Whether a key stands in `queue`, so that it never stands there twice.
    queued: Vec<bool>,
    /// The emptied list of the last wake-up, kept for its memory.
    spare: Vec<Waker>,
}

impl Waiters {
    /// Gives a new cursor its key.
    pub(super) fn join(&self) -> usize {
        self.cursors.fetch_add(1, Ordering::Relaxed);
        let places = &mut *self.places.lock();
        places.free.pop().unwrap_or_else(|| {
            places.wakers.push(None);
            places.queued.push(false);
            places.wakers.len() - 1
        })
    }

    /// Takes a cursor's key back.
    pub(super) fn leave(&self, key: usize) {
        let places = &mut *self.places.lock();
        if let Some(place) = places.wakers.get_mut(key) {
            *place = None;
        }
        places.free.push(key);
        self.cursors.fetch_sub(1, Ordering::Relaxed);
    }

    /// Keeps `waker` for the next wake-up.
    pub(super) fn wait(&self, key: usize, waker: &Waker) {
        let places = &mut *self.places.lock();
        let (Some(place), Some(queued)) = (places.wakers.get_mut(key), places.queued.get_mut(key))
        else {
            return;
        };
        match place {
            Some(known) => known.clone_from(waker),
            None => *place = Some(waker.clone()),
        }
        if !std::mem::replace(queued, true) {
            places.queue.push(key);
        }
        self.waiting.store(places.queue.len(), Ordering::Relaxed);
    }

    /// Whether somebody waits; to be asked under the ring's lock.
    pub(super) fn any(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) > 0
    }

    /// Wakes everybody who waits; the wakers run after the lock is gone.
    pub(super) fn wake_all(&self) {
        let mut woken = {
            let places = &mut *self.places.lock();
            let mut woken = std::mem::take(&mut places.spare);
            for key in places.queue.drain(..) {
                if let Some(queued) = places.queued.get_mut(key) {
                    *queued = false;
                }
                woken.extend(places.wakers.get_mut(key).and_then(Option::take));
            }
            self.waiting.store(0, Ordering::Relaxed);
            woken
        };
        woken.drain(..).for_each(Waker::wake);
        self.places.lock().spare = woken;
    }

    /// Wakes one cursor, if it waits; a key that has changed hands wakes its new owner for nothing.
    pub(super) fn wake(&self, key: usize) {
        let waker = self.places.lock().wakers.get_mut(key).and_then(Option::take);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// How many cursors there are.
    pub(super) fn len(&self) -> usize {
        self.cursors.load(Ordering::Relaxed)
    }
}
