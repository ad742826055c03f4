//! Who owns which relay, where several servers have the same logs.
//!
//! A server writes down which relays it runs, again and again, in a log of its own: that is its
//! lease.
//! The others look whether that log grows; its times are never compared with theirs, so their
//! clocks may differ.
//! A relay without an end that is in no growing lease for [`LEASE`] belongs to nobody any more.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use bytes::Bytes;
use stream_log::{LogName, LogNameError, Namespace};
use stream_model::Offset;
use tokio::time::Instant;

use crate::RelayId;

/// How long a lease holds that is not renewed.
pub(crate) const LEASE: Duration = Duration::from_secs(15);

/// How often a lease is renewed, and those of others are looked at.
pub(crate) const LEASE_RENEWAL: Duration = Duration::from_secs(5);

/// How long the log of a lease is kept that is renewed no more.
pub(crate) const LEASE_KEPT: Duration = Duration::from_mins(10);

/// Bytes of one record of a lease; more relays take more records.
const RECORD_BYTES: usize = 64 << 10;

/// What the names of leases begin with; no relay's name holds a slash.
const LEASES: &str = "lease/";

/// The log of a server's lease.
pub(crate) fn lease_log(server: &str) -> Result<LogName, LogNameError> {
    LogName::new(Namespace::Relay, &format!("{LEASES}{server}"))
}

/// The server whose lease a log is.
pub(crate) fn leaseholder(name: &LogName) -> Option<&str> {
    name.name().strip_prefix(LEASES)
}

/// A renewal: the relays that a server runs, each on a line; one empty record if there are none.
pub(crate) fn renewal<'a>(relays: impl Iterator<Item = &'a RelayId>) -> Vec<Bytes> {
    let mut records = vec![String::new()];
    for relay in relays {
        if records.last().is_some_and(|record| record.len() >= RECORD_BYTES) {
            records.push(String::new());
        }
        if let Some(record) = records.last_mut() {
            record.push_str(relay.as_str());
            record.push('\n');
        }
    }
    records.into_iter().map(Bytes::from).collect()
}

/// The relays of a record of a renewal.
pub(crate) fn leased(record: &[u8]) -> impl Iterator<Item = RelayId> + '_ {
    let lines = std::str::from_utf8(record).unwrap_or_default().lines();
    lines.filter_map(|line| RelayId::new(line).ok())
}

/// Tells leases that grow from those that do not, and relays that nobody owns.
#[derive(Debug, Default)]
pub(crate) struct Guard {
    leases: HashMap<String, (Offset, Instant)>,
    lost: HashMap<RelayId, Instant>,
}

impl Guard {
    /// Takes where a lease ends at `now`; says whether it holds.
    pub(crate) fn holds(&mut self, now: Instant, server: &str, next: Offset) -> bool {
        let known = self.leases.entry(server.to_owned()).or_insert((next, now));
        if known.0 != next {
            *known = (next, now);
        }
        now.duration_since(known.1) < LEASE
    }

    /// Takes the relays that have no end and are in no lease that holds; gives those for which that
    /// has been so for long enough.
    pub(crate) fn orphans(&mut self, now: Instant, lost: HashSet<RelayId>) -> Vec<RelayId> {
        self.lost.retain(|relay, _| lost.contains(relay));
        for relay in lost {
            self.lost.entry(relay).or_insert(now);
        }
        let due = |since: &Instant| now.duration_since(*since) >= LEASE;
        self.lost.iter().filter(|(_, since)| due(since)).map(|(relay, _)| relay.clone()).collect()
    }

    /// Forgets leases whose logs are gone.
    pub(crate) fn keep(&mut self, servers: &HashSet<String>) {
        self.leases.retain(|server, _| servers.contains(server));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn relay(id: &str) -> RelayId {
        RelayId::new(id).unwrap()
    }

    fn lost(ids: &[&str]) -> HashSet<RelayId> {
        ids.iter().map(|id| relay(id)).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn a_lease_holds_as_long_as_it_grows() {
        let (mut guard, start) = (Guard::default(), Instant::now());
        let holds = |guard: &mut Guard, seconds, next| {
            guard.holds(start + Duration::from_secs(seconds), "a", Offset::new(next))
        };
        assert!(holds(&mut guard, 0, 1) && holds(&mut guard, 14, 1));
        assert!(!holds(&mut guard, 15, 1));
        assert!(holds(&mut guard, 20, 2) && holds(&mut guard, 34, 2));
        assert!(!holds(&mut guard, 35, 2));
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_lost_for_long_enough_is_an_orphan() {
        let (mut guard, start) = (Guard::default(), Instant::now());
        let orphans = |guard: &mut Guard, seconds, ids: &[&str]| {
            guard.orphans(start + Duration::from_secs(seconds), lost(ids))
        };
        assert_eq!(orphans(&mut guard, 0, &["a", "b"]), []);
        assert_eq!(orphans(&mut guard, 10, &["a"]), []);
        assert_eq!(orphans(&mut guard, 15, &["a", "b"]), [relay("a")], "b was found in between");
    }

    #[test]
    fn a_renewal_names_every_relay_in_bounded_records() {
        let relays: Vec<_> = (0..5000).map(|n| relay(&format!("relay-number-{n:0>20}"))).collect();
        let records = renewal(relays.iter());
        assert!(records.len() > 1);
        assert!(records.iter().all(|record| record.len() < RECORD_BYTES + 200));
        let read: Vec<_> = records.iter().flat_map(|record| leased(record)).collect();
        assert_eq!(read, relays);
        assert_eq!(renewal([].into_iter()).len(), 1);
        let name = lease_log("s").unwrap();
        assert_eq!(leaseholder(&name), Some("s"));
        assert_eq!(leaseholder(&relay("lease").log_name().unwrap()), None);
    }
}
