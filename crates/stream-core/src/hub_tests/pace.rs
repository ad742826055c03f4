//! What the hub promises to publishers who wait, shown.

use std::sync::Arc;

use super::Count;
use crate::{Capacity, Hub, Refused, SendError, TryBatch, TryNext};

#[test]
fn a_paced_cursor_is_never_left_further_behind_than_its_bound() {
    for limit in [1, 2, 16, 17, 300] {
        let hub = Hub::new(Capacity::items(1));
        let mut cursor = hub.paced_cursor(limit);
        for n in 0..limit {
            hub.try_publish(n, 1).unwrap();
        }
        assert_eq!(hub.try_publish(limit, 1), Err(Refused::Full(limit)));
        assert_eq!(cursor.try_next(), TryNext::Item(&0));
        assert!(hub.try_publish(limit, 1).is_ok());
        assert!(hub.try_publish(limit + 1, 1).is_err());
        for n in 1..=limit {
            assert_eq!(cursor.try_next(), TryNext::Item(&n));
        }
    }
}

#[test]
fn the_slowest_decides_and_lets_go_when_it_leaves() {
    let hub = Hub::new(Capacity::items(10));
    let (mut fast, slow) = (hub.paced_cursor(4), hub.paced_cursor(2));
    assert!(hub.try_publish(1, 1).is_ok());
    assert!(hub.try_publish(2, 1).is_ok());
    assert!(matches!(fast.try_next(), TryNext::Item(1)));
    assert!(hub.try_publish(3, 1).is_err());
    drop(slow);
    assert!(hub.try_publish(3, 1).is_ok());
    assert!(hub.try_publish(4, 1).is_ok());
    fast.remote().release();
    for n in 5..10 {
        assert!(hub.try_publish(n, 1).is_ok());
    }
}

#[test]
fn a_batch_makes_room_when_it_is_dropped() {
    let hub = Hub::new(Capacity::items(10));
    let mut cursor = hub.paced_cursor(2);
    hub.publish_all([(1, 1), (2, 1)]);
    let TryBatch::Items(mut batch) = cursor.try_next_batch() else { panic!("expected items") };
    assert_eq!(batch.next(), Some(&1));
    assert!(hub.try_publish(3, 1).is_err());
    drop(batch);
    assert!(hub.try_publish(3, 1).is_ok());
    assert!(matches!(cursor.try_next(), TryNext::Item(2)));
}

#[test]
fn a_publisher_waits_until_there_is_room_and_is_woken_once() {
    let hub = Hub::new(Capacity::items(10));
    let mut cursors = [hub.paced_cursor(1), hub.paced_cursor(1)];
    let count = Arc::new(Count::default());
    let waker = Arc::clone(&count).into();
    let mut cx = std::task::Context::from_waker(&waker);
    hub.publish(1, 1);
    let mut send = Box::pin(hub.send(2, 1));
    for _ in 0..3 {
        assert!(send.as_mut().poll(&mut cx).is_pending());
    }
    for (number, cursor) in cursors.iter_mut().enumerate() {
        assert_eq!(count.get(), 0, "woken before reader {number} had read");
        assert_eq!(cursor.try_next(), TryNext::Item(&1));
    }
    assert_eq!(count.get(), 1);
    assert_eq!(send.as_mut().poll(&mut cx), std::task::Poll::Ready(Ok(1)));
}

#[test]
fn a_publisher_who_waits_gets_its_item_back_when_the_hub_closes() {
    let hub = Hub::new(Capacity::items(10));
    let _cursor = hub.paced_cursor(1);
    let count = Arc::new(Count::default());
    let waker = Arc::clone(&count).into();
    let mut cx = std::task::Context::from_waker(&waker);
    hub.publish('a', 1);
    let mut send = Box::pin(hub.send('b', 1));
    assert!(send.as_mut().poll(&mut cx).is_pending());
    hub.close();
    assert_eq!(count.get(), 1);
    assert_eq!(send.as_mut().poll(&mut cx), std::task::Poll::Ready(Err(SendError('b'))));
    assert_eq!(hub.try_publish('c', 1), Err(Refused::Closed('c')));
}

#[test]
fn a_publisher_who_gives_up_has_published_nothing() {
    let hub = Hub::new(Capacity::items(10));
    let mut cursor = hub.paced_cursor(1);
    hub.publish(1, 1);
    let mut send = Box::pin(hub.send(2, 1));
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    assert!(send.as_mut().poll(&mut cx).is_pending());
    drop(send);
    assert_eq!(cursor.try_next(), TryNext::Item(&1));
    assert_eq!(cursor.try_next(), TryNext::Empty);
    assert!(hub.try_publish(3, 1).is_ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_between_publishers_who_wait_and_slow_readers() {
    const EACH: u64 = 5000;
    let hub = Hub::new(Capacity::items(1));
    let readers: Vec<_> = [1, 3, 40]
        .map(|limit| {
            let mut cursor = hub.paced_cursor(limit);
            tokio::spawn(async move {
                let (mut sum, mut count) = (0, 0);
                loop {
                    match cursor.next().await {
                        TryNext::Item(item) => (sum, count) = (sum + item, count + 1),
                        TryNext::Closed => return (sum, count),
                        other => panic!("found {other:?}"),
                    }
                }
            })
        })
        .into();
    let publishers: Vec<_> = (0..3)
        .map(|_| {
            let hub = hub.clone();
            tokio::spawn(async move {
                for n in 0..EACH {
                    hub.send(n, 1).await.unwrap();
                }
            })
        })
        .collect();
    drop(hub);
    for publisher in publishers {
        publisher.await.unwrap();
    }
    for reader in readers {
        assert_eq!(reader.await.unwrap(), (3 * EACH * (EACH - 1) / 2, 3 * EACH));
    }
}
