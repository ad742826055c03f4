//! Stages of unknown type treat items together, and nobody can tell.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::{StreamExt, stream};
use stream_processor::{
    Fault, Lateness, OnError, Pipeline, RunError, Stage, StreamProcessor, Windowed,
};

/// More than one full batch, and a part of another.
const ITEMS: u64 = 300;

#[expect(clippy::trivially_copy_pass_by_ref, reason = "predicates are lent their items")]
fn fails(n: &u64) -> Result<bool, String> {
    match n % 50 {
        7 => std::panic::resume_unwind(Box::new(format!("panic at {n}"))),
        9 => Err(format!("error at {n}")),
        _ => Ok(!n.is_multiple_of(3)),
    }
}

fn twice_or_not(n: u64) -> Vec<u64> {
    if n % 50 == 11 {
        std::panic::resume_unwind(Box::new(format!("panic at {n}")));
    }
    vec![n; usize::from(n.is_multiple_of(2)) + 1]
}

/// What comes out, what went wrong where, and how it ended.
type Outcome<T> = (Vec<T>, Vec<(u64, String)>, Option<u64>);

async fn run<T, C>(pipeline: Pipeline<u64, C>, policy: OnError) -> Outcome<T>
where
    T: Unpin,
    C: Stage<u64, Out = T> + Unpin,
{
    let faults = Arc::default();
    let noted: Arc<parking_lot::Mutex<Vec<(u64, String)>>> = Arc::clone(&faults);
    let mut output = StreamProcessor::from_stream(stream::iter(0..ITEMS))
        .through(pipeline)
        .on_error(policy)
        .on_fault(move |fault: &Fault| {
            noted.lock().push((fault.origin.position(), fault.cause.to_string()));
        })
        .open()
        .await
        .unwrap();
    let (mut items, mut end) = (Vec::new(), None);
    while let Some(item) = output.next().await {
        match item {
            Ok(item) => items.push(item),
            Err(RunError::Stage(fault)) => end = Some(fault.origin.position()),
            Err(other) => panic!("{other}"),
        }
    }
    let faults = std::mem::take(&mut *faults.lock());
    (items, faults, end)
}

/// The same stages one by one, fused.
fn fused() -> Pipeline<u64, impl Stage<u64, Out = u64> + Send + Unpin> {
    Pipeline::empty().filter(fails).flat_map(twice_or_not).map(|n| n + 1)
}

/// And each in a box.
fn boxed() -> Pipeline<u64, impl Stage<u64, Out = u64> + Send + Unpin> {
    Pipeline::<u64>::empty()
        .through(Pipeline::empty().filter(fails).boxed())
        .through(Pipeline::empty().flat_map(twice_or_not).boxed())
        .through(Pipeline::empty().map(|n| n + 1).boxed())
}

fn windows<C>(
    pipeline: Pipeline<u64, C>,
) -> Pipeline<u64, impl Stage<u64, Out = Windowed<u64, u64, u64>> + Unpin>
where
    C: Stage<u64, Out = u64> + Unpin,
{
    let place = |n: &u64| (n.cast_signed(), n % 5);
    let length = Duration::from_millis(40);
    pipeline.tumbling_window(length, Lateness::default(), place, 0, |sum, n| *sum += n)
}

#[tokio::test]
async fn a_panic_and_an_error_cost_their_own_item_only() {
    let (items, mut faults, end) = run(boxed(), OnError::skip()).await;
    let (same, mut these, no_end) = run(fused(), OnError::skip()).await;
    // Of several items on their way, one may fail earlier in another stage.
    faults.sort();
    these.sort();
    assert_eq!((items, faults, end), (same, these, no_end));
    assert_eq!(end, None);
}

#[tokio::test]
async fn windows_are_the_same_behind_them() {
    let together = run(windows(boxed()), OnError::skip()).await;
    assert_eq!(together.0, run(windows(fused()), OnError::skip()).await.0);
}

#[tokio::test]
async fn what_came_before_the_item_that_ends_a_pipeline_comes_out() {
    let stages = |fail_at: u64| {
        let check = move |n: &u64| if *n == fail_at { Err("enough") } else { Ok(true) };
        Pipeline::<u64>::empty()
            .through(Pipeline::empty().map(|n: u64| n).boxed())
            .through(Pipeline::empty().filter(check).boxed())
            .through(Pipeline::empty().map(|n: u64| n).boxed())
    };
    for fail_at in [0, 1, 63, 64, 65, 200] {
        let (items, _, end) = run(stages(fail_at), OnError::fail()).await;
        assert_eq!(end, Some(fail_at));
        assert_eq!(items, (0..fail_at).collect::<Vec<_>>(), "at {fail_at}");
    }
}

#[tokio::test]
async fn nothing_is_taken_for_a_stage_that_wants_no_more() {
    let taken = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&taken);
    let items = stream::iter(0..ITEMS).inspect(move |_| {
        counter.fetch_add(1, Ordering::Relaxed);
    });
    let output = StreamProcessor::from_stream(items)
        .through(Pipeline::empty().map(|n: u64| n + 1).boxed())
        .through(Pipeline::empty().take(3).boxed())
        .open()
        .await
        .unwrap();
    let items: Vec<u64> = output.map(Result::unwrap).collect().await;
    assert_eq!((items, taken.load(Ordering::Relaxed)), (vec![1, 2, 3], 3));
}

#[tokio::test]
async fn items_do_not_wait_for_others_that_are_not_there() {
    let (sender, receiver) = tokio::sync::mpsc::unbounded_channel();
    let items = stream::unfold(receiver, async |mut receiver| {
        let item: u64 = receiver.recv().await?;
        Some((item, receiver))
    });
    let mut output =
        StreamProcessor::from_stream(items).through(boxed()).map(|n| n).open().await.unwrap();
    for n in [1, 4, 5] {
        sender.send(n).unwrap();
        assert_eq!(output.next().await.unwrap().unwrap(), n + 1);
        if n == 4 {
            assert_eq!(output.next().await.unwrap().unwrap(), 5);
        }
    }
}
