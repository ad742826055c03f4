//! Who waits for the next item.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Waker;

use parking_lot::Mutex;

/// One place for each cursor, and the list of those that wait.
///
/// A publisher looks at one counter and takes the lock only if somebody waits.
/// Nothing is missed: a reader counts itself before it looks for an item once more, a publisher
/// publishes before it looks at the count, and both are sequentially consistent.
#[derive(Default)]
pub(super) struct Waiters {
    waiting: AtomicUsize,
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
        self.waiting.store(places.queue.len(), Ordering::SeqCst);
    }

    /// Wakes everybody who waits; the wakers run after the lock is gone.
    pub(super) fn wake_all(&self) {
        if self.waiting.load(Ordering::SeqCst) == 0 {
            return;
        }
        let mut woken = {
            let places = &mut *self.places.lock();
            let mut woken = std::mem::take(&mut places.spare);
            for key in places.queue.drain(..) {
                if let Some(queued) = places.queued.get_mut(key) {
                    *queued = false;
                }
                woken.extend(places.wakers.get_mut(key).and_then(Option::take));
            }
            self.waiting.store(0, Ordering::SeqCst);
            woken
        };
        woken.drain(..).for_each(Waker::wake);
        self.places.lock().spare = woken;
    }

    /// How many cursors there are.
    pub(super) fn len(&self) -> usize {
        let places = self.places.lock();
        places.wakers.len() - places.free.len()
    }
}
