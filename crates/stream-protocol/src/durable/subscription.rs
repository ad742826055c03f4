//! Subscriptions (6, 7): durable cursors that wake a worker when streams have something new.
//!
//! | part | decides |
//! |---|---|
//! | [`Config`] | what a subscription is, and whether a request asks for the same |
//! | [`Glob`] | which streams it follows |
//! | [`target`] | where a webhook may point |
//! | [`Subscription`] | who is woken when, who holds the lease, and which request is too late |

mod config;
mod fault;
mod glob;
mod machine;
pub mod target;

pub use config::{Config, Delivery};
pub use fault::Fault;
pub use glob::{Glob, GlobError};
pub use machine::{Ack, Claim, Outcome, Subscription, Wake};
