//! A process's part in a group: coming in, being in, and going.

use std::fmt;
use std::sync::Arc;

use stream_log::{
    AppendBatch, AppendError, Log, LogConfig, LogStoreExt as _, ReadBatch, ReadError, ReadFrom,
    ReadLimit,
};
use stream_model::{Event, Offset, StreamPosition, now};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::Instant;

use super::coordinator::Coordinator;
use super::feed::{Feed, Placing, Reader};
use super::roster::{Record, Roster};
use super::source::PartitionSource;
use super::steward::{Beginning, Start, Steward, decoded};
use super::{Group, GroupError, GroupStats, PartitionError, partition_of};
use crate::counts::{Counters, Counts};
use crate::meter::Meter;
use crate::resume::Tenure;
use crate::{Checkpoints, LogSource, SaveState, Stage, StageCounts, StreamProcessor};

/// A process in a group.
///
/// # Drop
/// The member ends at once, as if its process were killed; [`leave`](Self::leave) is kinder.
#[must_use = "a member is out when its handle is dropped"]
pub struct Member {
    task: Option<JoinHandle<Result<(), GroupError>>>,
    leaving: mpsc::Sender<()>,
    stats: watch::Receiver<GroupStats>,
    counters: Arc<Counters>,
    meters: Vec<(String, Arc<Meter>)>,
}

impl<In, C> StreamProcessor<In, LogSource<In>, C>
where
    In: Send + 'static,
    C: Stage<In, Out = Event> + SaveState + Clone + Send + 'static,
{
    /// Joins a group that shares this source: the items of each key, which `key` tells, are treated
    /// by one member at a time, in order, with a copy of these stages for each partition.
    ///
    /// A new group begins where the source was told to; one that exists goes on where it is.
    /// All members must have the same stages and the same `key`.
    /// Each partition appends to a [`LogSink`](crate::LogSink) as a producer of its own, under the
    /// sink's name with the partition's number behind it.
    ///
    /// # Errors
    /// [`GroupError`] if the group has another number of partitions, or its logs cannot be had.
    ///
    /// # Cancel safety
    /// If the future is dropped, the group may have been founded, and nobody has joined.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    /// use serde_json::json;
    /// use stream_log::{AppendBatch, Log, LogConfig, LogExt, MemoryLog, MemoryStore, ReadFrom};
    /// use stream_model::{Event, ProducerId, now::now};
    /// use stream_processor::{Group, LogSink, LogSource, StreamProcessor};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let log = || Arc::new(MemoryLog::new(LogConfig::default()));
    /// let (input, output) = (log(), log());
    /// // Where several processes share a source, this is a store on NATS.
    /// let store = Arc::new(MemoryStore::default());
    /// let sums = StreamProcessor::from_source(LogSource::events(input.clone()))
    ///     .scan(0, |sum: &mut u64, event: Event| {
    ///         *sum += event.parse::<u64>().unwrap_or(0);
    ///         Event::new(json!(*sum))
    ///     })
    ///     .log_sink(LogSink::new(output.clone(), ProducerId::new("sums")?));
    /// let customer = |event: &Event| event.topic().unwrap_or_default().to_owned();
    /// let group = Group::new(store, "sums").partitions(4);
    /// let first = sums.clone().join_group(group.clone(), customer).await?;
    /// let second = sums.join_group(group, customer).await?;
    /// let numbers = [1, 2, 2, 2].map(|number| Event::new(json!(number)).encode());
    /// let _ = input.append(AppendBatch::new(now()).records(numbers).close()).await?;
    /// // The source is closed, so both come to an end.
    /// first.join().await?;
    /// second.join().await?;
    /// assert_eq!(output.read_all(ReadFrom::Earliest).await?.records.len(), 4);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn join_group<K: AsRef<[u8]>>(
        self,
        group: Group,
        key: impl Fn(&In) -> K + Send + Sync + 'static,
    ) -> Result<Member, GroupError> {
        let runtime = Handle::try_current().map_err(|_| GroupError::NoRuntime)?;
        group.check()?;
        let partitions = group.partitions;
        drop(self.settings.sinks.of_partition((partitions - 1, 0))?);
        let source = self.source.log.tail().await.map_err(GroupError::Source)?;
        let begin = StreamPosition {
            epoch: source.state.epoch,
            offset: source.state.resolve(self.source.from).map_err(GroupError::Source)?,
        };
        let log = group.store.get_or_create(&group.members_log()?, LogConfig::default()).await?;
        let tail = log.tail().await.map_err(GroupError::Read)?;
        let (at, roster) = found(&*log, &group, begin).await?;
        if roster.partitions() != partitions {
            return Err(GroupError::Partitions { founded: roster.partitions(), asked: partitions });
        }
        let place: Placing<In> = Arc::new(move |item| partition_of(key(item).as_ref(), partitions));
        let (reader, feed) = Reader::new(self.source.clone(), source.watch, place);
        let mut readers = JoinSet::new();
        readers.spawn(reader.run());
        let (counters, meters) = (Arc::<Counters>::default(), self.settings.named_meters());
        let name = format!("{}-{:016x}", group.member, fastrand::u64(..));
        let now = Instant::now().into_std();
        let coordinator = Coordinator::new(name, group.session, (at, roster), now);
        let begin = coordinator.begin();
        let (leaving, is_leaving) = mpsc::channel(1);
        let (told, stats) = watch::channel(coordinator.stats());
        let steward = Steward::new(Beginning {
            coordinator,
            log,
            epoch: tail.state.epoch,
            watch: tail.watch,
            start: self.starter(group, feed, begin, Arc::clone(&counters)),
            readers,
            leaving: is_leaving,
            stats: told,
        });
        let task = Some(runtime.spawn(steward.run()));
        Ok(Member { task, leaving, stats, counters, meters })
    }

    /// How the pipeline of a partition is started.
    fn starter(
        self,
        group: Group,
        feed: Feed<In>,
        begin: StreamPosition,
        counters: Arc<Counters>,
    ) -> Start {
        let Self { chain, settings, keep, .. } = self;
        Box::new(move |partition, generation| {
            let source = PartitionSource::new(feed.clone(), partition, begin);
            let (chain, mut settings, group) = (chain.clone(), settings.clone(), group.clone());
            let tenure = Tenure { generation, counters: Arc::clone(&counters) };
            Box::pin(async move {
                settings.sinks = settings.sinks.of_partition((partition, generation))?;
                let pipeline = StreamProcessor { source, chain, settings, keep };
                let name = group.partition_log(partition).map_err(|_| PartitionError::Name)?;
                let log = group.store.get_or_create(&name, LogConfig::default()).await?;
                let checkpoints = Checkpoints::new(log).interval(group.interval);
                Ok(pipeline.resume_as(checkpoints, Some(tenure)).await?)
            })
        })
    }
}

/// Reads what a group was founded with, or what stands for that by now; founds it if nobody has.
async fn found(
    log: &dyn Log,
    group: &Group,
    begin: StreamPosition,
) -> Result<(Offset, Roster), GroupError> {
    loop {
        let batch = read_first(log).await?;
        if let Some((at, record)) = decoded(&batch)?.into_iter().next() {
            let Record::State(roster) = record else {
                return Err(GroupError::Foreign { offset: at.get() });
            };
            return Ok((at, roster));
        }
        // Generations of a group that was deleted and is founded again go on above the old ones,
        // which outputs remember.
        let now = now::now();
        let now_ms = u64::try_from(now.unix_timestamp_nanos() / 1_000_000).unwrap_or(0);
        let record = Record::State(Roster::found(group.partitions, begin, now_ms));
        let batch = AppendBatch::new(now).record(super::steward::encoded(&record));
        match log.append(batch.expected_tail(Offset::ZERO)).await {
            // Another may have been quicker; what is there is read in either case.
            Ok(_) | Err(AppendError::TailMismatch { .. }) => {}
            Err(error) => return Err(GroupError::Append(error)),
        }
    }
}

/// The oldest record that is left.
async fn read_first(log: &dyn Log) -> Result<ReadBatch, GroupError> {
    loop {
        match log.read(ReadFrom::Earliest, ReadLimit::records(1)).await {
            // It was let go of while it was asked for.
            Err(ReadError::Trimmed { .. }) => {}
            read => return read.map_err(GroupError::Read),
        }
    }
}

impl Member {
    /// How it sees its group now.
    pub fn stats(&self) -> GroupStats {
        *self.stats.borrow()
    }

    /// Waits until `is_so` is true of how it sees its group; `None` once it is out for good.
    ///
    /// # Cancel safety
    /// Dropping the future changes nothing.
    pub async fn when(&self, is_so: impl FnMut(&GroupStats) -> bool) -> Option<GroupStats> {
        let mut stats = self.stats.clone();
        stats.wait_for(is_so).await.ok().map(|stats| *stats)
    }

    /// What the pipelines of its partitions have done so far, all together.
    pub fn counts(&self) -> Counts {
        self.counters.read()
    }

    /// What each [metered](StreamProcessor::metered) stage has done so far, all partitions together.
    pub fn stages(&self) -> Vec<StageCounts> {
        self.meters.iter().map(|(name, meter)| meter.read(name.clone())).collect()
    }

    /// Has its partitions commit, gives them back, and leaves.
    ///
    /// It takes at most [`DRAIN_WAIT`](crate::limits::DRAIN_WAIT) and
    /// [`LEAVE_WAIT`](crate::limits::LEAVE_WAIT).
    ///
    /// # Errors
    /// [`GroupError`] if the member came to another end.
    ///
    /// # Cancel safety
    /// If the future is dropped, the member ends at once.
    pub async fn leave(self) -> Result<(), GroupError> {
        // One that has ended needs no request.
        self.leaving.send(()).await.unwrap_or(());
        self.join().await
    }

    /// Waits until the group's source has come to its end, and so has the group.
    ///
    /// # Errors
    /// [`GroupError`] says why, if the member ended before.
    ///
    /// # Cancel safety
    /// If the future is dropped, the member ends at once.
    pub async fn join(mut self) -> Result<(), GroupError> {
        let Some(task) = &mut self.task else { return Ok(()) };
        match task.await {
            Ok(result) => result,
            Err(error) if error.is_cancelled() => Err(GroupError::Stopped),
            Err(_) => Err(GroupError::Panicked),
        }
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

impl fmt::Debug for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Member")
            .field("stats", &self.stats())
            .field("counts", &self.counts())
            .finish_non_exhaustive()
    }
}
