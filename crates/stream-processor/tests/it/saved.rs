//! Stages that go on from what they have written down.

use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use stream_processor::{Flow, Keyed, Lateness, Loader, Moment, Pipeline, SaveState, Saver, Stage};

/// When an item happened, its key and its number.
type Item = (i64, u8, u32);

fn place(item: &Item) -> (i64, u8) {
    (item.0, item.1)
}

fn collect(all: &mut Vec<u32>, item: &Item) {
    all.push(item.2);
}

/// A new stage that has what the other one has written down.
fn reborn<C: SaveState>(old: &C, mut new: C) -> C {
    assert!(old.is_settled());
    let mut saver = Saver::default();
    old.save(&mut saver).unwrap();
    let bytes = saver.into_bytes();
    let mut loader = Loader::new(&bytes, Instant::now());
    new.restore(&mut loader).unwrap();
    assert!(loader.is_at_end());
    new
}

/// Runs `items` through a stage that is written down and read again before each of `cuts`.
fn run<C, O>(make: &impl Fn() -> Pipeline<Item, C>, items: &[Item], cuts: &[usize]) -> Vec<O>
where
    C: Stage<Item, Out = O> + SaveState,
{
    let (mut stage, mut out) = (make().into_stage(), Vec::new());
    let mut moment = Moment::new(Instant::now());
    for (number, item) in items.iter().enumerate() {
        if cuts.contains(&number) {
            stage = reborn(&stage, make().into_stage());
        }
        moment.set_position(number as u64);
        if stage.push(*item, &mut moment, &mut out).is_break() {
            break;
        }
    }
    stage = reborn(&stage, make().into_stage());
    while !stage.finish(&mut moment, &mut out) {
        stage = reborn(&stage, make().into_stage());
    }
    // What has finished has nothing left, also for another one.
    let before = out.len();
    assert!(reborn(&stage, make().into_stage()).finish(&mut moment, &mut out));
    assert_eq!(out.len(), before);
    out
}

#[track_caller]
fn check<C, O>(make: impl Fn() -> Pipeline<Item, C>, items: &[Item], cuts: &[usize])
where
    C: Stage<Item, Out = O> + SaveState,
    O: PartialEq + std::fmt::Debug,
{
    assert_eq!(run(&make, items, cuts), run(&make, items, &[]));
}

/// Counts the items of a key until none has come for 20 ms.
fn silences() -> Pipeline<Item, impl Stage<Item, Out = (u8, u32, i64)> + SaveState> {
    Pipeline::empty().keyed(
        Lateness::up_to(Duration::from_millis(3)),
        place,
        |(at_ms, ..), key: &mut Keyed<'_, u8, (u32, i64)>| {
            let (count, last_ms) = key.state.unwrap_or((0, at_ms));
            key.clear_timer(last_ms + 20);
            let last_ms = last_ms.max(at_ms);
            key.set_timer(last_ms + 20);
            *key.state = Some((count + 1, last_ms));
            None
        },
        |key| key.state.take().map(|(count, _)| (*key.key, count, key.at_ms)),
    )
}

fn items() -> impl Strategy<Value = Vec<Item>> {
    prop::collection::vec((0..12i64, -20..5i64, 0..3u8, 0..30u32), 0..60).prop_map(|steps| {
        let mut now = 0;
        let item = |(step, behind, key, number)| {
            now += step;
            (now + behind, key, number)
        };
        steps.into_iter().map(item).collect()
    })
}

proptest! {
    #[test]
    fn whatever_is_kept_goes_on_from_any_item(
        items in items(),
        cuts in prop::collection::vec(0..60usize, 0..6),
    ) {
        let ms = Duration::from_millis;
        let n = |n| NonZeroUsize::new(n).unwrap();
        let lateness = Lateness::up_to(ms(8)).idle_after(ms(50));
        check(|| Pipeline::empty().skip(3).take(20).map(|item: Item| item.2), &items, &cuts);
        check(|| Pipeline::empty().skip_while(|i: &Item| i.2 > 9).take_while(|i| i.2 < 27), &items, &cuts);
        check(|| Pipeline::empty().take_until(|item: &Item| item.2 > 25), &items, &cuts);
        check(|| Pipeline::empty().distinct_by(n(4), |item: &Item| item.2), &items, &cuts);
        check(|| Pipeline::empty().distinct_until_changed_by(|item: &Item| item.1), &items, &cuts);
        check(|| Pipeline::empty().scan(0, |sum, item: Item| { *sum += item.2; *sum }), &items, &cuts);
        check(|| Pipeline::empty().fold(0, |sum, item: Item| *sum += item.2), &items, &cuts);
        check(|| Pipeline::empty().count_window(n(3), |item: &Item| item.1, vec![], collect), &items, &cuts);
        check(|| Pipeline::empty().tumbling_window(ms(15), lateness, place, vec![], collect), &items, &cuts);
        check(|| Pipeline::empty().hopping_window((ms(15), ms(4)), lateness, place, vec![], collect), &items, &cuts);
        check(|| {
            let merge = |a: Vec<u32>, b: Vec<u32>| [a, b].concat();
            Pipeline::empty().session_window(ms(9), lateness, place, vec![], (collect, merge))
        }, &items, &cuts);
        check(silences, &items, &cuts);
        check(|| {
            let even = Pipeline::empty().scan(0, |count, _: Item| { *count += 1; *count });
            Pipeline::empty().split(|i: &Item| i.2.is_multiple_of(2), even, Pipeline::empty().map(|i: Item| i.2))
        }, &items, &cuts);
    }
}

#[test]
fn a_key_without_items_for_a_while_is_told_and_forgotten() {
    let items = [(0, 1, 0), (5, 1, 0), (6, 2, 0), (30, 1, 0), (60, 2, 0)];
    assert_eq!(silences().over(items), [(1, 2, 25), (2, 1, 26), (1, 1, 50), (2, 1, 80)]);
}

#[test]
fn timers_come_in_the_order_of_their_times_and_those_that_they_set_follow() {
    let pipeline = Pipeline::empty().keyed(
        Lateness::default(),
        |at: &i64| (*at, ()),
        |at, key: &mut Keyed<'_, (), ()>| {
            key.set_timer(at + 7);
            key.set_timer(at + 3);
            // The past has come already.
            key.set_timer(at - 1);
            key.set_timer(at + 3);
            vec![(at, key.watermark_ms())]
        },
        |key| {
            if key.at_ms == 3 {
                key.set_timer(5);
            }
            vec![(key.at_ms, key.watermark_ms())]
        },
    );
    let out = pipeline.over([0, 100]);
    let times: Vec<i64> = out.iter().map(|(at, _)| *at).collect();
    assert_eq!(times, [0, -1, 3, 5, 7, 100, 99, 103, 107]);
}

#[test]
fn what_waits_for_a_time_is_settled_when_it_has_gone_on() {
    fn check<C: Stage<u8> + SaveState>(pipeline: Pipeline<u8, C>) {
        let (mut stage, mut out) = (pipeline.into_stage(), Vec::new());
        let mut moment = Moment::new(Instant::now());
        while stage.is_settled() {
            assert_eq!(stage.push(1, &mut moment, &mut out), Flow::Continue(()));
        }
        moment.set_now(stage.deadline().unwrap_or(moment.now()));
        assert_eq!(stage.advance(&mut moment, &mut out), Flow::Continue(()));
        assert!(stage.is_settled() && !out.is_empty());
    }
    let second = Duration::from_secs(1);
    check(Pipeline::empty().throttle(second, 2));
    check(Pipeline::empty().debounce(second));
    check(Pipeline::empty().sample(second));
    check(Pipeline::empty().latest());
    check(Pipeline::empty().batch(stream_async::BatchOptions::default().interval(second)));
}

#[test]
fn what_was_not_written_by_its_kind_is_told() {
    let mut window = Pipeline::empty()
        .tumbling_window(Duration::from_millis(5), Lateness::default(), place, 0, |n, _| *n += 1)
        .into_stage();
    let mut saver = Saver::default();
    saver.put("text").unwrap();
    let bytes = saver.into_bytes();
    assert!(window.restore(&mut Loader::new(&bytes, Instant::now())).is_err());
}
