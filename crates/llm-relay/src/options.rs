//! How a relay behaves.

use std::time::Duration;

use llm_stream::Format;
use llm_stream::filter::PatternSet;

/// How a relay behaves; the defaults fit a chat.
#[derive(Debug, Clone)]
pub struct RelayOptions {
    pub(crate) format: Option<Format>,
    pub(crate) bytes_max: usize,
    pub(crate) silence_max: Duration,
    pub(crate) linger: Duration,
    pub(crate) keep: Duration,
    pub(crate) filter: Option<PatternSet>,
    pub(crate) statistics: bool,
}

impl Default for RelayOptions {
    fn default() -> Self {
        Self {
            format: None,
            bytes_max: 64 << 20,
            silence_max: Duration::from_mins(5),
            linger: Duration::from_secs(1),
            keep: Duration::from_hours(24),
            filter: None,
            statistics: true,
        }
    }
}

impl RelayOptions {
    /// The format of the provider's bytes; otherwise it is found out from the first ones.
    #[must_use]
    pub fn format(mut self, format: Format) -> Self {
        self.format = Some(format);
        self
    }

    /// Bytes of all records together, 64 MiB otherwise; at that bound the stream ends with an
    /// error event.
    #[must_use]
    pub fn bytes_max(mut self, bytes: usize) -> Self {
        self.bytes_max = bytes;
        self
    }

    /// How long the provider may send nothing, 5 minutes otherwise; then the stream ends with an
    /// error event.
    #[must_use]
    pub fn silence_max(mut self, silence: Duration) -> Self {
        self.silence_max = silence;
        self
    }

    /// How long to wait for more from a provider that has said that it is done, 1 s otherwise.
    #[must_use]
    pub fn linger(mut self, linger: Duration) -> Self {
        self.linger = linger;
        self
    }

    /// How long the events are kept after the last one, 24 hours otherwise.
    #[must_use]
    pub fn keep(mut self, keep: Duration) -> Self {
        self.keep = keep;
        self
    }

    /// What must never reach a reader; nothing is kept out otherwise.
    #[must_use]
    pub fn filter(mut self, patterns: PatternSet) -> Self {
        self.filter = Some(patterns);
        self
    }

    /// Whether the event before the end has the [statistics](llm_stream::STATISTICS); it has
    /// otherwise.
    #[must_use]
    pub fn statistics(mut self, wanted: bool) -> Self {
        self.statistics = wanted;
        self
    }
}
