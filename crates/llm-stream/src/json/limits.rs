//! Every bound of the JSON module, by name, with what happens when it is reached.

/// Nesting depth accepted unless configured otherwise: arrays and objects inside each other.
///
/// One level more is [`JsonErrorKind::DepthLimit`](super::JsonErrorKind::DepthLimit).
pub const DEPTH_MAX: usize = 127;

/// The largest depth that can be configured; larger requests are taken as this one.
///
/// A `serde_json::Value` nested much deeper could not be dropped on an ordinary stack.
pub const DEPTH_CEILING: usize = 1_000;

/// Nesting depth of what [`PartialJson::read`](super::PartialJson::read) reads as a type, since
/// serde recurses.
///
/// A value nested deeper is a [`ReadError`](super::ReadError).
pub const READ_DEPTH_MAX: usize = 127;

/// Bytes of one object that [`JsonStreamParser`](super::JsonStreamParser) accepts by default.
///
/// A larger one is dropped, reported as
/// [`JsonErrorKind::TooLarge`](super::JsonErrorKind::TooLarge) and skipped to its end.
pub const OBJECT_BYTES_MAX: usize = 1 << 20;

/// Bytes of text that [`PartialJson`](super::PartialJson) accepts by default.
///
/// The first byte over it is [`JsonErrorKind::TooLarge`](super::JsonErrorKind::TooLarge).
pub const DOCUMENT_BYTES_MAX: usize = 16 << 20;

/// The largest document that can be configured; larger requests are taken as this one.
///
/// Places in a tree are 32-bit numbers, and a tree never holds more than its source has bytes.
pub const DOCUMENT_BYTES_CEILING: usize = 1 << 31;

/// Complete objects that wait to be taken from a [`JsonStreamParser`](super::JsonStreamParser).
///
/// While so many wait, a further one is dropped and reported as
/// [`JsonErrorKind::PendingFull`](super::JsonErrorKind::PendingFull).
pub const PENDING_OBJECTS_MAX: usize = 1_024;

/// Source bytes of the complete objects that wait to be taken; the same rule as for their number.
pub const PENDING_BYTES_MAX: usize = 16 << 20;

/// Errors that wait to be taken from a [`JsonStreamParser`](super::JsonStreamParser).
///
/// While so many wait, further ones are only counted.
pub const PENDING_ERRORS_MAX: usize = 64;
