//! Where a pipeline's events go.

use std::sync::Arc;

use stream_core::{PublishError, Stream};
use stream_model::Event;

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
    pub(crate) async fn publish(&self, event: &Event) -> Vec<DeliveryError> {
        let mut errors = Vec::new();
        let route = self.route.as_ref().map(|route| route(event));
        if let Some(name) = route.as_ref().filter(|name| !self.is_known(name)) {
            errors.push(DeliveryError::NoSuchSink { name: name.clone() });
        }
        for (number, Target { name, stream }) in self.targets.iter().enumerate() {
            if name.is_some() && *name != route {
                continue;
            }
            if let Err(error) = stream.publish(event.clone()).await {
                let sink = name.clone().unwrap_or_else(|| format!("#{number}"));
                errors.push(DeliveryError::Refused { sink, error });
            }
        }
        errors
    }

    fn is_known(&self, name: &str) -> bool {
        self.targets.iter().any(|target| target.name.as_deref() == Some(name))
    }
}
