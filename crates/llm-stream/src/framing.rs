//! Cuts a provider's bytes into payloads: SSE events, NDJSON lines, elements of a JSON array.

mod json_array;
mod ndjson;
mod unfinished;

pub(crate) use json_array::ArrayFramer;
pub(crate) use ndjson::LineFramer;

/// What a framer found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Frame<'a> {
    /// A payload.
    Payload(&'a [u8]),
    /// A payload was longer than the limit and is skipped.
    TooLong,
}
