//! The filter over events.

use proptest::prelude::*;
use serde_json::json;
use time::OffsetDateTime;

use super::super::limits::{TEXTS_MAX, WAITING_EVENTS_MAX};
use super::super::{Action, Blocked, Decision, Pattern, PatternSet};
use super::ContentFilter;
use crate::assembly::Assembly;
use crate::event::{
    Channel, Delta, ErrorKind, EventBody, Finish, FinishReason, Identity, Logprobs, Metadata,
    Opaque, RawEvent, RawJson, Signature, StreamError, StreamEvent, ToolCall, ToolStart, Usage,
};
use crate::processor::{ProcessError, Processor};

fn secret() -> PatternSet {
    PatternSet::new([Pattern::literal("secret")]).unwrap()
}

fn run(
    filter: &mut ContentFilter,
    events: impl IntoIterator<Item = StreamEvent>,
) -> (Vec<StreamEvent>, Result<(), ProcessError>) {
    let mut out = vec![];
    let passed = events.into_iter().try_for_each(|event| filter.process(event, &mut out));
    let ended = passed.and_then(|()| filter.flush(&mut out));
    (out, ended)
}

#[track_caller]
fn check(
    events: impl IntoIterator<Item = StreamEvent>,
    want: impl IntoIterator<Item = StreamEvent>,
) {
    let mut filter = ContentFilter::new(&secret());
    let (out, ended) = run(&mut filter, events);
    assert_eq!(out, want.into_iter().collect::<Vec<_>>());
    assert_eq!(ended, Ok(()));
}

fn piece(choice: u32, part: u32, channel: Channel, text: &str) -> StreamEvent {
    EventBody::Delta(Delta { choice, part, channel, text: text.to_owned() }).into()
}

fn text(part: u32, text: &str) -> StreamEvent {
    piece(0, part, Channel::Text, text)
}

fn arguments(part: u32, text: &str) -> StreamEvent {
    piece(0, part, Channel::ToolArguments, text)
}

fn raw(value: &serde_json::Value) -> RawJson {
    RawJson::from(value)
}

fn finish(choice: u32) -> StreamEvent {
    let (reason, provider_reason) = (FinishReason::Stop, "stop".to_owned());
    Metadata::Finish(Finish { choice, reason, provider_reason, stop_sequence: None, details: None })
        .into()
}

fn usage() -> StreamEvent {
    Metadata::Usage(Usage::default()).into()
}

fn tool_start(part: u32) -> StreamEvent {
    Metadata::ToolStart(ToolStart { part, name: "secret".into(), ..ToolStart::default() }).into()
}

fn tool_call(part: u32, arguments: &str) -> StreamEvent {
    let arguments = arguments.to_owned();
    let call = ToolCall { part, arguments, complete: true, ..ToolCall::default() };
    EventBody::ToolCall(Box::new(call)).into()
}

#[test]
fn interleaved_choices_and_channels_do_not_mix() {
    use Channel::{Reasoning, Refusal, Text};
    check(
        [
            piece(0, 0, Text, "a sec"),
            piece(1, 0, Text, "ret se"),
            piece(2, 0, Reasoning, "secr"),
            piece(0, 0, Text, "ret b"),
            piece(3, 0, Refusal, "et secret"),
            piece(2, 0, Reasoning, "et"),
            piece(1, 0, Text, "e"),
        ],
        [
            piece(0, 0, Text, "a "),
            piece(1, 0, Text, "ret "),
            piece(0, 0, Text, "[FILTERED] b"),
            piece(3, 0, Refusal, "et [FILTERED]"),
            piece(2, 0, Reasoning, "[FILTERED]"),
            piece(1, 0, Text, "see"),
        ],
    );
}

#[test]
fn blocks_of_text_are_one_text_and_keep_their_parts() {
    check(
        [
            text(0, "in sec"),
            text(1, "ret s"),
            text(4, "ea"),
            text(5, "se"),
            text(6, "cr"),
            text(7, "."),
        ],
        [
            text(0, "in "),
            text(0, "[FILTERED]"),
            text(1, " "),
            text(1, "s"),
            text(4, "ea"),
            text(5, "secr"),
            text(7, "."),
        ],
    );
}

#[test]
fn a_turn_to_another_channel_or_a_call_ends_a_text() {
    let reasoning = |text| piece(0, 0, Channel::Reasoning, text);
    check(
        [
            reasoning("so se"),
            text(1, "cret se"),
            tool_start(2),
            arguments(2, "{}"),
            text(3, "cret"),
        ],
        [
            reasoning("so "),
            reasoning("se"),
            text(1, "cret "),
            text(1, "se"),
            tool_start(2),
            arguments(2, "{}"),
            text(3, "cret"),
        ],
    );
}

#[test]
fn calls_side_by_side_are_texts_of_their_own() {
    check(
        [
            tool_start(1),
            tool_start(2),
            arguments(1, r#"{"a": "se"#),
            arguments(2, r#"{"b": "cr"#),
            arguments(1, r#"\u0063ret"}"#),
            arguments(2, r#"et"}"#),
            tool_call(1, r#"{"a": "se\u0063ret"}"#),
            tool_call(2, r#"{"b": "cret"}"#),
        ],
        [
            tool_start(1),
            tool_start(2),
            arguments(1, r#"{"a": ""#),
            arguments(2, r#"{"b": "cr"#),
            arguments(1, r#"[FILTERED]"}"#),
            arguments(2, r#"et"}"#),
            tool_call(1, r#"{"a": "[FILTERED]"}"#),
            tool_call(2, r#"{"b": "cret"}"#),
        ],
    );
}

#[test]
fn a_call_cut_off_lets_go_what_it_held() {
    check(
        [arguments(1, r#"{"a": "sec"#), tool_call(1, r#"{"a": "sec"#), arguments(2, r#"{"n": 12"#)],
        [
            arguments(1, r#"{"a": ""#),
            arguments(1, "sec"),
            tool_call(1, r#"{"a": "sec"#),
            arguments(2, r#"{"n": "#),
            arguments(2, "12"),
        ],
    );
}

#[test]
fn free_text_of_a_custom_tool_is_text() {
    let call = |arguments: &str| {
        let call = ToolCall { arguments: arguments.into(), custom: true, ..ToolCall::default() };
        StreamEvent::from(EventBody::ToolCall(Box::new(call)))
    };
    check([call("print(\"secret \\d\")")], [call("print(\"[FILTERED] \\d\")")]);
}

#[test]
fn the_finish_and_the_usage_come_after_what_was_held() {
    check(
        [text(0, "a sec"), finish(0), usage()],
        [text(0, "a "), text(0, "sec"), finish(0), usage()],
    );
    check(
        [text(0, "a sec"), finish(0), usage(), text(0, "ret"), usage()],
        [text(0, "a "), text(0, "[FILTERED]"), finish(0), usage(), usage()],
    );
    check([text(0, "a"), finish(0), usage()], [text(0, "a"), finish(0), usage()]);
}

#[test]
fn a_finish_waits_for_its_own_choice_alone() {
    let other = |text| piece(1, 0, Channel::Text, text);
    check(
        [text(0, "sec"), finish(1), other("se"), finish(0), other("x"), text(0, "x")],
        [finish(1), other("sex"), text(0, "secx"), finish(0)],
    );
}

#[test]
fn what_the_usage_waits_for_is_the_text_before_it() {
    check(
        [text(0, "sec"), usage(), text(0, "x sec"), usage(), text(0, "y sec")],
        [text(0, "secx "), usage(), text(0, "secy "), usage(), text(0, "sec")],
    );
}

#[test]
fn events_keep_their_metadata_and_time() {
    let at = |seconds| OffsetDateTime::from_unix_timestamp(seconds).unwrap();
    let mut first = text(0, "my sec").at(at(1));
    first.extra = Some(Box::new([("k".to_owned(), json!(1))].into_iter().collect()));
    let mut want = text(0, "my ").at(at(1));
    want.extra.clone_from(&first.extra);
    check(
        [first, text(0, "ret").at(at(2)), text(0, " se").at(at(3))],
        [want, text(0, "[FILTERED]").at(at(2)), text(0, " ").at(at(3)), text(0, "se").at(at(3))],
    );
}

#[test]
fn an_empty_delta_is_let_through() {
    check([text(0, ""), text(0, "x")], [text(0, ""), text(0, "x")]);
}

#[test]
fn whole_texts_and_raw_values_are_filtered_too() {
    let opaque =
        |text: &str| Opaque { choice: 0, part: 0, kind: None, raw: raw(&json!({"t": text})) };
    let error = |text: &str| {
        let mut error = StreamError::new(ErrorKind::Server, format!("no {text}"));
        error.payload = Some(text.to_owned());
        error.raw = Some(raw(&json!([text])));
        StreamEvent::from(EventBody::Error(Box::new(error)))
    };
    let all = |text: &str| {
        let call = ToolCall { raw: Some(raw(&json!({"x": text}))), ..ToolCall::default() };
        let fields = [("f".to_owned(), raw(&json!(text)))].into();
        [
            StreamEvent::start(),
            Metadata::Citation(opaque(text)).into(),
            Metadata::Block(opaque(text)).into(),
            Metadata::Raw(RawEvent { event: None, raw: raw(&json!({"a": [text]})) }).into(),
            Metadata::Extra { choice: None, fields }.into(),
            EventBody::ToolCall(Box::new(call)).into(),
            error(text),
            StreamEvent::end(text),
        ]
    };
    check(all("secret"), all("[FILTERED]"));
    check(all("clean"), all("clean"));
}

#[test]
fn what_is_not_text_is_let_through() {
    let signature = Signature { choice: 0, part: 0, signature: "secret".into() };
    let events = [
        Metadata::Signature(signature).into(),
        Metadata::Custom { kind: "ping".into() }.into(),
        Metadata::Identity(Identity::default()).into(),
    ];
    check(events.clone(), events);
}

#[test]
fn token_probabilities_are_left_out_unless_nothing_is_looked_for() {
    let logprobs = || {
        StreamEvent::from(Metadata::Logprobs(Logprobs {
            choice: 0,
            raw: raw(&json!(["sec", "ret"])),
        }))
    };
    check([text(0, "x"), logprobs()], [text(0, "x")]);
    let nothing = PatternSet::new([]).unwrap();
    let (out, _) = run(&mut ContentFilter::new(&nothing), [logprobs()]);
    assert_eq!(out, [logprobs()]);
}

#[test]
fn a_new_start_is_a_new_text() {
    check(
        [text(0, "sec"), StreamEvent::start(), text(0, "ret")],
        [text(0, "sec"), StreamEvent::start(), text(0, "ret")],
    );
}

#[test]
fn a_block_ends_the_stream_with_an_error_and_holds_the_rest_for_ever() {
    let set = PatternSet::new([Pattern::literal("secret").action(Action::Block)]).unwrap();
    let mut filter = ContentFilter::new(&set);
    let (out, ended) = run(
        &mut filter,
        [
            piece(1, 0, Channel::Text, "half a sec"),
            text(0, "the "),
            text(0, "se"),
            text(0, "cret and more"),
        ],
    );
    let choice = |text| piece(1, 0, Channel::Text, text);
    assert_eq!(out, [choice("half a "), text(0, "the ")]);
    let error = ended.unwrap_err().into_stream_error();
    assert_eq!(error.kind, ErrorKind::ContentFilter);
    assert_eq!(filter.blocked(), Some(Blocked::Found { pattern: 0, offset: 4 }));

    let (out, ended) = run(&mut filter, [text(0, "x"), usage()]);
    assert_eq!(out, []);
    assert!(ended.is_err());
    filter.reset();
    let (out, ended) = run(&mut filter, [text(0, "x")]);
    assert_eq!((out, ended), (vec![text(0, "x")], Ok(())));
}

#[test]
fn what_comes_before_a_block_in_its_delta_is_delivered() {
    let set = PatternSet::new([Pattern::literal("secret").action(Action::Block)]).unwrap();
    let (out, ended) =
        run(&mut ContentFilter::new(&set), [text(0, "a se"), text(3, "x b secret c")]);
    assert_eq!(out, [text(0, "a "), text(0, "se"), text(3, "x b ")]);
    assert!(ended.is_err());
}

#[test]
fn a_callback_serves_all_texts() {
    let set = PatternSet::new([Pattern::literal("secret").action(Action::Ask)]).unwrap();
    let mut count = 0;
    let mut filter = ContentFilter::new(&set).on_match(move |_| {
        count += 1;
        Decision::Replace(count.to_string())
    });
    let events =
        [text(0, "secret"), piece(1, 0, Channel::Text, "secret"), arguments(1, "[\"secret\"]")];
    let (out, _) = run(&mut filter, events);
    assert_eq!(out, [text(0, "1"), piece(1, 0, Channel::Text, "2"), arguments(1, "[\"3\"]")]);
}

#[test]
fn so_many_texts_are_followed_and_one_more_blocks() {
    let mut filter = ContentFilter::new(&secret());
    let mut out = vec![];
    for part in 0..u32::try_from(TEXTS_MAX).unwrap() {
        filter.process(arguments(part, "{"), &mut out).unwrap();
    }
    let error = filter.process(arguments(u32::MAX, "{"), &mut out).unwrap_err();
    assert_eq!(error.into_stream_error().kind, ErrorKind::ContentFilter);
    assert_eq!(filter.blocked(), Some(Blocked::TooManyTexts { max: TEXTS_MAX }));
}

#[test]
fn so_many_events_wait_and_one_more_lets_the_first_go() {
    let mut filter = ContentFilter::new(&secret());
    let mut out = vec![];
    filter.process(text(0, "sec"), &mut out).unwrap();
    for _ in 0..WAITING_EVENTS_MAX {
        filter.process(usage(), &mut out).unwrap();
    }
    assert_eq!(out, []);
    filter.process(usage(), &mut out).unwrap();
    assert_eq!(out, [usage()]);
    filter.process(text(0, "ret"), &mut out).unwrap();
    assert_eq!(out.len(), 2 + WAITING_EVENTS_MAX);
}

fn channel() -> impl Strategy<Value = Channel> {
    prop_oneof![Just(Channel::Text), Just(Channel::Reasoning), Just(Channel::Refusal)]
}

fn event() -> impl Strategy<Value = StreamEvent> {
    prop_oneof![
        8 => (0_u32..3, 0_u32..3, channel(), "[abc ]{0,5}")
            .prop_map(|(choice, part, channel, text)| piece(choice, part, channel, &text)),
        1 => (0_u32..3).prop_map(finish),
        1 => Just(usage()),
    ]
}

/// The text of each choice and channel.
fn texts(events: &[StreamEvent]) -> Vec<[String; 3]> {
    let assembly: Assembly = events.iter().collect();
    let choices = assembly.choices().iter();
    choices.map(|c| [c.text.clone(), c.reasoning.clone(), c.refusal.clone()]).collect()
}

proptest! {
    #[test]
    fn nothing_but_text_is_changed_and_no_event_is_lost(events in prop::collection::vec(event(), 0..30)) {
        // No pattern can match: the text must come out whole, in every part.
        let set = PatternSet::new([Pattern::literal("abcd"), Pattern::regex("[ab]{3}é")]).unwrap();
        let (out, ended) = run(&mut ContentFilter::new(&set), events.clone());
        prop_assert_eq!(ended, Ok(()));
        let by_part = |events: &[StreamEvent]| {
            let mut parts = std::collections::BTreeMap::<_, String>::new();
            for event in events {
                if let EventBody::Delta(delta) = &event.body {
                    let key = (delta.choice, delta.channel);
                    parts.entry(key).or_default().push_str(&delta.text);
                }
            }
            parts.retain(|_, text| !text.is_empty());
            parts
        };
        prop_assert_eq!(by_part(&out), by_part(&events));
        let rest = |events: &[StreamEvent]| {
            events.iter().filter(|e| !matches!(e.body, EventBody::Delta(_))).count()
        };
        prop_assert_eq!(rest(&out), rest(&events));
    }

    #[test]
    fn a_choice_that_stays_on_its_channel_is_filtered_as_one_text(
        pieces in prop::collection::vec((0_u32..4, "[abc ]{0,4}"), 0..30),
    ) {
        let set = PatternSet::new([Pattern::literal("abc"), Pattern::regex("c[ab]{1,3}")]).unwrap();
        let events: Vec<StreamEvent> = pieces
            .iter()
            .map(|(choice, text)| {
                let channel = match choice % 3 {
                    0 => Channel::Text,
                    1 => Channel::Reasoning,
                    _ => Channel::Refusal,
                };
                piece(*choice, 0, channel, text)
            })
            .collect();
        let (out, _) = run(&mut ContentFilter::new(&set), events.clone());
        let mut whole = super::super::PatternFilter::new(&set);
        let filtered: Vec<[String; 3]> = texts(&events)
            .into_iter()
            .map(|texts| texts.map(|text| {
                let mut out = String::new();
                whole.push(&text, &mut out).unwrap();
                whole.finish(&mut out).unwrap();
                out
            }))
            .collect();
        let nonempty = |all: Vec<[String; 3]>| -> Vec<String> { all.concat().into_iter().filter(|t| !t.is_empty()).collect() };
        prop_assert_eq!(nonempty(texts(&out)), nonempty(filtered));
    }
}
