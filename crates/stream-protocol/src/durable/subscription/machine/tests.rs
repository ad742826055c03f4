//! Tests of [`Subscription`].

use super::*;
use crate::durable::subscription::target::Reach;
use proptest::prelude::*;
use serde_json::Value;
use time::macros::datetime;

const T0: OffsetDateTime = datetime!(2026-01-02 03:04:05 UTC);

fn at(seconds: u64) -> OffsetDateTime {
    T0 + Duration::from_secs(seconds)
}

fn path(text: &str) -> StreamPath {
    StreamPath::new(text).unwrap()
}

fn offset(number: u64) -> StreamOffset {
    StreamOffset::new(1, number)
}

fn subscription(delivery: Value) -> Subscription {
    let mut body = json!({"pattern": "events/*", "lease_ttl_ms": 10_000});
    body.as_object_mut().unwrap().extend(delivery.as_object().unwrap().clone());
    let config = Config::parse(body.to_string().as_bytes(), Reach::Public).unwrap();
    Subscription::new("s".to_owned(), config, "http://h".to_owned(), T0, 7)
}

fn webhook() -> Subscription {
    subscription(json!({"type": "webhook", "webhook": {"url": "https://example.org/"}}))
}

fn pull() -> Subscription {
    subscription(json!({"type": "pull-wake", "wake_stream": "wake"}))
}

fn ack(subscription: &Subscription, number: Option<u64>, done: bool) -> Ack {
    let acks = number.map(|number| AckedStream {
        stream: "events/a".to_owned(),
        offset: offset(number).to_string(),
    });
    Ack {
        wake_id: subscription.wake_id(),
        generation: subscription.generation,
        acks: acks.into_iter().collect(),
        done,
    }
}

#[test]
fn an_append_wakes_once_until_the_worker_is_done() {
    let mut sub = webhook();
    assert_eq!(sub.poll_wake(T0), None);
    assert!(!sub.handle_append(T0, &path("other/a"), offset(1)));
    assert!(sub.handle_append(T0, &path("events/a"), offset(1)));
    let send = sub.poll_wake(T0).unwrap();
    assert_eq!((send.generation, send.first.as_str()), (1, "events/a"));
    assert_eq!(send.streams[0]["acked_offset"], StreamOffset::BEGINNING.to_string());
    sub.handle_outcome(T0, 1, Outcome::Delivered);
    sub.handle_append(T0, &path("events/a"), offset(2));
    assert_eq!(sub.poll_wake(T0), None);
    // What came after the worker was woken makes the next wake.
    sub.handle_outcome(at(1), 1, Outcome::Done);
    let next = sub.poll_wake(at(1)).unwrap();
    assert_eq!(next.generation, 2);
    assert_eq!(next.streams[0]["acked_offset"], offset(1).to_string());
}

#[test]
fn existing_streams_are_followed_from_their_tail() {
    let mut sub = webhook();
    sub.backfill(&path("events/a"), offset(5));
    sub.backfill(&path("other"), offset(5));
    assert_eq!(sub.paths().collect::<Vec<_>>(), [path("events/a")]);
    sub.handle_timeout(at(1));
    assert_eq!(sub.poll_wake(at(1)), None);
    sub.handle_append(at(1), &path("events/a"), offset(6));
    assert_eq!(sub.poll_wake(at(1)).unwrap().streams[0]["acked_offset"], offset(5).to_string());
}

#[test]
fn a_report_for_a_wake_that_is_over_changes_nothing() {
    let mut sub = webhook();
    sub.handle_append(T0, &path("events/a"), offset(1));
    assert!(sub.poll_wake(T0).is_some());
    let report = ack(&sub, Some(1), true);
    assert_eq!(sub.ack(T0, 2, &report), Err(Fault::Fenced));
    assert_eq!(sub.ack(T0, 1, &report), Ok(false));
    assert_eq!(sub.ack(T0, 1, &report), Err(Fault::Fenced));
    sub.handle_append(T0, &path("events/a"), offset(2));
    assert!(sub.poll_wake(T0).is_some());
    let before = sub.clone();
    assert_eq!(sub.ack(T0, 1, &report), Err(Fault::Fenced));
    assert_eq!(sub.release(T0, 1, &report), Err(Fault::Fenced));
    sub.handle_outcome(T0, 1, Outcome::Done);
    assert_eq!(sub, before);
}

#[test]
fn a_lease_runs_out_unless_it_is_extended() {
    let mut sub = webhook();
    sub.handle_append(T0, &path("events/a"), offset(2));
    assert!(sub.poll_wake(T0).is_some());
    sub.handle_outcome(T0, 1, Outcome::Delivered);
    assert_eq!(sub.poll_timeout(), Some(at(10)));
    let beat = ack(&sub, Some(1), false);
    assert_eq!(sub.ack(at(9), 1, &beat), Ok(false));
    sub.handle_timeout(at(18));
    assert_eq!(sub.poll_wake(at(18)), None);
    sub.handle_timeout(at(19));
    let again = sub.poll_wake(at(19)).unwrap();
    assert_eq!(
        (again.generation, &again.streams[0]["acked_offset"]),
        (2, &json!(offset(1).to_string()))
    );
}

#[test]
fn a_failed_delivery_is_tried_again_later_and_later() {
    let mut sub = webhook();
    sub.handle_append(T0, &path("events/a"), offset(1));
    let mut now = T0;
    let mut pauses = Vec::new();
    for _ in 0..8 {
        assert_eq!(sub.poll_wake(now).unwrap().generation, 1);
        sub.handle_outcome(now, 1, Outcome::Failed { chance: 20 });
        assert_eq!(sub.to_json(&Value::Null)["status"], "failed");
        let next = sub.poll_timeout().unwrap();
        pauses.push((next - now).whole_seconds());
        // The schedule is part of what survives a restart.
        sub = serde_json::from_value(serde_json::to_value(&sub).unwrap()).unwrap();
        assert_eq!(sub.poll_wake(next - Duration::from_millis(1)), None);
        now = next;
    }
    assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 60, 60]);
    assert!(sub.poll_wake(now).is_some());
    sub.handle_outcome(now, 1, Outcome::Delivered);
    assert_eq!(sub.to_json(&Value::Null)["status"], "active");
}

#[test]
fn workers_race_for_a_claim() {
    let mut sub = pull();
    assert_eq!(sub.claim(T0, "a"), Err(Fault::NoPendingWork));
    sub.handle_append(T0, &path("events/a"), offset(1));
    let send = sub.poll_wake(T0).unwrap();
    assert_eq!(send.delivery, Delivery::PullWake("wake".to_owned()));
    sub.handle_outcome(T0, send.generation, Outcome::Delivered);
    // Nobody need claim it soon.
    assert_eq!(sub.poll_timeout(), None);
    let claim = sub.claim(at(100), "a").unwrap();
    assert_eq!(claim.generation, 1);
    let busy = Fault::AlreadyClaimed { holder: "a".to_owned(), generation: 1 };
    assert_eq!(sub.claim(at(105), "b"), Err(busy));
    let release = ack(&sub, None, false);
    assert_eq!(sub.release(at(105), 1, &release), Ok(()));
    assert_eq!(sub.poll_wake(at(105)).unwrap().generation, 2);
    // The worker that comes before the event is known to lie in the wake stream has it too.
    assert_eq!(sub.claim(at(105), "b").unwrap().generation, 2);
    // A silent worker loses it.
    assert_eq!(sub.claim(at(115), "c").unwrap().generation, 3);
}

#[test]
fn what_no_stream_has_cannot_be_acknowledged() {
    let mut sub = pull();
    sub.handle_append(T0, &path("events/a"), offset(1));
    assert!(sub.claim(T0, "a").is_ok());
    let report = ack(&sub, Some(2), true);
    assert!(matches!(sub.ack(T0, 1, &report), Err(Fault::Invalid(_))));
    assert_eq!(webhook().claim(T0, "a"), Err(Fault::WrongKind("webhook")));
}

#[test]
fn names_and_pattern_are_two_ways_to_follow() {
    let mut sub = webhook();
    sub.link(&path("events/a"), offset(3));
    sub.link(&path("manual"), offset(3));
    let kind = |sub: &Subscription, at: usize| {
        sub.to_json(&Value::Null)["streams"][at]["link_type"].clone()
    };
    assert_eq!((kind(&sub, 0), kind(&sub, 1)), (json!("explicit"), json!("explicit")));
    sub.unlink(&path("events/a"));
    sub.unlink(&path("manual"));
    sub.unlink(&path("manual"));
    assert_eq!((kind(&sub, 0), kind(&sub, 1)), (json!("glob"), Value::Null));
    assert!(sub.handle_deletion(&path("events/a")));
    assert_eq!(sub.paths().count(), 0);
}

#[test]
fn no_more_streams_are_followed_than_the_limit() {
    let mut sub = webhook();
    for number in 0..=SUBSCRIPTION_STREAMS_MAX {
        sub.backfill(&path(&format!("events/{number}")), offset(1));
    }
    assert_eq!(sub.paths().count(), SUBSCRIPTION_STREAMS_MAX);
    assert!(!sub.handle_append(T0, &path("events/one-more"), offset(1)));
}

/// What can happen to a subscription.
#[derive(Debug, Clone)]
enum Step {
    Append(u64),
    Wait(u64),
    Send,
    Outcome(u64, u8),
    Claim,
    Ack(u64, bool),
    Release,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (1_u64..20).prop_map(Step::Append),
        (0_u64..20).prop_map(Step::Wait),
        Just(Step::Send),
        (0_u64..5, 0_u8..3).prop_map(|(generation, kind)| Step::Outcome(generation, kind)),
        Just(Step::Claim),
        (0_u64..20, any::<bool>()).prop_map(|(number, done)| Step::Ack(number, done)),
        Just(Step::Release),
    ]
}

proptest! {
    /// Cursors and generations never go back, and pending work is always on its way to somebody.
    #[test]
    fn nothing_pending_is_forgotten(steps in proptest::collection::vec(step(), 0..60), pulls: bool) {
        let mut sub = if pulls { pull() } else { webhook() };
        let mut now = T0;
        for step in steps {
            let before = sub.clone();
            match step {
                Step::Append(number) => drop(sub.handle_append(now, &path("events/a"), offset(number))),
                Step::Wait(seconds) => {
                    now += Duration::from_secs(seconds);
                    sub.handle_timeout(now);
                }
                Step::Send => drop(sub.poll_wake(now)),
                Step::Outcome(generation, kind) => {
                    let outcome = match kind {
                        0 => Outcome::Delivered,
                        1 => Outcome::Done,
                        _ => Outcome::Failed { chance: 3 },
                    };
                    sub.handle_outcome(now, generation, outcome);
                }
                Step::Claim => drop(sub.claim(now, "w")),
                Step::Ack(number, done) => {
                    let report = ack(&sub, Some(number), done);
                    drop(sub.ack(now, report.generation, &report));
                }
                Step::Release => {
                    let report = ack(&sub, None, false);
                    drop(sub.release(now, report.generation, &report));
                }
            }
            prop_assert!(sub.generation >= before.generation);
            for (path, link) in &before.links {
                prop_assert!(sub.links[path].acked >= link.acked);
            }
            prop_assert!(sub.links.values().all(|link| link.acked <= link.tail));
            prop_assert!(!sub.is_pending() || sub.phase != Phase::Idle);
            if sub.phase != Phase::Announced && sub.phase != Phase::Idle {
                prop_assert!(sub.poll_timeout().is_some());
            }
        }
    }
}

#[test]
fn a_worker_that_is_faster_than_the_news_of_its_wake_keeps_its_claim() {
    for late in [Outcome::Delivered, Outcome::Failed { chance: 1 }] {
        let mut sub = pull();
        sub.handle_append(T0, &path("events/a"), offset(1));
        assert!(sub.poll_wake(T0).is_some());
        let claim = sub.claim(T0, "worker").unwrap();
        sub.handle_outcome(T0, claim.generation, late);
        let report = ack(&sub, None, false);
        assert_eq!(sub.release(T0, claim.generation, &report), Ok(()));
    }
}
