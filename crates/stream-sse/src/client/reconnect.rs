//! The machine that decides when a client connects, waits and stops.

use std::time::{Duration, Instant};

use super::backoff;
use super::options::ReconnectOptions;
use crate::codec::field::LastEventId;

/// Keeps a client connected to one stream, by the rules of WHATWG HTML 9.2.
///
/// A pure machine: it owns no clock, no socket and no randomness.
/// Its driver asks [`poll_output`](Self::poll_output) what to do, reports what happened to
/// [`handle_input`](Self::handle_input), and calls [`handle_timeout`](Self::handle_timeout) at
/// [`poll_timeout`](Self::poll_timeout).
///
/// # Delays
///
/// After a healthy stream, and after a first failure, the client waits for the time the server
/// asked for, or else for the configured one.
/// Each further failure in a row doubles that, up to a bound.
/// A stream is healthy as soon as it delivers an event or has stayed open for
/// [`healthy_after`](ReconnectOptions::healthy_after).
///
/// # The end
///
/// An answer other than 200 with the content type `text/event-stream` ends it for good; 204 is the
/// server's way to ask for that.
/// A broken network or an ended stream is followed by another attempt.
///
/// # Examples
///
/// ```
/// use std::time::{Duration, Instant};
/// use stream_sse::client::{Input, Output, Reconnect, ReconnectOptions};
///
/// let now = Instant::now();
/// let mut reconnect = Reconnect::new(ReconnectOptions::default());
/// assert_eq!(reconnect.poll_output(), Some(Output::Connect));
///
/// let answer = Input::Response { status: 200, content_type: Some("text/event-stream") };
/// reconnect.handle_input(now, answer, 0.0);
/// reconnect.handle_input(now, Input::Event { last_event_id: "41" }, 0.0);
/// reconnect.handle_input(now, Input::End, 0.0);
///
/// assert_eq!(reconnect.poll_output(), None);
/// let due = reconnect.poll_timeout().unwrap_or(now);
/// assert_eq!(due, now + Duration::from_secs(3));
/// reconnect.handle_timeout(due);
/// assert_eq!(reconnect.poll_output(), Some(Output::Connect));
/// assert_eq!(reconnect.last_event_id(), "41");
/// ```
#[derive(Debug, Clone)]
pub struct Reconnect {
    options: ReconnectOptions,
    state: State,
    last_event_id: String,
    server_delay: Option<Duration>,
    /// Attempts in a row, the running one included, that brought no healthy stream.
    failures: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// An attempt is due, and the driver has not been told yet.
    Due,
    Connecting,
    Open {
        since: Instant,
    },
    /// `None` where the clock cannot hold the end of the wait.
    Waiting {
        until: Option<Instant>,
    },
    /// It is over, and the driver has not been told yet.
    Stopping(StopReason),
    Stopped,
}

/// What happened to the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Input<'a> {
    /// The server answered; redirects have been followed already.
    Response {
        /// The HTTP status.
        status: u16,
        /// The value of the `content-type` header.
        content_type: Option<&'a str>,
    },
    /// An event was delivered.
    Event {
        /// What [`EventRef::last_event_id`](crate::EventRef::last_event_id) says.
        last_event_id: &'a str,
    },
    /// The server asked for another delay; [`Decoder::retry`](crate::Decoder::retry) has it.
    Retry(Duration),
    /// The stream ended, or broke off.
    End,
    /// No connection could be made.
    NetworkError,
    /// The client wants no more.
    Close,
}

/// What the driver shall do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Output {
    /// Send a request, with the header `last-event-id` if [`Reconnect::last_event_id`] is not empty.
    Connect,
    /// Drop the connection, if there is one; nothing follows.
    Stop(StopReason),
}

/// Why a client does not connect again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StopReason {
    /// The server asked for it with status 204.
    #[error("server answered 204, which asks not to reconnect")]
    NoContent,
    /// The server answered with a status other than 200.
    #[error("server answered with status {status}")]
    Status {
        /// The HTTP status.
        status: u16,
    },
    /// The answer is no event stream.
    #[error("content type is not text/event-stream")]
    ContentType,
    /// As many attempts as allowed failed in a row.
    #[error("{attempts} attempts failed in a row")]
    Attempts {
        /// The number of attempts that were made.
        attempts: u32,
    },
    /// The client closed.
    #[error("closed by the client")]
    Closed,
}

impl Reconnect {
    /// A client that has no id yet; its first output is to connect.
    pub fn new(options: ReconnectOptions) -> Self {
        Self {
            options,
            state: State::Due,
            last_event_id: String::new(),
            server_delay: None,
            failures: 0,
        }
    }

    /// Starts with the id that an earlier client ended with.
    #[must_use]
    pub fn resume_from(mut self, last_event_id: &LastEventId<'_>) -> Self {
        last_event_id.as_str().clone_into(&mut self.last_event_id);
        self
    }

    /// Takes what happened at `now`.
    ///
    /// `jitter` is a random number between 0 and 1, which spreads the clients of a server that
    /// comes back; it is used where the input begins a wait.
    /// Inputs that make no sense in the present state change nothing.
    pub fn handle_input(&mut self, now: Instant, input: Input<'_>, jitter: f64) {
        if matches!(self.state, State::Stopping(_) | State::Stopped) {
            return;
        }
        match input {
            Input::Response { status, content_type } => {
                self.handle_response(now, status, content_type, jitter);
            }
            Input::Event { last_event_id } => self.handle_event(last_event_id),
            Input::Retry(delay) => self.server_delay = Some(delay),
            Input::End | Input::NetworkError => self.handle_loss(now, jitter),
            Input::Close => self.state = State::Stopping(StopReason::Closed),
        }
    }

    /// Tells the time; early calls do nothing.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.poll_timeout().is_some_and(|until| until <= now) {
            self.state = State::Due;
        }
    }

    /// What the driver shall do now; ask until it is `None`.
    pub fn poll_output(&mut self) -> Option<Output> {
        match self.state {
            State::Due => {
                self.state = State::Connecting;
                self.failures = self.failures.saturating_add(1);
                Some(Output::Connect)
            }
            State::Stopping(reason) => {
                self.state = State::Stopped;
                Some(Output::Stop(reason))
            }
            State::Connecting | State::Open { .. } | State::Waiting { .. } | State::Stopped => None,
        }
    }

    /// The next instant at which [`handle_timeout`](Self::handle_timeout) must be called.
    pub fn poll_timeout(&self) -> Option<Instant> {
        match self.state {
            State::Waiting { until } => until,
            _ => None,
        }
    }

    /// The id to resume with; empty if the server has sent none, or took it back.
    pub fn last_event_id(&self) -> &str {
        &self.last_event_id
    }

    /// Whether a stream is open.
    pub fn is_open(&self) -> bool {
        matches!(self.state, State::Open { .. })
    }

    fn handle_event(&mut self, last_event_id: &str) {
        if self.is_open() {
            last_event_id.clone_into(&mut self.last_event_id);
            self.failures = 0;
        }
    }

    fn handle_response(
        &mut self,
        now: Instant,
        status: u16,
        content_type: Option<&str>,
        jitter: f64,
    ) {
        if self.state != State::Connecting {
            return;
        }
        self.state = match status {
            200 if is_event_stream(content_type) => State::Open { since: now },
            200 => State::Stopping(StopReason::ContentType),
            204 => State::Stopping(StopReason::NoContent),
            500..=599 if self.options.retries_server_errors => {
                return self.handle_loss(now, jitter);
            }
            _ => State::Stopping(StopReason::Status { status }),
        };
    }

    /// Waits for the next attempt, unless there were too many.
    fn handle_loss(&mut self, now: Instant, jitter: f64) {
        match self.state {
            State::Connecting => {}
            State::Open { since } => {
                if now.saturating_duration_since(since) >= self.options.healthy_after {
                    self.failures = 0;
                }
            }
            State::Due | State::Waiting { .. } | State::Stopping(_) | State::Stopped => return,
        }
        let attempts = self.failures;
        if attempts > 0 && self.options.attempts_max.is_some_and(|limit| attempts >= limit) {
            self.state = State::Stopping(StopReason::Attempts { attempts });
            return;
        }
        let base = self.server_delay.unwrap_or(self.options.delay);
        let doublings = self.failures.saturating_sub(1);
        let delay = backoff::delay(base, self.options.delay_max, doublings, jitter);
        self.state = State::Waiting { until: now.checked_add(delay) };
    }
}

/// Whether a content type names an event stream, whatever its parameters and case are.
fn is_event_stream(content_type: Option<&str>) -> bool {
    let essence = content_type.and_then(|value| value.split(';').next()).unwrap_or_default();
    essence.trim_matches([' ', '\t', '\r', '\n']).eq_ignore_ascii_case("text/event-stream")
}
