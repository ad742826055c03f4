//! How a handler lets a reader leave the HTTP library: the request carries a ticket, the handler
//! puts a seat on it and answers with the head alone.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::FromRequestParts;
use http::request::Parts;
use parking_lot::Mutex;

use super::source::Source;
use crate::metrics::Kind;

/// A reader that will be written to by a shard.
pub(crate) struct Seat {
    pub(crate) source: Arc<dyn Source>,
    pub(crate) kind: Kind,
    /// What follows the head of the response.
    pub(crate) greeting: Vec<u8>,
    /// The record that comes after the greeting.
    pub(crate) next: u64,
    /// When the connection ends, and with which words.
    pub(crate) ends: Option<(Instant, Ending)>,
    /// The reader's own cursor, if it is not everybody's.
    pub(crate) cursor: Option<u64>,
}

/// How a connection ends whose time is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// The reader is told that its token has expired.
    Expired,
    /// It is sent away without a word, to come back.
    Silent,
}

/// Says that whoever sent a request can be given a seat.
#[derive(Clone, Default)]
pub(crate) struct Ticket(Arc<Mutex<Option<Seat>>>);

impl Ticket {
    pub(crate) fn give(&self, seat: Seat) {
        *self.0.lock() = Some(seat);
    }

    pub(crate) fn take(&self) -> Option<Seat> {
        self.0.lock().take()
    }
}

/// The ticket of a request, if it has one.
#[derive(Clone)]
pub(crate) struct MaybeTicket(pub(crate) Option<Ticket>);

impl<S: Send + Sync> FromRequestParts<S> for MaybeTicket {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(Self(parts.extensions.get().cloned()))
    }
}
