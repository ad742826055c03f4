//! The Durable Streams protocol under `/v1/stream/`: drives `stream_protocol::durable` over the
//! store of logs.
//!
//! # Slow readers
//!
//! A live reader is sent one page at a time, as fast as it reads; what comes meanwhile waits in
//! the log.
//!
//! # At the end of life
//!
//! When the server goes down, long polls are answered that nothing came, and live readers are cut
//! after a whole event; both come back with the offset that they have.

mod crowd;
mod family;
mod last_used;
mod live;
mod locks;
mod respond;
mod routes;
mod seqs;
mod stream;
mod streams;
mod subscriptions;
mod used;

pub(crate) use crowd::Piece;
pub(crate) use last_used::LastUsed;
pub(crate) use respond::BROWSER_HEADERS;
pub(crate) use routes::{append, router};
pub(crate) use streams::Streams;
pub(crate) use subscriptions::Subscriptions;

/// The URL path below which streams lie.
pub(crate) const ROOT: &str = "/v1/stream/";
