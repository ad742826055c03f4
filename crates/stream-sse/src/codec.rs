//! Bytes to events and events to bytes, with no clock, socket or runtime.

mod block;
pub(crate) mod decoder;
pub(crate) mod encoder;
pub(crate) mod event;
pub(crate) mod field;
pub(crate) mod frame;
mod gate;
mod line;
mod scan;
