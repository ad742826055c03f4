//! What the hub promises, shown.

mod handlers;
mod pace;

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Wake;

use proptest::prelude::*;

use crate::limits::BLOCK_ITEMS_MIN as BLOCK_ITEMS;
use crate::{Capacity, Cursor, Hub, TryNext};

/// Counts how often it is woken.
#[derive(Default)]
struct Count(AtomicUsize);

impl Count {
    fn get(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

fn drain<T: Copy>(cursor: &mut Cursor<T>) -> Vec<T> {
    let mut seen = Vec::new();
    while let TryNext::Item(item) = cursor.try_next() {
        seen.push(*item);
    }
    seen
}

#[test]
fn a_cursor_reads_what_comes_after_it() {
    let hub = Hub::new(Capacity::items(10));
    hub.publish('a', 1);
    let mut cursor = hub.cursor();
    assert_eq!(cursor.try_next(), TryNext::Empty);
    hub.publish('b', 1);
    assert_eq!(cursor.lag(), 1);
    assert_eq!(cursor.try_next(), TryNext::Item(&'b'));
    assert_eq!(cursor.try_next(), TryNext::Empty);
}

#[test]
fn a_slow_cursor_is_told_what_it_missed() {
    let hub = Hub::starting_at(100, Capacity::items(BLOCK_ITEMS));
    let mut cursor = hub.cursor();
    for n in 0..10 * BLOCK_ITEMS {
        hub.publish(n, 1);
    }
    let first = hub.first();
    let TryNext::Lagged { missed } = cursor.try_next() else { panic!("expected a gap") };
    assert_eq!(100 + missed, first);
    let seen = drain(&mut cursor);
    assert!((BLOCK_ITEMS..=2 * BLOCK_ITEMS).contains(&seen.len()), "{}", seen.len());
    assert_eq!(seen.last(), Some(&(10 * BLOCK_ITEMS - 1)));
}

#[test]
fn the_ring_keeps_its_capacity_and_not_a_block_more() {
    for items in [1, BLOCK_ITEMS - 1, BLOCK_ITEMS, BLOCK_ITEMS + 1, 100] {
        let hub = Hub::new(Capacity::items(items));
        for n in 0..1000_u64 {
            hub.publish(n, 1);
            let kept = usize::try_from(hub.next() - hub.first()).unwrap();
            let wanted = items.min(usize::try_from(n + 1).unwrap());
            assert!((wanted..=items + BLOCK_ITEMS).contains(&kept), "{items}: {kept}");
        }
    }
}

#[test]
fn a_heavy_ring_gives_way_early() {
    let hub = Hub::new(Capacity::items(10_000).weight(1000));
    for n in 0..10_000 {
        hub.publish(n, 100);
    }
    let kept = usize::try_from(hub.next() - hub.first()).unwrap();
    assert!(kept <= BLOCK_ITEMS, "{kept}");
}

#[test]
fn what_leaves_the_ring_is_dropped_but_for_the_block_under_a_cursor() {
    let hub = Hub::new(Capacity::items(1));
    let item = Arc::new(());
    let mut cursor = hub.cursor();
    hub.publish(Arc::clone(&item), 1);
    assert!(matches!(cursor.try_next(), TryNext::Item(_)));
    for _ in 0..100 * BLOCK_ITEMS {
        hub.publish(Arc::clone(&item), 1);
    }
    assert!(Arc::strong_count(&item) <= 3 * BLOCK_ITEMS, "{}", Arc::strong_count(&item));
    drop((hub, cursor));
    assert_eq!(Arc::strong_count(&item), 1);
}

#[test]
fn a_closed_hub_is_read_to_its_end() {
    let hub = Hub::new(Capacity::items(10));
    let mut cursor = hub.cursor();
    hub.publish(1, 1);
    hub.close();
    hub.publish(2, 1);
    assert_eq!(cursor.try_next(), TryNext::Item(&1));
    assert_eq!(cursor.try_next(), TryNext::Closed);

    let hub = Hub::new(Capacity::items(10));
    let (other, mut cursor) = (hub.clone(), hub.cursor());
    drop(hub);
    other.publish(1, 1);
    drop(other);
    assert_eq!(cursor.try_next(), TryNext::Item(&1));
    assert_eq!(cursor.try_next(), TryNext::Closed);
}

#[test]
fn numbers_that_are_left_out_are_a_gap() {
    let hub = Hub::new(Capacity::items(10));
    let mut cursor = hub.cursor();
    hub.publish('a', 1);
    hub.skip_to(5);
    hub.skip_to(3);
    assert_eq!(hub.publish('f', 1), 5);
    assert_eq!(cursor.try_next(), TryNext::Lagged { missed: 5 });
    assert_eq!(cursor.try_next(), TryNext::Item(&'f'));
}

#[test]
fn everybody_who_waits_is_woken_once() {
    let hub = Hub::new(Capacity::items(10));
    let count = Arc::new(Count::default());
    let waker = Arc::clone(&count).into();
    let mut cx = std::task::Context::from_waker(&waker);
    let mut cursors: Vec<_> = (0..5).map(|_| hub.cursor()).collect();
    for cursor in &mut cursors {
        assert!(cursor.poll_ready(&mut cx).is_pending());
        assert!(cursor.poll_ready(&mut cx).is_pending());
    }
    cursors.pop();
    hub.publish_all([(1, 1), (2, 1)]);
    assert_eq!(count.get(), 4);
    hub.publish(3, 1);
    assert_eq!(count.get(), 4);
    assert_eq!(hub.cursors(), 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_on_other_threads_get_everything_in_order() {
    const ITEMS: u64 = 20_000;
    let hub = Hub::new(Capacity::items(usize::try_from(ITEMS).unwrap()));
    let readers: Vec<_> = (0..8)
        .map(|_| {
            let mut cursor = hub.cursor();
            tokio::spawn(async move {
                let mut expected = 0;
                while let TryNext::Item(item) = cursor.next().await {
                    assert_eq!(*item, expected);
                    expected += 1;
                }
                expected
            })
        })
        .collect();
    for n in 0..ITEMS {
        hub.publish(n, 1);
        if n % 64 == 0 {
            tokio::task::yield_now().await;
        }
    }
    drop(hub);
    for reader in readers {
        assert_eq!(reader.await.unwrap(), ITEMS);
    }
}

#[derive(Debug, Clone)]
enum Step {
    Publish(u8),
    Read(u8),
    Seek(u8),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        any::<u8>().prop_map(Step::Publish),
        any::<u8>().prop_map(Step::Read),
        any::<u8>().prop_map(Step::Seek),
    ];
    proptest::collection::vec(step, 0..60)
}

proptest! {
    /// Against a plain list that keeps what the hub says it keeps.
    #[test]
    fn a_cursor_agrees_with_a_list(items in 1_usize..80, steps in steps()) {
        let hub = Hub::new(Capacity::items(items));
        let mut cursor = hub.cursor();
        let mut all = VecDeque::new();
        let mut at = 0_u64;
        for step in steps {
            match step {
                Step::Publish(count) => for _ in 0..count {
                    let number = hub.publish(all.len() as u64, 1);
                    all.push_back(number);
                },
                Step::Seek(back) => {
                    at = at.saturating_sub(u64::from(back));
                    cursor.seek(at);
                }
                Step::Read(count) => for _ in 0..count {
                    let (first, next) = (hub.first(), hub.next());
                    let want = if at >= next { TryNext::Empty }
                        else if at < first { TryNext::Lagged { missed: first - at } }
                        else { TryNext::Item(&all[usize::try_from(at).unwrap()]) };
                    let got = cursor.try_next();
                    // A block that the cursor still holds may serve what has left the ring.
                    match (&got, &want) {
                        (TryNext::Item(item), TryNext::Lagged { .. }) => {
                            prop_assert_eq!(**item, at);
                            at += 1;
                        }
                        _ => {
                            prop_assert_eq!(&got, &want);
                            match want {
                                TryNext::Item(_) => at += 1,
                                TryNext::Lagged { missed } => at += missed,
                                TryNext::Empty | TryNext::Closed => break,
                            }
                        }
                    }
                },
            }
        }
    }
}
