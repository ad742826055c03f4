//! What a pipeline tells of its circuits, and the circuits of its sinks.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use serde_json::json;
use stream_core::Stream;
use stream_model::Event;
use tracing::warn;

use crate::{Breaker, CircuitBreaker, CircuitChange};

/// The topic of the events that tell of circuits.
pub const CIRCUIT_TOPIC: &str = "circuit_breaker";

/// What is told of a circuit.
pub(crate) type Report = Arc<dyn Fn(&CircuitChange) + Send + Sync>;

/// Who is told of circuits that change.
#[derive(Clone, Default)]
pub(crate) struct Notices {
    pub(crate) report: Option<Report>,
    pub(crate) events: Option<Arc<dyn Stream>>,
}

impl Notices {
    /// Keeps what it has, and takes from `other` what it has not.
    pub(crate) fn or(self, other: Self) -> Self {
        Self { report: self.report.or(other.report), events: self.events.or(other.events) }
    }

    /// Logs a change, and tells whoever wants to know.
    pub(crate) async fn tell(&self, change: &CircuitChange) {
        let CircuitChange { name, is_sink, circuit } = change;
        let circuit = circuit.as_str();
        warn!(name, is_sink, circuit, "a circuit has changed");
        if let Some(report) = &self.report
            && catch_unwind(AssertUnwindSafe(|| report(change))).is_err()
        {
            warn!("the report of a circuit panicked");
        }
        let Some(events) = &self.events else { return };
        let data = json!({"name": name, "is_sink": is_sink, "circuit": circuit});
        let event = Event::builder().data(data).meta("topic", CIRCUIT_TOPIC).build();
        if let Err(error) = events.publish(event).await {
            warn!(%error, "cannot publish what a circuit does");
        }
    }
}

impl fmt::Debug for Notices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Notices").finish_non_exhaustive()
    }
}

/// The circuits of the sinks, each by the number of its sink.
#[derive(Debug, Default)]
pub(crate) struct Circuits {
    options: Option<CircuitBreaker>,
    breakers: Vec<Breaker>,
}

impl Circuits {
    pub(crate) fn new(options: Option<CircuitBreaker>) -> Self {
        Self { options, breakers: Vec::new() }
    }

    /// The circuit of the sink with this number, if sinks have circuits.
    pub(crate) fn of(&mut self, number: usize) -> Option<&mut Breaker> {
        let options = self.options?;
        let count = self.breakers.len().max(number + 1);
        self.breakers.resize_with(count, || Breaker::new(options));
        self.breakers.get_mut(number)
    }
}
