//! What the guide's streams carry.

use stream_model::{Metadata, now};
use time::OffsetDateTime;

/// A piece of data.
#[derive(Debug, Clone, PartialEq)]
pub struct DataChunk<T> {
    /// The data, of any type; nothing is left out for being empty or zero.
    pub data: T,
    /// When it came about.
    pub timestamp: OffsetDateTime,
    /// Names and values beside the data.
    pub metadata: Metadata,
}

impl<T> DataChunk<T> {
    /// A chunk of now, without metadata.
    pub fn new(data: T) -> Self {
        Self { data, timestamp: now::now(), metadata: Metadata::new() }
    }
}

/// Something that happened, with a type of any name.
///
/// [`Event`](stream_model::Event) has the types of the wire; this one has those of a program.
#[derive(Debug, Clone, PartialEq)]
pub struct GenericEvent<T> {
    /// What kind of event it is.
    pub event_type: String,
    /// What it says.
    pub data: T,
    /// When it happened.
    pub timestamp: OffsetDateTime,
    /// Where it comes from, if it says so.
    pub source: Option<String>,
}

impl<T> GenericEvent<T> {
    /// An event of now, without a source.
    pub fn new(event_type: impl Into<String>, data: T) -> Self {
        Self { event_type: event_type.into(), data, timestamp: now::now(), source: None }
    }
}

/// Something that one says to another, or to all.
#[derive(Debug, Clone, PartialEq)]
pub struct Message<T> {
    /// What is said.
    pub content: T,
    /// When it was said.
    pub timestamp: OffsetDateTime,
    /// Who says it.
    pub sender: String,
    /// Who is to hear it; everybody, if nobody is named.
    pub receiver: Option<String>,
}

impl<T> Message<T> {
    /// A message of now to one receiver.
    pub fn new(sender: impl Into<String>, receiver: impl Into<String>, content: T) -> Self {
        Self { receiver: Some(receiver.into()), ..Self::to_all(sender, content) }
    }

    /// A message of now to everybody.
    pub fn to_all(sender: impl Into<String>, content: T) -> Self {
        Self { content, timestamp: now::now(), sender: sender.into(), receiver: None }
    }
}
