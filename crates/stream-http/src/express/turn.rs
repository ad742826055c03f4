//! When a thread of the lane lets the store commit: before it sleeps, and after so many steps.
//!
//! A thread that always has another request to read would never sleep, and those whose appends
//! wait to be committed would wait for ever.

use std::sync::atomic::{AtomicU32, Ordering};

use crate::app::App;
use crate::limits::EXPRESS_STEPS;
use crate::options::BeforeSleep;

/// What one thread does between two commits.
#[derive(Debug)]
pub(super) struct Turn {
    commit: Option<BeforeSleep>,
    /// Requests and pieces of requests that were looked at since.
    steps: AtomicU32,
}

impl Turn {
    pub(super) fn new(app: &App) -> Self {
        Self { commit: app.before_sleep(), steps: AtomicU32::new(0) }
    }

    /// Counts a step; the one that is too many ends the turn.
    pub(super) fn step(&self) {
        // Only the thread itself counts.
        if self.steps.fetch_add(1, Ordering::Relaxed) >= EXPRESS_STEPS {
            self.end();
        }
    }

    /// Lets the store commit.
    pub(super) fn end(&self) {
        self.steps.store(0, Ordering::Relaxed);
        if let Some(commit) = &self.commit {
            commit.call();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use stream_log::MemoryStore;

    use super::*;
    use crate::options::AppOptions;

    #[test]
    fn a_thread_that_never_sleeps_commits_all_the_same() {
        let commits = Arc::new(AtomicU32::new(0));
        let count = Arc::clone(&commits);
        let options = AppOptions::default().before_sleep(move || {
            count.fetch_add(1, Ordering::Relaxed);
        });
        let turn = Turn::new(&App::new(Arc::new(MemoryStore::new()), options));
        let so_far = || commits.load(Ordering::Relaxed);
        for _ in 0..EXPRESS_STEPS {
            turn.step();
        }
        assert_eq!(so_far(), 0);
        turn.step();
        assert_eq!(so_far(), 1);
        turn.step();
        turn.end();
        assert_eq!(so_far(), 2);
        for _ in 0..EXPRESS_STEPS {
            turn.step();
        }
        assert_eq!(so_far(), 2);
    }
}
