//! What goes into and comes out of a subscription.

use serde::Deserialize;
use serde_json::Value;

use super::super::config::from_json;
use super::super::{Delivery, Fault};

/// A wake to be sent now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wake {
    /// How.
    pub delivery: Delivery,
    /// Which wake.
    pub generation: u64,
    /// The streams that have something new, as JSON, and the first of them.
    pub streams: Value,
    /// The first of them.
    pub first: String,
}

/// What became of a wake that was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It arrived.
    Delivered,
    /// It arrived, and the worker has done everything it was told of.
    Done,
    /// It did not arrive; `chance` is any number and shifts the next try.
    Failed {
        /// Any number.
        chance: u64,
    },
}

/// A worker's claim, granted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Which wake.
    pub generation: u64,
    /// The answer, but for the token.
    pub body: Value,
}

/// A worker's report: what it has processed, and whether it is done.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Ack {
    pub(super) wake_id: String,
    pub(super) generation: u64,
    #[serde(default)]
    pub(super) acks: Vec<AckedStream>,
    #[serde(default)]
    pub(super) done: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct AckedStream {
    pub(super) stream: String,
    pub(super) offset: String,
}

impl Ack {
    /// Reads the body of a callback, an ack, or a release.
    ///
    /// # Errors
    /// [`Fault::Invalid`].
    pub fn parse(body: &[u8]) -> Result<Self, Fault> {
        from_json(body)
    }
}
