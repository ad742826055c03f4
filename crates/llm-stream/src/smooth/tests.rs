//! Streams played through a smoother with given times.

use std::time::{Duration, Instant};

use proptest::prelude::*;
use unicode_segmentation::UnicodeSegmentation;

use super::*;
use crate::event::{Delta, Metadata};

#[expect(clippy::disallowed_methods, reason = "tests need one instant to count from")]
fn t0() -> Instant {
    Instant::now()
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// Plays events that come at given times, with a driver that is never late, and returns what went
/// out and when.
fn play(options: SmoothOptions, input: &[(u64, StreamEvent)]) -> Vec<(u64, StreamEvent)> {
    let begin = t0();
    let mut smoother = Smoother::new(options);
    let mut output = Vec::new();
    let mut drain = |smoother: &mut Smoother, now: Instant| {
        let at = u64::try_from(now.duration_since(begin).as_millis()).unwrap();
        output.extend(std::iter::from_fn(|| smoother.poll_output()).map(|event| (at, event)));
    };
    let mut input = input.iter().peekable();
    loop {
        let arrival = input.peek().map(|(at, _)| begin + ms(*at));
        match (arrival, smoother.poll_timeout()) {
            (Some(arrival), timeout) if timeout.is_none_or(|timeout| arrival <= timeout) => {
                let (_, event) = input.next().unwrap();
                smoother.handle_input(arrival, event.clone());
                drain(&mut smoother, arrival);
            }
            (_, Some(timeout)) => {
                smoother.handle_timeout(timeout);
                drain(&mut smoother, timeout);
            }
            (_, None) => return output,
        }
    }
}

fn texts(output: &[(u64, StreamEvent)]) -> Vec<(u64, &str)> {
    output.iter().map(|(at, event)| (*at, event.delta_text())).collect()
}

fn options() -> SmoothOptions {
    SmoothOptions::default().delay_max(ms(100)).tick(ms(10))
}

fn custom(kind: &str) -> StreamEvent {
    Metadata::Custom { kind: kind.to_owned() }.into()
}

fn ending(status: EndStatus) -> StreamEvent {
    let mut end = StreamEvent::end("");
    if let EventBody::End(end) = &mut end.body {
        end.status = status;
    }
    end
}

#[test]
fn a_burst_is_spread_over_the_delay() {
    let output = play(options(), &[(0, StreamEvent::delta("0123456789"))]);
    let expected: Vec<_> = (0..10).map(|digit| (digit * 10, digit.to_string())).collect();
    let got: Vec<_> = texts(&output).iter().map(|(at, text)| (*at, (*text).to_owned())).collect();
    assert_eq!(got, expected);
}

#[test]
fn a_steady_stream_is_hardly_delayed() {
    let input: Vec<_> = (0..50).map(|n| (n * 20, StreamEvent::delta("abcd"))).collect();
    let output = play(options(), &input);
    let late: Vec<_> = texts(&output).into_iter().filter(|(at, _)| *at > 300).collect();
    assert!(late.iter().all(|(_, text)| text.len() == 2), "two halves of each: {late:?}");
    assert_eq!(output.last().unwrap().0, 49 * 20 + 10);
}

#[test]
fn events_wait_for_the_text_before_them() {
    let input = [
        (0, StreamEvent::delta("0123456789")),
        (1, custom("a")),
        (1, StreamEvent::delta("x")),
        (2, custom("b")),
    ];
    let output = play(options(), &input);
    let place = |event: &StreamEvent| output.iter().position(|(_, other)| other == event).unwrap();
    let text_before = |place: usize| {
        output[..place].iter().map(|(_, event)| event.delta_text()).collect::<String>()
    };
    assert_eq!(text_before(place(&custom("a"))), "0123456789");
    assert_eq!(text_before(place(&custom("b"))), "0123456789x");
}

#[test]
fn an_event_behind_no_text_does_not_wait() {
    assert_eq!(play(options(), &[(5, custom("a"))]), [(5, custom("a"))]);
}

#[test]
fn errors_and_cuts_let_everything_out_at_once() {
    for last in [StreamEvent::error("x"), ending(EndStatus::Failed), ending(EndStatus::Incomplete)]
    {
        let output = play(options(), &[(0, StreamEvent::delta("0123456789")), (5, last.clone())]);
        assert_eq!(texts(&output)[..2], [(0, "0"), (5, "123456789")]);
        assert_eq!(output[2..], [(5, last)]);
    }
}

#[test]
fn a_complete_end_waits_for_the_text() {
    let output =
        play(options(), &[(0, StreamEvent::delta("0123456789")), (5, ending(EndStatus::Complete))]);
    assert_eq!(output.len(), 11);
    assert_eq!(output.last().unwrap(), &(90, ending(EndStatus::Complete)));
}

#[test]
fn a_stopped_smoother_holds_nothing() {
    let now = t0();
    let mut smoother = Smoother::new(options());
    smoother.handle_input(now, StreamEvent::delta("0123456789"));
    smoother.stop();
    smoother.handle_input(now, StreamEvent::delta("more"));
    let texts: Vec<_> = std::iter::from_fn(|| smoother.poll_output())
        .map(|event| event.delta_text().to_owned())
        .collect();
    assert_eq!(texts, ["0", "123456789", "more"]);
    assert_eq!(smoother.poll_timeout(), None);
}

#[test]
fn graphemes_stay_whole_across_deltas() {
    // A family joined of three, an accent that comes late, flags, and an ideograph.
    let pieces = ["👨\u{200D}", "👩\u{200D}👧", "e", "\u{301}", "🇩", "🇪🇫🇷", "日本"];
    let input: Vec<_> = pieces.iter().map(|piece| (0, StreamEvent::delta(*piece))).collect();
    // Nothing goes out before all of it is there.
    let output =
        play(options().tick(ms(1)), &[&[(0, StreamEvent::delta("."))], &input[..]].concat());
    let texts: Vec<_> = texts(&output).into_iter().map(|(_, text)| text).collect();
    assert_eq!(texts.concat(), [".", &pieces.concat()].concat());
    let whole: Vec<_> =
        [".", &pieces.concat()].concat().graphemes(true).map(str::to_owned).collect();
    let cut: Vec<_> = texts.iter().flat_map(|text| text.graphemes(true)).collect();
    assert_eq!(cut, whole);
    assert!(texts.len() > 5, "{texts:?}");
}

#[test]
fn the_second_half_of_a_flag_belongs_to_the_first_that_is_out() {
    let input = [(0, StreamEvent::delta("🇩")), (1, StreamEvent::delta("🇪🇫🇷"))];
    let output = play(options(), &input);
    let texts: Vec<_> = texts(&output).into_iter().map(|(_, text)| text).collect();
    assert_eq!(texts, ["🇩", "🇪", "🇫🇷"]);
}

#[test]
fn text_beyond_the_limit_is_let_out() {
    let now = t0();
    let mut smoother = Smoother::new(options());
    smoother.handle_input(now, StreamEvent::delta("x"));
    smoother.handle_input(now, StreamEvent::delta("x".repeat(SMOOTH_BYTES_MAX)));
    assert!(smoother.poll_timeout().is_some(), "exactly full");
    smoother.handle_input(now, StreamEvent::delta("x"));
    assert!(smoother.poll_timeout().is_none(), "one past");
}

#[test]
fn events_beyond_the_limit_are_let_out() {
    let now = t0();
    let mut smoother = Smoother::new(options());
    smoother.handle_input(now, StreamEvent::delta("xx"));
    for _ in 1..SMOOTH_EVENTS_MAX {
        smoother.handle_input(now, custom("a"));
    }
    assert!(smoother.poll_timeout().is_some(), "exactly full");
    smoother.handle_input(now, custom("a"));
    assert!(smoother.poll_timeout().is_none(), "one past");
}

#[test]
fn no_delay_means_no_smoothing() {
    let output = play(options().delay_max(Duration::ZERO), &[(0, StreamEvent::delta("abc"))]);
    assert_eq!(texts(&output), [(0, "abc")]);
    let output = play(options().delay_max(Duration::MAX), &[(0, StreamEvent::delta("abc"))]);
    assert_eq!(texts(&output), [(0, "abc")], "a delay that no clock can hold is none");
}

#[test]
fn the_time_of_a_piece_is_that_of_its_delta() {
    let time = time::OffsetDateTime::UNIX_EPOCH;
    let output = play(options(), &[(0, StreamEvent::delta("abc").at(time))]);
    assert!(output.iter().all(|(_, event)| event.timestamp == Some(time)));
}

fn event() -> impl Strategy<Value = StreamEvent> {
    let text = prop_oneof!["[a-z ]{0,30}", r"[日本語\u{200D}👨👩🇩🇪e\u{301}\r\n가\u{11A8}]{0,12}",];
    let channel = prop_oneof![
        4 => Just(Channel::Text),
        1 => Just(Channel::Reasoning),
        1 => Just(Channel::ToolArguments),
    ];
    prop_oneof![
        8 => (0..2u32, channel, text).prop_map(|(choice, channel, text)| {
            EventBody::Delta(Delta { choice, part: 0, channel, text }).into()
        }),
        1 => "[ab]".prop_map(|kind| custom(&kind)),
    ]
}

/// Joins neighbouring deltas of one text, for comparison.
fn joined(events: impl Iterator<Item = StreamEvent>) -> Vec<StreamEvent> {
    let mut all: Vec<StreamEvent> = Vec::new();
    for event in events {
        match (all.last_mut().map(|last| &mut last.body), &event.body) {
            (Some(EventBody::Delta(last)), EventBody::Delta(delta))
                if (last.choice, last.channel) == (delta.choice, delta.channel) =>
            {
                last.text.push_str(&delta.text);
            }
            _ => all.push(event),
        }
    }
    all
}

proptest! {
    #[test]
    fn nothing_changes_but_the_time_and_that_by_little(
        steps in proptest::collection::vec((0..60u64, event()), 0..40),
    ) {
        let mut at = 0;
        let mut input = Vec::new();
        for (gap, event) in steps {
            at += gap;
            input.push((at, event));
        }
        let output = play(options(), &input);

        let events = |list: &[(u64, StreamEvent)]| joined(list.iter().map(|(_, event)| event.clone()));
        prop_assert_eq!(events(&output), events(&input), "same text and order");

        // Every byte goes out no earlier than it came and no later than allowed.
        let bytes = |list: &[(u64, StreamEvent)]| -> Vec<u64> {
            list.iter().flat_map(|(at, event)| vec![*at; event.delta_text().len()]).collect()
        };
        for (came, went) in bytes(&input).into_iter().zip(bytes(&output)) {
            prop_assert!((came..=came + 100).contains(&went), "{came} to {went}");
        }

        // What the provider did not cut within a grapheme is not cut within one.
        let borders = |list: &[(u64, StreamEvent)]| {
            let mut place = 0;
            let ends: Vec<usize> = list.iter().map(|(_, event)| {
                place += event.delta_text().len();
                place
            }).collect();
            ends
        };
        let whole: Vec<(usize, String)> = joined(input.iter().map(|(_, event)| event.clone()))
            .iter()
            .scan(0, |place, event| {
                let start = *place;
                *place += event.delta_text().len();
                Some((start, event.delta_text().to_owned()))
            })
            .collect();
        let mut allowed = borders(&input);
        for (start, text) in &whole {
            allowed.extend(text.grapheme_indices(true).map(|(at, _)| start + at));
        }
        for border in borders(&output) {
            prop_assert!(allowed.contains(&border), "cut at {border}");
        }
    }
}
