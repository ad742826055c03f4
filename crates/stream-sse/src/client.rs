//! The client's side of a connection: when to connect again, with which id, and when to stop.

mod backoff;
mod options;
mod reconnect;

pub use options::ReconnectOptions;
pub use reconnect::{Input, Output, Reconnect, StopReason};
