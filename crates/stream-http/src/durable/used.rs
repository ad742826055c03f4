//! When a stream was last used, for the times to live that count from there.
//!
//! Servers that have the same streams tell each other by a log beside the stream.
//! Not each use is written there: a server writes down until when the stream counts as used, a span
//! ahead, and says nothing more within it.
//! So such a stream lives up to an eighth longer than its time to live, and never less, wherever it
//! is used.

use std::sync::Arc;

use parking_lot::Mutex;
use stream_log::{AppendBatch, LogName, LogStore, LogStoreExt as _, ReadFrom, ReadLimit};
use stream_model::now::now;
use stream_protocol::durable::{Lifetime, Refusal, StreamPath};
use time::OffsetDateTime;

use super::respond::{append_refused, read_refused, store_refused};
use super::streams::{NEWEST, reserved_log};

/// A server writes once in such a part of the time to live.
const PARTS: u64 = 8;

/// The last use of one stream.
#[derive(Debug)]
pub(super) struct Used {
    /// A moment to come is one that was written down.
    last: Mutex<OffsetDateTime>,
    /// `None` where there are no others, or nothing counts from there.
    told: Option<Told>,
}

/// What servers tell each other.
#[derive(Debug)]
struct Told {
    store: Arc<dyn LogStore>,
    name: LogName,
    span: time::Duration,
}

impl Used {
    /// Of a stream that is used now, by this server alone.
    pub(super) fn now() -> Self {
        Self { last: Mutex::new(now()), told: None }
    }

    /// Of a stream that other servers have, too.
    pub(super) async fn shared(
        store: &Arc<dyn LogStore>,
        path: &StreamPath,
        lifetime: Lifetime,
    ) -> Result<Self, Refusal> {
        let Lifetime::Ttl(seconds) = lifetime else { return Ok(Self::now()) };
        let millis = i64::try_from(seconds.saturating_mul(1000) / PARTS).unwrap_or(i64::MAX);
        let span = time::Duration::milliseconds(millis);
        let told =
            Told { store: Arc::clone(store), name: reserved_log("used", path.as_str()), span };
        let last = told.read().await?.unwrap_or_else(now);
        Ok(Self { last: Mutex::new(last), told: Some(told) })
    }

    /// The last use that is known.
    pub(super) fn last(&self) -> OffsetDateTime {
        *self.last.lock()
    }

    /// Counts as a use.
    ///
    /// # Errors
    /// If others could not be told: they would end the stream too early.
    pub(super) async fn touch(&self) -> Result<(), Refusal> {
        let now = now();
        let Some(told) = &self.told else {
            *self.last.lock() = now;
            return Ok(());
        };
        if now < self.last() {
            return Ok(());
        }
        let until = now.saturating_add(told.span);
        told.write(until).await?;
        self.learn(until);
        Ok(())
    }

    /// Hears of what others said.
    pub(super) async fn hear(&self) -> Result<(), Refusal> {
        if let Some(told) = &self.told
            && let Some(until) = told.read().await?
        {
            self.learn(until);
        }
        Ok(())
    }

    /// Lets go of what was said.
    pub(super) async fn delete(&self) -> Result<(), Refusal> {
        let Some(told) = &self.told else { return Ok(()) };
        let deleted = told.store.delete(&told.name).await;
        deleted.map(|_| ()).map_err(|error| store_refused(&error))
    }

    fn learn(&self, until: OffsetDateTime) {
        let mut last = self.last.lock();
        *last = until.max(*last);
    }
}

impl Told {
    async fn write(&self, until: OffsetDateTime) -> Result<(), Refusal> {
        let log = self.store.get_or_create(&self.name, NEWEST).await;
        let log = log.map_err(|error| store_refused(&error))?;
        let record = until.unix_timestamp_nanos().to_le_bytes().to_vec();
        let written = log.append(AppendBatch::new(now()).record(record)).await;
        written.map(|_| ()).map_err(|error| append_refused(&error))
    }

    async fn read(&self) -> Result<Option<OffsetDateTime>, Refusal> {
        let log = self.store.get(&self.name).await.map_err(|error| store_refused(&error))?;
        let Some(log) = log else { return Ok(None) };
        let newest = log.read(ReadFrom::Earliest, ReadLimit::records(1)).await;
        let newest = newest.map_err(|error| read_refused(&error))?;
        let nanos = newest.records.first().and_then(|record| (&*record.payload).try_into().ok());
        let nanos = nanos.map(i128::from_le_bytes);
        Ok(nanos.and_then(|nanos| OffsetDateTime::from_unix_timestamp_nanos(nanos).ok()))
    }
}
