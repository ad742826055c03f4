//! How patient a reconnecting client is.

use std::time::Duration;

use crate::limits::{HEALTHY_AFTER, RECONNECT_DELAY, RECONNECT_DELAY_MAX};

/// How a [`Reconnect`](super::Reconnect) waits and what it puts up with.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use stream_sse::client::{Reconnect, ReconnectOptions};
///
/// let options = ReconnectOptions::default()
///     .delay(Duration::from_secs(1))
///     .delay_max(Duration::from_secs(60))
///     .attempts_max(10)
///     .retry_server_errors();
/// let reconnect = Reconnect::new(options);
/// assert!(!reconnect.is_open());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReconnectOptions {
    pub(super) delay: Duration,
    pub(super) delay_max: Duration,
    pub(super) healthy_after: Duration,
    pub(super) attempts_max: Option<u32>,
    pub(super) retries_server_errors: bool,
}

impl ReconnectOptions {
    /// The first delay while the server has named none; default [`RECONNECT_DELAY`].
    #[must_use]
    pub fn delay(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// The bound of every delay before jitter, that of the server included;
    /// default [`RECONNECT_DELAY_MAX`].
    #[must_use]
    pub fn delay_max(mut self, delay: Duration) -> Self {
        self.delay_max = delay;
        self
    }

    /// How long a stream without events must stay open to count as healthy;
    /// default [`HEALTHY_AFTER`].
    #[must_use]
    pub fn healthy_after(mut self, time: Duration) -> Self {
        self.healthy_after = time;
        self
    }

    /// Stops after so many attempts in a row without a healthy stream; default: never.
    ///
    /// The first attempt is always made, so 0 means 1.
    #[must_use]
    pub fn attempts_max(mut self, attempts: u32) -> Self {
        self.attempts_max = Some(attempts);
        self
    }

    /// Takes answers with a status of 500 to 599 as a broken network and tries again.
    ///
    /// The standard stops at them, which is the default.
    #[must_use]
    pub fn retry_server_errors(mut self) -> Self {
        self.retries_server_errors = true;
        self
    }
}

impl Default for ReconnectOptions {
    fn default() -> Self {
        Self {
            delay: RECONNECT_DELAY,
            delay_max: RECONNECT_DELAY_MAX,
            healthy_after: HEALTHY_AFTER,
            attempts_max: None,
            retries_server_errors: false,
        }
    }
}
