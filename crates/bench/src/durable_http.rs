//! Durable appends over HTTP, beside the servers that others publish.
//!
//! Every contestant runs as a process of its own, keeps its data in a folder of its own on the
//! same disk, and acknowledges an append once it is on that disk.
//! The writers are ours, the same for all, and share one thread: each sends an append, waits for
//! its acknowledgement, and sends the next.
//! After each round everything that was acknowledged is read back and counted.

pub mod client;
pub mod contestant;
pub mod load;
mod redis;
pub mod report;
