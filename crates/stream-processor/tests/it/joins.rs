//! Joins beside what a plain computation over all items finds.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures_util::{StreamExt, stream};
use proptest::prelude::*;
use stream_processor::{
    Flow, Joined, Lateness, Loader, Lookup, Moment, Pipeline, SaveState, Saver, Side, Stage,
    StreamProcessor,
};

/// When an item happened, its key and its number.
type Item = (i64, u8, usize);

fn place(side: &Side<Item, Item>) -> (i64, u8) {
    match side {
        Side::Left((at, key, _)) | Side::Right((at, key, _)) => (*at, *key),
    }
}

fn ms(ms: i64) -> Duration {
    Duration::from_millis(u64::try_from(ms).unwrap())
}

fn items() -> impl Strategy<Value = Vec<Side<Item, Item>>> {
    prop::collection::vec((0..8i64, -15..5i64, 0..3u8, any::<bool>()), 0..80).prop_map(|steps| {
        let mut now = 0;
        let item = |(number, (step, behind, key, is_left)): (usize, (i64, i64, u8, bool))| {
            now += step;
            let item = (now + behind, key, number);
            if is_left { Side::Left(item) } else { Side::Right(item) }
        };
        steps.into_iter().enumerate().map(item).collect()
    })
}

/// The pairs and late items, each two compared with each other.
fn by_force(
    items: &[Side<Item, Item>],
    (before, after): (i64, i64),
    lateness: i64,
) -> (Vec<(usize, usize)>, usize) {
    let (mut newest, mut late, mut pairs) = (i64::MIN, 0, Vec::new());
    let (mut lefts, mut rights): (Vec<Item>, Vec<Item>) = (Vec::new(), Vec::new());
    for side in items {
        let (at, _) = place(side);
        if at < newest.saturating_sub(lateness) {
            late += 1;
            continue;
        }
        newest = newest.max(at);
        match side {
            Side::Left(item) => lefts.push(*item),
            Side::Right(item) => rights.push(*item),
        }
    }
    for left in &lefts {
        for right in &rights {
            if left.1 == right.1 && (left.0 - before..=left.0 + after).contains(&right.0) {
                pairs.push((left.2, right.2));
            }
        }
    }
    (pairs, late)
}

proptest! {
    #[test]
    fn interval_joins_are_those_of_the_plain_computation(
        items in items(),
        before in 0..12i64,
        after in 0..12i64,
        lateness in 0..12i64,
        cut in 0..80usize,
    ) {
        let make = || {
            let (within, lateness) = ((ms(before), ms(after)), Lateness::up_to(ms(lateness)));
            Pipeline::empty().interval_join(within, lateness, place).into_stage()
        };
        let (mut stage, mut out) = (make(), Vec::new());
        let mut moment = Moment::new(Instant::now());
        for (number, item) in items.iter().enumerate() {
            if number == cut {
                let mut saver = Saver::default();
                stage.save(&mut saver).unwrap();
                let bytes = saver.into_bytes();
                stage = make();
                stage.restore(&mut Loader::new(&bytes, Instant::now())).unwrap();
            }
            moment.set_position(number as u64);
            prop_assert_eq!(stage.push(*item, &mut moment, &mut out), Flow::Continue(()));
        }
        let (mut pairs, mut late) = (Vec::new(), 0);
        for joined in out {
            match joined {
                Joined::Pair(left, right) => pairs.push((left.2, right.2)),
                _ => late += 1,
            }
        }
        pairs.sort_unstable();
        let (mut want, want_late) = by_force(&items, (before, after), lateness);
        want.sort_unstable();
        prop_assert_eq!((pairs, late), (want, want_late));
    }
}

#[test]
fn an_interval_join_keeps_no_more_than_may_be_needed() {
    let within = (Duration::ZERO, ms(10));
    let mut stage =
        Pipeline::empty().interval_join(within, Lateness::default(), place).into_stage();
    let (mut moment, mut out) = (Moment::new(Instant::now()), Vec::new());
    let mut held = Vec::new();
    for (position, at) in [0, 5, 11, 16, 40].into_iter().enumerate() {
        moment.set_position(position as u64);
        let left = Side::Left((at, 0, position));
        assert_eq!(stage.push(left, &mut moment, &mut out), Flow::Continue(()));
        held.push(stage.held());
    }
    assert_eq!(held, [Some(0), Some(0), Some(1), Some(2), Some(4)]);
}

#[tokio::test(start_paused = true)]
async fn a_table_is_asked_once_for_a_key_and_again_when_what_is_known_is_old() {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let (seen, failures) = (Arc::clone(&asked), Arc::new(AtomicUsize::new(1)));
    let n = |n| NonZeroUsize::new(n).unwrap();
    let table = Arc::new(Lookup::new(n(2), Duration::from_mins(1), move |key: u32| {
        seen.lock().unwrap().push(key);
        let fails = key == 9 && failures.swap(0, Ordering::SeqCst) == 1;
        async move {
            tokio::time::sleep(Duration::from_secs(1)).await;
            if fails { Err("not there") } else { Ok(key * 10) }
        }
    }));
    let run = async |keys: &[u32]| {
        let keys = stream::iter(keys.to_vec());
        let joined = StreamProcessor::from_stream(keys).lookup(n(8), table.clone(), |key| *key);
        let out = joined.open().await.unwrap();
        out.map(Result::unwrap).collect::<Vec<_>>().await
    };
    assert_eq!(run(&[1, 1, 2, 1]).await, [(1, 10), (1, 10), (2, 20), (1, 10)]);
    assert_eq!(asked.lock().unwrap().split_off(0), [1, 2]);
    // A third one takes the place of the first.
    assert_eq!(run(&[3, 2]).await.len(), 2);
    assert_eq!(run(&[1]).await.len(), 1);
    assert_eq!(asked.lock().unwrap().split_off(0), [3, 1]);
    tokio::time::advance(Duration::from_secs(61)).await;
    assert_eq!(run(&[1]).await.len(), 1);
    assert_eq!(asked.lock().unwrap().split_off(0), [1]);
    // A failure costs its item, and is not kept.
    assert_eq!(run(&[9]).await, []);
    assert_eq!(run(&[9]).await, [(9, 90)]);
}
