//! A group of frames that are written and synced together, and those who wait for it.

use tokio::sync::watch;

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
pub(crate) struct Group(watch::Receiver<Phase>);

/// The side that tells.
#[derive(Debug)]
pub(crate) struct GroupSender(watch::Sender<Phase>);

/// The group will never come further: its writing failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct GroupFailed;

/// A new group.
pub(crate) fn group() -> (GroupSender, Group) {
    let (sender, receiver) = watch::channel(Phase::Staged);
    (GroupSender(sender), Group(receiver))
}

impl GroupSender {
    /// Tells everybody; dropping the sender tells that it failed.
    pub(crate) fn reached(&self, phase: Phase) {
        self.0.send_replace(phase);
    }
}

impl Group {
    /// Waits until the group is at `phase` or beyond it.
    pub(crate) async fn wait(mut self, phase: Phase) -> Result<(), GroupFailed> {
        self.0.wait_for(|reached| *reached >= phase).await.map(drop).map_err(|_| GroupFailed)
    }

    /// Whether it has come so far, without waiting.
    #[cfg(test)]
    pub(crate) fn has_reached(&self, phase: Phase) -> bool {
        *self.0.borrow() >= phase
    }

    /// Whether both wait for the same group.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.0.same_channel(&other.0)
    }
}
