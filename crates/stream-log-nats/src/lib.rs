//! The contract of a log over NATS JetStream: many servers, one cluster.
//!
//! [`NatsStore`] keeps any number of logs in a few streams of a cluster that others operate.
//! Any number of servers may open the same cluster at once and append to the same logs.
//!
//! # How a log lies in a stream
//!
//! A log is a subject: its name, escaped, in the stream that a hash of the name says.
//! So a million logs are a million subjects of [`SHARDS`](limits::SHARDS) streams.
//!
//! A message holds everything that was appended while the one before it was on its way, and how
//! the log stands after it: its epoch, its configuration, the offsets of its oldest and of its next
//! record, bytes, whether it is closed.
//! So the newest message of a subject is all that a server needs to know of a log to append to it.
//!
//! # How two servers never write the same offset
//!
//! A message names the number of the message before it, and JetStream stores it only if that is
//! still the newest one of the subject.
//! Otherwise the writer reads what came first and judges its appends again.
//! A message whose acknowledgement was lost is sent again as it was: it cannot be stored twice, as
//! its own first copy makes the number wrong, and it is found by an id that it carries.
//! This holds for as long as anybody may try, which the window of `Nats-Msg-Id` does not, and so
//! that header is not used.
//!
//! # What a message of producers needs
//!
//! What producers appended is written in the messages that did it, and every so often all of it is
//! written down in one; the head of a log says where to begin reading.
//!
//! # Reading
//!
//! Records are read a page of messages at a time.
//! Which message holds an offset is found by few questions, and remembered for whoever reads on.
//! A log that is watched is followed: see `following`, and what is new is read from memory.
//!
//! # Trimming and retention
//!
//! The head says which record is the oldest; the messages before its message are given back to the
//! cluster some time later.
//!
//! # What a server older than 2.11 does
//!
//! Pages are one message long there, so history is read more slowly.
//!
//! # Examples
//!
//! ```no_run
//! use stream_log::{AppendBatch, LogConfig, LogName, LogStoreExt, Namespace};
//! use stream_log_nats::{NatsOptions, NatsStore};
//! use stream_model::now::now;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let store = NatsStore::open("nats://127.0.0.1:4222", NatsOptions::default()).await?;
//! let name = LogName::new(Namespace::Topic, "orders")?;
//! let log = store.get_or_create(&name, LogConfig::default()).await?;
//! let receipt = log.append(AppendBatch::new(now()).record("one")).await?;
//! assert_eq!(receipt.durability, store.durability());
//! # Ok(())
//! # }
//! ```
#![warn(clippy::indexing_slicing, clippy::as_conversions, clippy::string_slice)]

pub mod limits;

mod api;
mod catalog;
mod cell;
mod engine;
mod error;
mod following;
mod group;
mod head;
mod history;
mod log;
mod message;
mod opening;
mod options;
mod reading;
mod search;
mod shard;
mod store;
mod subject;
mod sweeping;
#[cfg(feature = "testkit")]
pub mod testkit;
mod view;
mod writing;

pub use error::{NatsError, OpenError};
pub use options::NatsOptions;
pub use store::{NatsStats, NatsStore};
