//! When a client connects again, and when it does not.

use std::time::{Duration, Instant};

use stream_sse::LastEventId;
use stream_sse::client::{Input, Output, Reconnect, ReconnectOptions, StopReason};

use crate::support::t0;

const NANOSECOND: Duration = Duration::from_nanos(1);
const SECOND: Duration = Duration::from_secs(1);
const OPEN: Input<'static> =
    Input::Response { status: 200, content_type: Some("text/event-stream") };

/// A client that was just told to connect.
fn connecting(options: ReconnectOptions) -> Reconnect {
    let mut client = Reconnect::new(options);
    assert_eq!(client.poll_output(), Some(Output::Connect));
    assert_eq!(client.poll_output(), None);
    client
}

/// Reports a loss at `now`, waits, and returns for how long.
#[track_caller]
fn lose(client: &mut Reconnect, now: &mut Instant) -> Duration {
    client.handle_input(*now, Input::End, 0.0);
    let due = client.poll_timeout().expect("a wait");
    let wait = due - *now;
    client.handle_timeout(*now + wait.saturating_sub(NANOSECOND));
    assert_eq!(client.poll_output(), None, "called early");
    client.handle_timeout(due);
    assert_eq!(client.poll_output(), Some(Output::Connect));
    *now = due;
    wait
}

#[track_caller]
fn check_stop(input: Input<'_>, want: StopReason) {
    let mut client = connecting(ReconnectOptions::default());
    client.handle_input(t0(), input, 0.0);
    assert_eq!(client.poll_output(), Some(Output::Stop(want)));
    for input in [OPEN, Input::End, Input::NetworkError, Input::Close] {
        client.handle_input(t0(), input, 0.0);
        assert_eq!((client.poll_output(), client.poll_timeout()), (None, None));
    }
}

#[track_caller]
fn check_open(content_type: &str) {
    let mut client = connecting(ReconnectOptions::default());
    let content_type = Some(content_type);
    client.handle_input(t0(), Input::Response { status: 200, content_type }, 0.0);
    assert!(client.is_open());
    assert_eq!(client.poll_output(), None);
}

#[test]
fn answers_that_are_no_stream_stop_it() {
    let answer = |status| Input::Response { status, content_type: Some("text/event-stream") };
    check_stop(answer(204), StopReason::NoContent);
    for status in [201, 205, 301, 400, 401, 404, 429, 500, 503, 599, 600] {
        check_stop(answer(status), StopReason::Status { status });
    }
    for content_type in [None, Some(""), Some("text/plain"), Some("text/event-streams"), Some(";")]
    {
        check_stop(Input::Response { status: 200, content_type }, StopReason::ContentType);
    }
    check_stop(Input::Close, StopReason::Closed);
}

#[test]
fn content_types_are_read_as_the_web_does() {
    check_open("text/event-stream");
    check_open("Text/Event-Stream; charset=latin1");
    check_open(" text/event-stream ;x");
}

#[test]
fn waits_double_up_to_the_bound() {
    let options = ReconnectOptions::default().delay(SECOND).delay_max(5 * SECOND);
    let mut client = connecting(options);
    let mut now = t0();
    let waits: Vec<_> = (0..6).map(|_| lose(&mut client, &mut now).as_secs()).collect();
    assert_eq!(waits, [1, 2, 4, 5, 5, 5]);
}

#[test]
fn an_event_makes_a_stream_healthy() {
    let mut client = connecting(ReconnectOptions::default().delay(SECOND));
    let mut now = t0();
    assert_eq!(lose(&mut client, &mut now), SECOND);
    assert_eq!(lose(&mut client, &mut now), 2 * SECOND);
    client.handle_input(now, OPEN, 0.0);
    client.handle_input(now, Input::Event { last_event_id: "" }, 0.0);
    assert_eq!(lose(&mut client, &mut now), SECOND);
    assert_eq!(lose(&mut client, &mut now), SECOND);
    assert_eq!(lose(&mut client, &mut now), 2 * SECOND);
}

#[test]
fn time_makes_a_stream_healthy_at_the_bound_and_not_before() {
    let after = 10 * SECOND;
    for (open_for, want) in [(after.saturating_sub(NANOSECOND), 4), (after, 1)] {
        let mut client = connecting(ReconnectOptions::default().delay(SECOND).healthy_after(after));
        let mut now = t0();
        lose(&mut client, &mut now);
        lose(&mut client, &mut now);
        client.handle_input(now, OPEN, 0.0);
        now += open_for;
        assert_eq!(lose(&mut client, &mut now), want * SECOND);
    }
}

#[test]
fn the_server_may_set_the_wait_up_to_the_bound() {
    let mut client = connecting(ReconnectOptions::default().delay_max(60 * SECOND));
    let mut now = t0();
    client.handle_input(now, OPEN, 0.0);
    client.handle_input(now, Input::Retry(7 * SECOND), 0.0);
    assert_eq!(lose(&mut client, &mut now), 7 * SECOND);
    client.handle_input(now, Input::Retry(Duration::MAX), 0.0);
    assert_eq!(lose(&mut client, &mut now), 60 * SECOND);
}

#[test]
fn jitter_spreads_the_wait() {
    let now = t0();
    for (jitter, want_ms) in [(0.0, 2000), (0.5, 2500), (1.0, 3000)] {
        let mut client = connecting(ReconnectOptions::default().delay(2 * SECOND));
        client.handle_input(now, Input::NetworkError, jitter);
        assert_eq!(client.poll_timeout(), Some(now + Duration::from_millis(want_ms)));
    }
}

#[test]
fn attempts_are_bounded_on_request() {
    let mut client = connecting(ReconnectOptions::default().attempts_max(2));
    let mut now = t0();
    lose(&mut client, &mut now);
    client.handle_input(now, Input::NetworkError, 0.0);
    let reason = StopReason::Attempts { attempts: 2 };
    assert_eq!(client.poll_output(), Some(Output::Stop(reason)));
    assert_eq!(reason.to_string(), "2 attempts failed in a row");
}

#[test]
fn a_healthy_stream_starts_the_attempts_again() {
    let mut client = connecting(ReconnectOptions::default().attempts_max(1));
    let mut now = t0();
    client.handle_input(now, OPEN, 0.0);
    client.handle_input(now, Input::Event { last_event_id: "1" }, 0.0);
    lose(&mut client, &mut now);
    client.handle_input(now, Input::NetworkError, 0.0);
    let reason = StopReason::Attempts { attempts: 1 };
    assert_eq!(client.poll_output(), Some(Output::Stop(reason)));
}

#[test]
fn server_errors_are_retried_on_request() {
    let now = t0();
    for status in [500, 503, 599] {
        let mut client = connecting(ReconnectOptions::default().retry_server_errors());
        client.handle_input(now, Input::Response { status, content_type: None }, 0.0);
        assert_eq!(client.poll_output(), None);
        assert_eq!(client.poll_timeout(), Some(now + 3 * SECOND));
    }
    let mut client = connecting(ReconnectOptions::default().retry_server_errors());
    client.handle_input(now, Input::Response { status: 499, content_type: None }, 0.0);
    assert!(matches!(client.poll_output(), Some(Output::Stop(_))));
}

#[test]
fn the_last_id_is_kept_over_connections() {
    let id = LastEventId::parse("3").expect("a valid id");
    let mut client = Reconnect::new(ReconnectOptions::default()).resume_from(&id);
    assert_eq!(client.poll_output(), Some(Output::Connect));
    assert_eq!(client.last_event_id(), "3");
    let mut now = t0();
    client.handle_input(now, OPEN, 0.0);
    client.handle_input(now, Input::Event { last_event_id: "4" }, 0.0);
    lose(&mut client, &mut now);
    assert_eq!(client.last_event_id(), "4");
    client.handle_input(now, OPEN, 0.0);
    client.handle_input(now, Input::Event { last_event_id: "" }, 0.0);
    assert_eq!(client.last_event_id(), "");
}

#[test]
fn inputs_out_of_turn_change_nothing() {
    let now = t0();
    let mut client = Reconnect::new(ReconnectOptions::default());
    client.handle_input(now, OPEN, 0.0);
    client.handle_input(now, Input::End, 0.0);
    client.handle_input(now, Input::Event { last_event_id: "9" }, 0.0);
    assert_eq!((client.last_event_id(), client.is_open()), ("", false));
    assert_eq!(client.poll_output(), Some(Output::Connect));
    client.handle_input(now, Input::End, 0.0);
    let due = client.poll_timeout();
    client.handle_input(now + SECOND, Input::End, 0.0);
    client.handle_input(now + SECOND, OPEN, 0.0);
    assert_eq!(client.poll_timeout(), due);
}
