//! Hand-written streams of every format and quirk, and the events that they must give.
//!
//! `testdata/FORMAT/NAME.{sse,ndjson,json}` decodes to `testdata/FORMAT/NAME.jsonl`.
//! With `UPDATE=1` in the environment the latter are written anew.

use std::path::{Path, PathBuf};
use std::{env, fs};

use llm_stream::{Decoder, EventBody, Format, Limits, StreamEvent};

use crate::neutral::with_neutral_payloads;

/// A stream of the test data.
struct Fixture {
    path: PathBuf,
    format: Format,
    bytes: Vec<u8>,
}

fn fixtures() -> Vec<Fixture> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata");
    let mut found = Vec::new();
    for format in Format::ALL {
        for entry in fs::read_dir(root.join(format.as_str())).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension != "jsonl") {
                let bytes = fs::read(&path).unwrap();
                found.push(Fixture { path, format, bytes });
            }
        }
    }
    found.sort_by(|left, right| left.path.cmp(&right.path));
    assert!(found.len() > 100, "test data is missing");
    found
}

fn drain(decoder: &mut Decoder, lines: &mut String) {
    while let Some(event) = decoder.next_event() {
        lines.push_str(&event.to_json());
        lines.push('\n');
    }
}

/// The events of `pieces`, one after the other, as JSON lines.
fn decode(mut decoder: Decoder, pieces: &[&[u8]]) -> String {
    let mut lines = String::new();
    for piece in pieces {
        decoder.push(piece);
        drain(&mut decoder, &mut lines);
    }
    decoder.finish();
    drain(&mut decoder, &mut lines);
    decoder.finish();
    decoder.push(b"data: late\n\n");
    drain(&mut decoder, &mut lines);
    lines
}

fn whole(fixture: &Fixture) -> String {
    decode(Decoder::new(fixture.format), &[&fixture.bytes])
}

#[test]
fn streams_give_their_events() {
    let bless = env::var_os("UPDATE").is_some();
    for fixture in fixtures() {
        let got = whole(&fixture);
        let golden = fixture.path.with_extension("jsonl");
        if bless {
            fs::write(&golden, got).unwrap();
            continue;
        }
        let want = fs::read_to_string(&golden).unwrap_or_default();
        assert_eq!(got, want, "{} (UPDATE=1 blesses)", fixture.path.display());
    }
}

#[test]
fn cuts_do_not_matter() {
    for fixture in fixtures() {
        let want = whole(&fixture);
        let name = fixture.path.display();
        let single: Vec<&[u8]> = fixture.bytes.chunks(1).collect();
        let got = decode(Decoder::new(fixture.format), &single);
        assert_eq!(got, want, "{name} byte by byte");
        for cut in 0..=fixture.bytes.len() {
            let (head, tail) = fixture.bytes.split_at(cut);
            let got = decode(Decoder::new(fixture.format), &[head, tail]);
            assert_eq!(got, want, "{name} cut at byte {cut}");
        }
    }
}

#[test]
fn the_short_cut_for_repetitions_changes_nothing() {
    for fixture in fixtures() {
        if let Some(mixed) = with_neutral_payloads(fixture.format, &fixture.bytes) {
            let got = decode(Decoder::new(fixture.format), &[&mixed]);
            assert_eq!(got, whole(&fixture), "{}", fixture.path.display());
        }
    }
}

#[test]
fn every_beginning_decodes_and_ends() {
    for fixture in fixtures() {
        for cut in 0..fixture.bytes.len() {
            let events = llm_stream::decode(fixture.format, &fixture.bytes[..cut]);
            let ends = events.iter().filter(|event| matches!(event.body, EventBody::End(_)));
            assert_eq!(ends.count(), 1, "{} cut at byte {cut}", fixture.path.display());
            assert!(matches!(events.last().unwrap().body, EventBody::End(_)));
            assert!(matches!(events.first().unwrap().body, EventBody::Start(_)));
        }
    }
}

#[test]
fn events_survive_json() {
    for fixture in fixtures() {
        let name = fixture.path.display();
        for line in whole(&fixture).lines() {
            let event = StreamEvent::from_json(line).unwrap();
            assert_eq!(event.to_json(), line, "{name}");
            assert_eq!(serde_json::to_string(&event).unwrap(), line, "{name}");
            let dict = event.to_dict().unwrap();
            assert_eq!(StreamEvent::from_dict(&dict).unwrap(), event, "{name}");
        }
    }
}

#[test]
fn formats_are_detected_where_they_can_be() {
    for fixture in fixtures() {
        let mut decoder = Decoder::detect();
        decoder.push(&fixture.bytes);
        let detected = decoder.format();
        let name = fixture.path.display().to_string();
        // Nothing but an error, or nothing at all, is the same in several formats.
        let ambiguous = ["empty", "error-alone", "error-text", "error-body"];
        if ambiguous.iter().any(|known| name.contains(known)) {
            assert_eq!(detected, None, "{name}");
            continue;
        }
        assert_eq!(detected, Some(fixture.format), "{name}");
        assert_eq!(decode(Decoder::detect(), &[&fixture.bytes]), whole(&fixture), "{name}");
    }
}

#[test]
fn an_error_of_no_format_is_an_error_all_the_same() {
    let bytes = b"data: {\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}\n\n";
    let lines = decode(Decoder::detect(), &[bytes]);
    assert!(lines.contains(r#""type":"error","content":"Overloaded""#), "{lines}");
    assert!(lines.contains(r#"{"status":"failed"}"#), "{lines}");
}

#[test]
fn tiny_limits_end_in_errors_and_not_in_panics() {
    let limits =
        Limits::default().payload_bytes(150).choices(1).tool_calls(1).tool_arguments_bytes(8);
    for fixture in fixtures() {
        for bytes in [300, u64::MAX] {
            let limits = limits.stream_bytes(bytes);
            let want = decode(Decoder::with_limits(fixture.format, limits), &[&fixture.bytes]);
            let single: Vec<&[u8]> = fixture.bytes.chunks(1).collect();
            let got = decode(Decoder::with_limits(fixture.format, limits), &single);
            assert_eq!(got, want, "{}", fixture.path.display());
        }
    }
}
