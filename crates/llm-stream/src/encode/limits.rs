//! Every bound of the encoder: its name, and what happens when it is reached.

/// Blocks that are begun and not ended: texts, reasoning and tool calls.
///
/// Past it the oldest is ended; a text that goes on after that goes on in a new block, and a call
/// counts as cut off.
pub const ENCODER_BLOCKS_OPEN_MAX: usize = 256;

/// Tool calls of one stream.
///
/// Further calls are left out.
pub const ENCODER_CALLS_MAX: usize = 1024;

/// Bytes of the arguments of one tool call.
///
/// What comes after them is left out, and the call counts as cut off.
pub const ENCODER_CALL_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Bytes of what was said that an encoder keeps, because its format says it again.
///
/// OpenAI Responses repeats every text when it ends; past the bound, what it repeats is cut off
/// (the deltas never are).
/// OpenAI chat repeats whole calls in a [snapshot](crate::Encoder::snapshot); past the bound it
/// repeats further ones without their arguments.
pub const ENCODER_TEXT_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Bytes of buffer that an encoder keeps between events; more is given back.
pub(super) const BUFFER_BYTES_KEPT: usize = 64 * 1024;
