//! LLM token streams of every provider as one event model.

#![warn(clippy::indexing_slicing, clippy::as_conversions, clippy::string_slice)]

mod names;

mod format;
pub mod limits;

mod event;

mod json_end;
mod tool_call;

mod framing;
mod wire;

mod decoder;
mod detect;

mod assembly;

pub use assembly::{Assembly, Choice};
pub use decoder::{Decoder, decode};
pub use event::{
    Channel, Delta, End, EndStatus, ErrorKind, EventBody, Executor, Finish, FinishReason, Identity,
    Logprobs, Metadata, Opaque, RawEvent, RawJson, Signature, Start, StreamError, StreamEvent,
    StreamEventType, ToolCall, ToolStart, Usage,
};
pub use format::{Format, UnknownFormat};
pub use limits::Limits;
pub use tool_call::{ToolCallAssembler, ToolFragment};
