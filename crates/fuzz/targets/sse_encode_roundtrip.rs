//! Written frames are read back as they were, and no value of theirs makes one event more.
//!
//! Mirrored by `encoding_then_decoding_is_identity` in
//! `crates/stream-sse/tests/it/injection.rs`.
#![no_main]

use std::time::Duration;

use fuzz::{Input, cut};
use stream_sse::{Decoded, Decoder, Encoder, EventName, LastEventId, SseFrame};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let mut input = Input::new(data);
    let lengths = input.lengths();
    let mut frames = Vec::new();
    while !input.is_empty() {
        frames.push(frame(&mut input));
    }
    let mut encoder = Encoder::new();
    for frame in &frames {
        encoder.push(frame.view());
    }
    let bytes = encoder.take();
    let mut decoder = Decoder::new();
    let mut got = Vec::new();
    for piece in cut(&bytes, &lengths) {
        let mut events = decoder.push(piece);
        while let Some(item) = events.next() {
            let Decoded::Event(event) = item else { panic!("unexpected {item:?}") };
            got.push(SseFrame::try_from(event).expect("what was written can be written again"));
        }
    }
    let last_id = frames.iter().rev().find_map(|frame| frame.id.as_ref());
    assert_eq!(decoder.last_event_id(), last_id.map_or("", LastEventId::as_str));
    let last_retry = frames.iter().rev().find_map(|frame| frame.retry);
    assert_eq!(decoder.retry(), last_retry);
    assert_eq!(got, frames.into_iter().filter_map(seen).collect::<Vec<_>>());
});

/// A frame in which each part may be missing; a name or an id that is refused is.
fn frame(input: &mut Input<'_>) -> SseFrame {
    let parts = input.byte();
    let mut part = |bit: u8| (parts & bit > 0).then(|| input.text());
    SseFrame {
        comment: part(1),
        id: part(2).and_then(|text| Some(LastEventId::parse(text).ok()?.into_owned())),
        event: part(4).and_then(|text| Some(EventName::parse(text).ok()?.into_owned())),
        data: part(8),
        retry: (parts & 16 > 0).then(|| Duration::from_millis(input.short() as u64)),
    }
}

/// What a client sees of a frame: an event if it has data, with line ends as line feeds.
fn seen(frame: SseFrame) -> Option<SseFrame> {
    let data = frame.data?.replace("\r\n", "\n").replace('\r', "\n");
    let event = frame.event.filter(|name| !name.as_str().is_empty());
    Some(SseFrame { comment: None, data: Some(data), event, ..frame })
}
