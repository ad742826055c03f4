//! The express lane: appends to durable streams, taken from plain HTTP/1.1 connections without
//! the HTTP library.
//!
//! A writer sends one small request after the other on a connection that stays open, and most of
//! what an append costs is what surrounds it.
//! So each connection begins here, and stays as long as it sends nothing but plain appends; at
//! the first request that is anything else, or is not understood at once, it goes over to the
//! library with all bytes that were read, and never comes back.
//! What is answered is the same either way.
//!
//! The lane has threads of its own, each with an event loop that does one thing after the other:
//! it reads whatever requests are there, and those that came meanwhile, then lets the store commit
//! what they append ([`AppOptions::before_sleep`](crate::AppOptions::before_sleep)), then answers
//! them.
//! A request that comes while the disk syncs would have to wait for the next sync in any case, so
//! nothing is lost by blocking the thread, and no thread must be woken for an append.
//!
//! Where callers are asked who they are, and for names that the server does not answer to, every
//! request is left to the library; whoever guards the routes by another layer must guard the
//! appends here as well.
//!
//! # Overload and end
//!
//! A client that sends faster than it is answered waits in its socket's buffers; at most a
//! request's head and one body of the usual bound lie in memory for it.
//! When the server goes down, the request that has begun is answered, and idle connections are
//! closed.

mod connection;
mod date;
mod lane;
mod listener;
mod live;
mod request;
mod response;
mod turn;

pub(crate) use lane::lane;
pub(crate) use listener::{HandedOver, Rewound};
