//! JSON in pieces: values found in a stream, and the value of unfinished text.

use anyhow::bail;
use millstream::llm::json::{
    JsonErrorKind, JsonExtract, JsonStreamOptions, JsonStreamParser, PartialJson,
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::cuts::byte_cuts;
use super::parse;

/// Levels of nesting that the parser takes.
const DEPTH_MAX: usize = 1000;

#[derive(Deserialize)]
struct StreamInput {
    mode: Mode,
    #[serde(flatten)]
    source: Source,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Mode {
    Objects,
    Values,
    Elements,
}

#[derive(Deserialize)]
#[serde(untagged, deny_unknown_fields)]
enum Source {
    Operations { ops: Vec<Vec<String>> },
    Text { text: String },
    Repeated { text_repeat: Nested, then: Option<String> },
}

/// `middle` between `n` times `open` and `n` times `close`.
#[derive(Deserialize)]
struct Nested {
    open: String,
    middle: String,
    close: String,
    n: usize,
}

/// Text to `{values, values_after, incomplete, errors, error}`, operations to
/// `{returns, values, incomplete}`.
pub(super) fn json_stream(input: &Value) -> anyhow::Result<Value> {
    let StreamInput { mode, source } = parse(input)?;
    let text = match source {
        Source::Operations { ops } => return operate(mode, &ops),
        Source::Text { text } => text,
        Source::Repeated { text_repeat: Nested { open, middle, close, n }, then } => {
            open.repeat(n) + &middle + &close.repeat(n) + &then.unwrap_or_default()
        }
    };
    byte_cuts(text.as_bytes(), |chunks| Ok(read(mode, chunks)))
}

fn parser(mode: Mode) -> JsonStreamParser {
    let extract = match mode {
        Mode::Objects => JsonExtract::Objects,
        Mode::Values => JsonExtract::Values,
        Mode::Elements => JsonExtract::Elements,
    };
    JsonStreamOptions::default().extract(extract).depth_max(DEPTH_MAX).build()
}

fn read(mode: Mode, chunks: &[&[u8]]) -> Value {
    let mut parser = parser(mode);
    for chunk in chunks {
        parser.feed_bytes(chunk);
    }
    let incomplete = parser.finish().is_err();
    let values = parser.get_objects();
    json!({
        "values": values,
        // Where they are asked for, nothing comes before the error.
        "values_after": values,
        "incomplete": incomplete,
        "errors": parser.errors_count(),
        "error": parser.next_error().map(|error| error_name(error.kind)),
    })
}

fn error_name(kind: JsonErrorKind) -> &'static str {
    match kind {
        JsonErrorKind::DepthLimit { .. } => "depth_limit",
        JsonErrorKind::TooLarge { .. } | JsonErrorKind::PendingFull => "limit",
        _ => "syntax",
    }
}

fn operate(mode: Mode, operations: &[Vec<String>]) -> anyhow::Result<Value> {
    let mut parser = parser(mode);
    let mut returns = Vec::new();
    for operation in operations {
        let words: Vec<&str> = operation.iter().map(String::as_str).collect();
        match words[..] {
            ["feed", text] => parser.feed(text),
            ["reset"] => parser.reset(),
            ["get"] => returns.push(parser.get_objects().into()),
            ["has"] => returns.push(parser.has_complete_objects().into()),
            _ => bail!("unknown operation {operation:?}"),
        }
    }
    let incomplete = parser.is_incomplete();
    Ok(json!({
        "returns": Value::Array(returns),
        "values": parser.get_objects(),
        "incomplete": incomplete,
    }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PartialInput {
    chunks: Vec<String>,
}

/// Chunks to `{partials}`, the value after each of them.
pub(super) fn json_partial(input: &Value) -> anyhow::Result<Value> {
    let PartialInput { chunks } = parse(input)?;
    let mut json = PartialJson::default();
    let mut partials = Vec::new();
    for chunk in chunks {
        json.push(&chunk)?;
        partials.push(json.to_value().unwrap_or_default());
    }
    Ok(json!({ "partials": partials }))
}
