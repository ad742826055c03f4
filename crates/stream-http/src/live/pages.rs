//! Reads pages of history for shards, a bounded number of them at once.

use std::sync::Arc;

use futures_util::StreamExt as _;
use tokio::sync::{Semaphore, mpsc};

use super::inbox::{Asked, Inbox, Message};
use super::source::Source;
use crate::limits::LIVE_PAGES;

/// A page that a shard wants.
pub(super) struct Wanted {
    pub(super) source: Arc<dyn Source>,
    pub(super) asked: Asked,
    pub(super) inbox: Arc<Inbox>,
}

/// Where shards ask; each reader waits for one page at most, so that bounds what waits here.
pub(super) type Wants = mpsc::UnboundedSender<Wanted>;

/// Reads what is wanted for as long as somebody may want something.
///
/// # Cancel safety
/// Whoever waits for a page waits for ever.
pub(super) async fn serve(wanted: mpsc::UnboundedReceiver<Wanted>) {
    let wanted = futures_util::stream::unfold(wanted, async |mut wanted| {
        let next = wanted.recv().await?;
        Some((next, wanted))
    });
    let permits = Arc::new(Semaphore::new(LIVE_PAGES));
    let read = |Wanted { source, asked, inbox }: Wanted| {
        let permits = Arc::clone(&permits);
        async move {
            // Given back once the shard has written the page, which lies in memory until then.
            let Ok(permit) = permits.acquire_owned().await else { return };
            let page = source.page(asked.from, asked.until).await;
            inbox.put(Message::Page(asked, page, permit));
        }
    };
    wanted.for_each_concurrent(LIVE_PAGES, read).await;
}
