//! When a thread of the lane lets the store commit: before it sleeps, and after so many steps.
//!
//! A thread that always has another request to read would never sleep, and those whose appends
//! wait to be committed would wait for ever.
//!
//! Before it sleeps, a thread that had much to do looks once more whether there is more:
//! those who were answered at one moment write again one after the other, and whoever comes while
//! the requests before are read would wait for two syncs.

use std::sync::atomic::{AtomicU32, Ordering};

use tokio::sync::Notify;
use tokio::task::yield_now;

use crate::app::App;
use crate::limits::{EXPRESS_STEPS, EXPRESS_STEPS_MANY};
use crate::options::BeforeSleep;

/// What one thread does between two commits.
#[derive(Debug)]
pub(super) struct Turn {
    commit: Option<BeforeSleep>,
    /// Requests and pieces of requests that were looked at since.
    steps: AtomicU32,
    /// How many of them there were when it last looked for more.
    looked: AtomicU32,
    look: Notify,
}

impl Turn {
    pub(super) fn new(app: &App) -> Self {
        Self {
            commit: app.before_sleep(),
            steps: AtomicU32::new(0),
            looked: AtomicU32::new(0),
            look: Notify::new(),
        }
    }

    /// Counts a step; the one that is too many ends the turn.
    pub(super) fn step(&self) {
        // Only the thread itself counts.
        if self.steps.fetch_add(1, Ordering::Relaxed) >= EXPRESS_STEPS {
            self.end();
        }
    }

    /// Is called when there is nothing to do: looks for more, or lets the store commit.
    pub(super) fn rest(&self) {
        let steps = self.steps.load(Ordering::Relaxed);
        let looked = self.looked.swap(steps, Ordering::Relaxed);
        if steps.saturating_sub(looked) >= EXPRESS_STEPS_MANY {
            self.look.notify_one();
        } else {
            self.end();
        }
    }

    /// Looks for more whenever that is due; never ends.
    ///
    /// # Cancel safety
    /// Must not be dropped as long as the thread may come to [`rest`](Self::rest).
    pub(super) async fn look(&self) {
        loop {
            self.look.notified().await;
            // The event loop asks the system before it comes back to who yields.
            yield_now().await;
        }
    }

    /// Lets the store commit.
    pub(super) fn end(&self) {
        self.steps.store(0, Ordering::Relaxed);
        self.looked.store(0, Ordering::Relaxed);
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

    /// A turn, and how often it let the store commit.
    fn counted() -> (Turn, Arc<AtomicU32>) {
        let commits = Arc::new(AtomicU32::new(0));
        let count = Arc::clone(&commits);
        let options = AppOptions::default().before_sleep(move || {
            count.fetch_add(1, Ordering::Relaxed);
        });
        (Turn::new(&App::new(Arc::new(MemoryStore::new()), options)), commits)
    }

    fn step(turn: &Turn, times: u32) {
        for _ in 0..times {
            turn.step();
        }
    }

    #[test]
    fn a_thread_that_never_sleeps_commits_all_the_same() {
        let (turn, commits) = counted();
        let so_far = || commits.load(Ordering::Relaxed);
        step(&turn, EXPRESS_STEPS);
        assert_eq!(so_far(), 0);
        turn.step();
        assert_eq!(so_far(), 1);
        turn.step();
        turn.end();
        assert_eq!(so_far(), 2);
        step(&turn, EXPRESS_STEPS);
        assert_eq!(so_far(), 2);
    }

    #[test]
    fn a_thread_that_had_much_to_do_looks_for_more_until_there_is_little() {
        let (turn, commits) = counted();
        let so_far = || commits.load(Ordering::Relaxed);
        turn.rest();
        step(&turn, EXPRESS_STEPS_MANY - 1);
        turn.rest();
        assert_eq!(so_far(), 2, "there was little");
        step(&turn, EXPRESS_STEPS_MANY);
        turn.rest();
        step(&turn, EXPRESS_STEPS_MANY);
        turn.rest();
        assert_eq!(so_far(), 2, "there may be more");
        step(&turn, EXPRESS_STEPS_MANY - 1);
        turn.rest();
        assert_eq!(so_far(), 3);
    }

    #[test]
    fn an_event_loop_that_looked_for_more_comes_to_rest() {
        let committed = Arc::new(Notify::new());
        let commit = Arc::clone(&committed);
        let options = AppOptions::default().before_sleep(move || commit.notify_one());
        let turn = Arc::new(Turn::new(&App::new(Arc::new(MemoryStore::new()), options)));
        step(&turn, EXPRESS_STEPS_MANY);
        let (resting, looking) = (Arc::clone(&turn), Arc::clone(&turn));
        let runtime = tokio::runtime::Builder::new_current_thread()
            .on_thread_park(move || resting.rest())
            .build()
            .unwrap();
        runtime.spawn(async move { looking.look().await });
        runtime.block_on(committed.notified());
        assert_eq!(turn.steps.load(Ordering::Relaxed), 0);
    }
}
