//! Where a pipeline's events go.

mod log;

use std::sync::Arc;
use std::time::Duration;

use stream_core::{PublishError, Stream};
use stream_log::AppendError;
use stream_model::{Event, ProducerIdError};
use tokio::time::{Instant, sleep, sleep_until};
use tracing::warn;

pub use self::log::LogSink;
pub(crate) use self::log::{LogSinkError, Sequences};
use crate::delivery::{Circuits, Notices};
use crate::{Breaker, CircuitChange, Retry};

/// Says to which sink an event goes.
type Route = dyn Fn(&Event) -> String + Send + Sync;

/// The sinks of a pipeline, in call order.
#[derive(Clone, Default)]
pub(crate) struct Sinks {
    targets: Vec<Target>,
    route: Option<Arc<Route>>,
}

#[derive(Clone)]
struct Target {
    name: Option<String>,
    place: Place,
}

/// What takes events.
#[derive(Clone)]
enum Place {
    Stream(Arc<dyn Stream>),
    Log(LogSink),
}

/// Why an event did not get where it was to go.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeliveryError {
    /// The sink did not take it.
    #[error("cannot publish to sink {sink}")]
    Refused {
        /// The sink's name, or its number in call order.
        sink: String,
        /// Why.
        #[source]
        error: PublishError,
    },
    /// The log did not take it.
    #[error("cannot append to sink {sink}")]
    NotAppended {
        /// The sink's name, or its number in call order.
        sink: String,
        /// Why.
        #[source]
        error: AppendError,
    },
    /// The sink has refused so often that it is not asked for a while.
    #[error("circuit of sink {sink} open")]
    CircuitOpen {
        /// The sink's name, or its number in call order.
        sink: String,
    },
    /// The route leads to a name that no sink has.
    #[error("no sink is called {name}")]
    NoSuchSink {
        /// The name.
        name: String,
    },
}

impl DeliveryError {
    /// The sink's name, or its number in call order.
    pub fn sink(&self) -> &str {
        match self {
            Self::Refused { sink: name, .. }
            | Self::NotAppended { sink: name, .. }
            | Self::CircuitOpen { sink: name }
            | Self::NoSuchSink { name } => name,
        }
    }
}

/// An event that did not get somewhere, and how hard that was tried.
#[derive(Debug)]
pub(crate) struct Undelivered {
    pub(crate) error: DeliveryError,
    pub(crate) attempts: u32,
    pub(crate) spent: Duration,
}

/// Why an event was not published, and how hard that was tried.
#[derive(Debug)]
pub(crate) struct Refusal {
    /// `None` if the circuit is open.
    pub(crate) error: Option<PublishError>,
    attempts: u32,
    spent: Duration,
}

/// Where events go that a sink has, and what stands before it.
pub(crate) struct Way<'a> {
    pub(crate) stream: &'a dyn Stream,
    pub(crate) retry: Option<&'a Retry>,
    pub(crate) breaker: Option<&'a mut Breaker>,
    /// Who is told what the circuit does, and the sink's name.
    pub(crate) notices: (&'a Notices, &'a str),
}

impl Way<'_> {
    /// Publishes an event, once the circuit lets it through, and again if that may help and the
    /// policy says so.
    pub(crate) async fn publish(mut self, event: &Event) -> Result<(), Refusal> {
        let (begin, mut attempts) = (Instant::now(), 0);
        loop {
            if !self.admit().await {
                return Err(Refusal { error: None, attempts, spent: begin.elapsed() });
            }
            let published = self.stream.publish(event.clone()).await;
            self.record(published.is_ok()).await;
            let Err(error) = published else { return Ok(()) };
            attempts += 1;
            let retry = self.retry.filter(|_| error.is_retryable());
            match retry.and_then(|retry| retry.delay(attempts, fastrand::f64())) {
                Some(delay) => sleep(delay).await,
                None => {
                    return Err(Refusal { error: Some(error), attempts, spent: begin.elapsed() });
                }
            }
        }
    }

    /// Waits for the circuit, and returns whether it lets an event through.
    async fn admit(&mut self) -> bool {
        let Some(breaker) = &mut self.breaker else { return true };
        while let Err(until) = breaker.admit(Instant::now().into_std()) {
            if breaker.refuses() {
                return false;
            }
            sleep_until(Instant::from_std(until)).await;
        }
        self.tell().await;
        true
    }

    async fn record(&mut self, is_ok: bool) {
        if let Some(breaker) = &mut self.breaker {
            breaker.record(is_ok, Instant::now().into_std());
            self.tell().await;
        }
    }

    async fn tell(&mut self) {
        let (notices, name) = self.notices;
        while let Some(circuit) = self.breaker.as_mut().and_then(|breaker| breaker.poll_change()) {
            let name = name.to_owned();
            notices.tell(&CircuitChange { name, is_sink: true, circuit }).await;
        }
    }
}

impl Sinks {
    pub(crate) fn add(&mut self, name: Option<String>, stream: impl Stream + 'static) {
        self.targets.push(Target { name, place: Place::Stream(Arc::new(stream)) });
    }

    pub(crate) fn add_log(&mut self, name: Option<String>, sink: LogSink) {
        self.targets.push(Target { name, place: Place::Log(sink) });
    }

    pub(crate) fn route_by(&mut self, to: impl Fn(&Event) -> String + Send + Sync + 'static) {
        self.route = Some(Arc::new(to));
    }

    pub(crate) fn append(&mut self, other: Self) {
        self.targets.extend(other.targets);
        self.route = self.route.take().or(other.route);
    }

    /// The same as the owner of a partition, by a claim with a generation, has them.
    pub(crate) fn of_partition(&self, at: (u32, u64)) -> Result<Self, ProducerIdError> {
        let of = |target: &Target| {
            let place = match &target.place {
                Place::Log(sink) => Place::Log(sink.of_partition(at)?),
                Place::Stream(stream) => Place::Stream(Arc::clone(stream)),
            };
            Ok(Target { name: target.name.clone(), place })
        };
        let targets = self.targets.iter().map(of).collect::<Result<_, _>>()?;
        Ok(Self { targets, route: self.route.clone() })
    }

    /// Gives the producers that have no numbers yet their first.
    pub(crate) fn begin(&self, sequences: &mut Sequences) {
        for target in &self.targets {
            let Place::Log(sink) = &target.place else { continue };
            sequences.entry(sink.id().as_str().to_owned()).or_insert_with(|| sink.begin());
        }
    }

    /// Publishes `event` to every stream that it is for, and returns what went wrong.
    ///
    /// A sink that may take it later is tried again as `retry` says, and everything behind the
    /// event waits.
    pub(crate) async fn publish(
        &self,
        event: &Event,
        retry: Option<&Retry>,
        (circuits, notices): (&mut Circuits, &Notices),
    ) -> Vec<Undelivered> {
        let mut errors = Vec::new();
        let route = self.route_of(event);
        if let Some(name) = route.as_ref().filter(|name| !self.is_known(name)) {
            let error = DeliveryError::NoSuchSink { name: name.clone() };
            errors.push(Undelivered { error, attempts: 1, spent: Duration::ZERO });
        }
        for (number, target) in self.targets.iter().enumerate() {
            let Place::Stream(stream) = &target.place else { continue };
            if !target.is_for(route.as_deref()) {
                continue;
            }
            let sink = target.label(number);
            let breaker = circuits.of(number);
            let way = Way { stream: &**stream, retry, breaker, notices: (notices, &sink) };
            if let Err(Refusal { error, attempts, spent }) = way.publish(event).await {
                let error = match error {
                    Some(error) => DeliveryError::Refused { sink, error },
                    None => DeliveryError::CircuitOpen { sink },
                };
                errors.push(Undelivered { error, attempts, spent });
            }
        }
        errors
    }

    /// Appends `events` to every log that they are for, up to the first that does not take them.
    pub(crate) async fn append_to_logs(
        &self,
        events: &[Event],
        sequences: &mut Sequences,
        retry: Option<&Retry>,
    ) -> Result<(), DeliveryError> {
        for (number, target) in self.targets.iter().enumerate() {
            let Place::Log(sink) = &target.place else { continue };
            let is_for = |event: &&Event| target.is_for(self.route_of(event).as_deref());
            let events: Vec<&Event> = events.iter().filter(is_for).collect();
            let name = sink.id().as_str().to_owned();
            let sequence = sequences.entry(name).or_insert_with(|| sink.begin());
            let appended = sink.append(&events, sequence, retry).await;
            appended.map_err(|LogSinkError { error, attempts, spent }| {
                warn!(%error, attempts, ?spent, "a log does not take events");
                DeliveryError::NotAppended { sink: target.label(number), error }
            })?;
        }
        Ok(())
    }

    fn route_of(&self, event: &Event) -> Option<String> {
        self.route.as_ref().map(|route| route(event))
    }

    fn is_known(&self, name: &str) -> bool {
        self.targets.iter().any(|target| target.name.as_deref() == Some(name))
    }
}

impl Target {
    /// Whether an event is for it that goes to `route`.
    fn is_for(&self, route: Option<&str>) -> bool {
        self.name.is_none() || self.name.as_deref() == route
    }

    /// Its name, or its number in call order.
    fn label(&self, number: usize) -> String {
        self.name.clone().unwrap_or_else(|| format!("#{number}"))
    }
}
