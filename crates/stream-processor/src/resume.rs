//! A pipeline that goes on where it was.

#[cfg(test)]
mod tests;

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use stream_model::Event;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, Sleep, sleep_until};

use crate::checkpoint::Ledger;
use crate::counts::Counters;
use crate::delivery::Delivery;
use crate::driver::{Driver, Step};
use crate::limits::{OUTBOX_EVENTS, REQUESTS_WAITING};
use crate::running::Request;
use crate::sinks::Sequences;
use crate::{
    CheckpointError, Checkpoints, Connect, Loader, RunError, Running, SaveState, Saver, Source,
    Stage, StartError, StateError, StreamProcessor,
};

impl<In, S, C> StreamProcessor<In, S, C>
where
    S: Connect<Item = In>,
    S::Source: SaveState + 'static,
    C: Stage<In, Out = Event> + SaveState + Send + 'static,
{
    /// Starts the pipeline where the newest of `checkpoints` says, or at the beginning, and goes on
    /// writing checkpoints.
    ///
    /// Whenever the process is killed, the next one goes on exactly there: what a
    /// [`LogSink`](crate::LogSink) has got is as if nothing had happened, nothing missing and
    /// nothing twice.
    /// Other sinks, and the stream of dead letters, may get again what came out between the last
    /// two checkpoints.
    ///
    /// [`drain`](Running::drain) ends it after a checkpoint and leaves windows open for the next
    /// time; it empties its stages only when its source has come to its end.
    /// An error ends it without a checkpoint, so what led to it is done again the next time.
    ///
    /// # Errors
    /// [`StartError`] if the source is not to be had, or the checkpoint is none of this pipeline's.
    ///
    /// # Cancel safety
    /// If the future is dropped, nothing was started; a checkpoint may have been written that says
    /// what the one before said.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    /// use serde_json::json;
    /// use stream_log::{AppendBatch, Log, LogConfig, LogExt, MemoryLog, ReadFrom};
    /// use stream_model::{Event, ProducerId, now::now};
    /// use stream_processor::{Checkpoints, LogSink, LogSource, StreamProcessor};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let log = || Arc::new(MemoryLog::new(LogConfig::default()));
    /// let (input, output, checkpoints) = (log(), log(), log());
    /// for round in 0..2 {
    ///     let number = Event::new(json!(10 + round)).encode();
    ///     let _ = input.append(AppendBatch::new(now()).record(number)).await?;
    ///     // Each time the sum goes on from the last.
    ///     let sums = StreamProcessor::from_source(LogSource::events(input.clone()))
    ///         .scan(0, |sum: &mut u64, event: Event| {
    ///             *sum += event.parse::<u64>().unwrap_or(0);
    ///             Event::new(json!(*sum))
    ///         })
    ///         .log_sink(LogSink::new(output.clone(), ProducerId::new("sums")?))
    ///         .resume(Checkpoints::new(checkpoints.clone()))
    ///         .await?;
    ///     sums.drain().await?;
    /// }
    /// let sums = output.read_all(ReadFrom::Earliest).await?;
    /// let sums: Vec<u64> =
    ///     sums.records.iter().map(|sum| Event::decode(&sum.payload)?.parse().map_err(Into::into))
    ///         .collect::<Result<_, Box<dyn std::error::Error>>>()?;
    /// assert_eq!(sums, [10, 21]);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn resume(self, checkpoints: Checkpoints) -> Result<Running, StartError> {
        self.resume_as(checkpoints, None).await
    }

    /// As [`resume`](Self::resume), as the owner of a partition, if `tenure` says so.
    pub(crate) async fn resume_as(
        self,
        checkpoints: Checkpoints,
        tenure: Option<Tenure>,
    ) -> Result<Running, StartError> {
        let runtime = Handle::try_current().map_err(|_| StartError::NoRuntime)?;
        let Self { source, chain, settings, keep } = self;
        let plan = settings.plan.to_string();
        let (sinks, meters) = (settings.sinks.clone(), settings.named_meters());
        let (ledger, written) = Ledger::open(checkpoints).await?;
        let mut driver = Driver::new(source.connect().await?, chain, &settings).keeping(keep);
        let generation = tenure.as_ref().map_or(0, |tenure| tenure.generation);
        if let Some(Tenure { counters, .. }) = tenure {
            driver.counters = counters;
        }
        let counters = Arc::clone(&driver.counters);
        let mut delivery = Delivery::new(settings, Arc::clone(&counters));
        let mut outbox = Vec::new();
        if let Some(written) = written {
            let head = restore(&mut driver, &plan, &written)?;
            if head.generation > generation {
                return Err(CheckpointError::Superseded.into());
            }
            outbox = decoded(&head.outbox)?;
            driver.letters = decoded(&head.letters)?;
            delivery.sequences = head.sequences;
        }
        sinks.begin(&mut delivery.sequences);
        let (requests, received) = mpsc::channel(REQUESTS_WAITING);
        let mut work = Work {
            driver,
            delivery,
            ledger,
            plan,
            generation,
            outbox,
            has_news: false,
            requests: received,
            flushes: Vec::new(),
            timer: None,
        };
        // Says where a new pipeline began, and shuts out whoever used the checkpoints before.
        work.write().await?;
        let task = Some(runtime.spawn(work.run()));
        Ok(Running { task, requests, counters, meters })
    }
}

/// By what right the owner of a partition commits.
pub(crate) struct Tenure {
    /// Higher than that of every owner before it.
    pub(crate) generation: u64,
    /// Where it counts, together with the owner's other partitions.
    pub(crate) counters: Arc<Counters>,
}

/// What a checkpoint begins with; the source and the stages follow.
#[derive(Serialize, Deserialize)]
struct Head {
    plan: String,
    /// Of the owner that wrote it; 0 without a group.
    #[serde(default)]
    generation: u64,
    /// The position after the newest item that was taken.
    next: u64,
    is_over: bool,
    /// Events that came out, and may be with the sinks or not.
    outbox: Vec<Bytes>,
    letters: Vec<Bytes>,
    /// The numbers under which logs get them.
    sequences: Sequences,
}

/// Puts the driver where the checkpoint says.
fn restore<S, C>(
    driver: &mut Driver<S, C>,
    plan: &str,
    written: &[u8],
) -> Result<Head, CheckpointError>
where
    S: Source + SaveState,
    C: Stage<S::Item> + SaveState,
{
    let mut loader = Loader::new(written, Instant::now().into_std());
    let head: Head = loader.take()?;
    if head.plan != plan {
        let (written, present) = (head.plan, plan.to_owned());
        return Err(CheckpointError::OtherStages { written, present });
    }
    driver.source.restore(&mut loader)?;
    driver.chain.restore(&mut loader)?;
    if !loader.is_at_end() {
        return Err(StateError::Restore("more was written down than is read".into()).into());
    }
    driver.go_to(head.next, head.is_over);
    Ok(head)
}

fn encoded(events: &[Event]) -> Vec<Bytes> {
    events.iter().map(Event::encode).collect()
}

fn decoded(events: &[Bytes]) -> Result<Vec<Event>, CheckpointError> {
    let decode = |bytes| Event::decode(bytes).map_err(|error| StateError::Restore(error.into()));
    Ok(events.iter().map(decode).collect::<Result<_, _>>()?)
}

/// The task of a pipeline that writes checkpoints.
struct Work<S: Source, C> {
    driver: Driver<S, C>,
    delivery: Delivery,
    ledger: Ledger,
    plan: String,
    generation: u64,
    /// What came out since the last checkpoint.
    outbox: Vec<Event>,
    /// Whether anything has happened since the last checkpoint.
    has_news: bool,
    requests: mpsc::Receiver<Request>,
    /// Who waits until everything is through.
    flushes: Vec<oneshot::Sender<()>>,
    timer: Option<Pin<Box<Sleep>>>,
}

impl<S, C> Work<S, C>
where
    S: Source + SaveState,
    C: Stage<S::Item, Out = Event> + SaveState,
{
    async fn run(mut self) -> Result<(), RunError> {
        // The last checkpoint's events: logs refuse those that they have.
        self.deliver().await?;
        // What an owner before this one still has under way is in the logs by now, or is refused.
        self.delivery.begin_lives(self.generation);
        loop {
            let step = poll_fn(|cx| self.poll_step(cx)).await?;
            let is_over = step == Step::End || self.driver.is_resting();
            if !self.is_settled() || !(is_over || self.is_due()) {
                continue;
            }
            if self.has_news {
                self.write().await.map_err(RunError::Checkpoint)?;
                self.deliver().await?;
                self.driver.settle_all();
            }
            self.driver.pause(false);
            if self.driver.is_waiting {
                // Whoever asked may have gone by now.
                self.flushes.drain(..).for_each(|done| done.send(()).unwrap_or(()));
            }
            if is_over {
                return Ok(());
            }
        }
    }

    /// Does what there is to do, or is ready because a checkpoint is due.
    fn poll_step(&mut self, cx: &mut Context<'_>) -> Poll<Result<Step, RunError>> {
        while let Poll::Ready(Some(request)) = self.requests.poll_recv(cx) {
            match request {
                Request::Drain => self.driver.rest_at_the_end(),
                Request::Flush(done) => self.flushes.push(done),
            }
        }
        let step = self.driver.poll_step(cx, &mut self.outbox);
        self.has_news |= step.is_ready() || self.driver.source.has_moved();
        if self.is_due() {
            self.driver.pause(true);
        }
        match step {
            Poll::Pending if self.is_ready_to_write(cx) => Poll::Ready(Ok(Step::More)),
            step => step,
        }
    }

    /// Whether the present moment could be written down.
    fn is_settled(&self) -> bool {
        self.driver.source.is_settled() && self.driver.chain.is_settled()
    }

    /// Whether it is time for a checkpoint.
    fn is_due(&self) -> bool {
        let is_asked =
            self.driver.is_resting() || (self.driver.is_waiting && !self.flushes.is_empty());
        let is_late = || self.outbox.len() >= OUTBOX_EVENTS || Instant::now() >= self.ledger.due();
        is_asked || (self.has_news && is_late())
    }

    /// As [`is_due`](Self::is_due), if it could be written; otherwise the task is woken for it.
    fn is_ready_to_write(&mut self, cx: &mut Context<'_>) -> bool {
        if self.is_due() {
            return self.is_settled();
        }
        if self.has_news {
            let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(self.ledger.due())));
            if timer.deadline() != self.ledger.due() {
                timer.as_mut().reset(self.ledger.due());
            }
            return timer.as_mut().poll(cx).is_ready() && self.is_settled();
        }
        false
    }

    /// Writes a checkpoint of the present moment.
    async fn write(&mut self) -> Result<(), CheckpointError> {
        let head = Head {
            plan: self.plan.clone(),
            generation: self.generation,
            next: self.driver.next(),
            is_over: self.driver.is_over(),
            outbox: encoded(&self.outbox),
            letters: encoded(&self.driver.letters),
            sequences: self.delivery.sequences.clone(),
        };
        let mut saver = Saver::default();
        saver.put(&head)?;
        self.driver.source.save(&mut saver)?;
        self.driver.chain.save(&mut saver)?;
        self.ledger.write(&saver.into_bytes()).await?;
        self.has_news = false;
        Ok(())
    }

    /// Hands on what the last checkpoint holds.
    async fn deliver(&mut self) -> Result<(), RunError> {
        self.delivery.tell(&mut self.driver.circuits).await;
        self.delivery.deliver_all(&self.outbox).await?;
        self.outbox.clear();
        for letter in std::mem::take(&mut self.driver.letters) {
            self.delivery.set_aside(&letter).await?;
        }
        Ok(())
    }
}
