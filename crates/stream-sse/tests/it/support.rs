//! What the tests share: owned items, and decoding in all manners of pieces.

use std::time::Instant;

use stream_sse::{Damage, Decoded, Decoder, DecoderLimits};

/// An item that owns its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Item {
    Event { event_type: String, data: String, last_event_id: String, sets_id: bool },
    Comment(String),
    Damage(Damage),
}

/// What a stream comes to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Outcome {
    pub(crate) items: Vec<Item>,
    pub(crate) last_event_id: String,
    pub(crate) retry_ms: Option<u64>,
}

impl From<Decoded<'_>> for Item {
    fn from(decoded: Decoded<'_>) -> Self {
        match decoded {
            Decoded::Event(event) => Self::Event {
                event_type: event.event_type_str().into_owned(),
                data: event.data_str().into_owned(),
                last_event_id: event.last_event_id().to_owned(),
                sets_id: event.id().is_some(),
            },
            Decoded::Comment(text) => Self::Comment(String::from_utf8_lossy(text).into_owned()),
            Decoded::Damage(damage) => Self::Damage(damage),
            other => panic!("unknown item {other:?}"),
        }
    }
}

/// An event without an id of its own.
pub(crate) fn event(event_type: &str, data: &str) -> Item {
    Item::Event {
        event_type: event_type.to_owned(),
        data: data.to_owned(),
        last_event_id: String::new(),
        sets_id: false,
    }
}

/// Reads all there is to read.
pub(crate) fn push(decoder: &mut Decoder, chunk: &[u8]) -> Vec<Item> {
    let mut items = Vec::new();
    let mut events = decoder.push(chunk);
    while let Some(item) = events.next() {
        items.push(item.into());
    }
    items
}

/// Finishes the stream as a provider means it.
pub(crate) fn finish(decoder: &mut Decoder) -> Vec<Item> {
    let mut items = Vec::new();
    while let Some(item) = decoder.finish() {
        items.push(item.into());
    }
    items
}

/// Sums up what was decoded.
pub(crate) fn outcome(decoder: &Decoder, items: Vec<Item>) -> Outcome {
    let retry_ms = decoder.retry().map(|retry| u64::try_from(retry.as_millis()).unwrap());
    Outcome { items, last_event_id: decoder.last_event_id().to_owned(), retry_ms }
}

/// Decodes chunks as a browser does.
pub(crate) fn decode<'a>(
    limits: DecoderLimits,
    chunks: impl IntoIterator<Item = &'a [u8]>,
) -> Outcome {
    let mut decoder = Decoder::with_limits(limits).report_comments();
    let items = chunks.into_iter().flat_map(|chunk| push(&mut decoder, chunk)).collect();
    outcome(&decoder, items)
}

/// Decodes the whole input, byte by byte, and cut in two at every place; all must agree.
#[track_caller]
pub(crate) fn decode_every_way(limits: DecoderLimits, input: &[u8]) -> Outcome {
    let whole = decode(limits, [input]);
    assert_eq!(decode(limits, input.chunks(1)), whole, "byte by byte");
    for cut in 0..=input.len() {
        let (head, tail) = input.split_at(cut);
        assert_eq!(decode(limits, [head, tail]), whole, "cut at byte {cut}");
        assert_eq!(decode(limits, [head, &[], tail]), whole, "empty chunk at byte {cut}");
    }
    whole
}

/// Cuts `input` into pieces whose lengths come from `lengths`, over and over.
pub(crate) fn pieces<'a>(input: &'a [u8], lengths: &[usize]) -> Vec<&'a [u8]> {
    let mut rest = input;
    let mut pieces = Vec::new();
    for length in lengths.iter().cycle() {
        if rest.is_empty() || lengths.iter().all(|&length| length == 0) {
            break;
        }
        let (piece, tail) = rest.split_at(rest.len().min(*length));
        pieces.push(piece);
        rest = tail;
    }
    pieces.push(rest);
    pieces
}

/// A moment to count from; no test looks at how far the clock goes on.
#[expect(clippy::disallowed_methods, reason = "a moment cannot be made in another way")]
pub(crate) fn t0() -> Instant {
    Instant::now()
}
