//! Windows beside what a plain computation over all items finds.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use stream_processor::{Flow, Lateness, Moment, Pipeline, Stage, Windowed};

type Item = (i64, u8);
type Results = BTreeMap<(i64, i64, u8), Vec<Item>>;

fn ms(ms: i64) -> Duration {
    Duration::from_millis(u64::try_from(ms).unwrap())
}

fn collect(all: &mut Vec<Item>, item: &Item) {
    all.push(*item);
}

/// The results by window and key, and the late items; each window must close once, in order.
fn sorted(out: Vec<Windowed<u8, Vec<Item>, Item>>) -> (Results, Vec<(Item, u64)>) {
    let (mut results, mut late, mut last_end) = (BTreeMap::new(), Vec::new(), i64::MIN);
    for windowed in out {
        match windowed {
            Windowed::Closed { key, start_ms, end_ms, mut value } => {
                assert!(end_ms >= last_end, "windows close by their end");
                last_end = end_ms;
                value.sort_unstable();
                assert!(results.insert((start_ms, end_ms, key), value).is_none(), "closed twice");
            }
            Windowed::Late { item, missed } => late.push((item, missed)),
            other => panic!("{other:?}"),
        }
    }
    (results, late)
}

/// Every window for itself: an item is in it unless the watermark had reached its end before.
fn hopping_by_force(
    items: &[Item],
    length: i64,
    step: i64,
    lateness: i64,
) -> (Results, Vec<(Item, u64)>) {
    let (mut results, mut late) = (Results::new(), Vec::new());
    for (number, item) in items.iter().enumerate() {
        let newest = items[..number].iter().map(|(at, _)| *at).max();
        let watermark = newest.map_or(i64::MIN, |newest| newest - lateness);
        let mut missed = 0;
        for start in (-300 - length..300).filter(|start| start.rem_euclid(step) == 0) {
            if !(start..start + length).contains(&item.0) {
                continue;
            }
            if start + length <= watermark {
                missed += 1;
            } else {
                results.entry((start, start + length, item.1)).or_default().push(*item);
            }
        }
        if missed > 0 {
            late.push((*item, missed));
        }
    }
    for items in results.values_mut() {
        items.sort_unstable();
    }
    (results, late)
}

/// The sessions of items that are not late: sorted by time and cut at the gaps.
fn sessions_by_force(items: &[Item], gap: i64) -> Results {
    let mut results = Results::new();
    for key in 0..3 {
        let mut of_key: Vec<Item> = items.iter().filter(|item| item.1 == key).copied().collect();
        of_key.sort_unstable();
        for session in of_key.chunk_by(|a, b| b.0 - a.0 < gap) {
            let (first, last) = (session[0].0, session[session.len() - 1].0);
            results.insert((first, last + gap, key), session.to_vec());
        }
    }
    results
}

fn items() -> impl Strategy<Value = Vec<Item>> {
    // Time goes on, and some items are behind it.
    prop::collection::vec((0..12i64, -40..5i64, 0..3u8), 0..120).prop_map(|steps| {
        let mut now = -200;
        let mut item = |(step, behind, key): (i64, i64, u8)| {
            now = (now + step).min(250);
            (now + behind, key)
        };
        steps.into_iter().map(&mut item).collect()
    })
}

proptest! {
    #[test]
    fn hopping_windows_are_those_of_the_plain_computation(
        items in items(),
        step in 1..20i64,
        hops in 1..4i64,
        lateness in 0..30i64,
    ) {
        let length = step * hops - step / 2;
        let step = step.min(length);
        let pipeline = Pipeline::empty().hopping_window(
            (ms(length), ms(step)),
            Lateness::up_to(ms(lateness)),
            |item: &Item| *item,
            Vec::new(),
            collect,
        );
        let want = hopping_by_force(&items, length, step, lateness);
        prop_assert_eq!(sorted(pipeline.over(items)), want);
    }

    #[test]
    fn sessions_are_those_of_the_plain_computation(items in items(), gap in 1..20i64) {
        let pipeline = |lateness| {
            Pipeline::empty().session_window(
                ms(gap),
                Lateness::up_to(ms(lateness)),
                |item: &Item| *item,
                Vec::new(),
                (collect, |mut a: Vec<Item>, b: Vec<Item>| {
                    a.extend(b);
                    a
                }),
            )
        };
        // With enough patience nothing is late.
        let (results, late) = sorted(pipeline(1000).over(items.clone()));
        prop_assert_eq!(late, Vec::new());
        prop_assert_eq!(results, sessions_by_force(&items, gap));
        // With less, every item is in one session or late, and sessions close in order.
        let (results, late) = sorted(pipeline(5).over(items.clone()));
        let mut all: Vec<Item> = results.into_values().flatten().collect();
        all.extend(late.into_iter().map(|(item, _)| item));
        all.sort_unstable();
        let mut want = items;
        want.sort_unstable();
        prop_assert_eq!(all, want);
    }
}

#[test]
fn silence_closes_the_windows() {
    let lateness = Lateness::up_to(ms(1000)).idle_after(ms(50));
    let place = |item: &Item| *item;
    let pipeline = Pipeline::empty().tumbling_window(ms(10), lateness, place, 0, |n, _| *n += 1);
    let mut stage = pipeline.into_stage();
    let begin = Instant::now();
    let (mut moment, mut out) = (Moment::new(begin), Vec::new());
    moment.set_position(7);
    assert_eq!(stage.push((3, 0), &mut moment, &mut out), Flow::Continue(()));
    assert_eq!((stage.deadline(), stage.held()), (Some(begin + ms(50)), Some(7)));
    moment.set_now(begin + ms(50));
    assert_eq!(stage.advance(&mut moment, &mut out), Flow::Continue(()));
    assert_eq!(out, [Windowed::Closed { key: 0, start_ms: 0, end_ms: 10, value: 1 }]);
    assert_eq!((stage.deadline(), stage.held()), (None, None));
    // What belongs to them now is late.
    assert_eq!(stage.push((4, 0), &mut moment, &mut out), Flow::Continue(()));
    assert_eq!(out[1], Windowed::Late { item: (4, 0), missed: 1 });
}
