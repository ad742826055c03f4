//! The recorded provider streams, if there are any at hand.

#![expect(clippy::print_stdout, reason = "says how many recordings were run, or that none were")]

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{env, fs, thread};

use llm_stream::{
    Assembly, Decoder, EndStatus, EventBody, Executor, Format, Metadata, StreamEvent,
};
use serde_json::Value;

use crate::neutral::with_neutral_payloads;

/// One line of the corpus's manifest.
struct Recording {
    file: String,
    format: Format,
    expected: PathBuf,
    bytes: Vec<u8>,
    strict: bool,
}

/// All recordings; `None` if no corpus is named.
fn recordings() -> Option<Vec<Recording>> {
    let root = PathBuf::from(env::var_os("MILLSTREAM_CORPUS")?);
    let manifest = fs::read_to_string(root.join("MANIFEST.tsv")).unwrap();
    let mut lines = manifest.lines().map(|line| line.split('\t').collect::<Vec<_>>());
    let head = lines.next().unwrap();
    let column = |name: &str| head.iter().position(|field| *field == name).unwrap();
    let (file, format) = (column("file"), column("format"));
    let (expected, strict) = (column("expected"), column("strict"));
    Some(
        lines
            .map(|line| Recording {
                file: line[file].to_owned(),
                format: format_of(line[format]),
                expected: root.join(line[expected]),
                bytes: fs::read(root.join(line[file])).unwrap(),
                strict: line[strict] == "yes",
            })
            .collect(),
    )
}

fn format_of(name: &str) -> Format {
    match name {
        "other" => Format::GeminiInteractions,
        name => name.replace('_', "-").parse().unwrap(),
    }
}

fn events(format: Format, pieces: &[&[u8]]) -> Vec<StreamEvent> {
    let mut decoder = Decoder::new(format);
    let mut events = Vec::new();
    for piece in pieces {
        decoder.push(piece);
        events.extend(std::iter::from_fn(|| decoder.next_event()));
    }
    decoder.finish();
    events.extend(std::iter::from_fn(|| decoder.next_event()));
    events
}

fn read_json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// What differs between an assembly and its expectation.
fn differences(assembly: &Assembly, expected: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let mut check = |what: String, got: Value, want: &Value| {
        if got != *want {
            found.push(format!("{what}: got {got}, want {want}"));
        }
    };
    // A choice of which nothing is said leaves no events.
    let said = |choice: &&Value| {
        let empty = |field: &str| choice[field].as_str().is_none_or(str::is_empty);
        !["text", "reasoning", "refusal", "finish_reason"].into_iter().all(empty)
            || choice["tool_calls"].as_array().is_some_and(|calls| !calls.is_empty())
    };
    let choices: Vec<&Value> =
        expected["choices"].as_array().into_iter().flatten().filter(said).collect();
    check("choices".into(), assembly.choices().len().into(), &choices.len().into());
    for (got, want) in assembly.choices().iter().zip(choices) {
        let name = |field: &str| format!("choice {} {field}", got.index);
        check(name("index"), got.index.into(), &want["index"]);
        check(name("text"), got.text.clone().into(), &want["text"]);
        check(name("reasoning"), got.reasoning.clone().into(), &want["reasoning"]);
        check(name("refusal"), got.refusal.clone().into(), &want["refusal"]);
        let finish = got.finish.as_ref().map(|finish| finish.provider_reason.clone());
        check(name("finish_reason"), finish.into(), &want["finish_reason"]);
        let calls: Vec<Value> = got
            .tool_calls
            .iter()
            .filter(|call| call.by == Executor::Client)
            .map(|call| serde_json::json!([call.id, call.name, value_or_text(&call.arguments)]))
            .collect();
        let wanted = want["tool_calls"].as_array().unwrap();
        let wanted: Vec<Value> = wanted
            .iter()
            .filter(|call| call["by"] == "client")
            .map(|call| {
                let arguments = value_or_text(call["arguments"].as_str().unwrap());
                let id = call["id"].as_str().unwrap_or_default();
                serde_json::json!([id, call["name"], arguments])
            })
            .collect();
        check(name("tool_calls"), calls.into(), &wanted.into());
    }
    let usage = assembly.usage().and_then(|usage| usage.raw.as_ref());
    let usage = usage.map_or(Value::Null, |raw| raw.parse().unwrap());
    check("usage".into(), without_nulls(&usage), &without_nulls(&expected["usage"]));
    let errors = assembly.errors().iter().filter(|error| error.is_from_provider());
    let errors: Vec<Value> =
        errors.map(|error| error.raw.as_ref().unwrap().parse().unwrap()).collect();
    check("errors".into(), errors.into(), &expected["errors"]);
    let other_errors = assembly.errors().iter().filter(|error| !error.is_from_provider());
    check("decoder errors".into(), other_errors.count().into(), &0.into());
    let terminal = assembly.status() == Some(EndStatus::Complete);
    check("terminal".into(), terminal.into(), &expected["terminal"]);
    if let Some(model) = expected["model"].as_str() {
        check("model".into(), assembly.model().into(), &model.into());
    }
    found
}

/// Whole arguments compare as values, cut ones as text.
fn value_or_text(arguments: &str) -> Value {
    serde_json::from_str(arguments).unwrap_or_else(|_| arguments.into())
}

fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(fields) => fields
            .iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect::<serde_json::Map<_, _>>()
            .into(),
        other => other.clone(),
    }
}

#[test]
fn recordings_decode_to_what_is_expected() {
    let Some(recordings) = recordings() else {
        println!("not run: MILLSTREAM_CORPUS is not set");
        return;
    };
    let mut failed = 0;
    for recording in &recordings {
        let events = events(recording.format, &[&recording.bytes]);
        let assembly: Assembly = events.iter().collect();
        let differences = differences(&assembly, &read_json(&recording.expected));
        if recording.strict && !differences.is_empty() {
            failed += 1;
            println!("{} ({}):\n  {}", recording.file, recording.format, differences.join("\n  "));
        }
    }
    println!("corpus: {} files, {failed} failed", recordings.len());
    assert_eq!(failed, 0);
}

/// Fails unless `pieces`, one after the other, decode to `want`.
#[track_caller]
fn assert_same(recording: &Recording, pieces: &[&[u8]], want: &[StreamEvent], how: &str) {
    let mut decoder = Decoder::new(recording.format);
    let mut seen = 0;
    let mut take = |decoder: &mut Decoder| {
        while let Some(event) = decoder.next_event() {
            assert_eq!(Some(&event), want.get(seen), "{} {how}", recording.file);
            seen += 1;
        }
    };
    for piece in pieces {
        decoder.push(piece);
        take(&mut decoder);
    }
    decoder.finish();
    take(&mut decoder);
    assert_eq!(seen, want.len(), "{} {how}", recording.file);
}

/// The places to cut a recording in two: all of them up to 16 KiB, 2,000 random ones above.
fn cuts(length: usize) -> Vec<usize> {
    const ALL_UP_TO: usize = 16 * 1024;
    const ABOVE: usize = 2_000;
    let mut seed = 0x9E37_79B9_7F4A_7C15_u64;
    let mut random = |below: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(seed >> 33).unwrap() % below
    };
    if length > ALL_UP_TO {
        (0..ABOVE).map(|_| random(length)).collect()
    } else {
        (0..=length).collect()
    }
}

/// Runs `check` on every recording, on all cores.
fn for_each_recording(check: impl Fn(&Recording) + Sync) {
    let Some(recordings) = recordings() else {
        println!("not run: MILLSTREAM_CORPUS is not set");
        return;
    };
    let next = AtomicUsize::new(0);
    let threads = thread::available_parallelism().map_or(1, usize::from);
    #[expect(clippy::disallowed_methods, reason = "a test owns its threads")]
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some(recording) = recordings.get(next.fetch_add(1, Ordering::Relaxed)) {
                    check(recording);
                }
            });
        }
    });
    println!("{} files", recordings.len());
}

#[test]
fn cuts_do_not_matter() {
    for_each_recording(|recording| {
        let bytes = &*recording.bytes;
        let want = events(recording.format, &[bytes]);
        let single: Vec<&[u8]> = bytes.chunks(1).collect();
        assert_same(recording, &single, &want, "byte by byte");
        for cut in cuts(bytes.len()) {
            let (head, tail) = bytes.split_at(cut);
            assert_same(recording, &[head, tail], &want, &format!("cut at byte {cut}"));
        }
    });
}

#[test]
fn the_short_cut_for_repetitions_changes_nothing() {
    for_each_recording(|recording| {
        if let Some(mixed) = with_neutral_payloads(recording.format, &recording.bytes) {
            let got = events(recording.format, &[&mixed]);
            assert_eq!(got, events(recording.format, &[&recording.bytes]), "{}", recording.file);
        }
    });
}

#[test]
fn detection_changes_nothing() {
    for_each_recording(|recording| {
        let mut decoder = Decoder::detect();
        let pieces = recording.bytes.chunks(7);
        let mut got = Vec::new();
        for piece in pieces {
            decoder.push(piece);
            got.extend(std::iter::from_fn(|| decoder.next_event()));
        }
        decoder.finish();
        got.extend(std::iter::from_fn(|| decoder.next_event()));
        assert_eq!(decoder.format(), Some(recording.format), "{}", recording.file);
        assert_eq!(got, events(recording.format, &[&recording.bytes]), "{}", recording.file);
    });
}

#[test]
fn events_survive_json() {
    for_each_recording(|recording| {
        for event in events(recording.format, &[&recording.bytes]) {
            let text = event.to_json();
            assert_eq!(StreamEvent::from_json(&text).unwrap(), event, "{}", recording.file);
            assert!(!text.contains('\n'), "{}", recording.file);
            assert_eq!(serde_json::to_string(&event).unwrap(), text, "{}", recording.file);
            let dict = event.to_dict().unwrap();
            assert_eq!(StreamEvent::from_dict(&dict).unwrap(), event, "{}", recording.file);
        }
    });
}

/// What a recording cut after `length` bytes leaves behind.
fn truncated(recording: &Recording, length: usize) -> (Vec<StreamEvent>, EndStatus) {
    let mut events = events(recording.format, &[&recording.bytes[..length]]);
    let last = events.pop().map(|event| event.body);
    let Some(EventBody::End(end)) = last else { panic!("{}: no end", recording.file) };
    (events, end.status)
}

#[test]
fn a_truncated_stream_is_incomplete_and_keeps_what_came() {
    for_each_recording(|recording| {
        let whole = events(recording.format, &[&recording.bytes]);
        for length in line_ends(&recording.bytes) {
            let (events, status) = truncated(recording, length);
            let deltas = |events: &[StreamEvent]| -> Vec<StreamEvent> {
                let is_delta = |event: &&StreamEvent| matches!(event.body, EventBody::Delta(_));
                events.iter().filter(is_delta).cloned().collect()
            };
            let (got, want) = (deltas(&events), deltas(&whole));
            let name = format!("{} cut after {length} bytes", recording.file);
            assert!(want.starts_with(&got), "{name}: other deltas than the whole");
            let errors = events.iter().filter(|event| matches!(event.body, EventBody::Error(_)));
            let whole_errors =
                whole.iter().filter(|event| matches!(event.body, EventBody::Error(_)));
            assert!(errors.count() <= whole_errors.count(), "{name}: an error of its own");
            let finished = events.iter().any(|event| {
                matches!(&event.body, EventBody::Metadata(metadata)
                    if matches!(**metadata, Metadata::Finish(_)))
            });
            let done = finished || says_done(&recording.bytes[..length]);
            if !done {
                assert_ne!(status, EndStatus::Complete, "{name}");
            }
        }
    });
}

/// Just after each line, which is also after each event.
fn line_ends(bytes: &[u8]) -> Vec<usize> {
    let ends = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
    ends.map(|(at, _)| at + 1).collect()
}

/// Whether there is a sign of the end that is no finish reason.
fn says_done(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    text.contains("[DONE]") || text.contains("\"blockReason\"")
}
