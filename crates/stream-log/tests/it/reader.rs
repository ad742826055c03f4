//! From any position to the live end: every record once and in order, every gap told.

use std::sync::Arc;

use proptest::prelude::*;
use stream_core::Capacity;
use stream_log::{
    AppendBatch, Behind, Gap, LiveLog, LiveLogs, Log, LogConfig, LogName, LogReader, MemoryLog,
    Namespace, Next, ReadError, ReadFrom, Record,
};
use stream_model::now::now;
use stream_model::{Epoch, Offset, StreamPosition};

type Live = Arc<LiveLog<Record>>;

const EPOCH: Epoch = Epoch::new(7);

async fn live(log: &Arc<MemoryLog>, ring_items: usize) -> Live {
    let tail = log.tail().await.unwrap();
    let capacity = Capacity::items(ring_items);
    Arc::new(LiveLog::start(
        Arc::clone(log) as Arc<dyn Log>,
        tail,
        capacity,
        Arc::new(|_, record| record),
    ))
}

fn log() -> Arc<MemoryLog> {
    Arc::new(MemoryLog::with_epoch(LogConfig::default(), EPOCH))
}

/// Appends `count` records whose payload is their own number.
async fn append(log: &MemoryLog, count: u64) {
    let next = log.tail().await.unwrap().state.next.get();
    let numbers = (next..next + count).map(|n| n.to_string().into());
    if count > 0 {
        let receipt = log.append(AppendBatch::new(now()).records(numbers)).await.unwrap();
        assert_eq!(receipt.first.get(), next);
    }
}

/// Reads to the end of a closed log.
async fn read_to_end(reader: &mut LogReader<Record>) -> (Vec<u64>, Vec<Gap>) {
    let (mut records, mut gaps) = (Vec::new(), Vec::new());
    loop {
        match reader.next().await.unwrap() {
            Next::Record(offset, record) => {
                assert_eq!(record.offset, offset);
                assert_eq!(record.payload, offset.to_string());
                records.push(offset.get());
            }
            Next::Gap(gap) => gaps.push(gap),
            Next::TooSlow => panic!("only readers that ask for it are sent away"),
            Next::End(state) => {
                assert!(state.closed || state.deleted);
                return (records, gaps);
            }
        }
    }
}

#[tokio::test]
async fn history_then_live_then_the_end() {
    let log = log();
    append(&log, 5).await;
    let live = live(&log, 10).await;
    let mut reader = LogReader::open(live, ReadFrom::Offset(Offset::new(2))).unwrap();
    let task = tokio::spawn(async move { read_to_end(&mut reader).await });
    append(&log, 200).await;
    tokio::task::yield_now().await;
    append(&log, 1).await;
    log.close().await.unwrap();
    let (records, gaps) = task.await.unwrap();
    assert_eq!(records, (2..206).collect::<Vec<_>>());
    assert_eq!(gaps, []);
}

#[tokio::test]
async fn a_reader_after_the_end_gets_the_rest() {
    let log = log();
    append(&log, 3).await;
    log.close().await.unwrap();
    let live = live(&log, 10).await;
    for from in 0..=3 {
        let from_offset = ReadFrom::Offset(Offset::new(from));
        let mut reader = LogReader::open(Arc::clone(&live), from_offset).unwrap();
        assert_eq!(read_to_end(&mut reader).await.0, (from..3).collect::<Vec<_>>());
    }
    let beyond = LogReader::open(live, ReadFrom::Offset(Offset::new(4)));
    assert!(matches!(beyond, Err(ReadError::BeyondTail { .. })));
}

#[tokio::test]
async fn a_position_that_the_log_never_reached_is_a_gap_told_first() {
    let log = log();
    append(&log, 3).await;
    log.close().await.unwrap();
    let live = live(&log, 10).await;
    let current = live.epoch();
    let lost = StreamPosition { epoch: current, offset: Offset::new(4) };
    let mut reader = LogReader::open(live, ReadFrom::Position(lost)).unwrap();
    let (records, gaps) = read_to_end(&mut reader).await;
    let told = Gap::EpochChanged { asked: current, current, earliest: Offset::ZERO };
    assert_eq!((records, gaps), (vec![0, 1, 2], vec![told]));
}

#[tokio::test]
async fn trimmed_records_are_a_gap_told_first() {
    let log = log();
    append(&log, 10).await;
    log.trim(Offset::new(4)).await.unwrap();
    log.close().await.unwrap();
    let from = ReadFrom::Position(StreamPosition { epoch: EPOCH, offset: Offset::new(1) });
    let mut reader = LogReader::open(live(&log, 10).await, from).unwrap();
    let gap = Gap::Trimmed { from: Offset::new(1), to: Offset::new(4) };
    assert!(matches!(reader.next().await.unwrap(), Next::Gap(found) if found == gap));
    assert_eq!(read_to_end(&mut reader).await, ((4..10).collect(), vec![]));
}

#[tokio::test]
async fn another_epoch_is_told_first() {
    let log = log();
    append(&log, 3).await;
    log.close().await.unwrap();
    let asked = Epoch::new(6);
    let from = ReadFrom::Position(StreamPosition { epoch: asked, offset: Offset::new(99) });
    let mut reader = LogReader::open(live(&log, 10).await, from).unwrap();
    let gap = Gap::EpochChanged { asked, current: EPOCH, earliest: Offset::ZERO };
    assert!(matches!(reader.next().await.unwrap(), Next::Gap(found) if found == gap));
    assert_eq!(read_to_end(&mut reader).await, ((0..3).collect(), vec![]));
}

/// A reader that has read three records, the last one live, while a thousand came after it, of which
/// few are in memory.
async fn slow_reader(log: &Arc<MemoryLog>, behind: Behind) -> LogReader<Record> {
    append(log, 2).await;
    let reader = LogReader::open(live(log, 4).await, ReadFrom::Earliest).unwrap();
    let mut reader = reader.when_behind(behind);
    for _history in 0..2 {
        assert!(matches!(reader.next().await.unwrap(), Next::Record(..)), "it is asked for");
    }
    let (first, ()) = tokio::join!(reader.next(), append(log, 1));
    assert!(matches!(first.unwrap(), Next::Record(offset, _) if offset.get() == 2));
    append(log, 1000).await;
    // The one task of this thread that follows the log has its turns meanwhile.
    for _turn in 0..100 {
        tokio::task::yield_now().await;
    }
    reader
}

#[tokio::test]
async fn a_slow_reader_does_what_it_was_told_to() {
    let kept = log();
    let mut patient = slow_reader(&kept, Behind::CatchUp).await;
    kept.close().await.unwrap();
    assert_eq!(read_to_end(&mut patient).await, ((3..1003).collect(), vec![]));
    let kept = log();
    let mut hasty = slow_reader(&kept, Behind::DropOldest).await;
    let Next::Gap(Gap::Lagged { from, to }) = hasty.next().await.unwrap() else {
        panic!("expected to be told what was missed")
    };
    assert!(from == Offset::new(3) && to > Offset::new(500), "{from} to {to}");
    kept.close().await.unwrap();
    assert_eq!(read_to_end(&mut hasty).await, ((to.get()..1003).collect(), vec![]));
    let mut strict = slow_reader(&log(), Behind::Disconnect).await;
    assert!(matches!(strict.next().await.unwrap(), Next::TooSlow));
    assert_eq!(strict.position().offset.get(), 3, "where it may go on");
}

#[tokio::test]
async fn a_log_is_followed_once_and_only_while_it_is_read() {
    let logs = LiveLogs::new(Capacity::items(10), |_, record| record);
    let name = LogName::new(Namespace::Topic, "a").unwrap();
    let log = log();
    let first = logs.follow(&name, Arc::clone(&log) as Arc<dyn Log>).await.unwrap();
    let second = logs.follow(&name, Arc::clone(&log) as Arc<dyn Log>).await.unwrap();
    assert!(Arc::ptr_eq(&first, &second));
    let reader = LogReader::open(second, ReadFrom::Latest).unwrap();
    assert_eq!(logs.readers(), [(name.clone(), 1)]);
    drop((first, reader));
    assert_eq!(logs.readers(), []);
    // A recreated log of the same name is another log.
    let old = logs.follow(&name, log).await.unwrap();
    let anew = Arc::new(MemoryLog::new(LogConfig::default()));
    let new = logs.follow(&name, anew).await.unwrap();
    assert!(!Arc::ptr_eq(&old, &new));
}

#[tokio::test]
async fn a_deleted_log_ends_its_readers() {
    use stream_log::{LogStore, MemoryStore};
    let store = MemoryStore::new();
    let name = LogName::new(Namespace::Topic, "a").unwrap();
    let log = store.create(&name, LogConfig::default()).await.unwrap();
    let logs = LiveLogs::new(Capacity::items(10), |_, record| record);
    let live = logs.follow(&name, log).await.unwrap();
    let mut reader = LogReader::open(live, ReadFrom::Latest).unwrap();
    let task = tokio::spawn(async move { read_to_end(&mut reader).await });
    tokio::task::yield_now().await;
    store.delete(&name).await.unwrap();
    assert_eq!(task.await.unwrap(), (vec![], vec![]));
}

#[derive(Debug, Clone)]
enum Step {
    Append(u64),
    Trim(u64),
    Read(usize),
    Yield,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        (1_u64..120).prop_map(Step::Append),
        (1_u64..200).prop_map(Step::Trim),
        (1_usize..90).prop_map(Step::Read),
        Just(Step::Yield),
    ];
    proptest::collection::vec(step, 0..40)
}

proptest! {
    /// Whatever is appended, trimmed and read in whatever order: records and told gaps together
    /// cover every number once and in order.
    #[test]
    fn records_and_gaps_cover_everything(
        ring in 1_usize..60, before in 0_u64..50, from in 0_u64..50, steps in steps(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (records, gaps) = runtime.block_on(async {
            let log = log();
            append(&log, before).await;
            let from = ReadFrom::Offset(Offset::new(from.min(before)));
            let mut reader = LogReader::open(live(&log, ring).await, from).unwrap();
            let mut given = Vec::new();
            for step in steps {
                match step {
                    Step::Append(count) => append(&log, count).await,
                    Step::Trim(count) => {
                        let state = log.tail().await.unwrap().state;
                        let before = state.earliest.plus(count).min(state.next);
                        log.trim(before).await.unwrap();
                    }
                    Step::Read(count) => for _ in 0..count {
                        match reader.try_next() {
                            Some(Next::Record(offset, _)) => given.push((offset.get(), 1)),
                            Some(Next::Gap(Gap::Trimmed { from, to })) => {
                                given.push((from.get(), to.since(from)));
                            }
                            Some(other) => panic!("unexpected {other:?}"),
                            None => break,
                        }
                    },
                    Step::Yield => tokio::task::yield_now().await,
                }
            }
            log.close().await.unwrap();
            loop {
                match reader.next().await.unwrap() {
                    Next::Record(offset, _) => given.push((offset.get(), 1)),
                    Next::Gap(Gap::Trimmed { from, to }) => {
                        given.push((from.get(), to.since(from)));
                    }
                    Next::End(state) => return (given, state.next.get()),
                    other @ (Next::Gap(_) | Next::TooSlow) => panic!("unexpected {other:?}"),
                }
            }
        });
        let mut expected = from.min(before);
        for (offset, count) in records {
            prop_assert_eq!(offset, expected);
            prop_assert!(count > 0);
            expected += count;
        }
        prop_assert_eq!(expected, gaps);
    }
}

#[tokio::test]
async fn the_lag_is_that_of_the_slowest_who_is_still_there() {
    let log = log();
    append(&log, 10).await;
    let live = live(&log, 4).await;
    assert_eq!(live.lag(), 0);
    let open = |from| LogReader::open(Arc::clone(&live), ReadFrom::Offset(Offset::new(from)));
    let (mut slow, fast) = (open(3).unwrap(), open(10).unwrap());
    assert_eq!(live.lag(), 7);
    // Whether it comes from the log or from memory.
    for left in (0..7).rev() {
        assert!(matches!(slow.next().await.unwrap(), Next::Record(..)));
        assert_eq!(live.lag(), left);
    }
    append(&log, 2).await;
    assert_eq!(live.lag(), 2);
    drop((slow, fast));
    assert_eq!(live.lag(), 0);

    let crowd = live.share_cursor();
    assert_eq!(live.lag(), 0);
    crowd.note_slowest(5);
    assert_eq!(live.lag(), 7);
    drop(crowd);
    assert_eq!(live.lag(), 0);
}
