//! Whether, and after how long, a provider that did not answer is asked again.

use std::time::Duration;

use http::{HeaderMap, StatusCode};

use crate::limits::{RESPONSE_TIMEOUT, RETRIES, RETRY_DELAY, RETRY_DELAY_MAX};

/// How patient the server is with a provider until its answer begins.
///
/// Asked again is after a lost connection and after an answer that says "later": 408, 429, 500,
/// 502, 503, 504 and 529. Once an answer has begun, nothing is asked again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    retries: u32,
    delay: Duration,
    delay_max: Duration,
    response_timeout: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            retries: RETRIES,
            delay: RETRY_DELAY,
            delay_max: RETRY_DELAY_MAX,
            response_timeout: RESPONSE_TIMEOUT,
        }
    }
}

impl RetryPolicy {
    /// How often it is asked again; [`RETRIES`] times otherwise, and never with 0.
    #[must_use]
    pub fn retries(mut self, retries: u32) -> Self {
        self.retries = retries;
        self
    }

    /// The first wait, doubled for each further one; [`RETRY_DELAY`] otherwise.
    #[must_use]
    pub fn delay(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// How long the answer may take to begin, [`RESPONSE_TIMEOUT`] otherwise; then the call has
    /// failed, and is not made again: the provider may still be at work.
    #[must_use]
    pub fn response_timeout(mut self, timeout: Duration) -> Self {
        self.response_timeout = timeout;
        self
    }

    pub(crate) fn timeout(&self) -> Duration {
        self.response_timeout
    }

    /// How long to wait after the call number `calls`; `None` if it was the last.
    ///
    /// What the provider asks for counts, up to [`RETRY_DELAY_MAX`]; a provider that asks for more
    /// is not waited for.
    pub(crate) fn wait(&self, calls: u32, asked: Option<Duration>) -> Option<Duration> {
        if calls > self.retries {
            return None;
        }
        let doubled = self.delay.saturating_mul(1_u32.checked_shl(calls - 1).unwrap_or(u32::MAX));
        let wait = asked.unwrap_or(doubled.min(self.delay_max));
        (wait <= self.delay_max).then_some(wait)
    }
}

/// Whether an answer says that the same request may be served later.
pub(crate) fn says_later(status: StatusCode) -> bool {
    matches!(status.as_u16(), 408 | 429 | 500 | 502 | 503 | 504 | 529)
}

/// How long a provider asks to wait: `retry-after-ms`, or `retry-after` in seconds (RFC 9110,
/// 10.2.3); a date is not understood.
pub(crate) fn asked_wait(headers: &HeaderMap) -> Option<Duration> {
    let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<f64>().ok();
    let seconds = number("retry-after-ms").map(|millis| millis / 1e3).or(number("retry-after"))?;
    Duration::try_from_secs_f64(seconds).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn millis(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn waits_double_up_to_a_bound_and_end() {
        let policy = RetryPolicy::default().retries(40).delay(millis(500));
        let waits: Vec<_> = (1..=8).filter_map(|calls| policy.wait(calls, None)).collect();
        let want = [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000].map(millis);
        assert_eq!(waits, want);
        assert_eq!(policy.wait(40, None), Some(RETRY_DELAY_MAX));
        assert_eq!(policy.wait(41, None), None);
        assert_eq!(RetryPolicy::default().retries(0).wait(1, Some(millis(0))), None);
    }

    #[test]
    fn what_the_provider_asks_for_counts_within_reason() {
        let policy = RetryPolicy::default();
        assert_eq!(policy.wait(1, Some(millis(7))), Some(millis(7)));
        assert_eq!(policy.wait(1, Some(Duration::from_hours(1))), None);
    }

    #[test]
    fn waits_are_read_from_headers() {
        let asked = |name: &'static str, value: &'static str| {
            asked_wait(&HeaderMap::from_iter([(
                http::HeaderName::from_static(name),
                http::HeaderValue::from_static(value),
            )]))
        };
        assert_eq!(asked("retry-after", "3"), Some(millis(3000)));
        assert_eq!(asked("retry-after-ms", "250"), Some(millis(250)));
        for value in ["-1", "NaN", "inf", "Fri, 20 Nov 2026 00:00:00 GMT", ""] {
            assert_eq!(asked("retry-after", value), None, "{value}");
        }
    }
}
