//! Renews this server's lease, and ends the relays of servers that renew theirs no more.

use std::collections::HashSet;
use std::sync::Arc;

use stream_log::{
    AppendBatch, AppendError, Log, LogConfig, LogExt as _, LogName, LogStoreExt as _, Namespace,
    ReadError, ReadFrom, ReadLimit, Retention, StoreError,
};
use stream_model::now::{new_uuid, now};
use stream_model::{BoxError, Offset};
use tokio::time::{Instant, MissedTickBehavior, interval};
use tracing::warn;

use crate::lease::{Guard, LEASE_KEPT, LEASE_RENEWAL, lease_log, leased, leaseholder, renewal};
use crate::relays::{Relays, end, server_stopped};
use crate::{Ending, RelayId};

/// Names of logs that are asked for at once.
const LISTED_AT_ONCE: usize = 1000;

/// Records of a lease that are kept: the newest renewal has fewer.
const LEASE_RECORDS: u64 = 64;

/// Ends of relays that are remembered, so that their logs are not looked at again; beyond them all
/// are forgotten.
const ENDS_REMEMBERED: usize = 100_000;

/// What a guard knows from one round to the next.
struct Watch {
    server: String,
    lease: Arc<dyn Log>,
    guard: Guard,
    ended: HashSet<LogName>,
}

impl Relays {
    /// Renews this server's lease of its relays, and ends those of servers that are gone, for as
    /// long as it is polled.
    ///
    /// For stores that several servers share.
    /// A relay whose server is gone for 15 to 25 seconds gets an error event and its end.
    ///
    /// # Cancel safety
    /// Dropping the future ends the lease: other servers end the relays that still run here.
    pub async fn keep_lease(&self) {
        let mut ticks = interval(LEASE_RENEWAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut watch = None;
        loop {
            ticks.tick().await;
            if let Err(error) = self.guard_once(&mut watch).await {
                warn!(%error, "cannot renew the lease of relays, or look at those of others");
            }
        }
    }

    async fn guard_once(&self, watch: &mut Option<Watch>) -> Result<(), BoxError> {
        let watch = match watch {
            Some(watch) => watch,
            None => watch.insert(self.take_lease().await?),
        };
        self.renew(watch).await?;
        self.look(watch).await
    }

    async fn take_lease(&self) -> Result<Watch, BoxError> {
        let server = new_uuid().to_string();
        let retention = Retention { records_max: LEASE_RECORDS, ..Retention::ALL };
        let config = LogConfig { retention, ttl: Some(LEASE_KEPT), bytes_max: None };
        let lease = self.store().get_or_create(&lease_log(&server)?, config).await?;
        Ok(Watch { server, lease, guard: Guard::default(), ended: HashSet::new() })
    }

    async fn renew(&self, watch: &Watch) -> Result<(), AppendError> {
        let relays = self.ids();
        let batch = AppendBatch::new(now()).records(renewal(relays.iter()));
        watch.lease.append(batch).await.map(drop)
    }

    /// Looks at all leases, and at all relays that had no end when they were last looked at.
    async fn look(&self, watch: &mut Watch) -> Result<(), BoxError> {
        let names = self.names().await?;
        let mut owned: HashSet<RelayId> = self.ids().into_iter().collect();
        let mut servers = HashSet::new();
        for (name, server) in names.iter().filter_map(|name| Some((name, leaseholder(name)?))) {
            servers.insert(server.to_owned());
            if server == watch.server {
                continue;
            }
            let Some(log) = self.store().get(name).await? else { continue };
            let Some((next, relays)) = newest(&*log).await? else { continue };
            if watch.guard.holds(Instant::now(), server, next) {
                owned.extend(relays);
            }
        }
        watch.guard.keep(&servers);
        let mut lost = HashSet::new();
        for name in names {
            let Ok(relay) = RelayId::new(name.name()) else { continue };
            if owned.contains(&relay) || watch.ended.contains(&name) {
                continue;
            }
            if self.is_unfinished(&name).await? {
                lost.insert(relay);
            } else {
                if watch.ended.len() >= ENDS_REMEMBERED {
                    watch.ended.clear();
                }
                watch.ended.insert(name);
            }
        }
        for relay in watch.guard.orphans(Instant::now(), lost) {
            warn!(%relay, "ended a relay whose server is gone");
            self.end_for_others(&relay, &server_stopped()).await?;
        }
        Ok(())
    }

    /// The names of all relays and leases.
    async fn names(&self) -> Result<Vec<LogName>, StoreError> {
        let mut all = Vec::new();
        loop {
            let page = self.store().list(Namespace::Relay, all.last(), LISTED_AT_ONCE).await?;
            let more = page.len() == LISTED_AT_ONCE;
            all.extend(page);
            if !more {
                return Ok(all);
            }
        }
    }

    async fn is_unfinished(&self, name: &LogName) -> Result<bool, BoxError> {
        let Some(log) = self.store().get(name).await? else { return Ok(false) };
        match log.read(ReadFrom::Latest, ReadLimit::records(1)).await {
            Ok(end) => Ok(!end.closed),
            Err(ReadError::Deleted) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Ends a relay that no server, or another one, runs; says whether it had no end before.
    pub(crate) async fn end_for_others(
        &self,
        relay: &RelayId,
        ending: &Ending,
    ) -> Result<bool, BoxError> {
        let Some(log) = self.store().get(&relay.log_name()?).await? else { return Ok(false) };
        let tail = match log.read(ReadFrom::Latest, ReadLimit::records(1)).await {
            Ok(read) => read.tail,
            Err(ReadError::Deleted) => return Ok(false),
            Err(error) => return Err(error.into()),
        };
        match end(&*log, tail == Offset::ZERO, ending).await {
            Ok(()) => Ok(true),
            // Another server, or the relay's own, came first.
            Err(AppendError::Closed { .. } | AppendError::Deleted) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

/// Where a lease ends, and the relays in its newest renewal; `None` if it is gone.
async fn newest(log: &dyn Log) -> Result<Option<(Offset, Vec<RelayId>)>, BoxError> {
    let read = match log.read_all(ReadFrom::Earliest).await {
        Ok(read) => read,
        Err(ReadError::Deleted) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    // The records of one renewal have one time.
    let renewed = read.records.last().map(|record| record.timestamp);
    let records = read.records.iter().filter(|record| Some(record.timestamp) == renewed);
    Ok(Some((read.next, records.flat_map(|record| leased(&record.payload)).collect())))
}
