//! One publisher and many readers: what the contestants of the fan-out bench share.
//!
//! Every contestant is bounded and paced, so that every reader gets every item; how many of them
//! missed one is counted all the same.

pub mod channels;
pub mod hub;
pub mod run;

use std::future::Future;

use millstream::Event;

/// Items that may wait for a reader.
pub const CAPACITY: usize = 1024;

/// A way from one publisher to many readers.
pub trait Fanout: Send + 'static {
    /// What it is called in the table.
    const NAME: &'static str;

    /// One reader's end.
    type Reader: Reader;

    /// The publisher's end, and one for each reader.
    fn open(readers: usize) -> (Self, Vec<Self::Reader>)
    where
        Self: Sized;

    /// Publishes to all readers; waits while one of them is [`CAPACITY`] behind.
    fn publish(&mut self, event: Event) -> impl Future<Output = ()> + Send;
}

/// Reads until the publisher's end is dropped.
pub trait Reader: Send + 'static {
    /// Hands every item to `seen`, and returns how many it missed.
    fn read(self, seen: impl FnMut(&Event) + Send) -> impl Future<Output = u64> + Send;
}
