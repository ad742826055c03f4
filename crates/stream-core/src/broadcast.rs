//! One event to several streams.

use std::future::poll_fn;
use std::task::Poll;

use stream_model::Event;

use crate::{PublishError, Receipt, Stream};

/// Publishes `event` to every one of `streams`, all at once, and says how each took it.
///
/// A stream that fails or makes its publisher wait hinders no other.
///
/// # Cancel safety
/// If the future is dropped before it is ready, some streams may have taken the event.
///
/// # Examples
///
/// ```
/// use stream_core::{InMemoryStream, broadcast};
/// use stream_model::Event;
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let (open, closed) = (InMemoryStream::new(), InMemoryStream::new());
/// closed.close().await;
/// let report = broadcast(&[&open, &closed], Event::text("hello")).await;
/// assert!(!report.is_ok());
/// assert_eq!(report.failures().map(|(index, _)| index).collect::<Vec<_>>(), [1]);
/// assert_eq!(open.recent(1).len(), 1);
/// # Ok::<(), std::io::Error>(())
/// # })?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub async fn broadcast(streams: &[&dyn Stream], event: Event) -> BroadcastReport {
    let mut running: Vec<_> =
        streams.iter().map(|stream| Running::Publishing(stream.publish(event.clone()))).collect();
    poll_fn(|cx| {
        let mut pending = false;
        for slot in &mut running {
            if let Running::Publishing(future) = slot {
                match future.as_mut().poll(cx) {
                    Poll::Ready(result) => *slot = Running::Done(result),
                    Poll::Pending => pending = true,
                }
            }
        }
        if pending { Poll::Pending } else { Poll::Ready(()) }
    })
    .await;
    let results = running.into_iter().filter_map(|slot| match slot {
        Running::Done(result) => Some(result),
        Running::Publishing(_) => None,
    });
    BroadcastReport { results: results.collect() }
}

enum Running<F> {
    Publishing(F),
    Done(Result<Receipt, PublishError>),
}

/// How each stream took an event.
#[derive(Debug)]
#[must_use]
pub struct BroadcastReport {
    results: Vec<Result<Receipt, PublishError>>,
}

impl BroadcastReport {
    /// Whether every stream took it; so also if there was none.
    pub fn is_ok(&self) -> bool {
        self.results.iter().all(Result::is_ok)
    }

    /// What each stream answered, in the order in which they were given.
    pub fn results(&self) -> &[Result<Receipt, PublishError>] {
        &self.results
    }

    /// The streams that did not take it, by their place among those given.
    pub fn failures(&self) -> impl Iterator<Item = (usize, &PublishError)> {
        let numbered = self.results.iter().enumerate();
        numbered.filter_map(|(index, result)| Some((index, result.as_ref().err()?)))
    }
}
