//! Live delivery to many subscribers, beside the servers that others publish.
//!
//! Every contestant runs as a process of its own on the same machine as the load; what it uses is
//! asked of the system for its process alone, with those that it has started.
//! The load is ours, the same for all: publishers with one event on its way each, and subscribers
//! that check that every event comes once, whole and in order.

pub mod axum_server;
pub mod contestant;
pub mod report;
