//! What happens to items that cannot be treated or delivered.

use std::time::Duration;

use crate::CircuitBreaker;

/// What happens to an item that a stage cannot treat, or a sink does not take.
///
/// It is one decision, so there is no order of wrappers to get wrong: first the item is tried
/// again, if [`retry`](Self::retry) says so, and then the last resort is taken.
/// Whatever happens is counted, logged and told.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use stream_processor::{OnError, Retry};
///
/// let policy = OnError::dead_letter()
///     .retry(Retry::default().attempts(5).first(Duration::from_millis(50)));
/// # drop(policy);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq)]
#[must_use]
pub struct OnError {
    pub(crate) retry: Option<Retry>,
    pub(crate) breaker: Option<CircuitBreaker>,
    pub(crate) last: LastResort,
}

/// What happens to an item that is not tried again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum LastResort {
    #[default]
    Skip,
    Fail,
    DeadLetter,
}

impl OnError {
    /// The item is left out, and the pipeline goes on; the default.
    pub const fn skip() -> Self {
        Self::of(LastResort::Skip)
    }

    /// The pipeline ends with the error.
    pub const fn fail() -> Self {
        Self::of(LastResort::Fail)
    }

    /// The source event goes to [`dead_letters`](crate::StreamProcessor::dead_letters), and the
    /// pipeline goes on.
    ///
    /// Where there is no event to set aside, because several went into the item or there is no
    /// place for dead letters, the pipeline ends with the error.
    pub const fn dead_letter() -> Self {
        Self::of(LastResort::DeadLetter)
    }

    /// Tries the item again before that.
    ///
    /// This is for functions that may succeed later: `try_map`, `try_map_async` and sinks.
    /// A panic of a function that is called, and a filter's error, are final.
    pub const fn retry(mut self, retry: Retry) -> Self {
        self.retry = Some(retry);
        self
    }

    /// Stops calling a function, or a sink, that fails again and again; each has a circuit of its
    /// own.
    ///
    /// This is for what can be [tried again](Self::retry); a sink that is a log has none, as the
    /// pipeline ends when it fails.
    pub const fn circuit_breaker(mut self, breaker: CircuitBreaker) -> Self {
        self.breaker = Some(breaker);
        self
    }

    const fn of(last: LastResort) -> Self {
        Self { retry: None, breaker: None, last }
    }
}

/// How often, and when, something is tried again.
///
/// The delay grows from attempt to attempt by a factor, up to a longest one, and a part of each
/// is left to chance, so that those who failed together do not come back together.
#[derive(Debug, Clone, Copy, PartialEq)]
#[must_use]
pub struct Retry {
    attempts: u32,
    first: Duration,
    factor: f64,
    longest: Duration,
    jitter: f64,
}

impl Default for Retry {
    /// Five attempts in all, after 100 ms, 200 ms and so on, each up to a half shorter.
    fn default() -> Self {
        let (first, longest) = (Duration::from_millis(100), Duration::from_secs(30));
        Self { attempts: 5, first, factor: 2.0, longest, jitter: 0.5 }
    }
}

impl Retry {
    /// How often in all, the first attempt included; at least once.
    pub const fn attempts(mut self, attempts: u32) -> Self {
        self.attempts = attempts;
        self
    }

    /// The delay after the first failure.
    pub const fn first(mut self, delay: Duration) -> Self {
        self.first = delay;
        self
    }

    /// How much longer each delay is than the one before; at least 1.
    pub const fn factor(mut self, factor: f64) -> Self {
        self.factor = factor.max(1.0);
        self
    }

    /// The longest delay.
    pub const fn longest(mut self, delay: Duration) -> Self {
        self.longest = delay;
        self
    }

    /// Which part of a delay is left to chance, from 0 to 1.
    pub const fn jitter(mut self, part: f64) -> Self {
        self.jitter = part.clamp(0.0, 1.0);
        self
    }

    /// The delay after `failures`, or `None` if that was the last attempt; `chance` is between 0
    /// and 1.
    pub fn delay(&self, failures: u32, chance: f64) -> Option<Duration> {
        if failures >= self.attempts {
            return None;
        }
        let grown = self.factor.powf(f64::from(failures.saturating_sub(1)));
        let longest = self.longest.as_secs_f64();
        let delay = (self.first.as_secs_f64() * grown).min(longest);
        Duration::try_from_secs_f64(delay * (1.0 - self.jitter * chance)).ok()
    }
}
