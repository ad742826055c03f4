//! Every bound of buffer and handler: its name, its value, and what happens when it is reached.

/// Characters of a [`StreamBuffer`](crate::StreamBuffer) that is given no limit.
///
/// A piece that does not fit is refused.
pub const BUFFER_CHARS_MAX: usize = 100_000;

/// Characters of text that a [`StreamHandler`](crate::StreamHandler) keeps, if it is given no
/// limit.
///
/// The delta that does not fit is not delivered; an error event takes its place and the stream
/// ends. A handler that keeps no content has no such limit.
pub const CONTENT_CHARS_MAX: usize = 16 * 1024 * 1024;
