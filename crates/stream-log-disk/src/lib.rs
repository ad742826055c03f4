//! The embedded durable log: one shared segmented file, group commit, and recovery that tells
//! what it found.
//!
//! [`DiskStore`] keeps any number of logs in one folder.
//! Their records lie interleaved in segments, so that one sync makes safe what many writers of
//! many logs wait for; what an append was acknowledged as is what a power failure leaves.
//!
//! Everything that can be decided from bytes is pure: the frames, the scanner that tells a torn
//! tail from damage, recovery, retention.
//! Below them stands a [`Vfs`], which is the real file system ([`OsVfs`]) or, with the feature
//! `sim`, a simulated disk that loses what was not synced.
//!
//! # Examples
//!
//! ```
//! use stream_log::{AppendBatch, Durability, LogConfig, LogExt, LogName, LogStore, LogStoreExt};
//! use stream_log::{Namespace, ReadFrom};
//! use stream_log_disk::{DiskOptions, DiskStore};
//! use stream_model::now::now;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path();
//! let name = LogName::new(Namespace::Topic, "orders")?;
//! let store = DiskStore::open(path, DiskOptions::default())?;
//! let log = store.get_or_create(&name, LogConfig::default()).await?;
//! let receipt = log.append(AppendBatch::new(now()).record("one")).await?;
//! assert_eq!(receipt.durability, Durability::Disk);
//! store.close();
//!
//! let store = DiskStore::open(path, DiskOptions::default())?;
//! let log = store.get_or_create(&name, LogConfig::default()).await?;
//! assert_eq!(log.read_all(ReadFrom::Earliest).await?.records[0].payload, "one");
//! # Ok(())
//! # }
//! ```
#![warn(clippy::indexing_slicing, clippy::as_conversions, clippy::string_slice)]

pub mod limits;

mod body;
mod catalog;
mod compact;
mod engine;
mod error;
mod frame;
mod group;
mod index;
mod inspect;
mod load;
mod log;
mod meter;
mod options;
mod read;
mod recovery;
mod retention;
mod scan;
mod segment;
mod state;
mod store;
mod vfs;

pub use error::{Damage, DiskError, OpenError};
pub use inspect::{Inspection, LogReport, SegmentReport, inspect};
pub use meter::{CommitStats, SYNC_BOUNDS};
pub use options::{DiskOptions, Usage};
pub use store::DiskStore;
pub use vfs::{OsVfs, Vfs, VfsFile};
#[cfg(feature = "sim")]
pub use vfs::{SimDisk, SimFault};
