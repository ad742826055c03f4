//! JSON that arrives in pieces: found in prose, read while unfinished, in linear time.
//!
//! | you have | you want | use |
//! |---|---|---|
//! | text with JSON in it | complete values | [`JsonStreamParser`] |
//! | one growing document | its value so far, typed or not, and what changed | [`PartialJson`] |
//! | JSON text cut anywhere | tokens | [`JsonScanner`] |
//!
//! All three accept exactly what `serde_json` accepts, whole and complete, and refuse the rest
//! with a [`JsonError`] that says what and where; [`JsonDialect::Tolerant`] accepts more.
//! Results do not depend on where the text was cut, be it inside an escape, a surrogate pair,
//! or, with bytes, a UTF-8 character.
//!
//! # Under load
//!
//! Nothing here recurses into the text: nesting has a limit and costs no stack.
//! Each byte is looked at a fixed number of times, and memory is bounded; [`limits`] names
//! every bound and what happens there.
//!
//! # Conformance
//!
//! Numbers are read by `serde_json::Number`: integers of 64 bits exactly, others as floats, and
//! what exceeds a float is refused.
//! A key that comes twice counts last, unless [`DuplicateKeys::Refuse`] is asked for.
//! The nesting limit is that of `serde_json`, 127 levels, unless configured.

mod error;
mod event;
pub mod limits;
mod node;
mod parser;
mod partial;
mod path;
mod scanner;
mod skip;
mod tree;
mod typed;
mod utf8;

pub use error::{JsonError, JsonErrorKind};
pub use event::{JsonEvent, JsonEventKind};
pub use node::{JsonChildren, JsonNode};
pub use parser::{JsonExtract, JsonStreamOptions, JsonStreamParser};
pub use partial::{PartialJson, PartialJsonOptions};
pub use path::{JsonPath, JsonSegment};
pub use scanner::{JsonDialect, JsonScanner, JsonToken};
pub use tree::{DuplicateKeys, JsonKind, JsonState};
pub use typed::{Partial, ReadError};

#[cfg(test)]
mod tests;
