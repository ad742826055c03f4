//! What can be wrong with a log on disk.

use std::io;

use stream_log::{AppendError, ReadError, StoreError, TrimError};

/// Why a folder cannot be opened as a log.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Another process has it.
    #[error("folder in use by another process")]
    Locked,
    /// It was written by another version.
    #[error("format {found} not known, expected {expected}")]
    Version {
        /// The version that wrote it.
        found: u8,
        /// What this version reads and writes.
        expected: u8,
    },
    /// The system refused something.
    #[error("file system failed")]
    Io(#[from] io::Error),
}

/// Why the engine does not do what it was asked for.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum DiskError {
    /// A write or a sync failed earlier, and nobody knows what is on the disk: nothing is written
    /// until the folder is opened again.
    #[error("log stopped after a failed write, until it is opened again: {0}")]
    Poisoned(String),
    /// There is no room for what was to be written; nothing was.
    #[error("no room on the disk: {0}")]
    NoRoom(String),
    /// A file cannot be read.
    #[error("cannot read segment {segment:016x}: {error}")]
    Read {
        /// The segment.
        segment: u64,
        /// What the system says.
        error: String,
    },
    /// The store was closed.
    #[error("store closed")]
    Closed,
}

impl DiskError {
    pub(crate) fn read(segment: u64, error: &io::Error) -> Self {
        Self::Read { segment, error: error.to_string() }
    }
}

impl From<DiskError> for AppendError {
    fn from(error: DiskError) -> Self {
        Self::Backend(Box::new(error))
    }
}

impl From<DiskError> for ReadError {
    fn from(error: DiskError) -> Self {
        Self::Backend(Box::new(error))
    }
}

impl From<DiskError> for TrimError {
    fn from(error: DiskError) -> Self {
        Self::Backend(Box::new(error))
    }
}

impl From<DiskError> for StoreError {
    fn from(error: DiskError) -> Self {
        Self::Backend(Box::new(error))
    }
}

/// Bytes that were safe once and are not what was written.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Damage {
    /// A part of a segment; what it held is in no other place.
    Segment {
        /// The segment.
        segment: u64,
        /// The first byte of it.
        from: u32,
        /// The byte after the last.
        to: u32,
        /// The log that it belonged to, where that can be told.
        log: Option<String>,
    },
    /// A segment that is there but cannot be read at all, or is missing.
    Lost {
        /// The segment.
        segment: u64,
    },
    /// One of the two copies of a segment's header; nothing is lost.
    Header {
        /// The segment.
        segment: u64,
    },
    /// The catalog; its copy was used or, without one, the segments alone.
    Catalog,
    /// A segment that names no log for some of its frames.
    Nameless {
        /// The segment.
        segment: u64,
    },
}

impl std::fmt::Display for Damage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Segment { segment, from, to, log } => {
                write!(f, "segment {segment:016x}: bytes {from} to {to} damaged")?;
                log.as_ref().map_or(Ok(()), |log| write!(f, ", of log {log}"))
            }
            Self::Lost { segment } => write!(f, "segment {segment:016x} lost"),
            Self::Header { segment } => write!(f, "segment {segment:016x}: header damaged"),
            Self::Catalog => f.write_str("catalog damaged"),
            Self::Nameless { segment } => {
                write!(f, "segment {segment:016x}: frames of a log without a name")
            }
        }
    }
}
