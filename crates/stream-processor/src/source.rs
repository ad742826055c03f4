//! Where a pipeline's items come from.

mod futures;
mod joined;
mod log;
mod subscribed;

use std::task::{Context, Poll};

use stream_model::BoxError;

pub use self::futures::FromStream;
pub use self::joined::{CombineLatest, Merge, Pair, Zip, combine_latest, merge, zip};
pub(crate) use self::log::{Decode, Reading, read_or_wait};
pub use self::log::{LogSource, LogTail};
pub use self::subscribed::{Subscribed, SubscribedSource};
use crate::{Flow, StartError};

/// Items, each with its position.
pub trait Source: Send {
    /// What comes.
    type Item;

    /// The next item; `None` at the end, and ever after.
    ///
    /// # Cancel safety
    /// An item that was returned is gone from the source, and no other.
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Arrival<Self::Item>>>;

    /// Gives `take` the items that are there, one after the other, until it says `Break`.
    ///
    /// `Some(Ok)` says that it did; anything else is what [`poll_next`](Self::poll_next) says where
    /// no item follows for now.
    /// A source need not have this method; with one of its own it can be quicker.
    ///
    /// # Cancel safety
    /// An item that was given is gone from the source, and no other, also if `take` panics.
    fn poll_each<F>(
        &mut self,
        cx: &mut Context<'_>,
        mut take: F,
    ) -> Poll<Option<Result<(), SourceError>>>
    where
        Self: Sized,
        F: FnMut(Sourced<Self::Item>) -> Flow,
    {
        loop {
            match std::task::ready!(self.poll_next(cx)) {
                Some(Ok(sourced)) => {
                    if take(sourced).is_break() {
                        return Poll::Ready(Some(Ok(())));
                    }
                }
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => return Poll::Ready(None),
            }
        }
    }

    /// The time up to which it has given everything, in milliseconds since 1970, if it knows.
    ///
    /// Windows and timers go by it as well as by the times of the items.
    fn watermark_ms(&self) -> Option<i64> {
        None
    }

    /// Whether it has passed over so much that came to nothing that this alone is worth a checkpoint.
    fn has_moved(&self) -> bool {
        false
    }

    /// Says that everything before the position `before` was delivered, set aside or left out, so
    /// it need not come again.
    ///
    /// A source that keeps its place somewhere notes it there; others have nothing to do.
    fn acknowledge(&mut self, before: u64) {
        let _ = before;
    }

    /// Takes nothing new: what is there by now still comes, and then the end.
    fn close(&mut self);
}

/// An item and where it lies in its source, or why there is none.
pub type Arrival<T> = Result<Sourced<T>, SourceError>;

/// An item and where it lies in its source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sourced<T> {
    /// Its number; later items have larger ones.
    pub position: u64,
    /// The item.
    pub item: T,
}

/// Why a source has no item to give.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// The pipeline was too slow: items are gone that it did not see. The next follows.
    #[error("missed {missed} items")]
    Missed {
        /// How many.
        missed: u64,
    },
    /// There is something that is no item; the next follows.
    #[error("cannot read what is at position {position}")]
    Unreadable {
        /// Where it lies.
        position: u64,
        /// Why.
        #[source]
        error: BoxError,
    },
    /// What is behind the source failed; nothing follows.
    #[error("source failed")]
    Failed(#[source] BoxError),
}

/// What becomes a [`Source`] when the pipeline starts.
pub trait Connect: Send {
    /// What comes.
    type Item;
    /// Where it comes from.
    type Source: Source<Item = Self::Item>;

    /// Begins; what is published from now on comes.
    ///
    /// # Errors
    /// [`StartError`] if the source is not to be had.
    ///
    /// # Cancel safety
    /// If the future is dropped, nothing was begun.
    fn connect(self) -> impl Future<Output = Result<Self::Source, StartError>> + Send;
}

impl<S: Source> Connect for S {
    type Item = S::Item;
    type Source = S;

    async fn connect(self) -> Result<S, StartError> {
        Ok(self)
    }
}
