//! A group of frames that are written and synced together, and those who wait for it.
//!
//! Whoever waits is woken once, when the group has come as far as they wait for: a writer who
//! waits for the disk is not bothered when the frames are with the operating system.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use parking_lot::Mutex;

/// How far a group has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    /// In memory.
    Staged,
    /// With the operating system.
    Written,
    /// On the disk.
    Synced,
}

/// The waiting side of a group; clones wait for the same one.
#[derive(Debug, Clone)]
pub(crate) struct Group(Arc<Mutex<Progress>>);

/// The side that tells.
#[derive(Debug)]
pub(crate) struct GroupSender(Arc<Mutex<Progress>>);

/// The group will never come further: its writing failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct GroupFailed;

#[derive(Debug)]
struct Progress {
    reached: Phase,
    /// Nobody tells any more.
    ended: bool,
    waiting: Vec<Waiting>,
    /// Those who are to be woken, the last one first.
    due: Vec<Waker>,
}

#[derive(Debug)]
struct Waiting {
    phase: Phase,
    /// None once it was woken.
    waker: Option<Waker>,
}

/// A new group.
pub(crate) fn group() -> (GroupSender, Group) {
    let progress =
        Progress { reached: Phase::Staged, ended: false, waiting: Vec::new(), due: Vec::new() };
    let progress = Arc::new(Mutex::new(progress));
    (GroupSender(Arc::clone(&progress)), Group(progress))
}

impl GroupSender {
    /// Tells everybody who waits for as much; dropping the sender tells the others that it failed.
    ///
    /// They are woken one by one, and whoever runs first wakes all others that are left: a thread
    /// that runs tasks can wake its own for nothing, and this one needs the system for each.
    pub(crate) fn reached(&self, phase: Phase) {
        let mut next = self.0.lock().reach(phase);
        while let Some(waker) = next {
            waker.wake();
            next = self.0.lock().due.pop();
        }
    }
}

impl Drop for GroupSender {
    fn drop(&mut self) {
        let mut progress = self.0.lock();
        progress.ended = true;
        let woken = progress.take(Phase::Synced);
        drop(progress);
        woken.into_iter().for_each(Waker::wake);
    }
}

impl Progress {
    /// Goes on to `phase`, and returns the first of the wakers that are due.
    fn reach(&mut self, phase: Phase) -> Option<Waker> {
        self.reached = phase;
        let mut woken = self.take(phase);
        woken.reverse();
        self.due.append(&mut woken);
        self.due.pop()
    }

    /// The wakers of those who wait for no more than `phase`.
    fn take(&mut self, phase: Phase) -> Vec<Waker> {
        let due = self.waiting.iter_mut().filter(|waiting| waiting.phase <= phase);
        due.filter_map(|waiting| waiting.waker.take()).collect()
    }
}

impl Group {
    /// Waits until the group is at `phase` or beyond it.
    pub(crate) fn wait(self, phase: Phase) -> Wait {
        Wait { group: self, phase, place: None }
    }

    /// Whether it has come so far, without waiting.
    #[cfg(test)]
    pub(crate) fn has_reached(&self, phase: Phase) -> bool {
        self.0.lock().reached >= phase
    }

    /// Whether both wait for the same group.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

/// Waits for a group; dropping it gives the wait up.
#[derive(Debug)]
pub(crate) struct Wait {
    group: Group,
    phase: Phase,
    /// Where its waker is among those of the group.
    place: Option<usize>,
}

impl Future for Wait {
    type Output = Result<(), GroupFailed>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let group = self.group.clone();
        let mut progress = group.0.lock();
        if progress.reached >= self.phase {
            let others = std::mem::take(&mut progress.due);
            drop(progress);
            others.into_iter().rev().for_each(Waker::wake);
            return Poll::Ready(Ok(()));
        }
        if progress.ended {
            return Poll::Ready(Err(GroupFailed));
        }
        let known = self.place.and_then(|place| progress.waiting.get_mut(place));
        if let Some(known) = known {
            known.waker = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let (phase, waker) = (self.phase, Some(cx.waker().clone()));
        progress.waiting.push(Waiting { phase, waker });
        self.place = progress.waiting.len().checked_sub(1);
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    use super::*;

    #[derive(Default)]
    struct Woken(AtomicUsize);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Somebody who waits, and how often they were woken.
    struct Writer {
        wait: Wait,
        woken: Arc<Woken>,
    }

    impl Writer {
        fn new(group: &Group, phase: Phase) -> Self {
            Self { wait: group.clone().wait(phase), woken: Arc::default() }
        }

        fn poll(&mut self) -> Poll<Result<(), GroupFailed>> {
            let waker = Waker::from(Arc::clone(&self.woken));
            Pin::new(&mut self.wait).poll(&mut Context::from_waker(&waker))
        }

        fn woken(&self) -> usize {
            self.woken.0.load(Ordering::Relaxed)
        }
    }

    #[test]
    fn each_is_woken_once_when_its_own_phase_is_reached() {
        let (sender, group) = group();
        let mut written = Writer::new(&group, Phase::Written);
        let mut synced = Writer::new(&group, Phase::Synced);
        for _ in 0..2 {
            assert_eq!((written.poll(), synced.poll()), (Poll::Pending, Poll::Pending));
        }
        sender.reached(Phase::Written);
        assert_eq!((written.woken(), synced.woken()), (1, 0));
        assert_eq!((written.poll(), synced.poll()), (Poll::Ready(Ok(())), Poll::Pending));
        sender.reached(Phase::Synced);
        assert_eq!((written.woken(), synced.woken()), (1, 1));
        assert_eq!(synced.poll(), Poll::Ready(Ok(())));
        drop(sender);
        assert_eq!(Writer::new(&group, Phase::Synced).poll(), Poll::Ready(Ok(())));
    }

    /// Goes on as soon as it is woken, as a task on an idle thread would.
    struct Eager {
        writer: Mutex<Writer>,
        order: Arc<Mutex<Vec<usize>>>,
        number: usize,
    }

    impl Wake for Eager {
        fn wake(self: Arc<Self>) {
            self.order.lock().push(self.number);
            assert_eq!(self.writer.lock().poll(), Poll::Ready(Ok(())));
        }
    }

    #[test]
    fn whoever_runs_first_wakes_all_others_once_and_in_order() {
        let (sender, group) = group();
        let order = Arc::<Mutex<Vec<usize>>>::default();
        for number in 0..5 {
            let writer = Mutex::new(Writer::new(&group, Phase::Synced));
            let eager = Arc::new(Eager { writer, order: Arc::clone(&order), number });
            let waker = Waker::from(Arc::clone(&eager));
            let mut writer = eager.writer.lock();
            let polled = Pin::new(&mut writer.wait).poll(&mut Context::from_waker(&waker));
            assert_eq!(polled, Poll::Pending);
        }
        sender.reached(Phase::Synced);
        assert_eq!(*order.lock(), [0, 1, 2, 3, 4]);
        drop(sender);
        assert_eq!(order.lock().len(), 5);
    }

    #[test]
    fn who_waits_for_more_than_will_come_is_told() {
        let (sender, group) = group();
        let mut synced = Writer::new(&group, Phase::Synced);
        assert_eq!(synced.poll(), Poll::Pending);
        sender.reached(Phase::Written);
        drop(sender);
        assert_eq!(synced.woken(), 1);
        assert_eq!(synced.poll(), Poll::Ready(Err(GroupFailed)));
        assert_eq!(Writer::new(&group, Phase::Written).poll(), Poll::Ready(Ok(())));
    }
}
