//! What a subscription promises, shown.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

/// Gives back what it was filled with.
struct Canned(VecDeque<Result<Event, Lagged>>);

impl EventSource for Canned {
    fn poll_next(&mut self, _: &mut Context<'_>) -> Poll<Option<Result<Event, Lagged>>> {
        Poll::Ready(self.0.pop_front())
    }
}

fn counter() -> (Arc<AtomicUsize>, impl FnOnce() + Send + 'static) {
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    (count, move || {
        counted.fetch_add(1, Ordering::SeqCst);
    })
}

#[test]
fn cancelling_tells_the_stream_once() {
    let subscription = Subscription::builder().build();
    let (told, hook) = counter();
    subscription.handle().on_cancel(hook);
    assert!(subscription.is_active());
    assert!(subscription.cancel());
    assert!(!subscription.cancel());
    drop(subscription);
    assert_eq!(told.load(Ordering::SeqCst), 1);
}

#[test]
fn a_hook_that_comes_late_runs_at_once() {
    let subscription = Subscription::builder().build();
    subscription.cancel();
    let (told, hook) = counter();
    subscription.handle().on_cancel(hook);
    assert_eq!(told.load(Ordering::SeqCst), 1);
}

#[test]
fn a_hook_may_cancel_again() {
    let subscription = Subscription::builder().build();
    let handle = subscription.handle().clone();
    subscription.handle().on_cancel(move || assert!(!handle.cancel()));
    assert!(subscription.cancel());
}

#[test]
fn a_dropped_subscription_is_cancelled_and_a_detached_one_is_not() {
    let subscription = Subscription::builder().build();
    let handle = subscription.handle().clone();
    drop(subscription);
    assert!(!handle.is_active());

    let subscription = Subscription::builder().build();
    let handle = subscription.handle().clone();
    assert_eq!(subscription.detach(), handle.id());
    assert!(handle.is_active());
}

#[test]
fn a_filter_that_fails_or_panics_takes_nothing_and_is_counted() {
    let failing = Subscription::builder().filter(|_: &Event| Err::<bool, _>(io::Error::other("x")));
    let panicking = Subscription::builder().filter(|event: &Event| {
        assert!(event.data().as_bytes().is_empty(), "no data wanted");
        true
    });
    for builder in [failing, panicking] {
        let subscription = builder.build();
        assert!(!subscription.should_receive(&Event::text("a")));
        assert!(!subscription.should_receive(&Event::text("b")));
        assert_eq!(subscription.counts().filter_failures, 2);
    }
}

#[test]
fn a_filter_is_not_asked_about_other_topics() {
    let asked = |_: &Event| -> bool { panic!("asked about another topic") };
    let subscription = Subscription::builder().topic("a").filter(asked).build();
    assert!(!subscription.should_receive(&Event::builder().meta("topic", "b").build()));
    assert_eq!(subscription.counts().filter_failures, 0);
}

#[test]
fn what_is_missed_is_told_in_its_place_and_counted() {
    let (first, last) = (Event::text("1"), Event::text("4"));
    let queue = [Ok(first.clone()), Err(Lagged { missed: 2 }), Ok(last.clone())];
    let handle = Subscription::builder().build();
    let mut subscription =
        Subscription::new(handle.handle().clone()).with_source(Box::new(Canned(queue.into())));
    assert_eq!(subscription.try_next(), Some(Ok(first)));
    assert_eq!(subscription.try_next(), Some(Err(Lagged { missed: 2 })));
    assert_eq!(subscription.try_next(), Some(Ok(last)));
    assert_eq!(subscription.try_next(), None);
    assert_eq!(subscription.counts().missed, 2);
}

#[test]
fn an_id_reads_back() {
    let id = SubscriptionId::new();
    assert_eq!(id.to_string().parse(), Ok(id));
    assert_eq!(serde_json::from_str::<SubscriptionId>(&format!("\"{id}\"")).unwrap(), id);
    assert_eq!("x".parse::<SubscriptionId>(), Err(ParseSubscriptionIdError));
}
