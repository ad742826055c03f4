//! The content filter: words kept out of a stream, and whole deltas replaced.

use anyhow::ensure;
use millstream::llm::filter::{
    ContentFilterProcessor, Pattern, PatternError, PatternFilter, PatternSet, REPLACEMENT,
};
use millstream::llm::{Processor, StreamEvent};
use serde::Deserialize;
use serde_json::{Value, json};

use super::cuts::char_cuts;
use super::parse;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FilterInput {
    patterns: Vec<String>,
    chunks: Vec<String>,
}

/// What is out after each chunk, and at the end.
#[derive(Debug, Default, PartialEq, Eq)]
struct Filtered {
    emitted: Vec<String>,
    output: String,
}

/// Chunks to `{emitted, output}` or `{error}`, by the processor and by the filter below it.
pub(super) fn content_filter(input: &Value) -> anyhow::Result<Value> {
    let FilterInput { patterns, chunks } = parse(input)?;
    if let Err(error) = ContentFilterProcessor::new(&patterns) {
        return Ok(json!({ "error": error_name(&error) }));
    }
    let set = PatternSet::new(patterns.iter().map(Pattern::literal))?;
    let filter = |chunks: &[&str]| {
        let events = filter_events(ContentFilterProcessor::new(&patterns)?, chunks)?;
        let text = filter_text(&set, chunks)?;
        ensure!(events == text, "filtered as events {events:?}, as text {text:?}");
        Ok(events)
    };
    let chunks: Vec<&str> = chunks.iter().map(String::as_str).collect();
    let Filtered { emitted, output } = filter(&chunks)?;
    let any_cut = char_cuts(&chunks.concat(), |pieces| Ok(filter(pieces)?.output.into()))?;
    ensure!(any_cut == output, "depends on the cuts: {output:?} as given, {any_cut} otherwise");
    Ok(json!({ "emitted": emitted, "output": output }))
}

/// Chunks to `{output}`, or `{error}`.
pub(super) fn content_filter_delta(input: &Value) -> anyhow::Result<Value> {
    let FilterInput { patterns, chunks } = parse(input)?;
    let processor = match ContentFilterProcessor::whole_deltas(patterns, REPLACEMENT) {
        Ok(processor) => processor,
        Err(error) => return Ok(json!({ "error": error_name(&error) })),
    };
    let chunks: Vec<&str> = chunks.iter().map(String::as_str).collect();
    Ok(json!({ "output": filter_events(processor, &chunks)?.output }))
}

fn filter_events(
    mut processor: ContentFilterProcessor,
    chunks: &[&str],
) -> anyhow::Result<Filtered> {
    let mut events = Vec::new();
    let mut filtered = Filtered::default();
    for chunk in chunks {
        processor.process(StreamEvent::delta(*chunk), &mut events)?;
        filtered.output.extend(events.drain(..).map(|event| event.delta_text().to_owned()));
        filtered.emitted.push(filtered.output.clone());
    }
    processor.flush(&mut events)?;
    filtered.output.extend(events.iter().map(StreamEvent::delta_text));
    Ok(filtered)
}

fn filter_text(set: &PatternSet, chunks: &[&str]) -> anyhow::Result<Filtered> {
    let mut filter = PatternFilter::new(set);
    let mut filtered = Filtered::default();
    for chunk in chunks {
        filter.push(chunk, &mut filtered.output)?;
        filtered.emitted.push(filtered.output.clone());
    }
    filter.finish(&mut filtered.output)?;
    Ok(filtered)
}

fn error_name(error: &PatternError) -> String {
    match error {
        PatternError::Empty { .. } => "empty_pattern".to_owned(),
        error => error.to_string(),
    }
}
