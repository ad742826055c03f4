//! Groups in one process: members that come, go, die, freeze and lose answers, over logs in memory.

mod frail;

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use stream_log::{
    Log, LogConfig, LogExt, LogName, LogStoreExt, MemoryLog, MemoryStore, Namespace, ReadFrom,
    ReadLimit,
};
use stream_model::{Event, ProducerId, now::now};
use stream_processor::limits::{DRAIN_WAIT, GROUP_NAME_BYTES_MAX, LEAVE_WAIT, PARTITIONS_MAX};
use stream_processor::{
    Group, GroupError, LogSink, LogSource, Member, OnError, StreamProcessor, partition_of,
};
use tokio::time::{Instant, sleep};

use self::frail::Frail;
use crate::logs::log;

const KEYS: u64 = 40;
const SESSION: Duration = Duration::from_secs(5);

/// What a group shares, and what it makes of it.
struct World {
    store: Arc<MemoryStore>,
    input: Arc<MemoryLog>,
    output: Arc<MemoryLog>,
}

impl World {
    fn new() -> Self {
        Self { store: Arc::default(), input: log(), output: log() }
    }

    fn group(&self, frail: &Frail) -> Group {
        Group::new(frail.store(&self.store), "totals").partitions(7).session(SESSION)
    }

    /// A process that adds up the numbers of each key.
    async fn join(&self, frail: &Frail) -> Result<Member, GroupError> {
        self.join_as(frail, self.group(frail)).await
    }

    async fn join_as(&self, frail: &Frail, group: Group) -> Result<Member, GroupError> {
        self.join_reading(frail.log(self.input.clone()), frail, group).await
    }

    async fn join_reading(
        &self,
        input: Arc<dyn Log>,
        frail: &Frail,
        group: Group,
    ) -> Result<Member, GroupError> {
        let source = LogSource::events(input).limit(ReadLimit::records(20));
        let output = LogSink::new(frail.log(self.output.clone()), ProducerId::new("p").unwrap());
        StreamProcessor::from_source(source)
            .scan(BTreeMap::new(), |totals: &mut BTreeMap<u64, u64>, event: Event| {
                let (key, number) = pair(&event);
                let total = totals.entry(key).or_default();
                *total += number;
                Event::new(json!([key, *total]))
            })
            .log_sink(output)
            .join_group(group, |event| pair(event).0.to_string())
            .await
    }

    async fn publish(&self, numbers: impl IntoIterator<Item = u64>) {
        for number in numbers {
            let record = Event::new(json!([number % KEYS, number])).encode();
            assert!(!self.input.append_one(now(), record).await.unwrap().duplicate);
        }
    }

    /// What came out, by key, in order.
    async fn totals(&self) -> BTreeMap<u64, Vec<u64>> {
        let mut totals = BTreeMap::<u64, Vec<u64>>::new();
        for record in self.output.read_all(ReadFrom::Earliest).await.unwrap().records {
            let (key, total) = pair(&Event::decode(&record.payload).unwrap());
            totals.entry(key).or_default().push(total);
        }
        totals
    }
}

fn pair(event: &Event) -> (u64, u64) {
    event.parse().unwrap()
}

/// What one process that nobody disturbs makes of the numbers up to `end`.
fn undisturbed(end: u64) -> BTreeMap<u64, Vec<u64>> {
    let mut want = BTreeMap::<u64, Vec<u64>>::new();
    for number in 0..end {
        let totals = want.entry(number % KEYS).or_default();
        totals.push(totals.last().unwrap_or(&0) + number);
    }
    want
}

/// The members of a world that something happens to, again and again.
struct Trouble {
    random: fastrand::Rng,
    members: Vec<(Frail, Member)>,
    fenced: u64,
    expulsions: u64,
}

impl Trouble {
    fn new(seed: u64) -> Self {
        let random = fastrand::Rng::with_seed(seed);
        Self { random, members: Vec::new(), fenced: 0, expulsions: 0 }
    }

    async fn happen(&mut self, world: &World) {
        let some = self.random.usize(..self.members.len().max(1));
        match self.random.u8(..10) {
            0..4 if self.members.len() < 5 => {
                let frail = Frail::losing_one_in(50, self.random.u64(..));
                if let Ok(member) = world.join(&frail).await {
                    self.members.push((frail, member));
                }
            }
            4 if !self.members.is_empty() => {
                let (_, member) = self.members.swap_remove(some);
                self.count(&member);
                drop(member);
            }
            5 if !self.members.is_empty() => {
                let (frail, member) = self.members.swap_remove(some);
                frail.freeze(false);
                self.count(&member);
                member.leave().await.unwrap();
            }
            6..8 if !self.members.is_empty() => self.members[some].0.freeze(true),
            _ => self.members.iter().for_each(|(frail, _)| frail.freeze(false)),
        }
    }

    fn count(&mut self, member: &Member) {
        self.fenced += member.stats().fenced;
        self.expulsions += member.stats().expulsions;
    }

    /// Waits until one is at the end of the source.
    async fn end_of(&mut self, member: Member) {
        assert!(member.when(|_| false).await.is_none(), "it is out for good");
        self.count(&member);
        member.join().await.unwrap();
    }

    /// Waits until the source is at its end for everybody.
    async fn end(mut self, world: &World) -> (u64, u64) {
        self.members.iter().for_each(|(frail, _)| frail.freeze(false));
        self.members.push((Frail::default(), world.join(&Frail::default()).await.unwrap()));
        for (_, member) in std::mem::take(&mut self.members) {
            self.end_of(member).await;
        }
        (self.fenced, self.expulsions)
    }
}

#[tokio::test(start_paused = true)]
async fn what_comes_out_is_as_if_one_had_worked_undisturbed_whatever_happens_to_members() {
    const NUMBERS: u64 = 1500;
    let (mut fenced, mut expulsions) = (0, 0);
    for seed in 0..30 {
        let world = World::new();
        let mut trouble = Trouble::new(seed);
        for numbers in 0..NUMBERS / 15 {
            world.publish(numbers * 15..(numbers + 1) * 15).await;
            trouble.happen(&world).await;
            let pause = trouble.random.u64(..2000);
            sleep(Duration::from_millis(pause)).await;
        }
        world.input.close().await.unwrap();
        let counted = trouble.end(&world).await;
        (fenced, expulsions) = (fenced + counted.0, expulsions + counted.1);
        assert_eq!(world.totals().await, undisturbed(NUMBERS), "seed {seed}");
    }
    assert!(fenced > 10 && expulsions > 10, "{fenced} were fenced, {expulsions} expelled");
}

#[tokio::test(start_paused = true)]
async fn a_member_that_comes_gets_its_part_and_the_rest_goes_on() {
    let world = World::new();
    let first = world.join(&Frail::default()).await.unwrap();
    assert!(first.when(|stats| stats.running == 7).await.is_some());
    world.publish(0..100).await;
    let second = world.join(&Frail::default()).await.unwrap();
    assert!(second.when(|stats| stats.running == 3).await.is_some());
    let stats = first.when(|stats| stats.owned == 4).await.unwrap();
    assert_eq!((stats.members, stats.claims, stats.restarts), (2, 7, 0), "nothing else moved");
    world.publish(100..200).await;
    second.leave().await.unwrap();
    let stats = first.when(|stats| stats.running == 7).await.unwrap();
    assert_eq!((stats.members, stats.claims, stats.fenced), (1, 10, 0));
    world.input.close().await.unwrap();
    let counts = first.counts();
    first.join().await.unwrap();
    assert!(counts.taken >= 100, "{counts:?}");
    assert_eq!(world.totals().await, undisturbed(200));
}

#[tokio::test(start_paused = true)]
async fn who_was_frozen_commits_nothing_finds_out_and_comes_in_again() {
    let world = World::new();
    let frail = Frail::default();
    let frozen = world.join(&frail).await.unwrap();
    assert!(frozen.when(|stats| stats.running == 7).await.is_some());
    world.publish(0..100).await;
    // In the middle of it.
    sleep(Duration::from_millis(1)).await;
    frail.freeze(true);
    let other = world.join(&Frail::default()).await.unwrap();
    let begin = Instant::now();
    assert!(other.when(|stats| stats.running == 7).await.is_some());
    assert!(begin.elapsed() >= SESSION && begin.elapsed() < SESSION * 2, "{:?}", begin.elapsed());
    world.publish(100..200).await;
    while world.totals().await != undisturbed(200) {
        sleep(Duration::from_millis(100)).await;
    }
    frail.freeze(false);
    let stats = frozen.when(|stats| stats.expulsions == 1 && stats.running == 3).await.unwrap();
    assert_eq!((stats.members, stats.owned), (2, 3));
    assert_eq!(world.totals().await, undisturbed(200), "it appended nothing");
    world.publish(200..300).await;
    world.input.close().await.unwrap();
    frozen.join().await.unwrap();
    other.join().await.unwrap();
    assert_eq!(world.totals().await, undisturbed(300));
}

#[tokio::test(start_paused = true)]
async fn a_group_keeps_its_number_of_partitions() {
    let world = World::new();
    let frail = Frail::default();
    let member = world.join(&frail).await.unwrap();
    let refused = world.join_as(&frail, world.group(&frail).partitions(8)).await;
    assert!(matches!(refused, Err(GroupError::Partitions { founded: 7, asked: 8 })), "{refused:?}");
    member.leave().await.unwrap();
    let refused = world.join_as(&frail, world.group(&frail).partitions(8)).await;
    assert!(matches!(refused, Err(GroupError::Partitions { .. })), "also when nobody is there");
    for asked in [0, PARTITIONS_MAX + 1] {
        let refused = world.join_as(&frail, world.group(&frail).partitions(asked)).await;
        assert!(matches!(refused, Err(GroupError::TooManyPartitions { .. })), "{refused:?}");
    }
    for name in [String::new(), "x".repeat(GROUP_NAME_BYTES_MAX + 1), "a\nb".to_owned()] {
        let refused = world.join_as(&frail, world.group(&frail).member(&name)).await;
        assert!(matches!(refused, Err(GroupError::Name)), "{name:?}: {refused:?}");
    }
    let name = LogName::new(Namespace::Group, "totals/members").unwrap();
    let log = world.store.get_or_create(&name, LogConfig::default()).await.unwrap();
    assert!(!log.append_one(now(), "hello".into()).await.unwrap().duplicate);
    let end = world.join(&frail).await.unwrap().join().await;
    assert!(matches!(end, Err(GroupError::Foreign { .. })), "{end:?}");
}

#[tokio::test(start_paused = true)]
async fn a_group_begins_where_its_source_was_told_to_for_all_partitions() {
    let world = World::new();
    world.publish(0..100).await;
    let source = LogSource::events(world.input.clone()).from(ReadFrom::Latest);
    let join = |member: &str| {
        StreamProcessor::from_source(source.clone())
            .log_sink(LogSink::new(world.output.clone(), ProducerId::new("p").unwrap()))
            .join_group(world.group(&Frail::default()).member(member), |event| {
                pair(event).0.to_string()
            })
    };
    let first = join("first").await.unwrap();
    // What comes before a partition has its first owner is not lost to it.
    world.publish(100..150).await;
    first.leave().await.unwrap();
    world.publish(150..200).await;
    let second = join("second").await.unwrap();
    world.input.close().await.unwrap();
    second.join().await.unwrap();
    let all = world.output.read_all(ReadFrom::Earliest).await.unwrap().records;
    let numbers = all.iter().map(|record| pair(&Event::decode(&record.payload).unwrap()).1);
    let mut numbers: Vec<u64> = numbers.collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (100..200).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_treated_ends_the_member_if_that_is_the_policy_and_it_hands_over_first() {
    let world = World::new();
    let failing = StreamProcessor::from_source(LogSource::events(world.input.clone()))
        .try_map(|event: &Event| match pair(event).1 {
            13 => Err("broken"),
            _ => Ok(event.clone()),
        })
        .on_error(OnError::fail())
        .log_sink(LogSink::new(world.output.clone(), ProducerId::new("p").unwrap()))
        .join_group(world.group(&Frail::default()), |event| pair(event).0.to_string())
        .await
        .unwrap();
    world.publish(0..20).await;
    let end = failing.join().await;
    let broken = partition_of(b"13", 7);
    assert!(
        matches!(&end, Err(GroupError::Partition { partition, .. }) if *partition == broken),
        "{end:?}"
    );
    let name = LogName::new(Namespace::Group, "totals/members").unwrap();
    let log = world.store.get_or_create(&name, LogConfig::default()).await.unwrap();
    let last = log.read_all(ReadFrom::Earliest).await.unwrap().records.pop().unwrap();
    assert!(last.payload.starts_with(b"{\"leave\""), "{last:?}");
}

#[tokio::test(start_paused = true)]
async fn a_partition_without_items_does_not_stay_behind() {
    let world = World::new();
    let member = world.join(&Frail::default()).await.unwrap();
    // One key only.
    for _ in 0..25_000 {
        let record = Event::new(json!([3, 1])).encode();
        assert!(!world.input.append_one(now(), record).await.unwrap().duplicate);
    }
    while world.totals().await.get(&3).map_or(0, Vec::len) < 25_000 {
        sleep(Duration::from_secs(1)).await;
    }
    member.leave().await.unwrap();
    // It is not read again for any partition but the one that is behind by one read.
    world.input.trim(stream_model::Offset::new(15_000)).await.unwrap();
    let member = world.join(&Frail::default()).await.unwrap();
    world.input.close().await.unwrap();
    assert!(member.when(|_| false).await.is_none(), "it is out for good");
    assert_eq!(member.counts().missed, 0);
    member.join().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_process_reads_the_source_once_whatever_it_owns() {
    let world = World::new();
    let (reader, frail) = (Frail::default(), Frail::default());
    let group = world.group(&frail).partitions(100);
    let input = reader.log(world.input.clone());
    let member = world.join_reading(input, &frail, group).await.unwrap();
    assert!(member.when(|stats| stats.running == 100).await.is_some());
    sleep(Duration::from_secs(1)).await;
    let before = reader.reads();
    world.publish(0..1000).await;
    while world.totals().await != undisturbed(1000) {
        sleep(Duration::from_millis(100)).await;
    }
    let reads = reader.reads() - before;
    assert!((50..60).contains(&reads), "{reads} reads of 20 records");
    member.leave().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_partition_that_does_not_come_to_rest_is_stopped_and_handed_over() {
    let world = World::new();
    let join = async |pause: Duration| {
        StreamProcessor::from_source(LogSource::events(world.input.clone()))
            .map_async(const { NonZeroUsize::new(8).unwrap() }, move |event: Event| async move {
                sleep(pause).await;
                event
            })
            .log_sink(LogSink::new(world.output.clone(), ProducerId::new("p").unwrap()))
            .join_group(world.group(&Frail::default()), |event| pair(event).0.to_string())
            .await
            .unwrap()
    };
    let stuck = join(Duration::from_hours(1)).await;
    assert!(stuck.when(|stats| stats.running == 7).await.is_some());
    world.publish(0..KEYS).await;
    sleep(Duration::from_secs(1)).await;
    let begin = Instant::now();
    let quick = join(Duration::ZERO).await;
    assert!(quick.when(|stats| stats.running == 3).await.is_some());
    assert!(begin.elapsed() >= DRAIN_WAIT && begin.elapsed() < DRAIN_WAIT + SESSION);
    stuck.leave().await.unwrap();
    world.input.close().await.unwrap();
    quick.join().await.unwrap();
    let all = world.output.read_all(ReadFrom::Earliest).await.unwrap().records;
    let numbers = all.iter().map(|record| pair(&Event::decode(&record.payload).unwrap()).1);
    let mut numbers: Vec<u64> = numbers.collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (0..KEYS).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn who_cannot_say_that_it_leaves_leaves_in_the_end() {
    let world = World::new();
    let frail = Frail::default();
    let member = world.join(&frail).await.unwrap();
    assert!(member.when(|stats| stats.running == 7).await.is_some());
    frail.freeze(true);
    let begin = Instant::now();
    member.leave().await.unwrap();
    assert_eq!(begin.elapsed().as_secs(), (DRAIN_WAIT + LEAVE_WAIT).as_secs());
}

#[tokio::test(start_paused = true)]
async fn names_and_partitions_may_be_as_long_and_as_many_as_the_limits_say() {
    let world = World::new();
    let name = "n".repeat(GROUP_NAME_BYTES_MAX);
    let store = Frail::default().store(&world.store);
    let group = Group::new(store, &name).member(&name).partitions(PARTITIONS_MAX);
    // A session of no time is one of the shortest time.
    let group = group.session(Duration::ZERO);
    let member = world.join_as(&Frail::default(), group).await.unwrap();
    let stats = member.when(|stats| stats.running == PARTITIONS_MAX).await.unwrap();
    assert_eq!((stats.members, stats.partitions), (1, PARTITIONS_MAX));
    world.publish(0..100).await;
    world.input.close().await.unwrap();
    member.join().await.unwrap();
    assert_eq!(world.totals().await, undisturbed(100));
}
