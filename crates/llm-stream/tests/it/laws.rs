//! Laws that hold for any input: cuts do not matter, JSON loses nothing, nothing panics.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::OnceLock;

use llm_stream::{
    Channel, Decoder, Delta, End, EndStatus, ErrorKind, EventBody, Executor, Finish, FinishReason,
    Format, Identity, Logprobs, Metadata, Opaque, RawEvent, RawJson, Signature, Start, StreamError,
    StreamEvent, ToolCall, ToolCallAssembler, ToolFragment, ToolStart, Usage,
};
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use crate::neutral::with_neutral_payloads;

/// The streams of the test data.
fn streams() -> &'static [(Format, Vec<u8>)] {
    static STREAMS: OnceLock<Vec<(Format, Vec<u8>)>> = OnceLock::new();
    STREAMS.get_or_init(|| {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata");
        let mut streams = Vec::new();
        for format in Format::ALL {
            for entry in fs::read_dir(root.join(format.as_str())).unwrap() {
                let path = entry.unwrap().path();
                if path.extension().is_some_and(|extension| extension != "jsonl") {
                    streams.push((format, fs::read(path).unwrap()));
                }
            }
        }
        streams
    })
}

fn stream() -> impl Strategy<Value = (Format, Vec<u8>)> {
    (0..streams().len()).prop_map(|at| streams()[at].clone())
}

fn decode_in_pieces(mut decoder: Decoder, bytes: &[u8], sizes: &[usize]) -> Vec<StreamEvent> {
    let mut events = Vec::new();
    let mut rest = bytes;
    for size in sizes.iter().cycle() {
        let (piece, after) = rest.split_at((*size).min(rest.len()));
        decoder.push(piece);
        events.extend(std::iter::from_fn(|| decoder.next_event()));
        rest = after;
        if rest.is_empty() {
            break;
        }
    }
    decoder.finish();
    events.extend(std::iter::from_fn(|| decoder.next_event()));
    events
}

/// One change of some bytes.
#[derive(Debug, Clone)]
enum Mutation {
    Replace(prop::sample::Index, u8),
    Insert(prop::sample::Index, Vec<u8>),
    Remove(prop::sample::Index, usize),
    Repeat(prop::sample::Index, usize),
}

fn mutation() -> impl Strategy<Value = Mutation> {
    let token = prop::sample::select(vec![
        "\"",
        "\\",
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\n",
        "\n\n",
        "\r",
        "null",
        "0",
        "-1",
        "1e99",
        "\\ud83d",
        "\\ude00",
        "data: ",
        "event: error\n",
        "[DONE]",
        "\u{feff}",
        "\u{10F03D}",
    ]);
    prop_oneof![
        (any::<prop::sample::Index>(), any::<u8>())
            .prop_map(|(at, byte)| Mutation::Replace(at, byte)),
        (any::<prop::sample::Index>(), token)
            .prop_map(|(at, text)| Mutation::Insert(at, text.as_bytes().to_vec())),
        (any::<prop::sample::Index>(), 1..40_usize)
            .prop_map(|(at, length)| Mutation::Remove(at, length)),
        (any::<prop::sample::Index>(), 1..200_usize)
            .prop_map(|(at, length)| Mutation::Repeat(at, length)),
    ]
}

fn mutate(bytes: &mut Vec<u8>, mutation: &Mutation) {
    if bytes.is_empty() {
        return;
    }
    match mutation {
        Mutation::Replace(at, byte) => {
            let at = at.index(bytes.len());
            bytes[at] = *byte;
        }
        Mutation::Insert(at, text) => {
            let at = at.index(bytes.len());
            bytes.splice(at..at, text.iter().copied());
        }
        Mutation::Remove(at, length) => {
            let at = at.index(bytes.len());
            bytes.drain(at..(at + length).min(bytes.len()));
        }
        Mutation::Repeat(at, length) => {
            let at = at.index(bytes.len());
            let piece = bytes[at..(at + length).min(bytes.len())].to_vec();
            bytes.splice(at..at, piece);
        }
    }
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof!["[ -~]{0,12}", "\\PC{0,8}", "[\\x00-\\x1f\"\\\\\u{2028}😀é]{0,6}"]
}

fn raw() -> impl Strategy<Value = RawJson> {
    prop::sample::select(vec![
        "0",
        "1.50",
        "123456789012345678901234567890",
        "\"a\\u00e9\\n\"",
        "{\"b\": 1,\"a\": [true, {}]}",
        "[ ]",
    ])
    .prop_map(|text| serde_json::from_str(text).unwrap())
}

fn number() -> impl Strategy<Value = u32> {
    prop_oneof![Just(0), 1..100_u32, Just(u32::MAX)]
}

fn pick<T: Copy + std::fmt::Debug + 'static>(values: &'static [T]) -> impl Strategy<Value = T> {
    prop::sample::select(values)
}

const CHANNELS: &[Channel] =
    &[Channel::Text, Channel::Reasoning, Channel::Refusal, Channel::ToolArguments];
const EXECUTORS: &[Executor] = &[Executor::Client, Executor::Server];
const STATUSES: &[EndStatus] = &[EndStatus::Complete, EndStatus::Failed, EndStatus::Incomplete];
const REASONS: &[FinishReason] = &[
    FinishReason::Stop,
    FinishReason::Length,
    FinishReason::ToolCalls,
    FinishReason::ContentFilter,
    FinishReason::Refusal,
    FinishReason::Pause,
    FinishReason::Error,
    FinishReason::Other,
];
const KINDS: &[ErrorKind] = &[
    ErrorKind::InvalidRequest,
    ErrorKind::RateLimit,
    ErrorKind::Malformed,
    ErrorKind::Limit,
    ErrorKind::Other,
];

fn metadata() -> impl Strategy<Value = Metadata> {
    let opaque = || {
        (number(), number(), option::of(text()), raw())
            .prop_map(|(choice, part, kind, raw)| Opaque { choice, part, kind, raw })
    };
    prop_oneof![
        (option::of(text()), option::of(text()))
            .prop_map(|(id, model)| Metadata::Identity(Identity { id, model })),
        (number(), number(), number(), text(), text(), pick(EXECUTORS)).prop_map(
            |(choice, part, index, id, name, by)| {
                Metadata::ToolStart(ToolStart { choice, part, index, id, name, by })
            }
        ),
        (number(), pick(REASONS), text(), option::of(text()), option::of(raw())).prop_map(
            |(choice, reason, provider_reason, stop_sequence, details)| {
                let finish = Finish { choice, reason, provider_reason, stop_sequence, details };
                Metadata::Finish(finish)
            }
        ),
        (option::of(any::<u64>()), option::of(any::<u64>()), option::of(raw())).prop_map(
            |(input_tokens, reasoning_tokens, raw)| {
                Metadata::Usage(Usage { input_tokens, reasoning_tokens, raw, ..Usage::default() })
            }
        ),
        (number(), number(), text()).prop_map(|(choice, part, signature)| {
            Metadata::Signature(Signature { choice, part, signature })
        }),
        opaque().prop_map(Metadata::Citation),
        opaque().prop_map(Metadata::Block),
        (number(), raw()).prop_map(|(choice, raw)| Metadata::Logprobs(Logprobs { choice, raw })),
        (option::of(number()), btree_map(text(), raw(), 0..3))
            .prop_map(|(choice, fields): (_, BTreeMap<_, _>)| Metadata::Extra { choice, fields }),
        (option::of(text()), raw()).prop_map(|(event, raw)| Metadata::Raw(RawEvent { event, raw })),
        "[a-z]{0,3}".prop_map(|kind| Metadata::Custom { kind }),
    ]
}

fn body() -> impl Strategy<Value = EventBody> {
    let format = pick(&Format::ALL);
    prop_oneof![
        (option::of(format), option::of(text()), option::of(text()), option::of(any::<u64>()))
            .prop_map(|(format, id, model, created)| {
                EventBody::Start(Box::new(Start { format, id, model, created }))
            }),
        (number(), number(), pick(CHANNELS), text()).prop_map(|(choice, part, channel, text)| {
            EventBody::Delta(Delta { choice, part, channel, text })
        }),
        (
            number(),
            number(),
            text(),
            text(),
            pick(EXECUTORS),
            any::<(bool, bool)>(),
            option::of(raw())
        )
            .prop_map(|(choice, index, name, arguments, by, (complete, custom), raw)| {
                let id = name.clone();
                let part = index;
                EventBody::ToolCall(Box::new(ToolCall {
                    choice,
                    part,
                    index,
                    id,
                    name,
                    arguments,
                    by,
                    complete,
                    custom,
                    raw,
                }))
            }),
        metadata().prop_map(|metadata| EventBody::Metadata(Box::new(metadata))),
        (pick(KINDS), text(), option::of(text()), option::of(raw()), option::of(text())).prop_map(
            |(kind, message, code, raw, payload)| {
                EventBody::Error(Box::new(StreamError { kind, message, code, raw, payload }))
            }
        ),
        (pick(STATUSES), text())
            .prop_map(|(status, content)| EventBody::End(Box::new(End { status, content }))),
    ]
}

/// Any event, with attached keys that are no event's own.
fn event() -> impl Strategy<Value = StreamEvent> {
    let attached = prop::sample::select(vec![json!(1), json!("x"), json!({"y": [null]})]);
    let extra = btree_map("x_[a-z]{1,4}", attached, 0..3);
    let time = option::of(0_i64..4_000_000_000);
    (body(), extra, time).prop_map(|(body, extra, time)| {
        let extra: Map<String, Value> = extra.into_iter().collect();
        let time = time.map(|time| time::OffsetDateTime::from_unix_timestamp(time).unwrap());
        let mut event = StreamEvent::new(body);
        event.extra = (!extra.is_empty()).then(|| Box::new(extra));
        event.timestamp = time;
        event
    })
}

/// JSON that is legal as arguments, cut at any characters.
fn arguments() -> impl Strategy<Value = (String, Vec<usize>)> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        text().prop_map(Value::from),
    ];
    let value = leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            btree_map(text(), inner, 0..4)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    });
    let object = btree_map(text(), value, 0..4)
        .prop_map(|fields| Value::Object(fields.into_iter().collect()).to_string());
    (object, vec(1..9_usize, 1..6))
}

/// Cuts `text` into pieces of as many characters as `sizes` say, over and over.
fn pieces(text: &str, sizes: &[usize]) -> Vec<String> {
    let mut characters = text.chars();
    let mut sizes = sizes.iter().cycle();
    std::iter::from_fn(|| {
        let piece: String = characters.by_ref().take(*sizes.next().unwrap()).collect();
        Some(piece).filter(|piece| !piece.is_empty())
    })
    .collect()
}

/// A payload of a chat with several choices, whose deltas are of several kinds.
fn chat_payload() -> impl Strategy<Value = String> {
    let text = prop_oneof!["[a-zé ]{1,9}", Just(String::new()), r#"[\\"\n\{\}]{1,3}"#];
    let kind = pick(&["content", "reasoning", "refusal", "tool_calls"]);
    let id = prop_oneof![9 => Just("a"), 1 => Just("b")];
    (0..6_u32, kind, text, id).prop_map(|(choice, kind, text, id)| {
        let delta = match kind {
            "tool_calls" => json!([{"index": 0, "function": {"arguments": text}}]),
            _ => json!(text),
        };
        json!({"id": id, "choices": [{"index": choice, "delta": {kind: delta}}]}).to_string()
    })
}

proptest! {
    #[test]
    fn choices_take_turns_in_any_way(payloads in vec(chat_payload(), 1..40)) {
        let frames = format!("data: {}\n\n", payloads.join("\n\ndata: "));
        let format = Format::OpenAiChat;
        let mixed = with_neutral_payloads(format, frames.as_bytes()).unwrap();
        let want = llm_stream::decode(format, &mixed);
        prop_assert_eq!(llm_stream::decode(format, frames.as_bytes()), want);
    }

    #[test]
    fn cuts_do_not_matter((format, bytes) in stream(), sizes in vec(1..60_usize, 1..8)) {
        let want = llm_stream::decode(format, &bytes);
        prop_assert_eq!(decode_in_pieces(Decoder::new(format), &bytes, &sizes), want);
    }

    #[test]
    fn mutations_decode_alike_however_they_are_cut(
        (format, mut bytes) in stream(),
        mutations in vec(mutation(), 1..5),
        sizes in vec(1..60_usize, 1..8),
    ) {
        for mutation in &mutations {
            mutate(&mut bytes, mutation);
        }
        let want = llm_stream::decode(format, &bytes);
        prop_assert!(matches!(want.last().unwrap().body, EventBody::End(_)));
        prop_assert_eq!(&decode_in_pieces(Decoder::new(format), &bytes, &sizes), &want);
        let detected = decode_in_pieces(Decoder::detect(), &bytes, &[bytes.len().max(1)]);
        prop_assert_eq!(decode_in_pieces(Decoder::detect(), &bytes, &sizes), detected);
        for event in &want {
            prop_assert_eq!(&StreamEvent::from_json(&event.to_json()).unwrap(), event);
        }
    }

    #[test]
    fn noise_decodes(bytes in vec(any::<u8>(), 0..300), format in pick(&Format::ALL)) {
        let events = llm_stream::decode(format, &bytes);
        prop_assert!(matches!(events.last().unwrap().body, EventBody::End(_)));
    }

    #[test]
    fn json_loses_nothing(event in event()) {
        let text = event.to_json();
        prop_assert!(!text.contains(['\n', '\r']));
        prop_assert_eq!(&StreamEvent::from_json(&text).unwrap(), &event);
        prop_assert_eq!(serde_json::to_string(&event).unwrap(), text);
        let dict = event.to_dict().unwrap();
        prop_assert_eq!(&StreamEvent::from_dict(&dict).unwrap(), &event);
    }

    #[test]
    fn arguments_are_whole_as_soon_as_they_close((json, sizes) in arguments()) {
        let pieces = pieces(&json, &sizes);
        let mut calls = ToolCallAssembler::default();
        let mut deltas = String::new();
        let mut emitted = None;
        for (at, piece) in pieces.iter().enumerate() {
            let name = if at == 0 { "f" } else { "" };
            calls.push(ToolFragment { name, arguments: piece, ..ToolFragment::default() });
            while let Some(event) = calls.next_event() {
                deltas.push_str(event.delta_text());
                if let EventBody::ToolCall(call) = event.body {
                    prop_assert!(emitted.is_none(), "emitted twice");
                    prop_assert!(call.complete);
                    prop_assert_eq!(&call.arguments, &json);
                    emitted = Some(at);
                }
            }
        }
        prop_assert_eq!(emitted, Some(pieces.len() - 1));
        prop_assert_eq!(deltas, json);
        calls.finish();
        prop_assert_eq!(calls.next_event(), None);
    }
}
