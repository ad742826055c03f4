//! No value can forge a field or an event, whatever it holds.

use std::time::Duration;

use proptest::prelude::*;
use stream_sse::{
    Decoded, Decoder, DecoderLimits, Encoder, EventName, FieldError, FrameRef, LastEventId,
    SseFrame,
};

use crate::reference;
use crate::support::{Item, Outcome, decode, pieces};

/// What breaks careless writers.
const HOSTILE: &[&str] = &[
    "\r",
    "\n",
    "\r\n",
    "\n\n",
    "\0",
    "\u{2028}",
    "\u{2029}",
    "\u{85}",
    "\u{FEFF}",
    ":",
    " ",
    "data: forged",
    "id: 666",
    "event: forged",
    "retry: 1",
    "\\n",
    "a",
    "ü",
    "😀",
];

/// Bytes that are no UTF-8, and none.
const BROKEN: &[&[u8]] = &[b"", b"\xFF", b"\xC3", b"\xE2\x80", b"\xED\xA0\x80"];

/// Text made of what breaks careless writers.
fn hostile() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::collection::vec(prop::sample::select(HOSTILE), 0..8).prop_map(|parts| parts.concat()),
        any::<String>(),
    ]
}

/// The same with bytes that are not UTF-8.
fn hostile_bytes() -> impl Strategy<Value = Vec<u8>> {
    let part = (hostile(), prop::sample::select(BROKEN))
        .prop_map(|(text, broken)| [text.as_bytes(), broken].concat());
    prop::collection::vec(part, 1..3).prop_map(|parts| parts.concat())
}

/// A frame of hostile values; a name or id that is refused is left out.
#[derive(Debug, Clone)]
struct Hostile {
    comment: Option<String>,
    id: Option<LastEventId<'static>>,
    event: Option<EventName<'static>>,
    retry: Option<Duration>,
    data: Option<Vec<u8>>,
}

impl Hostile {
    fn view(&self) -> FrameRef<'_> {
        FrameRef {
            comment: self.comment.as_deref(),
            id: self.id.as_ref(),
            event: self.event.as_ref(),
            retry: self.retry,
            data: self.data.as_deref(),
        }
    }
}

prop_compose! {
    fn hostile_frame()(
        comment in prop::option::of(hostile()),
        id in prop::option::of(hostile()),
        event in prop::option::of(hostile()),
        retry in prop::option::of((0..u64::MAX).prop_map(Duration::from_millis)),
        data in prop::option::of(hostile_bytes()),
    ) -> Hostile {
        Hostile {
            comment,
            id: id.and_then(|id| LastEventId::parse(id).ok()),
            event: event.and_then(|event| EventName::parse(event).ok()),
            retry,
            data,
        }
    }
}

/// Line ends as a client gives them back.
fn normal(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n")
}

/// What a client must see of the frames, and not one thing more.
fn expected(frames: &[Hostile]) -> Outcome {
    let mut outcome = Outcome::default();
    for frame in frames {
        if let Some(comment) = &frame.comment {
            let lines = normal(comment);
            outcome.items.extend(lines.split('\n').map(|line| Item::Comment(line.to_owned())));
        }
        if let Some(id) = &frame.id {
            id.as_str().clone_into(&mut outcome.last_event_id);
        }
        if let Some(retry) = frame.retry {
            outcome.retry_ms = u64::try_from(retry.as_millis()).ok();
        }
        if let Some(data) = &frame.data {
            outcome.items.push(Item::Event {
                event_type: frame.event.as_ref().map_or("message", EventName::as_str).to_owned(),
                data: normal(&String::from_utf8_lossy(data)),
                last_event_id: outcome.last_event_id.clone(),
                sets_id: frame.id.is_some(),
            });
        }
    }
    outcome
}

proptest! {
    #[test]
    fn encoding_then_decoding_is_identity(
        frames in prop::collection::vec(hostile_frame(), 1..12),
        lengths in prop::collection::vec(1..40_usize, 1..6),
    ) {
        let mut encoder = Encoder::new();
        for frame in &frames {
            encoder.push(frame.view());
        }
        let bytes = encoder.take();
        let want = expected(&frames);
        prop_assert_eq!(&reference::interpret(&bytes), &want);
        prop_assert_eq!(decode(DecoderLimits::default(), pieces(&bytes, &lengths)), want);
    }

    #[test]
    fn decoded_frames_are_the_encoded_ones(frame in hostile_frame()) {
        let frame = SseFrame::from(frame.view());
        let data = Some(frame.data.unwrap_or_default());
        let frame = SseFrame { comment: None, data, ..frame };
        let mut encoder = Encoder::new();
        encoder.push(frame.view());
        let mut decoder = Decoder::new();
        let mut events = decoder.push(encoder.as_bytes());
        let got = events.next().and_then(Decoded::event).map(SseFrame::try_from);
        let want = SseFrame { data: frame.data.as_deref().map(normal), ..frame };
        prop_assert_eq!(got, Some(Ok(want)));
        prop_assert_eq!(events.next(), None);
    }
}

/// Frames of a stream that is checked as one.
const FRAMES: usize = 1_000;

/// Streams of so many frames.
const STREAMS: u64 = 1_000;

/// A frame whose every field may be hostile.
fn random_frame(random: &mut fastrand::Rng) -> Hostile {
    let mut text = || {
        let parts = random.usize(0..4);
        let mut part = || random.choice(HOSTILE).copied().unwrap_or_default();
        (0..parts).map(|_| part()).collect::<String>()
    };
    let (comment, id, event, data) = (text(), text(), text(), text());
    let broken = random.choice(BROKEN).copied().unwrap_or_default();
    Hostile {
        comment: random.bool().then_some(comment),
        id: LastEventId::parse(id).ok().filter(|_| random.bool()),
        event: EventName::parse(event).ok().filter(|_| random.bool()),
        retry: random.bool().then(|| Duration::from_millis(random.u64(..))),
        data: Some([data.as_bytes(), broken].concat()),
    }
}

#[test]
fn a_million_hostile_events_are_a_million_events() {
    for seed in 0..STREAMS {
        let mut random = fastrand::Rng::with_seed(seed);
        let frames: Vec<Hostile> = (0..FRAMES).map(|_| random_frame(&mut random)).collect();
        let mut encoder = Encoder::new();
        for frame in &frames {
            encoder.push(frame.view());
        }
        let bytes = encoder.take();
        let lengths: Vec<usize> = (0..8).map(|_| random.usize(1..200)).collect();
        let got = decode(DecoderLimits::default(), pieces(&bytes, &lengths));
        assert!(got == expected(&frames), "seed {seed}");
    }
}

/// What advisories about event streams inject: each line end, alone and as a blank line.
const PAYLOADS: [&str; 8] = [
    "x\ndata: forged",
    "x\rdata: forged",
    "x\r\ndata: forged",
    "x\n\nevent: admin\ndata: forged\n\n",
    "x\r\revent: admin\rdata: forged\r\r",
    "x\r\n\r\nid: 666\r\ndata: forged\r\n\r\n",
    "\nretry: 1",
    "\r",
];

/// Checks that no payload can become a name or an id.
fn check_names_and_ids() {
    for payload in PAYLOADS {
        assert!(EventName::parse(payload).is_err(), "{payload:?}");
        assert!(LastEventId::parse(payload).is_err(), "{payload:?}");
    }
}

/// Checks that a payload in data and in a comment stays the one event and the one comment.
fn check_data_and_comments() {
    for payload in PAYLOADS {
        let frame = Hostile {
            comment: Some(payload.to_owned()),
            id: None,
            event: None,
            retry: None,
            data: Some(payload.as_bytes().to_vec()),
        };
        let mut encoder = Encoder::new();
        encoder.push(frame.view());
        let outcome = reference::interpret(encoder.as_bytes());
        assert_eq!(outcome, expected(&[frame]), "{payload:?}");
    }
}

/// CVE-2026-29085 (hono): line ends in the event's name, id and retry.
///
/// A reconnection time is a `Duration` here, which holds no text.
#[test]
fn line_ends_in_names_and_ids_are_refused() {
    check_names_and_ids();
}

/// CVE-2026-33128 (h3): line ends in the id, name, data and comment.
#[test]
fn line_ends_in_data_and_comments_stay_inside() {
    check_names_and_ids();
    check_data_and_comments();
}

/// CVE-2026-44214 (eventsource-encoder) and CVE-2026-44217 (sse-channel): foreign text as a name or
/// id begins fields and events of its own.
#[test]
fn an_id_from_a_foreign_stream_cannot_carry_a_line_end() {
    check_names_and_ids();
    let mut decoder = Decoder::new();
    let mut events = decoder.push(b"id: 1\revent: e\r\ndata: x\n\n");
    let event = events.next().and_then(Decoded::event).expect("an event");
    let frame = SseFrame::try_from(event).expect("a valid frame");
    assert_eq!(frame.id, LastEventId::parse("1").ok());
    assert_eq!(frame.event, EventName::parse("e").ok());
}

/// A NUL in a name passes the standard's parser, and is refused when the event is sent on.
#[test]
fn a_nul_in_a_foreign_name_is_refused() {
    let mut decoder = Decoder::new();
    let mut events = decoder.push(b"event: a\0b\ndata: x\n\n");
    let event = events.next().and_then(Decoded::event).expect("an event");
    let want = FieldError::Forbidden { character: '\0', offset: 1 };
    assert_eq!(SseFrame::try_from(event), Err(want));
}
