//! The laws of the decoders of provider streams.

use std::fs;
use std::path::Path;
use std::sync::OnceLock;

use llm_stream::{Decoder, EventBody, Format, StreamEvent};

use crate::input::{Input, cut};

/// Checks that a decoder of one of `formats` makes the same of a stream however it is cut, ends it
/// once, and makes events that survive JSON.
///
/// The stream is the fuzzer's own, or a valid one that the fuzzer damages.
pub fn check_provider(formats: &[Format], data: &[u8]) {
    let mut input = Input::new(data);
    let format = formats[input.below(formats.len())];
    let lengths = input.lengths();
    let stream = stream(formats, &mut input);
    let whole = events(Decoder::new(format), &[&stream]);
    assert_eq!(events(Decoder::new(format), &cut(&stream, &lengths)), whole);
    check_events(&whole);
}

/// Checks the same of a decoder that finds out the format by itself.
pub fn check_detection(data: &[u8]) {
    let mut input = Input::new(data);
    let lengths = input.lengths();
    let stream = stream(&Format::ALL, &mut input);
    let whole = events(Decoder::detect(), &[&stream]);
    assert_eq!(events(Decoder::detect(), &cut(&stream, &lengths)), whole);
    check_events(&whole);
}

fn check_events(events: &[StreamEvent]) {
    let ends = events.iter().filter(|event| matches!(event.body, EventBody::End(_))).count();
    assert_eq!(ends, 1, "a stream has one end");
    let last = events.last().map(|event| &event.body);
    assert!(matches!(last, Some(EventBody::End(_))), "nothing comes behind the end");
    for event in events {
        let json = event.to_json();
        assert!(!json.contains(['\n', '\r']), "an event is one line: {json:?}");
        assert_eq!(StreamEvent::from_json(&json).ok().as_ref(), Some(event), "{json}");
    }
}

pub(crate) fn events(mut decoder: Decoder, pieces: &[&[u8]]) -> Vec<StreamEvent> {
    let mut events = Vec::new();
    for piece in pieces {
        decoder.push(piece);
        events.extend(std::iter::from_fn(|| decoder.next_event()));
    }
    decoder.finish();
    events.extend(std::iter::from_fn(|| decoder.next_event()));
    events
}

/// The rest of the input, or what it makes of a stream that is valid.
pub(crate) fn stream(formats: &[Format], input: &mut Input<'_>) -> Vec<u8> {
    let fixtures = fixtures();
    let valid: Vec<&Vec<u8>> = fixtures
        .iter()
        .filter(|(format, _)| formats.contains(format))
        .map(|(_, bytes)| bytes)
        .collect();
    if input.byte().is_multiple_of(4) || valid.is_empty() {
        return input.rest().to_vec();
    }
    let mut stream = valid[input.below(valid.len())].clone();
    while !input.is_empty() && !stream.is_empty() {
        damage(&mut stream, input);
    }
    stream
}

/// One change of some bytes.
fn damage(stream: &mut Vec<u8>, input: &mut Input<'_>) {
    let at = input.below(stream.len());
    match input.byte() % 4 {
        0 => stream[at] = input.byte(),
        1 => drop(stream.splice(at..at, input.bytes().iter().copied())),
        2 => {
            let end = stream.len().min(at + usize::from(input.byte()));
            stream.drain(at..end);
        }
        _ => {
            let end = stream.len().min(at + usize::from(input.byte()));
            stream.extend_from_within(at..end);
        }
    }
}

/// The streams of the decoders' own test data; none if they do not lie there.
fn fixtures() -> &'static [(Format, Vec<u8>)] {
    static FIXTURES: OnceLock<Vec<(Format, Vec<u8>)>> = OnceLock::new();
    FIXTURES.get_or_init(|| {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../llm-stream/testdata");
        let mut fixtures = Vec::new();
        for format in Format::ALL {
            let files = fs::read_dir(root.join(format.as_str())).into_iter().flatten().flatten();
            // Golden events lie beside the streams, with a name of their own.
            let streams = files
                .map(|file| file.path())
                .filter(|path| path.extension().is_some_and(|extension| extension != "jsonl"));
            let mut streams: Vec<_> = streams.collect();
            streams.sort();
            fixtures.extend(streams.iter().filter_map(|path| Some((format, fs::read(path).ok()?))));
        }
        fixtures
    })
}
