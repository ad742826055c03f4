//! What the suites of streams have in common: events, predicates, and virtual time.

use std::io;

use millstream::core::{Overflow, Subscribe};
use millstream::model::{Event, EventType, Metadata};
use serde::Deserialize;
use serde_json::Value;

/// An event to be published.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Publish {
    #[serde(default)]
    data: Value,
    #[serde(default, rename = "type")]
    event_type: EventType,
    topic: Option<String>,
}

impl Publish {
    pub(crate) fn event(&self) -> Event {
        let topic = self.topic.as_ref().map(|topic| ("topic", topic.as_str()));
        let metadata: Metadata = topic.into_iter().collect();
        millstream::create_event(self.data.clone(), self.event_type, metadata)
    }
}

/// A subscription to be made.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Subscribing {
    pub(crate) name: String,
    topic: Option<String>,
    filter: Option<Predicate>,
    #[serde(default)]
    pub(crate) handler: Doing,
    buffer: Option<usize>,
    overflow: Option<Policy>,
}

/// What the golden cases ask of an event.
#[derive(Deserialize, Clone)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Predicate {
    DataGt(f64),
    TypeIs(EventType),
    /// Fails, as what the original raised: a `KeyError` here is a panic.
    Fail(String),
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "snake_case")]
enum Policy {
    DropNewest,
}

/// What a handler does besides writing down what it gets.
#[derive(Deserialize, Clone, Copy, Default, PartialEq)]
pub(crate) enum Doing {
    #[default]
    #[serde(rename = "collect")]
    Collect,
    /// There is no handler, and nobody reads.
    #[serde(rename = "none")]
    Nothing,
    #[serde(rename = "fail:ValueError")]
    Error,
    #[serde(rename = "fail:ZeroDivisionError", alias = "fail:IndexError")]
    Panic,
}

impl Doing {
    /// Fails, if it is to.
    pub(crate) fn done(self) -> Result<(), io::Error> {
        match self {
            Self::Error => Err(io::Error::other("a handler fails")),
            // A panic as any other, but one that no hook writes about.
            Self::Panic => std::panic::resume_unwind(Box::new("a handler panics")),
            Self::Collect | Self::Nothing => Ok(()),
        }
    }
}

impl Subscribing {
    /// The request, without a handler.
    pub(crate) fn request(&self) -> Subscribe {
        let mut request = Subscribe::to(self.topic.as_deref().unwrap_or("*"));
        if let Some(predicate) = self.filter.clone() {
            request = request.filter(move |event: &Event| predicate.holds(event));
        }
        if let Some(events) = self.buffer {
            request = request.queue(events);
        }
        match self.overflow {
            Some(Policy::DropNewest) => request.overflow(Overflow::DropNewest),
            None => request,
        }
    }
}

impl Predicate {
    fn holds(&self, event: &Event) -> Result<bool, io::Error> {
        match self {
            Self::DataGt(bound) => Ok(data(event).as_f64().is_some_and(|data| data > *bound)),
            Self::TypeIs(event_type) => Ok(event.event_type() == *event_type),
            Self::Fail(kind) if kind == "KeyError" => {
                std::panic::resume_unwind(Box::new("a filter panics"))
            }
            Self::Fail(kind) => Err(io::Error::other(kind.clone())),
        }
    }
}

/// The event's data as a JSON value.
pub(crate) fn data(event: &Event) -> Value {
    event.data().to_value().unwrap_or_else(|error| error.to_string().into())
}

/// Runs a case in virtual time, on one thread.
pub(crate) fn block_on<T>(case: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_time().start_paused(true).build()?.block_on(case)
}
