//! What JetStream answers: the parts that are needed.

use std::collections::HashMap;

use serde::Deserialize;

use crate::error::NatsError;

/// An answer, or why there is none.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Answered<T> {
    Error { error: ApiError },
    Done(T),
}

#[derive(Debug, Deserialize)]
pub(super) struct ApiError {
    #[serde(default)]
    pub(super) err_code: u32,
    #[serde(default)]
    description: String,
}

impl ApiError {
    pub(super) fn refused(self, what: &'static str) -> NatsError {
        NatsError::Refused { what, code: self.err_code, description: self.description }
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct Acknowledgement {
    pub(super) error: Option<ApiError>,
    #[serde(default)]
    pub(super) seq: u64,
}

#[derive(Debug, Deserialize)]
pub(super) struct Got {
    pub(super) message: GotMessage,
}

#[derive(Debug, Deserialize)]
pub(super) struct GotMessage {
    pub(super) seq: u64,
    #[serde(default)]
    pub(super) data: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Purged {
    #[serde(rename = "success")]
    _success: bool,
}

/// A stream that was made.
#[derive(Debug, Deserialize)]
pub(crate) struct Made {
    #[serde(rename = "config")]
    _config: StreamConfig,
}

/// What a stream is and holds.
#[derive(Debug, Deserialize)]
pub(crate) struct StreamInfo {
    pub(crate) config: StreamConfig,
    pub(crate) state: StreamState,
    /// Subjects that match the filter, over all pages.
    #[serde(default)]
    pub(crate) total: usize,
}

#[derive(Debug, Deserialize)]
pub(crate) struct StreamConfig {
    #[serde(default)]
    pub(crate) description: String,
    pub(crate) storage: String,
    #[serde(default)]
    pub(crate) num_replicas: u8,
}

#[derive(Debug, Deserialize)]
pub(crate) struct StreamState {
    pub(crate) last_seq: u64,
    #[serde(default)]
    pub(crate) num_subjects: u64,
    #[serde(default)]
    pub(crate) subjects: Option<HashMap<String, u64>>,
}
