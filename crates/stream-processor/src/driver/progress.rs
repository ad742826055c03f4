//! What is noted of items while they are treated, and why no more are.

use std::task::Poll;

use crate::SourceError;

/// Why no item is treated just now.
pub(super) enum Halt {
    /// The batch is full, or a stage is.
    NoRoom,
    /// A stage wants no more.
    Enough,
    /// The source gave no item.
    Other(Poll<Option<SourceError>>),
}

impl Halt {
    pub(super) fn of(halted: Poll<Option<Result<(), SourceError>>>) -> Self {
        match halted {
            Poll::Ready(Some(Ok(()))) => Self::NoRoom,
            Poll::Ready(Some(Err(error))) => Self::Other(Poll::Ready(Some(error))),
            Poll::Ready(None) => Self::Other(Poll::Ready(None)),
            Poll::Pending => Self::Other(Poll::Pending),
        }
    }
}

/// What the driver must know of the items that were treated, also if one of them panics.
pub(super) struct Progress<'a> {
    pub(super) taken: usize,
    pub(super) next: Option<u64>,
    pub(super) is_treating: bool,
    /// Where it is noted in the end.
    pub(super) home: (&'a mut usize, &'a mut u64, &'a mut bool),
}

impl Drop for Progress<'_> {
    #[inline]
    fn drop(&mut self) {
        let (taken, next, is_treating) = &mut self.home;
        **taken = self.taken;
        **next = self.next.unwrap_or(**next);
        **is_treating = self.is_treating;
    }
}
