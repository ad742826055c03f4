//! Each operator for itself, in a time that is given.

use std::time::{Duration, Instant};

use stream_async::{BatchOptions, Timing};
use stream_processor::{Flow, Moment, Pipeline, Stage};

const MS: Duration = Duration::from_millis(1);

/// Pushes each item at its millisecond, lets deadlines pass, and returns when what came out.
#[track_caller]
fn check<C: Stage<char, Out = String>>(
    pipeline: Pipeline<char, C>,
    items: &[(u32, char)],
    want: &[(u32, &str)],
) {
    let mut stage = pipeline.into_stage();
    let (begin, mut got) = (Instant::now(), Vec::new());
    let (mut moment, mut out) = (Moment::new(begin), Vec::new());
    let mut settle = |stage: &mut C, moment: &mut Moment, until: u32| {
        loop {
            let due = stage.deadline().filter(|due| *due <= begin + until * MS);
            let Some(due) = due else { break };
            moment.set_now(due.max(moment.now()));
            assert_eq!(stage.advance(moment, &mut out), Flow::Continue(()));
            let at = (moment.now() - begin).as_millis();
            got.extend(out.drain(..).map(|text| (u32::try_from(at).unwrap(), text)));
        }
        moment.set_now(begin + until * MS);
    };
    let mut pushed: Vec<String> = Vec::new();
    for (at, item) in items {
        settle(&mut stage, &mut moment, *at);
        assert_eq!(stage.push(*item, &mut moment, &mut pushed), Flow::Continue(()));
        assert!(pushed.is_empty(), "these stages hold what they are given");
    }
    let end = items.last().map_or(0, |(at, _)| at + 1000);
    settle(&mut stage, &mut moment, end);
    let got: Vec<(u32, &str)> = got.iter().map(|(at, text)| (*at, text.as_str())).collect();
    assert_eq!(got, want);
}

#[test]
fn debounce_waits_for_quiet() {
    let pipeline = || Pipeline::empty().debounce(10 * MS).map(String::from);
    check(pipeline(), &[(0, 'a')], &[(10, "a")]);
    check(pipeline(), &[(0, 'a'), (9, 'b'), (18, 'c')], &[(28, "c")]);
    check(pipeline(), &[(0, 'a'), (10, 'b')], &[(10, "a"), (20, "b")]);
}

#[test]
fn sample_takes_the_newest_of_each_interval() {
    let pipeline = || Pipeline::empty().sample(10 * MS).map(String::from);
    check(pipeline(), &[(0, 'a'), (4, 'b'), (12, 'c')], &[(10, "b"), (20, "c")]);
    check(pipeline(), &[(0, 'a'), (35, 'b')], &[(10, "a"), (40, "b")]);
}

#[test]
fn a_batch_ends_by_time() {
    let options = BatchOptions::default().events(9).interval(10 * MS).timing(Timing::Linger);
    let pipeline = || Pipeline::empty().batch(options).map(String::from_iter);
    check(pipeline(), &[(0, 'a'), (9, 'b'), (30, 'c')], &[(10, "ab"), (40, "c")]);
}

#[test]
fn throttle_lets_a_burst_through_and_then_one_an_interval() {
    let mut stage = Pipeline::empty().throttle(10 * MS, 2).into_stage();
    let begin = Instant::now();
    let (mut moment, mut out) = (Moment::new(begin), Vec::new());
    for n in 0..4 {
        assert_eq!(stage.push(n, &mut moment, &mut out), Flow::Continue(()));
    }
    assert_eq!((&out, stage.is_ready()), (&vec![0, 1], false));
    for (at, want) in [(10, 3), (20, 4)] {
        assert_eq!(stage.deadline(), Some(begin + at * MS));
        moment.set_now(begin + at * MS);
        assert_eq!(stage.advance(&mut moment, &mut out), Flow::Continue(()));
        assert_eq!(out.len(), want);
    }
    assert!(stage.is_ready());
    // After a pause the burst is there again, and no more than that.
    moment.set_now(begin + 1000 * MS);
    for n in 4..8 {
        assert_eq!(stage.push(n, &mut moment, &mut out), Flow::Continue(()));
    }
    assert_eq!(out, [0, 1, 2, 3, 4, 5]);
}

#[test]
fn conflate_merges_what_came_between_two_turns() {
    let mut stage = Pipeline::empty().conflate(|a: String, b| a + &b).into_stage();
    let (mut moment, mut out) = (Moment::new(Instant::now()), Vec::new());
    for (position, text) in ["a", "b", "c"].into_iter().enumerate() {
        moment.set_position(position as u64);
        assert_eq!(stage.push(text.to_owned(), &mut moment, &mut out), Flow::Continue(()));
    }
    assert_eq!((stage.held(), out.len()), (Some(0), 0));
    assert_eq!(stage.advance(&mut moment, &mut out), Flow::Continue(()));
    assert_eq!((stage.held(), out), (None, vec!["abc".to_owned()]));
}

#[test]
fn what_a_stage_holds_back_is_not_to_be_forgotten() {
    let mut stage = Pipeline::empty().batch(BatchOptions::default().events(2)).into_stage();
    let (mut moment, mut out) = (Moment::new(Instant::now()), Vec::new());
    let mut held = Vec::new();
    for position in 5..9 {
        moment.set_position(position);
        assert_eq!(stage.push(position, &mut moment, &mut out), Flow::Continue(()));
        held.push(stage.held());
    }
    assert_eq!(held, [Some(5), None, Some(7), None]);
}

#[test]
fn distinct_forgets_the_oldest_key() {
    let two = std::num::NonZeroUsize::new(2).unwrap();
    let pipeline = Pipeline::empty().distinct_by(two, |n: &u32| *n);
    assert_eq!(pipeline.over([1, 2, 1, 3, 2, 1]), [1, 2, 3, 1]);
}

#[test]
fn a_way_that_is_over_leaves_the_other_open() {
    let even = |n: &u32| n.is_multiple_of(2);
    let pipeline =
        Pipeline::empty().split(even, Pipeline::empty().take(1), Pipeline::empty().take(2));
    assert_eq!(pipeline.over([2, 4, 6, 1, 3, 5, 7]), [2, 1, 3]);
}

#[test]
fn a_plan_shows_the_stages_in_call_order() {
    let inner = Pipeline::empty().filter(|n: &u32| *n > 1).named("large");
    let pipeline = Pipeline::empty().map(|n: u32| n + 1).through(inner).take(3);
    assert_eq!(pipeline.plan().to_string(), "map -> filter(large) -> take");
}
