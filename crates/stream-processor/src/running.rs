//! A pipeline that runs.

use std::fmt;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};

use stream_model::Event;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::counts::{Counters, Counts};
use crate::delivery::Delivery;
use crate::driver::{Driver, Step};
use crate::limits::REQUESTS_WAITING;
use crate::{Connect, RunError, Source, Stage, StartError, StreamProcessor};

/// A pipeline in a task of its own.
///
/// # Order
/// Events are delivered one after the other, in the order in which the last stage emits them.
/// While a sink makes the pipeline wait, so does the source, once its queue is full.
///
/// # End
/// It ends with its source, when a stage such as `take` wants no more, with an error, or by
/// [`drain`](Self::drain) or [`stop`](Self::stop).
///
/// # Drop
/// As [`stop`](Self::stop); [`detach`](Self::detach) lets it go on to its end.
#[must_use = "a pipeline stops when its handle is dropped"]
pub struct Running {
    pub(crate) task: Option<JoinHandle<Result<(), RunError>>>,
    pub(crate) requests: mpsc::Sender<Request>,
    pub(crate) counters: Arc<Counters>,
}

/// What one may ask of a running pipeline.
pub(crate) enum Request {
    /// Take nothing new, and end when everything is through.
    Drain,
    /// Say when everything is through that is there by now.
    Flush(oneshot::Sender<()>),
}

impl<In, S, C> StreamProcessor<In, S, C>
where
    S: Connect<Item = In>,
    S::Source: 'static,
    C: Stage<In, Out = Event> + Send + 'static,
{
    /// Starts the pipeline in a task of its own.
    ///
    /// What is published to the source after this has returned goes through it.
    ///
    /// # Errors
    /// [`StartError`] if the source is not to be had, or there is no runtime.
    ///
    /// # Cancel safety
    /// If the future is dropped, nothing was started.
    pub async fn start(self) -> Result<Running, StartError> {
        let runtime = Handle::try_current().map_err(|_| StartError::NoRuntime)?;
        let Self { source, chain, settings, keep } = self;
        let driver = Driver::new(source.connect().await?, chain, &settings).keeping(keep);
        let counters = Arc::clone(&driver.counters);
        let (requests, received) = mpsc::channel(REQUESTS_WAITING);
        let delivery = Delivery::new(settings, Arc::clone(&counters));
        let work = Work { driver, delivery, requests: received, flushes: Vec::new() };
        let task = Some(runtime.spawn(work.run()));
        Ok(Running { task, requests, counters })
    }
}

impl Running {
    /// What it has done so far.
    pub fn counts(&self) -> Counts {
        self.counters.read()
    }

    /// Whether it goes on.
    pub fn is_running(&self) -> bool {
        self.task.as_ref().is_some_and(|task| !task.is_finished())
    }

    /// Waits until everything that was published before is delivered, or set aside.
    ///
    /// Stages that wait for a time to come are waited for.
    ///
    /// # Errors
    /// [`RunError::Stopped`] if the pipeline has ended.
    ///
    /// # Cancel safety
    /// Dropping the future changes nothing.
    pub async fn flush(&self) -> Result<(), RunError> {
        let (done, is_done) = oneshot::channel();
        self.requests.send(Request::Flush(done)).await.map_err(|_| RunError::Stopped)?;
        is_done.await.map_err(|_| RunError::Stopped)
    }

    /// Takes nothing new, delivers everything that was published before, and ends.
    ///
    /// # Errors
    /// [`RunError`] if the pipeline came to another end.
    ///
    /// # Cancel safety
    /// If the future is dropped, the pipeline is stopped.
    pub async fn drain(self) -> Result<(), RunError> {
        // A pipeline that has ended needs no request.
        drop(self.requests.send(Request::Drain).await);
        self.join().await
    }

    /// Waits for the pipeline to end by itself.
    ///
    /// # Errors
    /// [`RunError`] says why, if it ended before its source.
    ///
    /// # Cancel safety
    /// If the future is dropped, the pipeline is stopped.
    pub async fn join(mut self) -> Result<(), RunError> {
        let Some(task) = &mut self.task else { return Ok(()) };
        match task.await {
            Ok(result) => result,
            Err(error) if error.is_cancelled() => Err(RunError::Stopped),
            Err(_) => Err(RunError::Panicked),
        }
    }

    /// Ends at once: what is among the stages is not delivered.
    pub fn stop(self) {}

    /// Lets the pipeline go on to its end by itself.
    pub fn detach(mut self) {
        if let Some(task) = self.task.take() {
            drop(task);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

impl fmt::Debug for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Running")
            .field("is_running", &self.is_running())
            .field("counts", &self.counts())
            .finish_non_exhaustive()
    }
}

/// The task of a pipeline.
struct Work<S: Source, C> {
    driver: Driver<S, C>,
    delivery: Delivery,
    requests: mpsc::Receiver<Request>,
    /// Who waits until everything is through.
    flushes: Vec<oneshot::Sender<()>>,
}

impl<S: Source, C: Stage<S::Item, Out = Event>> Work<S, C> {
    async fn run(mut self) -> Result<(), RunError> {
        let mut out = Vec::new();
        loop {
            let step = poll_fn(|cx| self.poll_step(cx, &mut out)).await;
            self.delivery.tell(&mut self.driver.circuits).await;
            self.delivery.deliver_all(&out).await?;
            out.clear();
            for letter in std::mem::take(&mut self.driver.letters) {
                self.delivery.set_aside(&letter).await?;
            }
            self.driver.settle();
            if step? == Step::End {
                return Ok(());
            }
        }
    }

    fn poll_step(
        &mut self,
        cx: &mut Context<'_>,
        out: &mut Vec<Event>,
    ) -> Poll<Result<Step, RunError>> {
        while let Poll::Ready(Some(request)) = self.requests.poll_recv(cx) {
            match request {
                Request::Drain => self.driver.source.close(),
                Request::Flush(done) => self.flushes.push(done),
            }
        }
        let step = self.driver.poll_step(cx, out);
        if step.is_pending() && self.driver.is_idle() {
            // Whoever asked may have gone by now.
            self.flushes.drain(..).for_each(|done| done.send(()).unwrap_or(()));
        }
        step
    }
}
