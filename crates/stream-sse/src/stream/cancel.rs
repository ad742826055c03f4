//! Ending one subscription from anywhere.

use std::sync::Arc;
use std::task::Waker;

use parking_lot::Mutex;
use stream_core::Cursor;

use super::delivery::Published;

/// Whether a subscription was cancelled, and who waits for that.
#[derive(Debug)]
pub(super) struct Cancel {
    /// Knows how much was published; a handle to the hub would keep the stream open.
    probe: Cursor<Published>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The number of the first event that the subscription does not get any more.
    end: Option<u64>,
    waker: Option<Waker>,
}

impl Cancel {
    pub(super) fn new(probe: Cursor<Published>) -> Self {
        Self { probe, state: Mutex::default() }
    }

    /// Ends the subscription behind what is published now; a second call changes nothing.
    pub(super) fn cancel(&self) {
        let waker = {
            let mut state = self.state.lock();
            state.end.get_or_insert(self.probe.position().saturating_add(self.probe.lag()));
            state.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Where the subscription ends, if it was cancelled.
    pub(super) fn end(&self) -> Option<u64> {
        self.state.lock().end
    }

    /// As [`end`](Self::end); `waker` is woken when that changes.
    pub(super) fn poll_end(&self, waker: &Waker) -> Option<u64> {
        let mut state = self.state.lock();
        if state.end.is_none() {
            match &mut state.waker {
                Some(known) => known.clone_from(waker),
                None => state.waker = Some(waker.clone()),
            }
        }
        state.end
    }
}

/// Ends a subscription from anywhere; a clone ends the same one.
#[derive(Debug, Clone)]
pub struct SseCanceller(pub(super) Arc<Cancel>);

impl SseCanceller {
    /// Ends the subscription: its consumer gets what was published before, and then the end.
    ///
    /// Calling it again does nothing.
    pub fn cancel(&self) {
        self.0.cancel();
    }

    /// Whether it was cancelled.
    pub fn is_cancelled(&self) -> bool {
        self.0.end().is_some()
    }
}
