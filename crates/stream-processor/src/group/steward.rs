//! What does in a process what the coordinator decides: reads, appends, starts and stops.

use std::collections::HashMap;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use stream_log::{AppendBatch, AppendError, Log, ReadBatch, ReadError, TailWatch};
use stream_model::{Epoch, Offset, StreamPosition, now};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::{AbortHandle, Id, JoinSet};
use tokio::time::{Instant, Sleep, sleep, sleep_until, timeout};
use tracing::{debug, info, warn};

use super::coordinator::{Coordinator, Ending, Output};
use super::roster::Record;
use super::{GroupError, GroupStats, PartitionError};
use crate::Running;
use crate::limits::{DRAIN_WAIT, GROUP_PAUSE};
use crate::running::Request;
use crate::source::{Reading, read_or_wait};

/// A pipeline that starts.
pub(super) type Starting = Pin<Box<dyn Future<Output = Result<Running, PartitionError>> + Send>>;

/// Starts the pipeline of a partition by a claim with a generation.
pub(super) type Start = Box<dyn FnMut(u32, u64) -> Starting + Send>;

/// Records on their way into the log, and what became of them.
type Appending = Pin<Box<dyn Future<Output = Result<Option<Offset>, AppendError>> + Send>>;

/// A member's task.
pub(super) struct Steward {
    coordinator: Coordinator,
    log: Arc<dyn Log>,
    epoch: Epoch,
    watch: TailWatch,
    reading: Reading,
    appending: Option<Appending>,
    timer: Option<Pin<Box<Sleep>>>,
    start: Start,
    pipelines: Pipelines,
    _readers: JoinSet<()>,
    leaving: mpsc::Receiver<()>,
    stats: watch::Sender<GroupStats>,
    /// What it ends with, once it is out.
    failure: Option<GroupError>,
}

/// The pipelines of partitions, each in a task that waits for it.
#[derive(Default)]
struct Pipelines {
    tasks: JoinSet<Result<Ending, PartitionError>>,
    /// The partition and the generation of each task.
    claims: HashMap<Id, (u32, u64)>,
    /// By partition.
    handles: HashMap<u32, (AbortHandle, Option<oneshot::Sender<()>>)>,
}

/// What the steward waits for.
enum Input {
    Read(Box<(TailWatch, Result<ReadBatch, ReadError>)>),
    Appended(Result<Option<Offset>, AppendError>),
    Ended((u32, u64), Result<Ending, PartitionError>),
    Timeout,
    Leave,
}

/// What it begins with.
pub(super) struct Beginning {
    pub(super) coordinator: Coordinator,
    pub(super) log: Arc<dyn Log>,
    pub(super) epoch: Epoch,
    pub(super) watch: TailWatch,
    pub(super) start: Start,
    /// The task that reads the source, ended with the member's.
    pub(super) readers: JoinSet<()>,
    pub(super) leaving: mpsc::Receiver<()>,
    pub(super) stats: watch::Sender<GroupStats>,
}

impl Steward {
    pub(super) fn new(beginning: Beginning) -> Self {
        let Beginning { coordinator, log, epoch, watch, start, readers, leaving, stats } =
            beginning;
        let position = StreamPosition { epoch, offset: coordinator.next() };
        let reading = Box::pin(read_or_wait(Arc::clone(&log), position, READ, watch.clone()));
        Self {
            coordinator,
            log,
            epoch,
            watch,
            reading,
            appending: None,
            timer: None,
            start,
            pipelines: Pipelines::default(),
            _readers: readers,
            leaving,
            stats,
            failure: None,
        }
    }

    /// Lives in the group until it is to leave, or cannot go on.
    pub(super) async fn run(mut self) -> Result<(), GroupError> {
        self.coordinator.handle_timeout(now());
        loop {
            while let Some(output) = self.coordinator.poll_output() {
                if output == Output::End {
                    self.tell();
                    return self.failure.map_or(Ok(()), Err);
                }
                self.carry_out(output);
            }
            self.tell();
            let input = poll_fn(|cx| self.poll_input(cx)).await;
            self.take(input)?;
        }
    }

    fn tell(&self) {
        let stats = self.coordinator.stats();
        self.stats.send_if_modified(|known| std::mem::replace(known, stats) != stats);
    }

    fn poll_input(&mut self, cx: &mut Context<'_>) -> Poll<Input> {
        if let Poll::Ready(Some(())) = self.leaving.poll_recv(cx) {
            return Poll::Ready(Input::Leave);
        }
        if let Poll::Ready(read) = self.reading.as_mut().poll(cx) {
            return Poll::Ready(Input::Read(Box::new(read)));
        }
        if let Some(appending) = &mut self.appending
            && let Poll::Ready(appended) = appending.as_mut().poll(cx)
        {
            self.appending = None;
            return Poll::Ready(Input::Appended(appended));
        }
        if let Poll::Ready((claim, ended)) = self.pipelines.poll_ended(cx) {
            return Poll::Ready(Input::Ended(claim, ended));
        }
        let Some(at) = self.coordinator.poll_timeout().map(Instant::from_std) else {
            return Poll::Pending;
        };
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(at)));
        if timer.deadline() != at {
            timer.as_mut().reset(at);
        }
        timer.as_mut().poll(cx).map(|()| Input::Timeout)
    }

    fn take(&mut self, input: Input) -> Result<(), GroupError> {
        let now = now();
        match input {
            Input::Read(read) => {
                let (watch, batch) = *read;
                self.watch = watch;
                return self.take_batch(batch);
            }
            Input::Appended(Ok(next)) => self.coordinator.appended(now, next),
            Input::Appended(Err(error)) => return Err(GroupError::Append(error)),
            Input::Ended(claim, ended) => self.take_end(claim, ended),
            Input::Timeout => self.coordinator.handle_timeout(now),
            Input::Leave => self.coordinator.leave(now),
        }
        Ok(())
    }

    fn take_batch(&mut self, batch: Result<ReadBatch, ReadError>) -> Result<(), GroupError> {
        let mut from = self.coordinator.next();
        let mut pause = None;
        match batch {
            Ok(batch) => {
                let records = decoded(&batch)?;
                self.coordinator.read(now(), &records, batch.next);
                if batch.is_end() {
                    return Err(GroupError::Append(AppendError::Closed { tail: batch.tail }));
                }
                from = batch.next;
            }
            // What was let go of is summed up by the record that is the oldest now.
            Err(ReadError::Trimmed { earliest, .. }) => from = earliest,
            Err(error) if error.is_retryable() => {
                warn!(%error, "cannot read the log of a group");
                pause = Some(GROUP_PAUSE);
            }
            Err(error) => return Err(GroupError::Read(error)),
        }
        let (log, watch) = (Arc::clone(&self.log), self.watch.clone());
        let position = StreamPosition { epoch: self.epoch, offset: from };
        self.reading = Box::pin(async move {
            if let Some(pause) = pause {
                sleep(pause).await;
            }
            read_or_wait(log, position, READ, watch).await
        });
        Ok(())
    }

    /// Has the coordinator hear what became of a pipeline; one that cannot be helped ends it all.
    fn take_end(&mut self, claim: (u32, u64), ended: Result<Ending, PartitionError>) {
        let (partition, generation) = claim;
        let ending = match ended {
            Ok(ending) => ending,
            Err(error) if error.is_fenced() => {
                info!(partition, generation, "another member has taken a partition over");
                Ending::Fenced
            }
            Err(error) => {
                let is_retryable = error.is_retryable();
                let cause: &dyn std::error::Error = &error;
                warn!(partition, generation, is_retryable, cause, "a partition failed");
                if !is_retryable {
                    self.failure.get_or_insert(GroupError::Partition { partition, error });
                    self.coordinator.leave(now());
                }
                Ending::Failed
            }
        };
        self.coordinator.ended(now(), claim, ending);
    }

    fn carry_out(&mut self, output: Output) {
        match output {
            Output::Append(records) => {
                debug!(?records, "a member of a group says");
                let batch = AppendBatch::new(now::now()).records(records.iter().map(encoded));
                self.appending = Some(Box::pin(append(Arc::clone(&self.log), batch)));
            }
            Output::Snapshot { at, record } => {
                let batch = AppendBatch::new(now::now()).record(encoded(&record));
                let batch = batch.expected_tail(at);
                self.appending = Some(Box::pin(sum_up(Arc::clone(&self.log), batch, at)));
            }
            Output::Start { partition, generation } => {
                debug!(partition, generation, "a partition starts");
                let starting = (self.start)(partition, generation);
                self.pipelines.spawn((partition, generation), starting);
            }
            Output::Drain { partition } => self.pipelines.drain(partition),
            Output::Stop { partition } => self.pipelines.stop(partition),
            Output::End => {}
        }
    }
}

impl Pipelines {
    fn spawn(&mut self, claim: (u32, u64), starting: Starting) {
        let (drain, is_to_drain) = oneshot::channel();
        let handle = self.tasks.spawn(tend(starting, is_to_drain));
        self.claims.insert(handle.id(), claim);
        self.handles.insert(claim.0, (handle, Some(drain)));
    }

    fn drain(&mut self, partition: u32) {
        let drain = self.handles.get_mut(&partition).and_then(|(_, drain)| drain.take());
        if let Some(drain) = drain {
            // One that has ended by itself needs no request.
            drain.send(()).unwrap_or(());
        }
    }

    fn stop(&mut self, partition: u32) {
        if let Some((handle, _)) = self.handles.remove(&partition) {
            self.claims.remove(&handle.id());
            handle.abort();
        }
    }

    /// The next pipeline that ended by itself, or because it was to drain.
    fn poll_ended(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<((u32, u64), Result<Ending, PartitionError>)> {
        while let Poll::Ready(Some(joined)) = self.tasks.poll_join_next_with_id(cx) {
            let (id, ended) = match joined {
                Ok((id, ended)) => (id, ended),
                Err(error) => (error.id(), Err(crate::RunError::Panicked.into())),
            };
            // Those that were stopped are nobody's concern.
            if let Some(claim) = self.claims.remove(&id) {
                self.handles.remove(&claim.0);
                return Poll::Ready((claim, ended));
            }
        }
        Poll::Pending
    }
}

/// Waits for a pipeline, and has it drained if it is to be.
async fn tend(
    starting: Starting,
    mut is_to_drain: oneshot::Receiver<()>,
) -> Result<Ending, PartitionError> {
    let running = starting.await?;
    let requests = running.requests.clone();
    let mut joined = Box::pin(running.join());
    let ended = poll_fn(|cx| {
        if let Poll::Ready(ended) = joined.as_mut().poll(cx) {
            return Poll::Ready(Some(ended));
        }
        Pin::new(&mut is_to_drain).poll(cx).map(|_| None)
    });
    if let Some(ended) = ended.await {
        return ended.map(|()| Ending::Finished).map_err(Into::into);
    }
    // One that has ended by itself needs no request.
    drop(requests.send(Request::Drain).await);
    match timeout(DRAIN_WAIT, joined).await {
        Ok(ended) => ended.map(|()| Ending::Drained).map_err(Into::into),
        Err(_) => Ok(Ending::Drained),
    }
}

/// How much of the group's log is read at once.
const READ: stream_log::ReadLimit = stream_log::ReadLimit { records_max: 1000, bytes_max: 1 << 20 };

fn now() -> std::time::Instant {
    Instant::now().into_std()
}

pub(super) fn encoded(record: &Record) -> Bytes {
    // Strings and numbers always have a form.
    serde_json::to_vec(record).unwrap_or_default().into()
}

/// The records of a batch, each with its offset.
pub(super) fn decoded(batch: &ReadBatch) -> Result<Vec<(Offset, Record)>, GroupError> {
    let decode = |record: &stream_log::Record| {
        let offset = record.offset;
        let foreign = GroupError::Foreign { offset: offset.get() };
        match serde_json::from_slice(&record.payload) {
            Ok(Record::State(roster)) if !roster.is_understood() => Err(foreign),
            Ok(record) => Ok((offset, record)),
            Err(_) => Err(foreign),
        }
    };
    batch.records.iter().map(decode).collect()
}

/// Appends records, and returns the offset after them; `None` if they may not be there.
async fn append(log: Arc<dyn Log>, batch: AppendBatch) -> Result<Option<Offset>, AppendError> {
    match log.append(batch).await {
        Ok(receipt) => Ok(Some(receipt.next)),
        Err(AppendError::TailMismatch { .. }) => Ok(None),
        Err(error) if error.is_retryable() => {
            warn!(%error, "cannot append to the log of a group");
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// Appends what stands for everything before it, and lets go of that.
async fn sum_up(
    log: Arc<dyn Log>,
    batch: AppendBatch,
    at: Offset,
) -> Result<Option<Offset>, AppendError> {
    let next = append(Arc::clone(&log), batch).await?;
    if next.is_some()
        && let Err(error) = log.trim(at).await
    {
        // It is tried again after the next one.
        warn!(%error, "cannot let go of old records of a group");
    }
    Ok(next)
}
