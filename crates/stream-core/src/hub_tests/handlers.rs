//! What the hub promises to handlers, shown.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Barrier, Mutex, OnceLock};

use crate::limits::HANDLER_BACKLOG_MAX;
use crate::{Attachment, Callback, Capacity, Failure, Hub, Refused};

/// What a handler has seen.
type Seen<T> = Arc<Mutex<Vec<T>>>;

/// A handler that remembers what it is called with.
fn recorder<T: Clone + Send + Sync + 'static>() -> (Seen<T>, Callback<T>) {
    let seen = Seen::default();
    let record = Arc::clone(&seen);
    (seen, Callback::new(move |item: &T| record.lock().unwrap().push(item.clone())))
}

fn hub<T>() -> Hub<T> {
    Hub::new(Capacity::items(100))
}

fn publish_all(hub: &Hub<u64>, items: impl IntoIterator<Item = u64>) {
    for item in items {
        hub.publish(item, 1);
    }
}

#[test]
fn every_handler_is_called_in_order_for_what_comes_after_it() {
    let hub = hub();
    hub.publish(0, 1);
    let (first, callback) = recorder();
    let _first = hub.attach(callback);
    hub.publish(1, 1);
    let (second, callback) = recorder();
    let attachment = hub.attach(callback);
    publish_all(&hub, [2, 3]);
    drop(attachment);
    publish_all(&hub, [4]);
    assert_eq!(*first.lock().unwrap(), [1, 2, 3, 4]);
    assert_eq!(*second.lock().unwrap(), [2, 3]);
    assert_eq!(hub.handlers(), 1);
}

#[test]
fn a_handler_that_fails_or_panics_harms_nobody() {
    let hub = hub();
    let reports: Seen<String> = Seen::default();
    let report = |reports: &Seen<String>| {
        let reports = Arc::clone(reports);
        move |failure: &Failure| reports.lock().unwrap().push(failure.to_string())
    };
    let failing = Callback::new(|item: &u64| Err(io::Error::other(format!("not {item}"))));
    let panicking = Callback::new(|item: &u64| -> () { panic!("no {item}") });
    let silent = Callback::new(|_: &u64| -> () { panic!("without a report") });
    let _attachments = [
        hub.attach(failing.on_failure(report(&reports))),
        hub.attach(panicking.on_failure(report(&reports))),
        hub.attach(silent.on_failure(|_| panic!("nor can it report"))),
    ];
    let (seen, callback) = recorder();
    let _last = hub.attach(callback);
    publish_all(&hub, [1, 2]);
    assert_eq!(*seen.lock().unwrap(), [1, 2]);
    assert_eq!(hub.failures(), 6);
    assert_eq!(*reports.lock().unwrap(), ["not 1", "panicked: no 1", "not 2", "panicked: no 2"]);
}

#[test]
fn a_handler_may_publish_and_what_it_publishes_comes_after() {
    let hub = hub();
    let (first, callback) = recorder();
    let _first = hub.attach(callback);
    let echo = hub.clone();
    let _echo = hub.attach(Callback::new(move |item: &u64| {
        if *item < 5 {
            echo.publish(item + 10, 1);
        }
    }));
    let (last, callback) = recorder();
    let _last = hub.attach(callback);
    publish_all(&hub, [1, 2]);
    assert_eq!(*first.lock().unwrap(), [1, 11, 2, 12]);
    assert_eq!(*last.lock().unwrap(), [1, 11, 2, 12]);
}

#[test]
fn a_handler_may_attach_another_which_sees_the_next_item() {
    let hub = hub();
    let added: Arc<OnceLock<Attachment<u64>>> = Arc::default();
    let (seen, callback) = recorder();
    let (inner, slot) = (hub.clone(), Arc::clone(&added));
    let _attaching = hub.attach(Callback::new(move |_| {
        slot.get_or_init(|| inner.attach(callback.clone()));
    }));
    publish_all(&hub, [1, 2]);
    assert_eq!(*seen.lock().unwrap(), [2]);
}

#[test]
fn a_handler_that_is_detached_by_one_before_it_is_not_called() {
    let hub = hub();
    let second: Arc<Mutex<Option<Attachment<u64>>>> = Arc::default();
    let victim = Arc::clone(&second);
    let _first = hub.attach(Callback::new(move |item| {
        if *item == 2 {
            drop(victim.lock().unwrap().take());
        }
    }));
    let (seen, callback) = recorder();
    *second.lock().unwrap() = Some(hub.attach(callback));
    let (last, callback) = recorder();
    let _last = hub.attach(callback);
    publish_all(&hub, [1, 2, 3]);
    assert_eq!(*seen.lock().unwrap(), [1]);
    assert_eq!(*last.lock().unwrap(), [1, 2, 3]);
}

#[test]
fn a_handler_may_detach_itself() {
    let hub = hub();
    let own: Arc<Mutex<Option<Attachment<u64>>>> = Arc::default();
    let calls = Arc::new(AtomicU64::new(0));
    let (slot, count) = (Arc::clone(&own), Arc::clone(&calls));
    let attachment = hub.attach(Callback::new(move |_| {
        count.fetch_add(1, Ordering::SeqCst);
        drop(slot.lock().unwrap().take());
    }));
    *own.lock().unwrap() = Some(attachment);
    publish_all(&hub, [1, 2]);
    assert_eq!(calls.load(Ordering::SeqCst), 1);
    assert_eq!(hub.handlers(), 0);
}

#[test]
fn a_detached_handler_is_dropped_at_once() {
    let hub = hub();
    let item = Arc::new(());
    let held = Arc::clone(&item);
    let attachment = hub.attach(Callback::new(move |_| {
        let _ = &held;
    }));
    let (_, other) = recorder();
    let _other = hub.attach(other);
    publish_all(&hub, [1]);
    drop(attachment);
    assert_eq!(Arc::strong_count(&item), 1);
}

#[test]
fn a_handler_may_ask_for_items_that_are_still_there() {
    let hub = Hub::starting_at(100, Capacity::items(16));
    let (old, callback) = recorder();
    let _old = hub.attach(callback);
    publish_all(&hub, 100..200);
    let (seen, callback) = recorder();
    let _late = hub.attach_at(195, callback);
    let missing = Arc::new(AtomicU64::new(0));
    let missed = Arc::clone(&missing);
    let (all, callback) = recorder();
    let callback = callback.on_failure(move |failure| {
        let Failure::Lagged { missed: count } = failure else { panic!("{failure}") };
        missed.fetch_add(*count, Ordering::SeqCst);
    });
    let first = hub.first();
    let _all = hub.attach_at(100, callback);
    publish_all(&hub, [200]);
    assert_eq!(*seen.lock().unwrap(), [195, 196, 197, 198, 199, 200]);
    assert_eq!(missing.load(Ordering::SeqCst), first - 100);
    assert_eq!(*all.lock().unwrap(), (first..=200).collect::<Vec<_>>());
    assert_eq!(*old.lock().unwrap(), (100..=200).collect::<Vec<_>>());
}

#[test]
fn many_handlers_may_go_at_once() {
    let hub = hub();
    let calls = Arc::new(AtomicU64::new(0));
    let mut attachments: Vec<_> = (0..1000)
        .map(|_| {
            let count = Arc::clone(&calls);
            hub.attach(Callback::new(move |_: &u64| {
                count.fetch_add(1, Ordering::SeqCst);
            }))
        })
        .collect();
    hub.publish(1, 1);
    let mut want = 1000;
    while attachments.len() > 1 {
        attachments.truncate(attachments.len() / 2);
        hub.publish(1, 1);
        want += attachments.len() as u64;
    }
    assert_eq!(calls.load(Ordering::SeqCst), want);
    assert_eq!(hub.handlers(), 1);
}

/// Attaches a handler that stays in its first call until the returned function is called.
fn blocked(hub: &Hub<u64>) -> (Attachment<u64>, Seen<u64>, impl FnOnce() + use<>) {
    let gate = Arc::new(Barrier::new(2));
    let first = AtomicBool::new(true);
    let (seen, record) = recorder();
    let waits = Arc::clone(&gate);
    let attachment = hub.attach(Callback::new(move |item| {
        if first.swap(false, Ordering::SeqCst) {
            waits.wait();
            waits.wait();
        }
        record.call(item)
    }));
    let publisher = hub.clone();
    let thread = std::thread::spawn(move || publisher.publish(0, 1));
    gate.wait();
    let release = move || {
        gate.wait();
        thread.join().unwrap();
    };
    (attachment, seen, release)
}

#[test]
fn a_publisher_leaves_its_items_to_the_one_who_delivers() {
    let hub = Hub::new(Capacity::items(1));
    let (_attachment, seen, release) = blocked(&hub);
    publish_all(&hub, 1..1000);
    assert!(seen.lock().unwrap().is_empty());
    release();
    assert_eq!(*seen.lock().unwrap(), (0..1000).collect::<Vec<_>>());
    assert_eq!(hub.failures(), 0);
}

#[test]
fn the_backlog_of_handlers_is_bounded() {
    let hub = Hub::new(Capacity::items(1));
    let (_attachment, seen, release) = blocked(&hub);
    for item in 1..HANDLER_BACKLOG_MAX {
        hub.try_publish(item, 1).unwrap();
    }
    let refused = hub.try_publish(HANDLER_BACKLOG_MAX, 1);
    assert_eq!(refused, Err(Refused::Full(HANDLER_BACKLOG_MAX)));
    release();
    assert_eq!(*seen.lock().unwrap(), (0..HANDLER_BACKLOG_MAX).collect::<Vec<_>>());
    assert!(hub.try_publish(HANDLER_BACKLOG_MAX, 1).is_ok());
}

#[test]
fn a_publisher_who_pays_no_heed_makes_handlers_miss_items_and_they_are_told() {
    let hub = Hub::new(Capacity::items(1));
    let (_attachment, seen, release) = blocked(&hub);
    let count = 2 * HANDLER_BACKLOG_MAX;
    publish_all(&hub, 1..count);
    release();
    let seen = seen.lock().unwrap();
    assert_eq!(seen.last(), Some(&(count - 1)));
    assert!(seen.is_sorted());
    assert!(seen.len() as u64 >= HANDLER_BACKLOG_MAX);
    assert_eq!(hub.failures(), 1);
}

#[test]
fn everybody_gets_everything_from_many_publishers() {
    const EACH: u64 = 2000;
    let hub: Hub<(u64, u64)> = hub();
    let recorders: Vec<_> = (0..3).map(|_| recorder()).collect();
    let attachments: Vec<_> =
        recorders.iter().map(|(_, callback)| hub.attach(callback.clone())).collect();
    std::thread::scope(|scope| {
        for publisher in 0..4 {
            let hub = hub.clone();
            scope.spawn(move || {
                for n in 0..EACH {
                    hub.publish((publisher, n), 1);
                }
            });
        }
    });
    drop(attachments);
    let first = recorders[0].0.lock().unwrap();
    assert_eq!(first.len() as u64, 4 * EACH);
    for publisher in 0..4 {
        let own = first.iter().filter(|(who, _)| *who == publisher).map(|(_, n)| *n);
        assert!(own.eq(0..EACH));
    }
    for (other, _) in &recorders[1..] {
        assert_eq!(*other.lock().unwrap(), *first);
    }
}
