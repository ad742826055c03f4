//! The peers: two broadcast channels, and a channel for each reader of three crates.
#![expect(clippy::expect_used, reason = "a benchmark stops at what it did not expect")]

use millstream::Event;
use tokio::sync::broadcast;
use tokio::task::yield_now;

use super::{CAPACITY, Fanout, Reader};

/// `tokio::sync::broadcast`, which never waits: paced by its length, or it would lap its readers.
#[derive(Debug)]
pub struct TokioBroadcast(broadcast::Sender<Event>);

impl Fanout for TokioBroadcast {
    const NAME: &'static str = "tokio broadcast";

    type Reader = broadcast::Receiver<Event>;

    fn open(readers: usize) -> (Self, Vec<Self::Reader>) {
        let (sender, _) = broadcast::channel(CAPACITY);
        let receivers = (0..readers).map(|_| sender.subscribe()).collect();
        (Self(sender), receivers)
    }

    async fn publish(&mut self, event: Event) {
        while self.0.len() >= CAPACITY - 1 {
            yield_now().await;
        }
        self.0.send(event).expect("there are readers");
    }
}

impl Reader for broadcast::Receiver<Event> {
    async fn read(mut self, mut seen: impl FnMut(&Event) + Send) -> u64 {
        let mut lost = 0;
        loop {
            match self.recv().await {
                Ok(event) => seen(&event),
                Err(broadcast::error::RecvError::Lagged(missed)) => lost += missed,
                Err(broadcast::error::RecvError::Closed) => return lost,
            }
        }
    }
}

/// `async-broadcast`, which waits for the slowest reader.
#[derive(Debug)]
pub struct AsyncBroadcast(async_broadcast::Sender<Event>);

impl Fanout for AsyncBroadcast {
    const NAME: &'static str = "async-broadcast";

    type Reader = async_broadcast::Receiver<Event>;

    fn open(readers: usize) -> (Self, Vec<Self::Reader>) {
        let (sender, receiver) = async_broadcast::broadcast(CAPACITY);
        let receivers = (0..readers).map(|_| receiver.clone()).collect();
        (Self(sender), receivers)
    }

    async fn publish(&mut self, event: Event) {
        let dropped = self.0.broadcast(event).await.expect("there are readers");
        assert!(dropped.is_none(), "it waits and drops nothing");
    }
}

impl Reader for async_broadcast::Receiver<Event> {
    async fn read(mut self, mut seen: impl FnMut(&Event) + Send) -> u64 {
        while let Ok(event) = self.recv().await {
            seen(&event);
        }
        0
    }
}

/// `flume`, a channel for each reader.
#[derive(Debug)]
pub struct Flume(Vec<flume::Sender<Event>>);

impl Fanout for Flume {
    const NAME: &'static str = "flume";

    type Reader = flume::Receiver<Event>;

    fn open(readers: usize) -> (Self, Vec<Self::Reader>) {
        let (senders, receivers) = (0..readers).map(|_| flume::bounded(CAPACITY)).unzip();
        (Self(senders), receivers)
    }

    async fn publish(&mut self, event: Event) {
        for sender in &self.0 {
            sender.send_async(event.clone()).await.expect("there are readers");
        }
    }
}

impl Reader for flume::Receiver<Event> {
    async fn read(self, mut seen: impl FnMut(&Event) + Send) -> u64 {
        while let Ok(event) = self.recv_async().await {
            seen(&event);
        }
        0
    }
}

/// `kanal`, a channel for each reader.
#[derive(Debug)]
pub struct Kanal(Vec<kanal::AsyncSender<Event>>);

impl Fanout for Kanal {
    const NAME: &'static str = "kanal";

    type Reader = kanal::AsyncReceiver<Event>;

    fn open(readers: usize) -> (Self, Vec<Self::Reader>) {
        let (senders, receivers) = (0..readers).map(|_| kanal::bounded_async(CAPACITY)).unzip();
        (Self(senders), receivers)
    }

    async fn publish(&mut self, event: Event) {
        for sender in &self.0 {
            sender.send(event.clone()).await.expect("there are readers");
        }
    }
}

impl Reader for kanal::AsyncReceiver<Event> {
    async fn read(self, mut seen: impl FnMut(&Event) + Send) -> u64 {
        while let Ok(event) = self.recv().await {
            seen(&event);
        }
        0
    }
}

/// `crossfire`, a channel for each reader.
pub struct Crossfire(Vec<crossfire::MAsyncTx<crossfire::mpsc::Array<Event>>>);

impl Fanout for Crossfire {
    const NAME: &'static str = "crossfire";

    type Reader = crossfire::AsyncRx<crossfire::mpsc::Array<Event>>;

    fn open(readers: usize) -> (Self, Vec<Self::Reader>) {
        let channels = (0..readers).map(|_| crossfire::mpsc::bounded_async(CAPACITY));
        let (senders, receivers) = channels.unzip();
        (Self(senders), receivers)
    }

    async fn publish(&mut self, event: Event) {
        for sender in &self.0 {
            sender.send(event.clone()).await.expect("there are readers");
        }
    }
}

impl std::fmt::Debug for Crossfire {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Crossfire").field(&self.0.len()).finish()
    }
}

impl Reader for crossfire::AsyncRx<crossfire::mpsc::Array<Event>> {
    async fn read(self, mut seen: impl FnMut(&Event) + Send) -> u64 {
        while let Ok(event) = self.recv().await {
            seen(&event);
        }
        0
    }
}
