//! When to stop calling what fails, and when to try it again.

use std::time::{Duration, Instant};

/// How a circuit breaker behaves.
///
/// It opens after some failures in a row: then nothing is called for a while.
/// After that one call is tried; if it succeeds, the circuit is closed again, and otherwise it
/// rests once more.
///
/// While it is open, items wait, and behind them the source; nothing is lost.
/// With [`refuse`](Self::refuse) they are not treated, and the last resort is taken at once.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use stream_processor::{CircuitBreaker, OnError};
///
/// let breaker = CircuitBreaker::default().failures(3).rest(Duration::from_secs(10));
/// let policy = OnError::dead_letter().circuit_breaker(breaker);
/// # drop(policy);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub struct CircuitBreaker {
    failures: u32,
    rest: Duration,
    refuses: bool,
}

impl Default for CircuitBreaker {
    /// Opens after five failures in a row, for 30 seconds; items wait.
    fn default() -> Self {
        Self { failures: 5, rest: Duration::from_secs(30), refuses: false }
    }
}

impl CircuitBreaker {
    /// Opens after so many failures in a row; at least one.
    pub const fn failures(mut self, failures: u32) -> Self {
        self.failures = failures;
        self
    }

    /// How long nothing is called.
    pub const fn rest(mut self, rest: Duration) -> Self {
        self.rest = rest;
        self
    }

    /// Takes the last resort for the items that come while it is open.
    pub const fn refuse(mut self) -> Self {
        self.refuses = true;
        self
    }
}

/// Whether calls go through a circuit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Circuit {
    /// They do.
    Closed,
    /// They do not.
    Open,
    /// One does, to see how it goes.
    HalfOpen,
}

impl Circuit {
    /// What it is called: `closed`, `open` or `half_open`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half_open",
        }
    }
}

/// A circuit that has come into another state.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CircuitChange {
    /// The stage or sink that is called.
    pub name: String,
    /// Whether it is a sink.
    pub is_sink: bool,
    /// The state that it is in now.
    pub circuit: Circuit,
}

/// A circuit breaker: a pure machine that is told the time.
///
/// Ask it before each call, and tell it what came of those that it admitted.
///
/// # Examples
///
/// ```
/// use std::time::{Duration, Instant};
/// use stream_processor::{Breaker, Circuit, CircuitBreaker};
///
/// let (now, second) = (Instant::now(), Duration::from_secs(1));
/// let mut breaker = Breaker::new(CircuitBreaker::default().failures(1).rest(second));
/// assert_eq!(breaker.admit(now), Ok(()));
/// breaker.record(false, now);
/// assert_eq!(breaker.admit(now), Err(now + second));
/// assert_eq!(breaker.admit(now + second), Ok(()));
/// assert_eq!(breaker.circuit(), Circuit::HalfOpen);
/// breaker.record(true, now + second);
/// assert_eq!(breaker.circuit(), Circuit::Closed);
/// ```
#[derive(Debug, Clone)]
pub struct Breaker {
    options: CircuitBreaker,
    state: State,
    /// States that nobody was told of yet, oldest first.
    changes: Vec<Circuit>,
}

#[derive(Debug, Clone, Copy)]
enum State {
    Closed {
        failures: u32,
    },
    Open {
        until: Instant,
    },
    /// One call is under way; another may be tried at `retry_at`, should nobody hear of that one.
    HalfOpen {
        retry_at: Instant,
    },
}

impl Breaker {
    /// A closed one.
    pub fn new(options: CircuitBreaker) -> Self {
        Self { options, state: State::Closed { failures: 0 }, changes: Vec::new() }
    }

    /// Whether a call may be made at `now`.
    ///
    /// # Errors
    /// The time at which it is to be asked again.
    pub fn admit(&mut self, now: Instant) -> Result<(), Instant> {
        match self.state {
            State::Closed { .. } => Ok(()),
            State::Open { until: at } | State::HalfOpen { retry_at: at } if at > now => Err(at),
            State::Open { .. } | State::HalfOpen { .. } => {
                self.go_to(State::HalfOpen { retry_at: self.rested(now) });
                Ok(())
            }
        }
    }

    /// Takes note of what a call that was admitted has come to.
    pub fn record(&mut self, has_succeeded: bool, now: Instant) {
        match self.state {
            State::Closed { .. } if has_succeeded => self.state = State::Closed { failures: 0 },
            State::Closed { failures } if failures + 1 < self.options.failures => {
                self.state = State::Closed { failures: failures + 1 };
            }
            State::HalfOpen { .. } if has_succeeded => self.go_to(State::Closed { failures: 0 }),
            State::Closed { .. } | State::HalfOpen { .. } => {
                self.go_to(State::Open { until: self.rested(now) });
            }
            // It was admitted before others failed.
            State::Open { .. } => {}
        }
    }

    /// The present state.
    pub fn circuit(&self) -> Circuit {
        self.state.circuit()
    }

    /// A state that it has come into since this was asked last; oldest first.
    pub fn poll_change(&mut self) -> Option<Circuit> {
        if self.changes.is_empty() { None } else { Some(self.changes.remove(0)) }
    }

    /// Whether items are to take the last resort instead of waiting.
    pub(crate) fn refuses(&self) -> bool {
        self.options.refuses
    }

    fn rested(&self, now: Instant) -> Instant {
        now.checked_add(self.options.rest).unwrap_or(now)
    }

    fn go_to(&mut self, state: State) {
        if state.circuit() != self.state.circuit() {
            self.changes.push(state.circuit());
        }
        self.state = state;
    }
}

impl State {
    fn circuit(self) -> Circuit {
        match self {
            Self::Closed { .. } => Circuit::Closed,
            Self::Open { .. } => Circuit::Open,
            Self::HalfOpen { .. } => Circuit::HalfOpen,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// Plays a script of (second, what the call comes to if it is admitted), and checks for each
    /// whether it is, and all changes.
    #[track_caller]
    fn check(script: &[(u32, bool)], want: &[bool], changes: &[Circuit]) {
        let mut breaker = Breaker::new(CircuitBreaker::default().failures(2).rest(10 * SECOND));
        let begin = Instant::now();
        let call = |(at, succeeds): &(u32, bool)| {
            let now = begin + *at * SECOND;
            let is_admitted = breaker.admit(now).is_ok();
            if is_admitted {
                breaker.record(*succeeds, now);
            }
            is_admitted
        };
        assert_eq!(script.iter().map(call).collect::<Vec<_>>(), want);
        assert_eq!(std::iter::from_fn(|| breaker.poll_change()).collect::<Vec<_>>(), changes);
    }

    #[test]
    fn it_opens_after_failures_in_a_row_and_closes_after_a_success() {
        use Circuit::{Closed, HalfOpen, Open};
        check(&[(0, false), (0, true), (0, false)], &[true; 3], &[]);
        check(&[(0, false), (1, false), (2, true)], &[true, true, false], &[Open]);
        let again = [(0, false), (0, false), (9, true), (10, false), (19, true), (20, true)];
        let changes = [Open, HalfOpen, Open, HalfOpen, Closed];
        check(&again, &[true, true, false, true, false, true], &changes);
    }

    #[test]
    fn one_call_at_a_time_sees_how_it_goes() {
        let mut breaker = Breaker::new(CircuitBreaker::default().failures(1).rest(SECOND));
        let begin = Instant::now();
        breaker.record(false, begin);
        assert_eq!(breaker.admit(begin + SECOND), Ok(()));
        assert_eq!(breaker.admit(begin + SECOND), Err(begin + 2 * SECOND));
        // The one that was admitted may never be heard of.
        assert_eq!(breaker.admit(begin + 2 * SECOND), Ok(()));
        breaker.record(true, begin + 2 * SECOND);
        assert_eq!(breaker.circuit(), Circuit::Closed);
    }
}
