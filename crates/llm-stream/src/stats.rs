//! What a stream has cost: tokens and time.

mod event;
mod latency;
mod limits;
pub mod otel;
mod recorder;
mod stall;
mod usage;

#[cfg(test)]
mod tests;

pub use event::STATISTICS;
pub use latency::InterToken;
pub use limits::STALL_AFTER;
pub use recorder::StatsRecorder;
pub use stall::StallDetector;

use crate::event::{ErrorKind, FinishReason, Usage};
use crate::format::Format;
use crate::tokens::TokenSource;

/// The statistics of one stream, so far or in all.
///
/// Times are in milliseconds from the beginning of the run.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct StreamStats {
    /// Tokens that the model put out, by the best count that there is.
    pub total_tokens: u64,
    /// Who counted them.
    pub token_source: TokenSource,
    /// When the first text came that is not reasoning and not empty, or the first tool call.
    pub first_token_ms: Option<f64>,
    /// When the first reasoning came.
    pub first_reasoning_ms: Option<f64>,
    /// When the last event came, or the run was ended.
    pub total_duration_ms: f64,
    /// How many deltas there were, empty ones too.
    pub events_count: u64,
    /// The times between deltas that are not empty, from the second of them on.
    pub inter_token: Option<InterToken>,
    /// How often the stream was silent for too long.
    pub stalls: u64,
    /// How long these silences were, together.
    pub stalled_ms: f64,
    /// What the provider says that it has counted; generations of one stream are added up.
    pub usage: Option<Usage>,
    /// Whether that is the whole: the provider said that a choice, or the stream, had ended.
    pub usage_is_final: bool,
    /// Where the stream comes from and how it went.
    pub origin: Origin,
}

/// What a stream says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Origin {
    /// The wire format.
    pub format: Option<Format>,
    /// The provider's id of the last generation.
    pub id: Option<String>,
    /// The model that answered.
    pub model: Option<String>,
    /// Why the choices ended, in the order in which they did, at most
    /// [`CHOICES_MAX`](crate::limits::CHOICES_MAX) of them.
    pub finish_reasons: Vec<FinishReason>,
    /// What went wrong last, if anything did.
    pub error: Option<ErrorKind>,
}

impl StreamStats {
    /// Tokens a second over the whole duration; 0 if that is 0.
    ///
    /// # Examples
    /// ```
    /// use llm_stream::StreamStats;
    ///
    /// let stats =
    ///     StreamStats { total_tokens: 100, total_duration_ms: 2500.0, ..StreamStats::default() };
    /// assert_eq!(stats.tokens_per_second(), 40.0);
    /// ```
    pub fn tokens_per_second(&self) -> f64 {
        if self.total_duration_ms <= 0.0 {
            return 0.0;
        }
        to_f64(self.total_tokens) / (self.total_duration_ms / 1000.0)
    }

    /// Whether the count of tokens is not the provider's last word.
    pub fn is_estimated(&self) -> bool {
        self.token_source != TokenSource::Provider || !self.usage_is_final
    }
}

/// A count as a floating-point number.
#[expect(
    clippy::as_conversions,
    clippy::cast_precision_loss,
    reason = "counts below 2^53 are exact, and nobody counts further"
)]
fn to_f64(count: u64) -> f64 {
    count as f64
}
