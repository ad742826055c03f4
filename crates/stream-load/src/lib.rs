//! A load generator for servers of event streams, which checks what it gets.
//!
//! [`Publishers`] send events at a given rate, each with its sender's number, its own number, the
//! time, and filling up to a given size.
//! [`Subscribers`] read them on connections of their own, thousands on a thread, and look for
//! nothing but the events themselves: how a protocol frames them makes no difference, as long as
//! it leaves their text in one piece.
//! Every subscriber must get every event of every sender, in order; what is not so is counted.
//!
//! # Cost
//!
//! Subscribers read into one buffer for each thread, and look at each byte about twice, so that
//! the generator is cheaper than any server; [`Process`] says what a server has used.

mod event;
mod process;
mod publishers;
mod subscribers;
mod tally;
mod target;

pub use event::{EVENT_BYTES_MIN, Mark, event};
pub use process::{Process, ProcessError, Usage};
pub use publishers::{Published, Publishers};
pub use subscribers::Subscribers;
pub use tally::Tally;
pub use target::{Encode, Publish, Subscribe, http_get, http_post, web_socket};
