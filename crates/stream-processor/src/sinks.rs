//! Where a pipeline's events go.

use std::sync::Arc;
use std::time::Duration;

use stream_core::{PublishError, Stream};
use stream_model::Event;
use tokio::time::{Instant, sleep};

use crate::Retry;

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
    stream: Arc<dyn Stream>,
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
            Self::Refused { sink: name, .. } | Self::NoSuchSink { name } => name,
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

/// Publishes an event, again and again if that may help and `retry` says so.
pub(crate) async fn publish(
    stream: &dyn Stream,
    event: &Event,
    retry: Option<&Retry>,
) -> Result<(), (PublishError, u32, Duration)> {
    let (begin, mut failures) = (Instant::now(), 0);
    loop {
        let Err(error) = stream.publish(event.clone()).await else { return Ok(()) };
        failures += 1;
        let retry = retry.filter(|_| error.is_retryable());
        match retry.and_then(|retry| retry.delay(failures, fastrand::f64())) {
            Some(delay) => sleep(delay).await,
            None => return Err((error, failures, begin.elapsed())),
        }
    }
}

impl Sinks {
    pub(crate) fn add(&mut self, name: Option<String>, stream: impl Stream + 'static) {
        self.targets.push(Target { name, stream: Arc::new(stream) });
    }

    pub(crate) fn route_by(&mut self, to: impl Fn(&Event) -> String + Send + Sync + 'static) {
        self.route = Some(Arc::new(to));
    }

    pub(crate) fn append(&mut self, other: Self) {
        self.targets.extend(other.targets);
        self.route = self.route.take().or(other.route);
    }

    /// Publishes `event` to every sink that it is for, and returns what went wrong.
    ///
    /// A sink that may take it later is tried again as `retry` says, and everything behind the
    /// event waits.
    pub(crate) async fn publish(&self, event: &Event, retry: Option<&Retry>) -> Vec<Undelivered> {
        let mut errors = Vec::new();
        let route = self.route.as_ref().map(|route| route(event));
        if let Some(name) = route.as_ref().filter(|name| !self.is_known(name)) {
            let error = DeliveryError::NoSuchSink { name: name.clone() };
            errors.push(Undelivered { error, attempts: 1, spent: Duration::ZERO });
        }
        for (number, Target { name, stream }) in self.targets.iter().enumerate() {
            if name.is_some() && *name != route {
                continue;
            }
            if let Err((error, attempts, spent)) = publish(&**stream, event, retry).await {
                let sink = name.clone().unwrap_or_else(|| format!("#{number}"));
                let error = DeliveryError::Refused { sink, error };
                errors.push(Undelivered { error, attempts, spent });
            }
        }
        errors
    }

    fn is_known(&self, name: &str) -> bool {
        self.targets.iter().any(|target| target.name.as_deref() == Some(name))
    }
}
