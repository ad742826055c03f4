//! How much a log keeps, and for how long.

use std::time::Duration;

/// What a log is created with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LogConfig {
    /// What is kept of old records.
    pub retention: Retention,
    /// How long after its last append the whole log is deleted; `None` is never.
    pub ttl: Option<Duration>,
    /// Bytes of payload after which appends are refused; `None` is without bound.
    ///
    /// For logs that must be kept whole: retention trims, this refuses.
    pub bytes_max: Option<u64>,
}

/// Which records are kept; older ones are trimmed as new ones come.
///
/// The newest record is kept whatever its size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// At most so many records.
    pub records_max: u64,
    /// At most so many bytes of payload.
    pub bytes_max: u64,
    /// Records at most this much older than the newest one; looked at when records come.
    pub age_max: Option<Duration>,
}

impl Retention {
    /// Keeps everything.
    pub const ALL: Self = Self { records_max: u64::MAX, bytes_max: u64::MAX, age_max: None };
}

/// Everything is kept.
impl Default for Retention {
    fn default() -> Self {
        Self::ALL
    }
}
