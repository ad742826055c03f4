//! A handler's stay in a hub.

use super::Shared;
use super::callback::Callback;
use crate::sync::{Arc, Weak};

/// Keeps a handler attached; dropping it detaches the handler.
///
/// Once that has happened the handler is not called again, though a call that was under way on
/// another thread may still be.
/// It does not keep the hub alive.
#[must_use = "a handler is detached when its attachment is dropped"]
pub struct Attachment<T> {
    shared: Weak<Shared<T>>,
    id: u64,
}

impl<T> Attachment<T> {
    pub(super) fn new(shared: &Arc<Shared<T>>, position: u64, callback: Callback<T>) -> Self {
        let id = shared.handlers.attach(position, callback, &shared.pace);
        // Under the lock: whoever publishes from now on knows the handler.
        let next = shared.ring.lock().next();
        if position < next {
            shared.deliver(None);
        }
        Self { shared: Arc::downgrade(shared), id }
    }
}

impl<T> Drop for Attachment<T> {
    fn drop(&mut self) {
        let Some(shared) = self.shared.upgrade() else { return };
        let callback = shared.handlers.detach(self.id, &shared.pace);
        shared.forget_handlers();
        drop(callback);
    }
}

impl<T> std::fmt::Debug for Attachment<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Attachment").field("id", &self.id).finish_non_exhaustive()
    }
}
