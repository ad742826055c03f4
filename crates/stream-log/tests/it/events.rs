//! Queries, projections and replays of an event log, beside a plain list of the same events.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use proptest::prelude::*;
use serde_json::json;
use stream_log::events::{
    Counter, EventLog, EventQuery, Fold, GroupBy, LatestPerKey, LoggedEvent, ProjectError,
    Projection, ProjectionFull, Replay, RunningSum, View, differences,
};
use stream_log::limits::{EVENT_PAGE_MAX, INDEX_BLOCK_RECORDS, PROJECTION_ENTRIES_MAX};
use stream_log::{
    AppendBatch, AppendError, AppendReceipt, Log, LogConfig, MemoryLog, ReadBatch, ReadError,
    ReadFrom, ReadLimit, Retention, Tail, TrimError,
};
use stream_model::{Event, Offset, TopicFilter};
use time::OffsetDateTime;

const NAMES: [&str; 4] = ["a", "a.b", "c", "rare"];

fn at(seconds: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(seconds).unwrap()
}

fn event(topic: &str, data: u64, seconds: i64) -> Event {
    Event::builder().data(json!(data)).meta("topic", topic).timestamp(at(seconds)).build()
}

fn event_log() -> EventLog {
    EventLog::new(Arc::new(MemoryLog::new(LogConfig::default())))
}

/// Appends records in one batch, at the log's tail.
async fn append(log: &EventLog, records: impl IntoIterator<Item = Bytes>) {
    let tail = log.log().tail().await.unwrap().state.next;
    let batch = AppendBatch::new(at(0)).records(records);
    assert_eq!(log.log().append(batch).await.unwrap().first, tail);
}

async fn filled(events: &[Event]) -> EventLog {
    let log = event_log();
    append(&log, events.iter().map(Event::encode)).await;
    log
}

fn number(event: &Event) -> Option<f64> {
    event.data().to_value().ok()?.as_f64()
}

fn numbers(events: &[LoggedEvent]) -> Vec<u64> {
    events.iter().map(|logged| logged.event.data().parse().unwrap()).collect()
}

async fn read_all(log: &EventLog, mut query: EventQuery, page: usize) -> Vec<LoggedEvent> {
    let mut all = Vec::new();
    let mut offsets = 0;
    loop {
        let page = log.read(&query, page).await.unwrap();
        assert!(page.unreadable.is_empty());
        all.extend(page.events);
        let Some(next) = page.next else { return all };
        assert!(next.get() > offsets, "a page moves on");
        offsets = next.get();
        query = query.offsets(next..);
    }
}

/// More than two blocks of events: topics by turns, a rare one, timestamps that go back and forth.
fn history() -> Vec<Event> {
    let count = 2 * INDEX_BLOCK_RECORDS as u64 + 300;
    let topic =
        |n: u64| if n % 900 == 450 { "rare" } else { NAMES[usize::try_from(n % 3).unwrap()] };
    let seconds = |n: u64| i64::try_from(n / 10 * 10 + (n * 7) % 10).unwrap();
    (0..count).map(|n| event(topic(n), n, seconds(n))).collect()
}

/// Asks in every way and compares with a look at each event of `history`.
async fn check(log: &EventLog, query: EventQuery, takes: impl Fn(&Event) -> bool, first: u64) {
    let history = history();
    let wanted = history.iter().skip(usize::try_from(first).unwrap()).filter(|event| takes(event));
    let wanted: Vec<u64> = wanted.map(|event| event.data().parse().unwrap()).collect();
    for page in [7, 999, 100_000] {
        assert_eq!(numbers(&read_all(log, query.clone(), page).await), wanted, "pages of {page}");
    }
    for count in [0, 1, 5, 3000] {
        let newest = numbers(&log.newest(&query, count).await.unwrap());
        assert_eq!(newest, wanted[wanted.len().saturating_sub(count)..], "newest {count}");
    }
    let counter = log.project(query, Counter::default()).await.unwrap();
    assert_eq!(counter.count(), wanted.len() as u64);
}

#[tokio::test]
async fn every_query_finds_what_a_look_at_each_event_finds() {
    let log = filled(&history()).await;
    let all = EventQuery::all;
    for first in [0, 999, 1001, 2250] {
        assert!(log.compact(Offset::new(first)).await.is_ok());
        check(&log, all(), |_| true, first).await;
        for name in NAMES {
            check(&log, all().topic(name), |event| event.topic() == Some(name), first).await;
        }
        let filter: TopicFilter = "a.>".parse().unwrap();
        check(&log, all().topic(filter), |event| event.topic() == Some("a.b"), first).await;
        check(&log, all().topic("none"), |_| false, first).await;
        let (from, to) = (at(995), at(1105));
        check(&log, all().times(from..to), |e| (from..to).contains(&e.timestamp()), first).await;
        check(&log, all().times(..=from), |e| e.timestamp() <= from, first).await;
        check(&log, all().times(at(9999)..), |_| false, first).await;
    }
}

#[tokio::test]
async fn ranges_of_offsets_are_cut_at_the_tail_and_refused_before_the_earliest() {
    let log = filled(&history()[..20]).await;
    let read = async |query: EventQuery| log.read(&query, 100).await.map(|p| numbers(&p.events));
    let offset = Offset::new;
    assert_eq!(read(EventQuery::all().offsets(offset(18)..)).await.unwrap(), [18, 19]);
    assert_eq!(read(EventQuery::all().offsets(offset(3)..=offset(4))).await.unwrap(), [3, 4]);
    assert_eq!(read(EventQuery::all().offsets(offset(99)..)).await.unwrap(), [0_u64; 0]);
    let reversed = EventQuery::all().offsets(offset(4)..offset(3));
    assert_eq!(read(reversed).await.unwrap(), [0_u64; 0]);

    assert_eq!(log.compact(offset(5)).await.unwrap(), 5);
    assert_eq!(log.compact(offset(5)).await.unwrap(), 0);
    assert_eq!(log.compact(offset(2)).await.unwrap(), 0);
    let refused = read(EventQuery::all().offsets(offset(4)..)).await;
    assert!(matches!(refused, Err(ReadError::Trimmed { .. })), "{refused:?}");
    assert_eq!((log.count().await.unwrap(), log.latest().await.unwrap()), (15, Some(offset(19))));
}

#[tokio::test]
async fn a_page_says_where_the_next_one_begins() {
    let log = filled(&history()[..10]).await;
    let next = async |query: EventQuery, limit| log.read(&query, limit).await.unwrap().next;
    assert_eq!(next(EventQuery::all(), 4).await, Some(Offset::new(4)));
    assert_eq!(next(EventQuery::all(), 10).await, None);
    assert_eq!(next(EventQuery::all().offsets(..Offset::new(4)), 4).await, None);
}

#[tokio::test]
async fn a_page_is_bounded_whatever_is_asked_for() {
    let event = event("a", 1, 0);
    for (events, next) in [(EVENT_PAGE_MAX, None), (EVENT_PAGE_MAX + 1, Some(EVENT_PAGE_MAX))] {
        let log = filled(&vec![event.clone(); events]).await;
        let page = log.read(&EventQuery::all(), usize::MAX).await.unwrap();
        assert_eq!(page.events.len(), EVENT_PAGE_MAX);
        assert_eq!(page.next, next.map(|next| Offset::new(next as u64)));
    }
}

/// Gives one event as often as a projection may hold one, and once more.
#[track_caller]
fn check_full(mut projection: impl Projection) {
    let logged = LoggedEvent { offset: Offset::ZERO, event: event("a", 1, 0) };
    for _ in 0..PROJECTION_ENTRIES_MAX {
        projection.apply(&logged).unwrap();
    }
    let refused = projection.apply(&logged);
    assert_eq!(refused, Err(ProjectionFull { limit: PROJECTION_ENTRIES_MAX }));
}

#[test]
fn a_projection_is_bounded() {
    check_full(RunningSum::new(|_| Some(1.0)));
    check_full(GroupBy::new(|_| Some(String::new())));
    check_full(Replay::new(|_| Some(())));
    let mut keys = 0..;
    check_full(LatestPerKey::new(move |_| keys.next().map(|key: u64| key.to_string())));
}

#[tokio::test]
async fn history_does_not_change_with_the_event_that_was_appended() {
    let log = event_log();
    let mut event = event("a", 1, 0);
    for topic in ["a", "c"] {
        event = Event::builder()
            .data(json!(1))
            .meta("topic", topic)
            .timestamp(event.timestamp())
            .build();
        let receipt = log.append(&event).await.unwrap();
        assert_eq!(Some(receipt.first), log.latest().await.unwrap());
    }
    let events = read_all(&log, EventQuery::all(), 10).await;
    let topics: Vec<_> = events.iter().map(|logged| logged.event.topic().unwrap()).collect();
    assert_eq!(topics, ["a", "c"]);
    assert_eq!(events[0].event.timestamp(), at(0), "a timestamp of 0 is one");
}

#[tokio::test]
async fn what_is_no_event_is_left_out_and_told() {
    let log = filled(&[event("a", 1, 0)]).await;
    append(&log, [Bytes::from_static(b"\xff")]).await;
    append(&log, [event("a", 2, 0).encode()]).await;
    let page = log.read(&EventQuery::all(), 10).await.unwrap();
    assert_eq!((numbers(&page.events), page.unreadable), (vec![1, 2], vec![Offset::new(1)]));
    let mut view = View::new(EventQuery::all(), Counter::default());
    for _ in 0..2 {
        view.catch_up(&log).await.unwrap();
        assert_eq!((view.projection().count(), view.unreadable()), (2, 1));
    }
}

/// A log whose records from 3 up to 5 are damaged.
#[derive(Debug)]
struct Damaged(MemoryLog);

#[async_trait]
impl Log for Damaged {
    async fn append(&self, batch: AppendBatch) -> Result<AppendReceipt, AppendError> {
        self.0.append(batch).await
    }

    async fn read(&self, from: ReadFrom, limit: ReadLimit) -> Result<ReadBatch, ReadError> {
        let (bad, good) = (Offset::new(3), Offset::new(5));
        match from {
            ReadFrom::Offset(offset) if offset < bad => {
                let count = usize::try_from(bad.since(offset)).unwrap();
                let records_max = limit.records_max.min(count);
                self.0.read(from, ReadLimit { records_max, ..limit }).await
            }
            ReadFrom::Offset(from) if from < good => Err(ReadError::Damaged { from, to: good }),
            _ => self.0.read(from, limit).await,
        }
    }

    async fn tail(&self) -> Result<Tail, ReadError> {
        self.0.tail().await
    }

    async fn trim(&self, before: Offset) -> Result<(), TrimError> {
        self.0.trim(before).await
    }

    async fn close(&self) -> Result<Tail, AppendError> {
        self.0.close().await
    }
}

#[tokio::test]
async fn damaged_records_are_left_out_and_told() {
    let log = EventLog::new(Arc::new(Damaged(MemoryLog::new(LogConfig::default()))));
    append(&log, history()[..8].iter().map(Event::encode)).await;
    let page = log.read(&EventQuery::all(), 100).await.unwrap();
    assert_eq!(numbers(&page.events), [0, 1, 2, 5, 6, 7]);
    assert_eq!(page.unreadable, [3, 4].map(Offset::new));
    let part = EventQuery::all().offsets(Offset::new(4)..Offset::new(7));
    let page = log.read(&part, 100).await.unwrap();
    assert_eq!((numbers(&page.events), page.unreadable), (vec![5, 6], vec![Offset::new(4)]));
    assert_eq!(numbers(&log.newest(&EventQuery::all(), 4).await.unwrap()), [2, 5, 6, 7]);
}

#[tokio::test]
async fn topics_are_sorted_and_go_with_their_last_event() {
    let log = filled(&history()).await;
    assert_eq!(log.topics().await.unwrap(), NAMES);
    assert_eq!(log.compact(Offset::new(2251)).await.unwrap(), 2251);
    assert_eq!(log.topics().await.unwrap(), &NAMES[..3]);
}

#[tokio::test]
async fn projections_sum_up_what_they_are_given() {
    let log = filled(&history()[..6]).await;
    let topic = |event: &Event| event.topic().map(str::to_owned);
    let all = EventQuery::all;
    let sum = Fold::new(0, |sum, logged| *sum += logged.event.data().parse::<u64>().unwrap());
    assert_eq!(log.project(all(), sum).await.unwrap().into_state(), 15);
    let sums = log.project(all().topic("a"), RunningSum::new(number)).await.unwrap();
    assert_eq!((sums.totals(), sums.skipped()), (&[0.0, 3.0][..], 0));
    let sums = log.project(all(), RunningSum::new(|_| None)).await.unwrap();
    assert_eq!((sums.totals(), sums.skipped()), (&[][..], 6));
    let latest = log.project(all(), LatestPerKey::new(topic)).await.unwrap().into_events();
    let latest: Vec<_> = latest.iter().map(|(key, logged)| (&**key, logged.offset.get())).collect();
    assert_eq!(latest, [("a", 3), ("a.b", 4), ("c", 5)]);
    let groups = log.project(all(), GroupBy::new(topic)).await.unwrap().into_groups();
    let groups: Vec<_> = groups.iter().map(|(key, group)| (&**key, numbers(group))).collect();
    assert_eq!(groups, [("a", vec![0, 3]), ("a.b", vec![1, 4]), ("c", vec![2, 5])]);
}

#[tokio::test]
async fn a_view_takes_each_event_once_and_hears_of_those_that_it_missed() {
    let config = LogConfig {
        retention: Retention { records_max: 3, ..Retention::ALL },
        ..LogConfig::default()
    };
    let log = EventLog::new(Arc::new(MemoryLog::new(config)));
    let mut view = View::new(EventQuery::all().topic("a"), Counter::default());
    view.catch_up(&log).await.unwrap();
    for (topic, want) in [("a", 1), ("c", 1), ("a", 2)] {
        append(&log, [event(topic, 0, 0).encode()]).await;
        view.catch_up(&log).await.unwrap();
        view.catch_up(&log).await.unwrap();
        assert_eq!(view.projection().count(), want);
    }
    for _ in 0..4 {
        append(&log, [event("a", 0, 0).encode()]).await;
    }
    let missed = view.catch_up(&log).await;
    assert!(matches!(missed, Err(ProjectError::Read(ReadError::Trimmed { .. }))), "{missed:?}");
    assert_eq!(view.projection().count(), 2);
}

#[tokio::test]
async fn a_replay_is_compared_by_what_it_answered() {
    let log = filled(&history()[..4]).await;
    let handler = |logged: &LoggedEvent| {
        (logged.event.topic() == Some("a")).then(|| json!(logged.event.data().to_value().unwrap()))
    };
    let replay = log.project(EventQuery::all(), Replay::new(handler)).await.unwrap();
    assert_eq!((replay.events(), replay.outputs()), (4, &[json!(0), json!(3)][..]));
}

proptest! {
    #[test]
    fn differences_are_the_places_that_are_not_the_same(
        left in proptest::collection::vec(0_u8..3, 0..6),
        right in proptest::collection::vec(0_u8..3, 0..6),
    ) {
        let found = differences(&left, &right);
        prop_assert_eq!(found.is_empty(), left == right);
        for place in 0..8 {
            prop_assert_eq!(found.contains(&place), left.get(place) != right.get(place));
        }
    }
}
