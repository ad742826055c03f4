//! Every bound of the smoother: its name, its value, and what happens when it is reached.

use std::time::Duration;

/// How much later than it came a text may be let out, if nothing else is said.
///
/// Text that has waited for so long is let out, however much it is.
pub const SMOOTH_DELAY_MAX: Duration = Duration::from_millis(200);

/// The time between two pieces of text, if nothing else is said: about 60 a second.
pub const SMOOTH_TICK: Duration = Duration::from_millis(16);

/// Bytes of text that wait.
///
/// With more, everything is let out at once.
pub const SMOOTH_BYTES_MAX: usize = 1024 * 1024;

/// Events that wait behind text, and deltas that are not let out in full.
///
/// With more, everything is let out at once.
pub const SMOOTH_EVENTS_MAX: usize = 16 * 1024;
