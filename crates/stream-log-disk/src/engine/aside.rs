//! Threads that commit what they wrote themselves, before they sleep.
//!
//! An event loop that reads requests, appends, and answers when the disk has it would hand every
//! group to the committer and be woken by it: two changes of threads that may cost more than the
//! append.
//! Such a loop may commit in its own thread instead, each time it has nothing else to do; what
//! comes meanwhile waits for it, and shares the next sync.

use std::cell::Cell;

use super::Engine;

thread_local! {
    /// The engine that this thread commits for, by its address; 0 for none.
    static ENGINE: Cell<usize> = const { Cell::new(0) };
}

impl Engine {
    /// Commits what is pending, unless the committer was called for it; from its first call on,
    /// this thread is trusted to do so before it sleeps.
    pub(crate) fn commit_before_sleep(&self) {
        ENGINE.set(self.address());
        let is_due = {
            let stage = self.stage.lock();
            !stage.staged.is_empty() && !stage.called
        };
        if is_due {
            // Everybody who waits has been told; from here on nothing is written.
            self.commit(false).ok();
        }
    }

    /// Whether this thread commits what it writes.
    pub(super) fn is_committed_here(&self) -> bool {
        ENGINE.get() == self.address()
    }

    fn address(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }
}
