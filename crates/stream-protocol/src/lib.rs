//! What the server says and understands, as pure machines: requests, resume tokens, sessions and
//! problems.
//!
//! Nothing here opens a socket or reads a clock, so every rule of the delivery contract can be
//! tested with values alone.
//!
//! | module | decides |
//! |---|---|
//! | [`publish`] | which events a request's body holds, and what makes a retry of it harmless |
//! | [`subscribe`] | where a reader starts and in which form it is answered |
//! | [`interest`] | which topics a subscription to many takes |
//! | [`filter`] | which of their events |
//! | [`ws`] | what a client may say on a WebSocket, and the answers |
//! | [`grant`] | what a caller may do |
//! | [`origin`] | from where a request may come |
//! | [`trace`] | which trace a request belongs to |
//! | [`session`] | what one reader's connection is told beside the events: greeting, gaps, heartbeats, the end |
//! | [`durable`] | the Durable Streams protocol, all of it |
//! | [`Problem`] | how a failure is told: RFC 9457 |
//! | [`ResumeToken`], [`Positions`] | what an SSE `id` holds: a position in one topic, or in many |
#![warn(clippy::indexing_slicing, clippy::as_conversions, clippy::string_slice)]

mod close_code;
pub mod durable;
pub mod filter;
pub mod grant;
pub mod interest;
mod limits;
pub mod origin;
mod positions;
mod problem;
pub mod publish;
pub mod session;
pub mod subscribe;
mod token;
pub mod trace;
pub mod ws;

pub use close_code::CloseCode;
pub use grant::{Action, Grant};
pub use interest::{Interest, InterestError};
pub use limits::{
    BODY_BYTES_MAX, COMMAND_ID_BYTES_MAX, CONDITION_BYTES_MAX, CONDITIONS_MAX,
    EVENTS_PER_REQUEST_MAX, PAGE_RECORDS, PAGE_RECORDS_MAX, POSITIONS_BYTES_MAX, SELECTORS_MAX,
    SUBSCRIPTIONS_MAX,
};
pub use origin::OriginRules;
pub use positions::Positions;
pub use problem::{PROBLEM_CONTENT_TYPE, Problem, status_of};
pub use token::{AnyToken, ResumeToken, ResumeTokenError};
