//! One document that is read after every eight bytes of it.

use std::collections::BTreeMap;
use std::hint::black_box;

use anyhow::ensure;
use jiter::{JsonValue, PartialMode};
use jsonmodem::{ParseEvent, ParserOptions, PathComponent, StreamingParser};
use llm_stream::json::{JsonEventKind, PartialJson};
use serde_json::Value;

use crate::table::{Line, Unit, compare};

const ROUNDS: usize = 9;
const DELTA_BYTES: usize = 8;
const SIZES: [usize; 4] = [2_000, 20_000, 100_000, 400_000];
/// Up to this size the parsing anew is measured after every delta.
const REPARSED_WHOLLY: usize = 20_000;
/// Above that size, after so many deltas, evenly spread.
const REPARSED_SAMPLE: usize = 100;
/// Above this size, not at all.
const REPARSED_MAX: usize = 100_000;
/// Bytes that a contestant reads in one run at least, so that small documents are not measured
/// with one tick of the clock.
const RUN_BYTES: usize = 400_000;

/// Runs the section.
///
/// # Errors
/// A contestant reads another document than the one that was written.
pub fn run() -> anyhow::Result<()> {
    for size in SIZES {
        let document = document(size);
        let pieces = pieces(&document, DELTA_BYTES);
        check(&document, &pieces)?;
        let times = RUN_BYTES.div_ceil(document.len());
        let deltas = pieces.len() * times;
        let mut lines = vec![
            Line::new("millstream, tree and events", deltas, || {
                for _ in 0..times {
                    black_box(follow(&pieces));
                }
            })
            .target("<= 0.06 us"),
            Line::new("jsonmodem 0.1.0, events", deltas, || {
                for _ in 0..times {
                    black_box(follow_jsonmodem(&pieces, |_| ()));
                }
            })
            .target(">= 3"),
        ];
        if size <= REPARSED_MAX {
            let (count, target) = match size {
                0..=REPARSED_WHOLLY => (pieces.len(), ""),
                _ => (REPARSED_SAMPLE, ">= 1000"),
            };
            let ends = ends(&pieces, count);
            let document = &document;
            let line = Line::new("jiter 0.18, parsed anew", ends.len(), move || {
                for end in &ends {
                    black_box(reparse(document, *end));
                }
            });
            lines.push(line.target(target));
        }
        let title = format!("partial JSON: {size} bytes, read after every {DELTA_BYTES} of them");
        compare(&title, Unit::MICROSECONDS, ROUNDS, lines);
    }
    Ok(())
}

/// What a model writes when it is asked for a long list.
fn document(bytes: usize) -> String {
    const WORDS: [&str; 12] = [
        "stream",
        "token",
        "der",
        "café",
        "value \\n",
        "quoted \\\"x\\\"",
        "events",
        "\\u00e9t\\u00e9",
        "of",
        "the",
        "incremental",
        "parser",
    ];
    let mut random = fastrand::Rng::with_seed(1);
    let mut out = String::from("{\"title\": \"A longer answer\", \"items\": [");
    for id in 0.. {
        if id > 0 {
            out.push_str(", ");
        }
        let score = f64::from(random.u16(..1000)) / 8.0;
        let done = random.bool();
        let head =
            format!(r#"{{"id": {id}, "score": {score}, "done": {done}, "tag": null, "text": ""#);
        out.push_str(&head);
        out.extend((0..18).flat_map(|_| [WORDS[random.usize(..WORDS.len())], " "]));
        out.push_str(r#"", "tags": ["a", "bb", "ccc"]}"#);
        if out.len() >= bytes {
            break;
        }
    }
    out.push_str("]}");
    out
}

/// Cuts `text` into pieces of `bytes` bytes, or a few more where a character would be cut.
pub(super) fn pieces(text: &str, bytes: usize) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (piece, after) = rest.split_at(rest.ceil_char_boundary(bytes));
        pieces.push(piece);
        rest = after;
    }
    pieces
}

/// Where `count` of the pieces end, evenly spread.
fn ends(pieces: &[&str], count: usize) -> Vec<usize> {
    let all = pieces.iter().scan(0, |end, piece| {
        *end += piece.len();
        Some(*end)
    });
    all.step_by((pieces.len() / count).max(1)).collect()
}

/// Reads every event of every delta; returns the bytes of text and the number of other events.
fn follow(pieces: &[&str]) -> usize {
    let mut json = PartialJson::default();
    let mut seen = 0;
    for piece in pieces {
        if json.push(piece).is_err() {
            return 0;
        }
        while let Some(event) = json.next_event() {
            seen += match event.kind {
                JsonEventKind::StringDelta(text) => text.len(),
                _ => 1,
            };
        }
    }
    seen
}

fn follow_jsonmodem(pieces: &[&str], mut take: impl FnMut(ParseEvent)) -> usize {
    let mut parser = StreamingParser::new(ParserOptions::default());
    let mut seen = 0;
    for piece in pieces {
        parser.feed(piece);
        while let Some(Ok(event)) = parser.next() {
            seen += match &event {
                ParseEvent::String { fragment, .. } => fragment.len(),
                _ => 1,
            };
            take(event);
        }
    }
    seen
}

fn reparse(document: &str, end: usize) -> Option<JsonValue<'_>> {
    let so_far = &document.as_bytes()[..end];
    JsonValue::parse_with_config(so_far, false, PartialMode::TrailingStrings).ok()
}

/// Checks that all contestants read what `serde_json` reads.
fn check(document: &str, pieces: &[&str]) -> anyhow::Result<()> {
    let want: Value = serde_json::from_str(document)?;
    let mut json = PartialJson::default();
    for piece in pieces {
        json.push(piece)?;
    }
    json.finish()?;
    ensure!(json.to_value() == Some(want.clone()), "we read another document");
    ensure!(follow(pieces) > 0, "we read no events");

    let mut leaves = Leaves::default();
    leaves.add_value("", &want);
    let mut theirs = Leaves::default();
    follow_jsonmodem(pieces, |event| theirs.add_event(event));
    ensure!(theirs == leaves, "jsonmodem reads another document");
    let mut theirs = Leaves::default();
    if let Some(value) = reparse(document, document.len()) {
        theirs.add_jiter("", &value);
    }
    ensure!(theirs == leaves, "jiter reads another document");
    Ok(())
}

/// The scalars of a document by their JSON pointers, which any reader can be compared by.
#[derive(Debug, Default, PartialEq)]
struct Leaves(BTreeMap<String, String>);

impl Leaves {
    fn add(&mut self, at: &str, leaf: &str) {
        self.0.entry(at.to_owned()).or_default().push_str(leaf);
    }

    fn add_value(&mut self, at: &str, value: &Value) {
        match value {
            Value::Object(members) => {
                members
                    .iter()
                    .for_each(|(key, value)| self.add_value(&format!("{at}/{key}"), value));
            }
            Value::Array(elements) => {
                let elements = elements.iter().enumerate();
                elements.for_each(|(index, value)| self.add_value(&format!("{at}/{index}"), value));
            }
            Value::String(text) => self.add(at, text),
            Value::Number(number) => self.add(at, &number.as_f64().unwrap_or_default().to_string()),
            Value::Bool(_) | Value::Null => self.add(at, &value.to_string()),
        }
    }

    fn add_event(&mut self, event: ParseEvent) {
        match event {
            ParseEvent::String { path, fragment, .. } => self.add(&pointer(&path), &fragment),
            ParseEvent::Number { path, value } => self.add(&pointer(&path), &value.to_string()),
            ParseEvent::Boolean { path, value } => self.add(&pointer(&path), &value.to_string()),
            ParseEvent::Null { path } => self.add(&pointer(&path), "null"),
            _ => {}
        }
    }

    fn add_jiter(&mut self, at: &str, value: &JsonValue<'_>) {
        match value {
            JsonValue::Object(members) => {
                members
                    .iter()
                    .for_each(|(key, value)| self.add_jiter(&format!("{at}/{key}"), value));
            }
            JsonValue::Array(elements) => {
                let elements = elements.iter().enumerate();
                elements.for_each(|(index, value)| self.add_jiter(&format!("{at}/{index}"), value));
            }
            JsonValue::Str(text) => self.add(at, text),
            JsonValue::Int(number) => self.add(at, &number.to_string()),
            JsonValue::Float(number) => self.add(at, &number.to_string()),
            JsonValue::Bool(value) => self.add(at, &value.to_string()),
            JsonValue::Null => self.add(at, "null"),
        }
    }
}

fn pointer(path: &[PathComponent]) -> String {
    let segments = path.iter().map(|segment| match segment {
        PathComponent::Key(key) => format!("/{key}"),
        PathComponent::Index(index) => format!("/{index}"),
    });
    segments.collect()
}
