//! How a stream treats its WebSocket clients.

use std::time::Duration;

use stream_core::Overflow;

use crate::limits::{CLIENT_EVENTS, PEER_TIMEOUT, PING_INTERVAL};

/// How a [`WebSocketStream`](crate::WebSocketStream) treats its clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub struct WebSocketOptions {
    pub(super) client_events: usize,
    pub(super) overflow: Overflow,
    pub(super) ping_interval: Duration,
    pub(super) peer_timeout: Duration,
}

impl Default for WebSocketOptions {
    fn default() -> Self {
        Self {
            client_events: CLIENT_EVENTS,
            overflow: Overflow::Disconnect,
            ping_interval: PING_INTERVAL,
            peer_timeout: PEER_TIMEOUT,
        }
    }
}

impl WebSocketOptions {
    /// Lets so many events wait for a client; [`CLIENT_EVENTS`] otherwise.
    pub fn client_events(mut self, events: usize) -> Self {
        self.client_events = events;
        self
    }

    /// Says what happens when more wait; the client is disconnected otherwise.
    pub fn overflow(mut self, overflow: Overflow) -> Self {
        self.overflow = overflow;
        self
    }

    /// Asks a client for a sign of life after this silence; [`PING_INTERVAL`] otherwise.
    pub fn ping_interval(mut self, interval: Duration) -> Self {
        self.ping_interval = interval;
        self
    }

    /// Gives a client this long to answer, and to take what is written; [`PEER_TIMEOUT`]
    /// otherwise.
    pub fn peer_timeout(mut self, timeout: Duration) -> Self {
        self.peer_timeout = timeout;
        self
    }
}
