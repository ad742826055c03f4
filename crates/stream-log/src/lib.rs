//! The contract of a log, its executable specification in memory, and the way from history to
//! live.
//!
//! A log is an append-only sequence of records, numbered from 0, that outlives its readers.
//! [`Log`] says in five methods what every backend promises, [`LogStore`] names the logs, and
//! [`MemoryLog`] is the backend against which the others are checked.
//! [`LiveLog`] follows a log for any number of readers at once, and [`LogReader`] takes one
//! reader from any old position to the live end, without a gap and without a repeat.
//! [`events`] asks a log of events by topic and time, and sums them up.
//!
//! # Examples
//!
//! ```
//! use std::sync::Arc;
//! use stream_log::{AppendBatch, Log, LogConfig, MemoryLog, ReadFrom, ReadLimit};
//! use stream_model::now::now;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let log = MemoryLog::new(LogConfig::default());
//! let receipt = log.append(AppendBatch::new(now()).record("one").record("two")).await?;
//! assert_eq!((receipt.first.get(), receipt.next.get()), (0, 2));
//!
//! let batch = log.read(ReadFrom::Earliest, ReadLimit::default()).await?;
//! assert_eq!(batch.records[1].payload, "two");
//! # Ok(())
//! # }
//! ```

mod admission;
mod append;
mod config;
mod error;
mod live;
mod log;
mod memory;
mod name;
mod producers;
mod read;
mod reader;
mod store;
mod tail;

pub mod codec;
#[cfg(feature = "conformance")]
pub mod conformance;
pub mod events;
pub mod limits;

pub use admission::Admission;
pub use append::{AppendBatch, AppendReceipt, Durability};
pub use config::{LogConfig, Retention};
pub use error::{AppendError, ReadError, StoreError, TrimError};
pub use live::{LiveLog, LiveLogs, Render, SharedReaders};
pub use log::{Log, LogExt};
pub use memory::{MemoryLog, MemoryStore};
pub use name::{LogName, LogNameError, Namespace};
pub use producers::{PRODUCERS_MAX, Producers};
pub use read::{ReadBatch, ReadFrom, ReadLimit, Record};
pub use reader::{Behind, Gap, LogReader, Next};
pub use store::{LogStore, LogStoreExt};
pub use tail::{Tail, TailSender, TailState, TailWatch, tail_channel};
