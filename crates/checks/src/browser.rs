//! What a real browser makes of event streams, to hold beside what the decoder makes of them.

pub mod cases;
pub mod chromium;
pub mod ours;
pub mod server;

use serde::{Deserialize, Serialize};

/// An event as a script sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// `type`.
    pub name: String,
    /// `data`.
    pub data: String,
    /// `lastEventId`.
    pub id: String,
}
