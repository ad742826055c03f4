//! What this process says of itself: lines on standard error, as text or JSON, and spans for a
//! collector.

use anyhow::Context;
use clap::ValueEnum;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, fmt};

#[cfg(feature = "otel")]
use crate::otel::Collector;

/// How a line is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// For people
    Text,
    /// For programs: a JSON object, with the request and trace that it belongs to
    Json,
}

/// The log of this process; [`end`](Self::end) it, or the last spans may be lost.
pub(crate) struct Logging {
    #[cfg(feature = "otel")]
    collector: Option<Collector>,
}

impl Logging {
    /// Begins to write what `MILLSTREAM_LOG` lets pass; warnings and what is worth knowing
    /// otherwise.
    pub(crate) fn begin(format: LogFormat) -> anyhow::Result<Self> {
        let filter = EnvFilter::try_from_env("MILLSTREAM_LOG").unwrap_or_else(|_| "info".into());
        let lines = fmt::layer().with_writer(std::io::stderr);
        let lines = match format {
            LogFormat::Text => lines.boxed(),
            LogFormat::Json => lines.json().flatten_event(true).with_span_list(false).boxed(),
        };
        let subscriber = tracing_subscriber::registry().with(filter).with(lines);
        #[cfg(feature = "otel")]
        let (subscriber, collector) = {
            let collector = Collector::from_env()?;
            (subscriber.with(collector.as_ref().map(Collector::layer)), collector)
        };
        subscriber.try_init().context("cannot begin to log")?;
        Ok(Self {
            #[cfg(feature = "otel")]
            collector,
        })
    }

    /// Sends what was not sent yet.
    #[cfg_attr(
        not(feature = "otel"),
        expect(clippy::unused_self, reason = "only a collector has something to send")
    )]
    pub(crate) fn end(self) {
        #[cfg(feature = "otel")]
        if let Some(collector) = self.collector {
            collector.close();
        }
    }
}
