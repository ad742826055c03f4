//! Plain text: cut into chunks, and gathered up to a limit.

use std::num::NonZeroUsize;

use millstream::llm::{CHUNK_CHARS, StreamBuffer, chunk_stream as chunks_of};
use serde::Deserialize;
use serde_json::{Value, json};

use super::parse;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ChunkInput {
    text: String,
    size: Option<i64>,
}

/// Text to `{chunks}`, or `{error}` for a size that the type of sizes does not have.
pub(super) fn chunk_stream(input: &Value) -> anyhow::Result<Value> {
    let ChunkInput { text, size } = parse(input)?;
    let size = match size {
        None => Some(CHUNK_CHARS),
        Some(size) => usize::try_from(size).ok().and_then(NonZeroUsize::new),
    };
    let Some(size) = size else { return Ok(json!({ "error": true })) };
    let chunks: Vec<&str> = chunks_of(&text, size).map(|chunk| chunk.text).collect();
    Ok(json!({ "chunks": chunks }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BufferInput {
    append: Vec<Piece>,
    max_size: Option<usize>,
}

#[derive(Deserialize)]
#[serde(untagged, deny_unknown_fields)]
enum Piece {
    Text(String),
    Repeated { repeat: (String, usize) },
}

/// Pieces to `{results, length, chunk_count, content}`.
pub(super) fn stream_buffer(input: &Value) -> anyhow::Result<Value> {
    let BufferInput { append, max_size } = parse(input)?;
    let mut buffer = max_size.map_or_else(StreamBuffer::new, StreamBuffer::with_chars_max);
    let mut results = Vec::new();
    for piece in append {
        let piece = match piece {
            Piece::Text(text) => text,
            Piece::Repeated { repeat: (text, times) } => text.repeat(times),
        };
        results.push(if buffer.append(&piece).is_ok() { "ok" } else { "too_large" });
    }
    Ok(json!({
        "results": results,
        "length": buffer.char_count(),
        "chunk_count": buffer.chunk_count(),
        "content": buffer.content(),
    }))
}
