//! Every bound of the decoders: its name, its default, and what happens when it is reached.

/// Bytes of one payload: an SSE event, an NDJSON line or an element of a JSON array.
///
/// A longer payload is skipped and reported as one error event; decoding goes on with the next.
pub const PAYLOAD_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Bytes of one stream.
///
/// What comes after them is ignored, one error event says so, and the stream ends as
/// [`Failed`](crate::EndStatus::Failed).
pub const STREAM_BYTES_MAX: u64 = 1024 * 1024 * 1024;

/// Choices (candidates, generations) of one stream.
///
/// Deltas of further choices are dropped and one error event says so.
pub const CHOICES_MAX: usize = 128;

/// Tool calls of one stream.
///
/// Further calls are dropped and one error event says so.
pub const TOOL_CALLS_MAX: usize = 1024;

/// Bytes of the arguments of one tool call.
///
/// What comes after them is dropped, the call is reported as not complete, and one error event
/// says so.
pub const TOOL_ARGUMENTS_BYTES_MAX: usize = 4 * 1024 * 1024;

/// How often a tool call is emitted because its choice ended, after more arguments had come.
///
/// Past it, the call is emitted once more when the stream ends.
pub const TOOL_CALL_EMISSIONS_MAX: u32 = 4;

/// Bytes that [`Decoder::detect`](crate::Decoder::detect) reads before it gives up.
///
/// A stream that is still ambiguous there is reported as an error and not decoded.
pub const DETECT_BYTES_MAX: usize = 64 * 1024;

/// Fields outside a format's known ones that are remembered, so that each is reported only when
/// it changes.
///
/// Further fields are reported each time they come.
pub const EXTRA_FIELDS_MAX: usize = 64;

/// Bytes of a remembered field's value.
///
/// Longer values are reported each time they come.
pub const EXTRA_FIELD_BYTES_MAX: usize = 16 * 1024;

/// Levels of objects and arrays in a payload.
///
/// A payload that is nested deeper is reported as malformed and skipped.
pub const DEPTH_MAX: usize = 128;

/// Bytes of a usage object that is merged from several.
///
/// Fields that would make it longer are left out.
pub const USAGE_BYTES_MAX: usize = 16 * 1024;

/// Content blocks of one stream that are begun and not ended.
///
/// Past it the oldest is taken as ended.
pub const BLOCKS_OPEN_MAX: usize = 256;

/// Bytes of text that one [`Assembly`](crate::Assembly) holds.
///
/// What comes after them is dropped and [`Assembly::overflowed`](crate::Assembly::overflowed)
/// says so.
pub const ASSEMBLY_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Bytes of an undecodable payload that its error event quotes.
///
/// The rest is cut off at a character boundary.
pub const QUOTED_BYTES_MAX: usize = 1024;

/// The bounds of one decoder; every setter is named like the constant that is its default.
///
/// # Examples
/// ```
/// use llm_stream::{Decoder, Format, Limits};
///
/// let limits = Limits::default().payload_bytes(64 * 1024).choices(4);
/// let decoder = Decoder::with_limits(Format::OpenAiChat, limits);
/// # drop(decoder);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    payload_bytes: usize,
    stream_bytes: u64,
    choices: usize,
    tool_calls: usize,
    tool_arguments_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            payload_bytes: PAYLOAD_BYTES_MAX,
            stream_bytes: STREAM_BYTES_MAX,
            choices: CHOICES_MAX,
            tool_calls: TOOL_CALLS_MAX,
            tool_arguments_bytes: TOOL_ARGUMENTS_BYTES_MAX,
        }
    }
}

/// Makes a setter and a crate-private getter for each limit.
macro_rules! limits {
    ($($(#[$doc:meta])* $set:ident, $get:ident: $kind:ty;)*) => {
        impl Limits {
            $(
                $(#[$doc])*
                #[must_use]
                pub fn $set(mut self, limit: $kind) -> Self {
                    self.$set = limit;
                    self
                }

                pub(crate) fn $get(&self) -> $kind {
                    self.$set
                }
            )*
        }
    };
}

limits! {
    /// Sets the bytes of one payload; see [`PAYLOAD_BYTES_MAX`].
    payload_bytes, payload_bytes_max: usize;
    /// Sets the bytes of one stream; see [`STREAM_BYTES_MAX`].
    stream_bytes, stream_bytes_max: u64;
    /// Sets the choices of one stream; see [`CHOICES_MAX`].
    choices, choices_max: usize;
    /// Sets the tool calls of one stream; see [`TOOL_CALLS_MAX`].
    tool_calls, tool_calls_max: usize;
    /// Sets the bytes of one call's arguments; see [`TOOL_ARGUMENTS_BYTES_MAX`].
    tool_arguments_bytes, tool_arguments_bytes_max: usize;
}
