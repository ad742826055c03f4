//! What ends a batch, case by case and for anything that may happen.

use proptest::prelude::*;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn t0() -> Instant {
    Instant::now()
}

fn outputs(batcher: &mut Batcher<u8>) -> Vec<Vec<u8>> {
    std::iter::from_fn(|| batcher.poll_output()).collect()
}

#[test]
fn a_batch_is_full_by_count() {
    let mut batcher = Batcher::new(BatchOptions::default().events(2));
    for item in 0..5 {
        batcher.handle_input(t0(), item, 1);
    }
    assert_eq!(outputs(&mut batcher), [[0, 1], [2, 3]]);
    assert_eq!(batcher.items(), [4]);
}

#[test]
fn a_batch_is_full_by_weight_and_never_heavier_unless_one_item_is() {
    let mut batcher = Batcher::new(BatchOptions::default().bytes(10));
    for (item, weight) in [(0, 4), (1, 6), (2, 9), (3, 2), (4, 11), (5, 1)] {
        batcher.handle_input(t0(), item, weight);
    }
    assert_eq!(outputs(&mut batcher), [vec![0, 1], vec![2], vec![3], vec![4]]);
    assert_eq!(batcher.items(), [5]);
}

#[test]
fn free_running_ticks_are_fixed_from_the_start() {
    let start = t0();
    let mut batcher = Batcher::new(BatchOptions::default());
    batcher.handle_input(start, 0, 1);
    assert_eq!(batcher.poll_timeout(), None, "its time has not begun");
    assert!(batcher.start(start));
    assert!(!batcher.start(start + SECOND));
    batcher.handle_timeout(start + SECOND / 2);
    assert_eq!(outputs(&mut batcher), Vec::<Vec<u8>>::new());
    batcher.handle_timeout(start + SECOND);
    assert_eq!(outputs(&mut batcher), [[0]]);
    batcher.handle_timeout(start + 3 * SECOND + SECOND / 2);
    assert_eq!(outputs(&mut batcher), Vec::<Vec<u8>>::new(), "no batch is empty");
    assert_eq!(batcher.poll_timeout(), Some(start + 4 * SECOND), "ticks that are late are over");
}

#[test]
fn lingering_begins_with_the_first_item() {
    let start = t0();
    let options = BatchOptions::default().events(2).timing(Timing::Linger);
    let mut batcher = Batcher::new(options);
    batcher.start(start);
    assert_eq!(batcher.poll_timeout(), None);
    batcher.handle_input(start + SECOND, 0, 1);
    assert_eq!(batcher.poll_timeout(), Some(start + 2 * SECOND));
    batcher.handle_input(start + SECOND, 1, 1);
    assert_eq!(batcher.poll_timeout(), None, "a full batch waits for nothing");
    batcher.handle_input(start + 5 * SECOND, 2, 1);
    batcher.handle_timeout(start + 6 * SECOND);
    assert_eq!(outputs(&mut batcher), [vec![0, 1], vec![2]]);
}

#[test]
fn what_came_before_the_start_lingers_from_then_on() {
    let start = t0();
    let mut batcher = Batcher::new(BatchOptions::default().timing(Timing::Linger));
    batcher.handle_input(start, 0, 1);
    batcher.start(start + SECOND);
    assert_eq!(batcher.poll_timeout(), Some(start + 2 * SECOND));
}

/// Something that happens to a batcher.
#[derive(Debug, Clone)]
enum Step {
    Add(usize),
    Wait(u64),
    Flush,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (0..20_usize).prop_map(Step::Add),
        2 => (0..2500_u64).prop_map(Step::Wait),
        1 => Just(Step::Flush),
    ];
    prop::collection::vec(step, 0..200)
}

proptest! {
    #[test]
    fn nothing_is_lost_reordered_late_or_too_big(
        steps in steps(),
        events in 1..8_usize,
        bytes in 1..40_usize,
        linger in any::<bool>(),
    ) {
        let timing = if linger { Timing::Linger } else { Timing::FreeRunning };
        let options = BatchOptions::default().events(events).bytes(bytes).timing(timing);
        let (mut batcher, mut now) = (Batcher::new(options), t0());
        batcher.start(now);
        let (mut added, mut out) = (Vec::new(), Vec::new());
        for step in steps {
            match step {
                Step::Add(weight) => {
                    added.push((added.len(), weight, now));
                    batcher.handle_input(now, (added.len() - 1, weight, now), weight);
                }
                Step::Wait(millis) => {
                    // A driver wakes up at every deadline on the way.
                    let end = now + Duration::from_millis(millis);
                    while let Some(due) = batcher.poll_timeout().filter(|due| *due <= end) {
                        batcher.handle_timeout(due);
                        now = due;
                        collect(&mut batcher, &mut out, now, options)?;
                    }
                    now = end;
                }
                Step::Flush => batcher.flush(),
            }
            collect(&mut batcher, &mut out, now, options)?;
        }
        out.extend(batcher.items().iter().copied());
        prop_assert_eq!(out, added);
    }
}

type Item = (usize, usize, Instant);

/// Takes the batches, each of which must keep to its bounds.
fn collect(
    batcher: &mut Batcher<Item>,
    out: &mut Vec<Item>,
    now: Instant,
    options: BatchOptions,
) -> Result<(), TestCaseError> {
    while let Some(batch) = batcher.poll_output() {
        let weight: usize = batch.iter().map(|(_, weight, _)| weight).sum();
        prop_assert!((1..=options.events).contains(&batch.len()));
        prop_assert!(weight <= options.bytes || batch.len() == 1);
        prop_assert!(batch.iter().all(|(_, _, added)| now - *added <= options.interval));
        out.extend(batch);
    }
    Ok(())
}
