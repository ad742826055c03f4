//! What each format looks like on the wire, written out for a reader.
//!
//! `testdata/encoded/NAME/` holds a stream of the test data in every output format.
//! With `UPDATE=1` in the environment the files are written anew.

use std::path::Path;
use std::{env, fs};

use llm_stream::{Format, OutputFormat, decode, encode};

/// Encodes `testdata/SOURCE.sse` in every format and compares with `testdata/encoded/NAME/`.
#[track_caller]
fn check(format: Format, source: &str) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata");
    let bytes = fs::read(root.join(format.as_str()).join(source).with_extension("sse")).unwrap();
    let events = decode(format, &bytes);
    let folder = root.join("encoded").join(format!("{format}-{source}"));
    for output in OutputFormat::ALL {
        let extension = if output.is_sse() { "sse" } else { "txt" };
        let path = folder.join(output.as_str()).with_extension(extension);
        let got = String::from_utf8(encode(output, &events)).unwrap();
        if env::var_os("UPDATE").is_some() {
            fs::create_dir_all(&folder).unwrap();
            fs::write(&path, got).unwrap();
            continue;
        }
        let want = fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(got, want, "{} (UPDATE=1 blesses)", path.display());
    }
}

#[test]
fn reasoning_with_its_signature() {
    check(Format::Anthropic, "thinking");
}

#[test]
fn calls_that_the_provider_runs() {
    check(Format::Anthropic, "server-tools");
}

#[test]
fn calls_side_by_side() {
    check(Format::OpenAiChat, "tools-parallel");
}

#[test]
fn several_choices() {
    check(Format::OpenAiChat, "choices");
}

#[test]
fn a_refusal() {
    check(Format::OpenAiResponses, "refusal");
}

#[test]
fn a_stream_that_breaks_off() {
    check(Format::OpenAiChat, "cut-between-events");
}

#[test]
fn an_error_in_the_middle() {
    check(Format::OpenAiChat, "in-band-error");
}
