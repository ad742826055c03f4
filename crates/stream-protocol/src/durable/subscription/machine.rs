//! One subscription as a machine: who is woken when, who holds the lease, and what comes too late
//! (7).
//!
//! Time comes in as an argument, and what is to be sent goes out of [`Subscription::poll_wake`].
//! The whole state can be serialised, so that it survives its server: after a restart, a wake
//! that was under way runs out like any other that nobody answers.

mod message;
mod view;

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::json;
use time::OffsetDateTime;

use self::message::AckedStream;
pub use self::message::{Ack, Claim, Outcome, Wake};
use super::{Config, Delivery, Fault};
use crate::durable::limits::SUBSCRIPTION_STREAMS_MAX;
use crate::durable::{StreamOffset, StreamPath};

/// The first pause after a failed delivery; each further one is twice as long.
const RETRY_MIN: Duration = Duration::from_secs(1);
/// The longest pause.
const RETRY_MAX: Duration = Duration::from_mins(1);

/// A subscription and how it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subscription {
    id: String,
    config: Config,
    /// Where the server was reached when it was made; begins the URLs that workers are given.
    base_url: String,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
    /// Makes wake ids differ from those of another subscription that had the same id.
    nonce: u64,
    links: BTreeMap<String, Link>,
    generation: u64,
    phase: Phase,
    /// Deliveries that have failed in a row.
    failures: u32,
}

/// A stream that is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Link {
    explicit: bool,
    glob: bool,
    acked: StreamOffset,
    tail: StreamOffset,
}

impl Link {
    fn is_pending(&self) -> bool {
        self.tail > self.acked
    }
}

/// Where a wake stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Phase {
    /// Nobody is awake.
    Idle,
    /// A wake is to be sent, at this time.
    Due(#[serde(with = "time::serde::rfc3339")] OffsetDateTime),
    /// A worker may be at work until this time.
    Leased {
        #[serde(with = "time::serde::rfc3339")]
        until: OffsetDateTime,
        /// The tails that the worker was told of.
        snapshot: BTreeMap<String, StreamOffset>,
        /// Who has claimed the wake; none for a webhook.
        worker: Option<String>,
    },
    /// The wake lies in the wake stream until somebody claims it.
    Announced,
}

impl Subscription {
    /// A subscription that follows nothing yet; its streams are to be told with
    /// [`link`](Self::link).
    ///
    /// `nonce` is a random number.
    pub fn new(
        id: String,
        config: Config,
        base_url: String,
        now: OffsetDateTime,
        nonce: u64,
    ) -> Self {
        Self {
            id,
            config,
            base_url,
            created_at: now,
            nonce,
            links: BTreeMap::new(),
            generation: 0,
            phase: Phase::Idle,
            failures: 0,
        }
    }

    /// Its id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What it was asked for.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Where the server was reached when it was made.
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// The streams that it follows.
    pub fn paths(&self) -> impl Iterator<Item = StreamPath> {
        self.links.keys().filter_map(|path| StreamPath::new(path).ok())
    }

    /// The id of the present wake.
    pub fn wake_id(&self) -> String {
        format!("w_{:016x}_{}", self.nonce, self.generation)
    }

    /// Follows a stream by name, from its present tail on; one that is followed already goes on
    /// as before.
    pub fn link(&mut self, path: &StreamPath, tail: StreamOffset) {
        let full = self.links.len() >= SUBSCRIPTION_STREAMS_MAX;
        if full && !self.links.contains_key(path.as_str()) {
            return;
        }
        let glob = self.config.pattern.as_ref().is_some_and(|pattern| pattern.matches(path));
        let new = Link { explicit: true, glob, acked: tail, tail };
        self.links.entry(path.as_str().to_owned()).or_insert(new).explicit = true;
    }

    /// Follows an existing stream if the pattern takes it, from its present tail on.
    pub fn backfill(&mut self, path: &StreamPath, tail: StreamOffset) {
        self.link_by_pattern(path, tail);
    }

    fn link_by_pattern(&mut self, path: &StreamPath, acked: StreamOffset) {
        let takes = self.config.pattern.as_ref().is_some_and(|pattern| pattern.matches(path));
        let known = self.links.contains_key(path.as_str());
        if takes && !known && self.links.len() < SUBSCRIPTION_STREAMS_MAX {
            let new = Link { explicit: false, glob: true, acked, tail: acked };
            self.links.insert(path.as_str().to_owned(), new);
        }
    }

    /// No longer follows a stream by name; the pattern may go on taking it.
    pub fn unlink(&mut self, path: &StreamPath) {
        if let Some(link) = self.links.get_mut(path.as_str()) {
            link.explicit = false;
            if !link.glob {
                self.links.remove(path.as_str());
            }
        }
    }

    /// Hears that a stream was appended to; says whether that matters here.
    ///
    /// A stream that was not known is younger than the subscription, and is followed from its
    /// beginning.
    pub fn handle_append(
        &mut self,
        now: OffsetDateTime,
        path: &StreamPath,
        tail: StreamOffset,
    ) -> bool {
        self.link_by_pattern(path, StreamOffset::BEGINNING);
        let Some(link) = self.links.get_mut(path.as_str()) else { return false };
        link.tail = link.tail.max(tail);
        self.wake_if_pending(now);
        true
    }

    /// Hears that a stream is gone; says whether that matters here.
    pub fn handle_deletion(&mut self, path: &StreamPath) -> bool {
        let Some(link) = self.links.get_mut(path.as_str()) else { return false };
        if link.explicit {
            link.acked = link.tail;
        } else {
            self.links.remove(path.as_str());
        }
        true
    }

    /// Lets a lease run out that nobody extended.
    pub fn handle_timeout(&mut self, now: OffsetDateTime) {
        if matches!(&self.phase, Phase::Leased { until, .. } if *until <= now) {
            self.phase = Phase::Idle;
        }
        self.wake_if_pending(now);
    }

    /// When [`handle_timeout`](Self::handle_timeout) or [`poll_wake`](Self::poll_wake) has
    /// something to do, unless something else happens first.
    pub fn poll_timeout(&self) -> Option<OffsetDateTime> {
        match &self.phase {
            Phase::Idle | Phase::Announced => None,
            Phase::Due(at) => Some(*at),
            Phase::Leased { until, .. } => Some(*until),
        }
    }

    /// The wake that is to be sent now, if there is one; its lease begins.
    pub fn poll_wake(&mut self, now: OffsetDateTime) -> Option<Wake> {
        if !matches!(self.phase, Phase::Due(at) if at <= now) {
            return None;
        }
        self.phase = self.lease_from(now, None);
        let first = self.links.iter().find(|(_, link)| link.is_pending());
        Some(Wake {
            delivery: self.config.delivery.clone(),
            generation: self.generation,
            streams: self.pending_streams(),
            first: first.map(|(path, _)| path.clone()).unwrap_or_default(),
        })
    }

    /// Hears what became of the wake of `generation`; of one that is over, nothing matters.
    pub fn handle_outcome(&mut self, now: OffsetDateTime, generation: u64, outcome: Outcome) {
        // A worker may have seen the wake and claimed it before its delivery is known.
        let Phase::Leased { snapshot, worker: None, .. } = &self.phase else { return };
        if generation != self.generation {
            return;
        }
        match outcome {
            Outcome::Failed { chance } => {
                self.phase = Phase::Due(now + backoff(self.failures, chance));
                self.failures = self.failures.saturating_add(1);
                return;
            }
            Outcome::Delivered => {
                if matches!(self.config.delivery, Delivery::PullWake(_)) {
                    self.phase = Phase::Announced;
                }
            }
            Outcome::Done => {
                for (path, tail) in snapshot {
                    if let Some(link) = self.links.get_mut(path) {
                        link.acked = link.acked.max(*tail);
                    }
                }
                self.phase = Phase::Idle;
            }
        }
        self.failures = 0;
        self.wake_if_pending(now);
    }

    /// A worker wants the wake.
    ///
    /// # Errors
    /// [`Fault::AlreadyClaimed`], [`Fault::NoPendingWork`], or [`Fault::WrongKind`] for webhooks.
    pub fn claim(&mut self, now: OffsetDateTime, worker: &str) -> Result<Claim, Fault> {
        if let Delivery::Webhook(_) = self.config.delivery {
            return Err(Fault::WrongKind(self.config.kind()));
        }
        self.handle_timeout(now);
        if let Phase::Leased { worker: Some(holder), .. } = &self.phase {
            let (holder, generation) = (holder.clone(), self.generation);
            return Err(Fault::AlreadyClaimed { holder, generation });
        }
        if !self.is_pending() {
            return Err(Fault::NoPendingWork);
        }
        self.phase = self.lease_from(now, Some(worker.to_owned()));
        let body = json!({
            "wake_id": self.wake_id(),
            "generation": self.generation,
            "streams": self.pending_streams(),
            "lease_ttl_ms": self.config.lease_ms,
        });
        Ok(Claim { generation: self.generation, body })
    }

    /// A worker reports; says whether there is more to do. `token_generation` is the wake that
    /// its token is for.
    ///
    /// # Errors
    /// [`Fault::Fenced`] if the wake is over, [`Fault::Invalid`] for an offset that no stream has;
    /// nothing is acknowledged then.
    pub fn ack(
        &mut self,
        now: OffsetDateTime,
        token_generation: u64,
        ack: &Ack,
    ) -> Result<bool, Fault> {
        self.check_fence(now, token_generation, ack)?;
        let mut acked = Vec::new();
        for AckedStream { stream, offset } in &ack.acks {
            // A stream that is not followed any more needs no acknowledgement.
            let path = stream.strip_prefix('/').unwrap_or(stream);
            let Some(link) = self.links.get(path) else { continue };
            let offset: StreamOffset =
                offset.parse().map_err(|error| Fault::Invalid(format!("{stream}: {error}")))?;
            if offset > link.tail {
                return Err(Fault::Invalid(format!("{stream}: {offset} lies beyond its tail")));
            }
            acked.push((path.to_owned(), offset));
        }
        for (path, offset) in acked {
            if let Some(link) = self.links.get_mut(&path) {
                link.acked = link.acked.max(offset);
            }
        }
        self.failures = 0;
        if ack.done {
            self.phase = Phase::Idle;
            self.wake_if_pending(now);
            return Ok(self.is_pending());
        }
        if let Phase::Leased { until, .. } = &mut self.phase {
            *until = now + self.config.lease();
        }
        Ok(false)
    }

    /// A worker gives its claim back.
    ///
    /// # Errors
    /// [`Fault::Fenced`] if the wake is over.
    pub fn release(
        &mut self,
        now: OffsetDateTime,
        token_generation: u64,
        release: &Ack,
    ) -> Result<(), Fault> {
        self.check_fence(now, token_generation, release)?;
        self.phase = Phase::Idle;
        self.wake_if_pending(now);
        Ok(())
    }

    /// Token, request and state must speak of the same wake, and it must not be over (7.3).
    fn check_fence(
        &mut self,
        now: OffsetDateTime,
        token_generation: u64,
        ack: &Ack,
    ) -> Result<(), Fault> {
        self.handle_timeout(now);
        // A webhook may call back before its delivery is known to have worked.
        let awake = match &self.phase {
            Phase::Leased { .. } => true,
            Phase::Due(_) => self.failures > 0,
            Phase::Idle | Phase::Announced => false,
        };
        let same = ack.generation == self.generation
            && token_generation == self.generation
            && ack.wake_id == self.wake_id();
        if awake && same { Ok(()) } else { Err(Fault::Fenced) }
    }

    fn is_pending(&self) -> bool {
        self.links.values().any(Link::is_pending)
    }

    /// Begins a new wake, if nobody is awake and somebody should be.
    fn wake_if_pending(&mut self, now: OffsetDateTime) {
        if self.phase == Phase::Idle && self.is_pending() {
            self.generation = self.generation.saturating_add(1);
            self.phase = Phase::Due(now);
        }
    }

    fn lease_from(&self, now: OffsetDateTime, worker: Option<String>) -> Phase {
        let snapshot = self.links.iter().map(|(path, link)| (path.clone(), link.tail)).collect();
        Phase::Leased { until: now + self.config.lease(), snapshot, worker }
    }
}

/// The pause after a failure that came after `failures` others: doubled each time, and shifted by
/// up to a fifth either way.
fn backoff(failures: u32, chance: u64) -> Duration {
    let factor = 1_u32.checked_shl(failures).unwrap_or(u32::MAX);
    let pause = RETRY_MIN.saturating_mul(factor).min(RETRY_MAX);
    let percent = u32::try_from(chance % 41).unwrap_or_default().saturating_add(80);
    pause.saturating_mul(percent) / 100
}

#[cfg(test)]
mod tests;
