//! All shards, as the rest of the server sees them.

use std::io;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{mpsc, oneshot};

use super::inbox::{Inbox, Message};
use super::pages::{self, Wanted};
use super::seat::Seat;
use super::shard::{Shard, Times};
use crate::app::App;
use crate::slots::Slot;

/// Where readers are put; a clone is another handle.
#[derive(Debug, Clone)]
pub(crate) struct Shards(Arc<Doors>);

#[derive(Debug)]
struct Doors {
    inboxes: Vec<Arc<Inbox>>,
    turn: AtomicUsize,
}

/// The shards' threads; dropping it cuts their connections.
#[derive(Debug)]
pub(crate) struct Keeper {
    shards: Shards,
    /// Told when each thread is over.
    ends: Vec<oneshot::Receiver<()>>,
    /// Pages that the shards want.
    wanted: Option<mpsc::UnboundedReceiver<Wanted>>,
}

impl Keeper {
    /// Starts a shard for each core.
    ///
    /// # Errors
    /// If the system has no thread or event loop left.
    pub(crate) fn start(app: &App) -> io::Result<Self> {
        let (wants, wanted) = mpsc::unbounded_channel();
        let times = Times { heartbeat: app.heartbeat(), write_timeout: app.write_timeout() };
        let (mut inboxes, mut ends) = (Vec::new(), Vec::new());
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            let (shard, inbox) = Shard::new(wants.clone(), times, app.metrics().live())?;
            let (ended, end) = oneshot::channel();
            std::thread::Builder::new().name("live".to_owned()).spawn(move || {
                shard.run();
                drop::<oneshot::Sender<()>>(ended);
            })?;
            inboxes.push(inbox);
            ends.push(end);
        }
        let shards = Shards(Arc::new(Doors { inboxes, turn: AtomicUsize::new(0) }));
        Ok(Self { shards, ends, wanted: Some(wanted) })
    }

    pub(crate) fn shards(&self) -> Shards {
        self.shards.clone()
    }

    /// Reads the pages that the shards want; the first time it is called, and for ever.
    pub(crate) fn pages(&mut self) -> impl Future<Output = ()> + use<> {
        let wanted = self.wanted.take();
        async move {
            if let Some(wanted) = wanted {
                pages::serve(wanted).await;
            }
            std::future::pending::<()>().await;
        }
    }

    /// Lets readers have what there is, and a last word.
    pub(crate) fn drain(&self) {
        self.shards.tell_all(|| Message::Drain);
    }

    /// Waits until all readers have ended; no more come.
    ///
    /// # Cancel safety
    /// Dropping the future cuts them.
    pub(crate) async fn close(mut self) {
        self.shards.tell_all(|| Message::Close);
        for end in &mut self.ends {
            // An error is how a thread says that it is over.
            end.await.unwrap_or_default();
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.shards.tell_all(|| Message::Cut);
    }
}

impl Shards {
    /// Gives a reader, whose greeting was written, to a shard; each gets as many as the others.
    pub(crate) fn join(&self, (socket, slot): (TcpStream, Slot), seat: Seat) {
        let turn = self.0.turn.fetch_add(1, Ordering::Relaxed);
        if let Some(inbox) = self.0.inboxes.get(turn % self.0.inboxes.len().max(1)) {
            inbox.put(Message::Join(socket, slot, Box::new(seat)));
        }
    }

    fn tell_all(&self, message: impl Fn() -> Message) {
        for inbox in &self.0.inboxes {
            inbox.put(message());
        }
    }
}
