//! The crate's own streams, and the recorded ones if there are any at hand, through every format.

#![expect(clippy::print_stdout, reason = "says how many recordings were run, or that none were")]

use std::path::{Path, PathBuf};
use std::{env, fs};

use super::read::{frames, read};
use super::resume::is_changed_by_snapshots;
use super::said::said;
use super::trip::lost;
use serde_json::Value;

use llm_stream::{Assembly, EventBody, Format, Metadata, OutputFormat, StreamEvent, decode};

/// Checks every format with a stream, and returns what is wrong.
fn check(name: &str, events: &[StreamEvent]) -> Vec<String> {
    let mut wrong = Vec::new();
    for format in OutputFormat::ALL {
        let lost = lost(format, events);
        if !lost.is_empty() {
            wrong.push(format!("{name} as {format}:\n{}", lost.join("\n")));
        }
        if is_changed_by_snapshots(format, events) {
            wrong.push(format!("{name} as {format}: a snapshot changes what comes next"));
        }
    }
    wrong
}

/// What only the provider understands: signatures, citations and its own blocks, in their order.
fn opaque(events: &[StreamEvent]) -> Vec<String> {
    let mut found = Vec::new();
    for event in events {
        let EventBody::Metadata(metadata) = &event.body else { continue };
        found.push(match &**metadata {
            Metadata::Signature(own) => format!("signature {}", own.signature),
            Metadata::Citation(own) => {
                let mut citation: Value = own.raw.parse().unwrap();
                // OpenAI's client wants the entries of every list numbered.
                citation.as_object_mut().unwrap().remove("index");
                format!("citation {citation}")
            }
            Metadata::Block(own) if own.kind.as_deref() == Some("reasoning") => {
                // The item itself is another one, with an id of its own.
                let item: Value = own.raw.parse().unwrap();
                format!("proof {}", item["encrypted_content"])
            }
            Metadata::Block(own) => format!("block {}", own.raw.as_str()),
            _ => continue,
        });
    }
    found
}

/// The provider's own words arrive unchanged where the format is its own.
fn check_own_words(name: &str, format: Format, events: &[StreamEvent]) -> Vec<String> {
    let output = match format {
        Format::OpenAiChat => OutputFormat::OpenAiChat,
        Format::OpenAiResponses => OutputFormat::OpenAiResponses,
        Format::Anthropic => OutputFormat::Anthropic,
        _ => return Vec::new(),
    };
    let frames = frames(output, events);
    let events_back = read(output, frames.iter().flatten());
    let raw = |events: &[StreamEvent]| {
        let assembly: Assembly = events.iter().collect();
        let usage = assembly
            .usage()
            .filter(|usage| usage.input_tokens.is_some() && usage.output_tokens.is_some());
        usage.and_then(|usage| usage.raw.clone())
    };
    let (got, want) = (raw(&events_back), raw(events));
    let differs = want.is_some() && got != want;
    let mut wrong = Vec::new();
    if differs {
        wrong.push(format!("{name}: usage {got:?} instead of {want:?}"));
    }
    let (got, want) = (opaque(&events_back), opaque(events));
    if got != want {
        wrong.push(format!("{name}: {got:#?} instead of {want:#?}"));
    }
    wrong
}

#[track_caller]
fn check_all(streams: Vec<(String, Format, Vec<u8>)>) {
    let mut wrong = Vec::new();
    for (name, format, bytes) in &streams {
        let events = decode(*format, bytes);
        wrong.extend(check(name, &events));
        wrong.extend(check_own_words(name, *format, &events));
        let empty = said(&events).choices.is_empty();
        assert!(!empty || bytes.len() < 4_000, "{name} says nothing");
    }
    println!("{} streams in {} formats", streams.len(), OutputFormat::ALL.len());
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n\n"));
}

#[test]
fn streams_of_the_crate() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata");
    let mut streams = Vec::new();
    for format in Format::ALL {
        for entry in fs::read_dir(root.join(format.as_str())).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension != "jsonl") {
                let bytes = fs::read(&path).unwrap();
                streams.push((path.display().to_string(), format, bytes));
            }
        }
    }
    assert!(streams.len() > 90, "test data is missing: {}", streams.len());
    check_all(streams);
}

#[test]
fn recorded_streams() {
    let Some(root) = env::var_os("MILLSTREAM_CORPUS").map(PathBuf::from) else {
        println!("not run: MILLSTREAM_CORPUS is not set");
        return;
    };
    let manifest = fs::read_to_string(root.join("MANIFEST.tsv")).unwrap();
    let streams = manifest.lines().skip(1).map(|line| {
        let (file, rest) = line.split_once('\t').unwrap();
        let format = match rest.split('\t').next().unwrap() {
            "other" => Format::GeminiInteractions,
            name => name.replace('_', "-").parse().unwrap(),
        };
        (file.to_owned(), format, fs::read(root.join(file)).unwrap())
    });
    check_all(streams.collect());
}
