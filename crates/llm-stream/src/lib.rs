//! LLM token streams of every provider as one event model, decoded without input or output.
//!
//! Bytes go in as they come from the network, cut anywhere; typed events come out. There is no
//! HTTP client, runtime, clock or thread in this crate.
//!
//! # Examples
//! ```
//! use llm_stream::{Channel, Decoder, EventBody, Format, Metadata};
//!
//! let mut decoder = Decoder::new(Format::Anthropic);
//! let mut answer = String::new();
//! for piece in [
//!     &b"data: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_del"[..],
//!     b"ta\",\"text\":\"Hello\"}}\n\ndata: {\"type\":\"message_stop\"}\n\n",
//! ] {
//!     decoder.push(piece);
//!     while let Some(event) = decoder.next_event() {
//!         match &event.body {
//!             EventBody::Delta(delta) if delta.channel == Channel::Text => {
//!                 answer.push_str(&delta.text);
//!             }
//!             EventBody::ToolCall(call) => println!("{}({})", call.name, call.arguments),
//!             EventBody::Error(error) => println!("{} {}", error.kind, error.message),
//!             _ => {}
//!         }
//!     }
//! }
//! decoder.finish();
//! assert_eq!(answer, "Hello");
//! ```
//! A program that decodes a recorded stream is in `examples/decode.rs`.
//!
//! # Formats
//! | [`Format`] | framing | peculiar to it |
//! |---|---|---|
//! | `openai-chat` | SSE | reasoning in any spelling, content as text or parts, refusals, n > 1, legacy functions, custom tools, usage wherever it comes, data after `[DONE]` |
//! | `openai-completions` | SSE | text only |
//! | `openai-responses` | SSE | items by their place in the output, whatever their ids; whole texts where deltas are missing |
//! | `anthropic` | SSE | blocks, signatures, citations, server tools, MCP, compaction, usage that is corrected, spliced generations |
//! | `gemini` | SSE or one JSON array | thoughts, calls without ids, arguments by JSON path, blocked prompts |
//! | `gemini-interactions` | SSE | steps |
//! | `ollama` | NDJSON | chat and generate |
//! | `cohere` | SSE | tool plans, citations |
//!
//! [`Decoder::detect`] tells them apart from the first payloads.
//!
//! # Output
//! [`Encoder`] is the way back: events in, the frames of an [`OutputFormat`] out, for clients that
//! speak OpenAI chat, OpenAI Responses, Anthropic Messages, the AI SDK's UI message stream, AG-UI
//! or plain text. What a format cannot say is [listed](OutputFormat#what-each-cannot-express);
//! everything else reads back as it went in.
//!
//! # Events
//! A [`StreamEvent`] has one of the types start, delta, `tool_call`, metadata, error and end, and
//! is the same for every format. Text belongs to a choice, a part of it and a [`Channel`].
//! A tool call begins with [`Metadata::ToolStart`], goes on with deltas of
//! [`Channel::ToolArguments`], and is emitted whole the moment that its JSON closes.
//! What a format has beyond the model is kept raw: whole payloads, blocks, and unknown fields.
//! Events survive JSON in both directions, so they can be logged and read again.
//!
//! # Bad input
//! Nothing a provider sends is fatal. A payload that is no JSON becomes an error event with its
//! beginning quoted, a field of a wrong type reads as missing, invalid UTF-8 becomes U+FFFD, halves
//! of a character that come in two deltas are joined, and errors inside the stream are typed
//! ([`ErrorKind::is_retryable`]).
//!
//! # The end
//! [`Decoder::finish`] says that the bytes are over. Then what is open is emitted, calls without
//! their end as not [`complete`](ToolCall::complete), and one end event tells how it was:
//! [`Complete`](EndStatus::Complete) if the provider had said that it was done,
//! [`Failed`](EndStatus::Failed) if an error ended it, else [`Incomplete`](EndStatus::Incomplete).
//! Nothing that had arrived is lost in either case. An unfinished last payload counts if it can be
//! decoded.
//!
//! # Limits
//! Every bound has a name and a stated behaviour in [`limits`]; [`Limits`] changes those of one
//! decoder.

#![warn(clippy::indexing_slicing, clippy::as_conversions, clippy::string_slice)]

mod names;

mod format;
pub mod limits;

mod event;

pub mod json;
mod json_end;
mod json_string;
mod tool_call;

mod framing;
mod template;
mod wire;

mod decoder;
mod detect;

mod assembly;

mod encode;

mod processor;

pub mod filter;

mod tokens;

mod stats;

mod buffer;
mod handler;
mod text;

mod smooth;

pub use assembly::{Assembly, Choice};
pub use buffer::{BufferFull, StreamBuffer};
pub use decoder::{Decoder, decode};
pub use encode::limits::{
    ENCODER_BLOCKS_OPEN_MAX, ENCODER_CALL_BYTES_MAX, ENCODER_CALLS_MAX, ENCODER_TEXT_BYTES_MAX,
};
pub use encode::{Encoder, Frame, Frames, Loss, OutputFormat, UnknownOutputFormat, encode};
pub use event::{
    Channel, Delta, End, EndStatus, ErrorKind, EventBody, Executor, Finish, FinishReason, Identity,
    Logprobs, Metadata, Opaque, RawEvent, RawJson, Signature, Start, StreamError, StreamEvent,
    StreamEventType, ToolCall, ToolStart, Usage,
};
pub use format::{Format, UnknownFormat};
pub use handler::{
    BUFFER_CHARS_MAX, CONTENT_CHARS_MAX, DecodedEvents, HandlerError, HandlerEvents, HandlerStream,
    Input, StreamHandler,
};
pub use limits::Limits;
pub use processor::{PassthroughProcessor, ProcessError, Processor, SseProcessor};
pub use smooth::{
    SMOOTH_BYTES_MAX, SMOOTH_DELAY_MAX, SMOOTH_EVENTS_MAX, SMOOTH_TICK, SmoothOptions, Smoother,
};
pub use stats::{
    InterToken, Origin, STALL_AFTER, STATISTICS, StallDetector, StatsRecorder, StreamStats, otel,
};
pub use text::{CHUNK_CHARS, Chunk, Chunks, chunk_stream, stream_to_string};
#[cfg(feature = "tiktoken")]
pub use tokens::{O200kCounter, TOKEN_PIECE_BYTES_MAX, TOKEN_TEXTS_MAX};
pub use tokens::{TokenCounter, TokenSource, WordCounter};
pub use tool_call::{ToolCallAssembler, ToolFragment};
