//! What must hold in every interleaving.

use shuttle::future::block_on;
use shuttle::thread;

use crate::hub::{Callback, Capacity, Cursor, Hub, TryNext};
use crate::sync::{Arc, Mutex};

/// Schedules to try for each test.
const SCHEDULES: usize = 1000;

#[track_caller]
fn explore(scene: impl Fn() + Send + Sync + 'static) {
    shuttle::check_random(scene, SCHEDULES);
}

/// Reads to the end, waiting where it must.
fn read_all(mut cursor: Cursor<u64>) -> Vec<u64> {
    block_on(async {
        let mut seen = Vec::new();
        loop {
            match cursor.next().await {
                TryNext::Item(item) => seen.push(*item),
                TryNext::Closed => return seen,
                other => panic!("found {other:?}"),
            }
        }
    })
}

#[test]
fn a_reader_who_waits_is_always_woken() {
    explore(|| {
        let hub = Hub::new(Capacity::items(100));
        let readers: Vec<_> = (0..2)
            .map(|_| {
                let cursor = hub.cursor();
                thread::spawn(move || read_all(cursor))
            })
            .collect();
        for item in 0..3 {
            hub.publish(item, 1);
        }
        drop(hub);
        for reader in readers {
            assert_eq!(reader.join().unwrap(), [0, 1, 2]);
        }
    });
}

#[test]
fn a_publisher_who_waits_is_always_woken() {
    explore(|| {
        let hub = Hub::new(Capacity::items(100));
        let readers: Vec<_> = [1, 2]
            .map(|limit| {
                let cursor = hub.paced_cursor(limit);
                thread::spawn(move || read_all(cursor))
            })
            .into();
        let publishers: Vec<_> = (0..2)
            .map(|who| {
                let hub = hub.clone();
                thread::spawn(move || {
                    for n in 0..2 {
                        block_on(hub.send(who * 10 + n, 1)).unwrap();
                    }
                })
            })
            .collect();
        drop(hub);
        for publisher in publishers {
            publisher.join().unwrap();
        }
        let seen: Vec<_> = readers.into_iter().map(|reader| reader.join().unwrap()).collect();
        assert_eq!(seen[0].len(), 4);
        assert_eq!(seen[0], seen[1]);
    });
}

#[test]
fn a_publisher_who_waits_goes_on_when_the_slow_reader_leaves() {
    explore(|| {
        let hub = Hub::new(Capacity::items(100));
        let cursor = hub.paced_cursor(1);
        hub.publish(0, 1);
        let leaver = thread::spawn(move || drop(cursor));
        block_on(hub.send(1, 1)).unwrap();
        leaver.join().unwrap();
    });
}

#[test]
fn a_publisher_who_waits_is_told_when_the_hub_closes() {
    explore(|| {
        let hub = Hub::new(Capacity::items(100));
        let _cursor = hub.paced_cursor(1);
        hub.publish(0, 1);
        let closer = hub.clone();
        let closing = thread::spawn(move || closer.close());
        assert!(block_on(hub.send(1, 1)).is_err());
        closing.join().unwrap();
    });
}

fn recorder() -> (Arc<Mutex<Vec<u64>>>, Callback<u64>) {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let record = Arc::clone(&seen);
    (seen, Callback::new(move |item: &u64| record.lock().push(*item)))
}

#[test]
fn every_item_is_delivered_once_and_in_order_whoever_delivers() {
    explore(|| {
        let hub = Hub::new(Capacity::items(100));
        let (seen, callback) = recorder();
        let _attachment = hub.attach(callback);
        let publishers: Vec<_> = (0..3)
            .map(|who| {
                let hub = hub.clone();
                thread::spawn(move || {
                    let first = hub.publish(who * 10, 1);
                    let second = hub.publish(who * 10 + 1, 1);
                    [(first, who * 10), (second, who * 10 + 1)]
                })
            })
            .collect();
        let mut want: Vec<_> =
            publishers.into_iter().flat_map(|publisher| publisher.join().unwrap()).collect();
        want.sort_unstable();
        let want: Vec<_> = want.into_iter().map(|(_, item)| item).collect();
        assert_eq!(*seen.lock(), want);
    });
}

#[test]
fn a_handler_sees_what_is_published_after_it_came_and_nothing_after_it_went() {
    explore(|| {
        let hub = Hub::new(Capacity::items(100));
        let other = hub.clone();
        let publisher = thread::spawn(move || {
            for item in 0..3 {
                other.publish(item, 1);
            }
        });
        let (seen, callback) = recorder();
        let from = hub.next();
        let attachment = hub.attach(callback);
        publisher.join().unwrap();
        drop(attachment);
        hub.publish(3, 1);
        let seen = seen.lock();
        let first = seen.first().copied().unwrap_or(3);
        assert!(first >= from);
        assert!((first..3).eq(seen.iter().copied()));
    });
}

#[test]
fn a_handler_that_went_is_dropped_when_nobody_delivers_any_more() {
    explore(|| {
        let hub = Hub::new(Capacity::items(100));
        let (seen, callback) = recorder();
        let attachment = hub.attach(callback);
        let other = hub.clone();
        let publisher = thread::spawn(move || other.publish(0, 1));
        drop(attachment);
        publisher.join().unwrap();
        assert_eq!(Arc::strong_count(&seen), 1);
    });
}

#[test]
fn replay_and_delivery_meet_without_gap_or_repeat() {
    explore(|| {
        let hub = Hub::new(Capacity::items(100));
        hub.publish(0, 1);
        let other = hub.clone();
        let publisher = thread::spawn(move || {
            other.publish(1, 1);
            other.publish(2, 1);
        });
        let (seen, callback) = recorder();
        let _attachment = hub.attach_at(0, callback);
        publisher.join().unwrap();
        assert_eq!(*seen.lock(), [0, 1, 2]);
    });
}
