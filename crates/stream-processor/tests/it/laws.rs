//! Any pipeline is the same chain on a plain list.

use std::num::NonZeroUsize;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use proptest::prelude::*;
use stream_async::BatchOptions;
use stream_processor::stages::BoxStage;
use stream_processor::{Pipeline, StreamProcessor};
use tokio::runtime::Builder;

/// A stage that can be chosen at random.
#[derive(Debug, Clone)]
enum Op {
    Map(i64),
    Filter(i64),
    FilterMap(i64),
    FlatMap(i64),
    Take(u64),
    TakeWhile(i64),
    TakeUntil(i64),
    Skip(u64),
    SkipWhile(i64),
    Distinct,
    Changed,
    Scan,
    Fold,
    Batch(usize),
    Split(i64),
    MapAsync(usize),
    Throttle(u32),
}

type Any = Pipeline<i64, BoxStage<i64, i64>>;

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        (-5..5i64).prop_map(Op::Map),
        (1..5i64).prop_map(Op::Filter),
        (1..5i64).prop_map(Op::FilterMap),
        (0..4i64).prop_map(Op::FlatMap),
        (0..30u64).prop_map(Op::Take),
        (0..20i64).prop_map(Op::TakeWhile),
        (0..20i64).prop_map(Op::TakeUntil),
        (0..10u64).prop_map(Op::Skip),
        (0..20i64).prop_map(Op::SkipWhile),
        Just(Op::Distinct),
        Just(Op::Changed),
        Just(Op::Scan),
        Just(Op::Fold),
        (1..7usize).prop_map(Op::Batch),
        (1..4i64).prop_map(Op::Split),
        (1..5usize).prop_map(Op::MapAsync),
        (1..4u32).prop_map(Op::Throttle),
    ]
}

fn times(n: i64, count: i64) -> Vec<i64> {
    (0..count).map(|i| n.wrapping_add(i)).collect()
}

/// The stage, appended to a pipeline.
fn append(pipeline: Any, op: &Op) -> Any {
    match *op {
        Op::Map(k) => pipeline.map(move |n: i64| n.wrapping_mul(k)).boxed(),
        Op::Filter(k) => pipeline.filter(move |n: &i64| n % k == 0).boxed(),
        Op::FilterMap(k) => pipeline.filter_map(move |n| (n % k != 0).then_some(n / k)).boxed(),
        Op::FlatMap(k) => pipeline.flat_map(move |n| times(n, k)).boxed(),
        Op::Take(k) => pipeline.take(k).boxed(),
        Op::TakeWhile(k) => pipeline.take_while(move |n| *n < k).boxed(),
        Op::TakeUntil(k) => pipeline.take_until(move |n| *n >= k).boxed(),
        Op::Skip(k) => pipeline.skip(k).boxed(),
        Op::SkipWhile(k) => pipeline.skip_while(move |n| *n < k).boxed(),
        Op::Distinct => pipeline.distinct_by(NonZeroUsize::MAX, |n| *n).boxed(),
        Op::Changed => pipeline.distinct_until_changed().boxed(),
        Op::Scan => pipeline.scan(0, sum).boxed(),
        Op::Fold => pipeline.fold(0, |all, n| *all = n.wrapping_add(*all)).boxed(),
        Op::Batch(k) => pipeline
            .batch(BatchOptions::default().events(k).interval(Duration::from_hours(1)))
            .map(|batch: Vec<i64>| batch.iter().fold(0, |a: i64, b| a.wrapping_add(*b)))
            .boxed(),
        Op::Split(k) => pipeline
            .split(
                move |n| n % k == 0,
                Pipeline::empty().map(|n: i64| n.wrapping_neg()),
                Pipeline::empty().filter(|n: &i64| n % 2 == 0),
            )
            .boxed(),
        Op::MapAsync(k) => pipeline
            .map_async(NonZeroUsize::new(k).unwrap(), move |n: i64| async move {
                // Some are ready at once, the others in an order of their own.
                for _ in 0..n.rem_euclid(3) {
                    tokio::task::yield_now().await;
                }
                n.wrapping_add(1)
            })
            .boxed(),
        Op::Throttle(k) => pipeline.throttle(Duration::from_millis(5), k).boxed(),
    }
}

fn sum(all: &mut i64, n: i64) -> i64 {
    *all = all.wrapping_add(n);
    *all
}

/// The same on a list.
fn apply(list: Vec<i64>, op: &Op) -> Vec<i64> {
    let items = list.into_iter();
    match *op {
        Op::Map(k) => items.map(|n| n.wrapping_mul(k)).collect(),
        Op::Filter(k) => items.filter(|n| n % k == 0).collect(),
        Op::FilterMap(k) => items.filter_map(|n| (n % k != 0).then_some(n / k)).collect(),
        Op::FlatMap(k) => items.flat_map(|n| times(n, k)).collect(),
        Op::Take(k) => items.take(usize::try_from(k).unwrap()).collect(),
        Op::TakeWhile(k) => items.take_while(|n| *n < k).collect(),
        Op::TakeUntil(k) => {
            let list: Vec<i64> = items.collect();
            let end = list.iter().position(|n| *n >= k).map_or(list.len(), |at| at + 1);
            list[..end].to_vec()
        }
        Op::Skip(k) => items.skip(usize::try_from(k).unwrap()).collect(),
        Op::SkipWhile(k) => items.skip_while(|n| *n < k).collect(),
        Op::Distinct => {
            let mut seen = std::collections::HashSet::new();
            items.filter(|n| seen.insert(*n)).collect()
        }
        Op::Changed => {
            let mut list: Vec<i64> = items.collect();
            list.dedup();
            list
        }
        Op::Scan => items.scan(0, |all, n| Some(sum(all, n))).collect(),
        Op::Fold => vec![items.fold(0, i64::wrapping_add)],
        Op::Batch(k) => {
            let list: Vec<i64> = items.collect();
            list.chunks(k)
                .map(|batch| batch.iter().fold(0, |a: i64, b| a.wrapping_add(*b)))
                .collect()
        }
        Op::Split(k) => items
            .filter_map(
                |n| if n % k == 0 { Some(n.wrapping_neg()) } else { (n % 2 == 0).then_some(n) },
            )
            .collect(),
        Op::MapAsync(_) => items.map(|n| n.wrapping_add(1)).collect(),
        Op::Throttle(_) => items.collect(),
    }
}

fn any(ops: &[Op]) -> Any {
    ops.iter().fold(Pipeline::empty().boxed(), append)
}

proptest! {
    #[test]
    fn a_random_pipeline_is_the_same_chain_on_a_list(
        ops in prop::collection::vec(op(), 0..8),
        items in prop::collection::vec(-20..40i64, 0..400),
    ) {
        let want = ops.iter().fold(items.clone(), apply);
        let runtime = Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let got: Vec<i64> = runtime.block_on(async {
            let processor = StreamProcessor::from_stream(stream::iter(items)).through(any(&ops));
            processor.open().await.unwrap().map(Result::unwrap).collect().await
        });
        prop_assert_eq!(got, want);
    }

    #[test]
    fn over_a_list_time_leaps_and_nothing_else_differs(
        ops in prop::collection::vec(op(), 0..8),
        items in prop::collection::vec(-20..40i64, 0..100),
    ) {
        let ops: Vec<Op> = ops.into_iter().filter(|op| !matches!(op, Op::MapAsync(_))).collect();
        let want = ops.iter().fold(items.clone(), apply);
        prop_assert_eq!(any(&ops).over(items), want);
    }
}
