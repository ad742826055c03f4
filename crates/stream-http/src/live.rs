//! Live readers outside the HTTP library: server-sent events on plain HTTP/1.1 connections.
//!
//! A fan-out costs what its smallest step costs, as often as there are readers: so the smallest
//! step here is one system call that writes everything which is due to one reader.
//!
//! - **Bytes.** A frame is made once, when the first reader asks; each shard copies it once more,
//!   behind the frames before it, and the system copies it into each socket.
//! - **Wake-ups.** Whoever publishes wakes the log's one follower, which wakes each shard once.
//!   What comes while a shard writes to its readers is written in its next round, so that a round
//!   carries the more, the more there is.
//! - **Memory.** A connection has no task, no buffer and no timer: it is a record of about a
//!   hundred bytes with the number of the record that comes next.
//!
//! A connection comes here when the express lane finds that a request asks for
//! live events: the routes answer it as they answer all others, and the handler puts a [`Seat`] on
//! the request's [`Ticket`] instead of a body.
//! The response ends with its connection, and so has neither a length nor chunks.
//! Readers of many topics, with filters, of lines, over HTTP/2 or WebSocket stay where they are.
//!
//! # Slow readers
//!
//! Who takes no more keeps the rest of one frame and its place.
//! A ring of frames serves those who are behind by little
//! ([`LIVE_RING_BYTES`](crate::limits::LIVE_RING_BYTES)); those who are further behind are read
//! pages from the log ([`LIVE_PAGES`](crate::limits::LIVE_PAGES) at once), and told first what it
//! no longer has.
//! Who takes nothing at all for a while has gone
//! ([`AppOptions::write_timeout`](crate::AppOptions::write_timeout)).
//!
//! # At the end of life
//!
//! When the server goes down, readers get what the logs hold, and then their position in a last
//! event; what a peer has sent meanwhile is read, lest it break the connection.
//! Dropping the [`Keeper`] cuts all.

mod crowd;
pub(crate) mod frames;
mod inbox;
mod pages;
mod reader;
pub(crate) mod ring;
mod seat;
mod shard;
mod shards;
pub(crate) mod source;
mod topic;
mod wheel;

pub(crate) use seat::{Ending, MaybeTicket, Seat, Ticket};
pub(crate) use shards::{Keeper, Shards};
pub(crate) use topic::TopicSource;
