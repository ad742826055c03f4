//! When a connection is owed a heartbeat.

use std::time::Duration;

use stream_sse::{HEARTBEAT_IDLE, HEARTBEAT_IDLE_MIN, Heartbeat};

use crate::support::t0;

const NANOSECOND: Duration = Duration::from_nanos(1);
const SECOND: Duration = Duration::from_secs(1);

#[test]
fn is_due_after_the_idle_time_and_not_before() {
    let start = t0();
    let mut heartbeat = Heartbeat::with_default_idle(start);
    assert_eq!(heartbeat.poll_timeout(), Some(start + HEARTBEAT_IDLE));
    assert!(!heartbeat.handle_timeout(start + HEARTBEAT_IDLE.saturating_sub(NANOSECOND)));
    assert!(heartbeat.handle_timeout(start + HEARTBEAT_IDLE));
    assert!(!heartbeat.handle_timeout(start + HEARTBEAT_IDLE));
}

#[test]
fn a_delivery_starts_the_idle_time_again() {
    let start = t0();
    let mut heartbeat = Heartbeat::new(30 * SECOND, start);
    heartbeat.handle_delivered(start + 29 * SECOND);
    assert!(!heartbeat.handle_timeout(start + 30 * SECOND));
    assert_eq!(heartbeat.poll_timeout(), Some(start + 59 * SECOND));
}

#[test]
fn a_late_call_makes_up_for_nothing() {
    let start = t0();
    let mut heartbeat = Heartbeat::new(SECOND, start);
    assert!(heartbeat.handle_timeout(start + 10 * SECOND));
    assert!(!heartbeat.handle_timeout(start + 10 * SECOND));
    assert_eq!(heartbeat.poll_timeout(), Some(start + 11 * SECOND));
}

#[test]
fn the_shortest_idle_time_is_bounded() {
    let start = t0();
    let exact = Heartbeat::new(HEARTBEAT_IDLE_MIN, start);
    assert_eq!(exact.poll_timeout(), Some(start + HEARTBEAT_IDLE_MIN));
    let under = Heartbeat::new(HEARTBEAT_IDLE_MIN.saturating_sub(NANOSECOND), start);
    assert_eq!(under.poll_timeout(), Some(start + HEARTBEAT_IDLE_MIN));
    let over = Heartbeat::new(HEARTBEAT_IDLE_MIN + NANOSECOND, start);
    assert_eq!(over.poll_timeout(), Some(start + HEARTBEAT_IDLE_MIN + NANOSECOND));
}

#[test]
fn an_endless_idle_time_means_never() {
    let start = t0();
    let mut heartbeat = Heartbeat::new(Duration::MAX, start);
    assert_eq!(heartbeat.poll_timeout(), None);
    assert!(!heartbeat.handle_timeout(start + 1_000_000 * SECOND));
    heartbeat.handle_delivered(start);
    assert_eq!(heartbeat.poll_timeout(), None);
}
