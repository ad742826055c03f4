//! One relay's task: reads the provider, appends to the log.

use std::pin::{Pin, pin};
use std::sync::Arc;

use bytes::Bytes;
use futures_core::Stream;
use llm_stream::{EndStatus, ErrorKind, StreamStats};
use stream_log::{AppendBatch, AppendError, Log, TailWatch};
use stream_model::BoxError;
use stream_model::now::now;
use tokio::sync::watch;
use tracing::{error, info};

use crate::{Ending, Moment, Relay, RelayId, RelayOptions};

/// What a relay did.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    /// How the stream ended.
    pub status: EndStatus,
    /// How many events it has.
    pub events: u64,
    /// What was measured, if it was to be.
    pub stats: Option<Box<StreamStats>>,
}

/// Asks a pump to end; `None` while nobody does.
pub(crate) type StopSignal = watch::Receiver<Option<Ending>>;

pub(crate) struct Pump {
    pub(crate) id: RelayId,
    pub(crate) options: RelayOptions,
    pub(crate) log: Arc<dyn Log>,
    pub(crate) stop: StopSignal,
    /// Hears if another server closes the log; `None` if there are no others.
    pub(crate) closed: Option<TailWatch>,
}

impl Pump {
    /// Reads `source` to its end, or until it is asked to stop.
    pub(crate) async fn run<S>(mut self, source: S) -> Result<Summary, AppendError>
    where
        S: Stream<Item = Result<Bytes, BoxError>>,
    {
        let mut source = pin!(source);
        let mut relay = Relay::new(&self.options, Moment::now());
        let mut events = 0;
        while !relay.is_finished() {
            match self.next(source.as_mut(), relay.is_done()).await {
                Ok(bytes) => relay.push(Moment::now(), &bytes),
                Err(ending) => relay.finish(Moment::now(), &ending),
            }
            match self.append(&mut relay).await {
                // Another server stopped it, or took this one for gone: readers have its end.
                Err(AppendError::Closed { tail }) if self.closed.is_some() => {
                    info!(id = %self.id, events = tail.get(), "relay ended by another server");
                    let status = EndStatus::Incomplete;
                    return Ok(Summary { status, events: tail.get(), stats: None });
                }
                appended => events += appended?,
            }
        }
        let status = relay.status().unwrap_or(EndStatus::Incomplete);
        info!(id = %self.id, status = status.as_str(), events, "relay ended");
        Ok(Summary { status, events, stats: relay.stats().map(Box::new) })
    }

    /// The next bytes, or why there are none.
    async fn next<S>(&mut self, mut source: Pin<&mut S>, done: bool) -> Result<Bytes, Ending>
    where
        S: Stream<Item = Result<Bytes, BoxError>>,
    {
        let wait = if done { self.options.linger } else { self.options.silence_max };
        let next = std::future::poll_fn(|cx| source.as_mut().poll_next(cx));
        let next = tokio::select! {
            biased;
            ending = asked_to_stop(&mut self.stop) => return Err(ending),
            // What is appended next is refused, and says so.
            () = closed(&mut self.closed) => return Err(Ending::Stopped),
            next = tokio::time::timeout(wait, next) => next,
        };
        match next {
            Ok(Some(Ok(bytes))) => Ok(bytes),
            Ok(None) => Err(Ending::Finished),
            Ok(Some(Err(cause))) => Err(Ending::Failed {
                message: format!("provider stream broke: {}", innermost(&*cause)),
                kind: ErrorKind::Server,
            }),
            Err(_) if done => Err(Ending::Finished),
            Err(_) => Err(Ending::Failed {
                message: format!("provider silent for {} s", wait.as_secs()),
                kind: ErrorKind::Timeout,
            }),
        }
    }

    /// Appends what the relay has made; the last batch closes the log with it.
    async fn append(&self, relay: &mut Relay) -> Result<u64, AppendError> {
        let records = relay.take_records();
        if records.is_empty() {
            return Ok(0);
        }
        let count = records.len() as u64;
        let mut batch = AppendBatch::new(now()).records(records);
        batch.close = relay.is_finished();
        match self.log.append(batch).await {
            Ok(_) => Ok(count),
            Err(error @ AppendError::Closed { .. }) if self.closed.is_some() => Err(error),
            Err(error) => {
                error!(id = %self.id, %error, "relay cannot append");
                Err(error)
            }
        }
    }
}

/// Waits until the log takes no more records.
async fn closed(watch: &mut Option<TailWatch>) {
    let Some(watch) = watch else { return std::future::pending().await };
    while !watch.state().is_final() {
        if watch.changed().await.is_none() {
            return std::future::pending().await;
        }
    }
}

async fn asked_to_stop(stop: &mut StopSignal) -> Ending {
    match stop.wait_for(Option::is_some).await {
        Ok(ending) => ending.clone().unwrap_or(Ending::Stopped),
        // Nobody can ask any more: the registry is gone, and the server with it.
        Err(_) => Ending::Shutdown,
    }
}

/// The cause that says most: outer errors repeat that something failed.
fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}
