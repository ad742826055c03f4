//! The bound of silence, by its name.

use std::time::Duration;

/// Silence that counts as a stall, if nothing else is said.
pub const STALL_AFTER: Duration = Duration::from_secs(5);
