//! The names of all logs, remembered between one page of a list and the next.
//!
//! A stream tells its subjects only all together, so that a page of a list would cost as much as
//! the whole.
//! What it tells cheaply is how many there are and where it ends: as long as nothing was stored, or
//! for a moment while their number is the same, the names are what they were.
//! Their number is also the same when one log was made and another deleted, so that what this
//! process itself has made or deleted ends that moment.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use stream_log::{LogName, Namespace};
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::api::Api;
use crate::error::NatsError;
use crate::limits::{CATALOG_FRESH_FOR, CATALOG_NAMES_MAX, CATALOG_OLD_FOR, CATALOG_SMALL};
use crate::shard::Shard;
use crate::subject::Layout;

/// The names that are remembered.
#[derive(Debug, Default)]
pub(crate) struct Catalog {
    all: Mutex<HashMap<(String, Namespace), Arc<Names>>>,
    /// How often this process has made or deleted a log.
    changes: AtomicU64,
}

/// The names of one stream and space, in order.
#[derive(Debug)]
pub(crate) struct Names {
    names: Vec<LogName>,
    /// How many subjects the stream had, and where it ended.
    subjects: u64,
    last_seq: u64,
    /// What this process had changed by then.
    changes: u64,
    asked: Instant,
}

impl Names {
    /// At most `limit` names that come after `after`.
    pub(crate) fn page(&self, after: Option<&LogName>, limit: usize) -> &[LogName] {
        let from = after.map_or(0, |after| self.names.partition_point(|name| name <= after));
        let rest = self.names.get(from..).unwrap_or_default();
        rest.get(..limit).unwrap_or(rest)
    }

    /// Whether they hold still, if nothing else is known.
    fn is_young(&self, now: Instant) -> bool {
        let many = self.names.len() > CATALOG_SMALL;
        many && now.duration_since(self.asked) < CATALOG_OLD_FOR
    }

    /// Whether they hold still for a stream of so many subjects that ends there, after so many
    /// changes of this process.
    fn hold(&self, subjects: u64, last_seq: u64, changes: u64, now: Instant) -> bool {
        let fresh = now.duration_since(self.asked) < CATALOG_FRESH_FOR && self.changes == changes;
        self.last_seq == last_seq || (self.subjects == subjects && fresh)
    }
}

impl Catalog {
    /// Notes that this process has made or deleted a log.
    pub(crate) fn note_change(&self) {
        self.changes.fetch_add(1, Ordering::Relaxed);
    }

    /// The names of a stream's logs; those who ask at the same time share an answer.
    pub(crate) async fn names(
        &self,
        (api, layout): (&Api, &Layout),
        shard: &Shard,
        namespace: Namespace,
    ) -> Result<Arc<Names>, NatsError> {
        let mut all = self.all.lock().await;
        let key = (shard.stream.clone(), namespace);
        let asked = Instant::now();
        let known = all.get(&key);
        if let Some(known) = known.filter(|known| known.is_young(asked)) {
            return Ok(Arc::clone(known));
        }
        // Before the stream is asked: what changes meanwhile may or may not be in the answer.
        let changes = self.changes.load(Ordering::Relaxed);
        let state = api.stream(&shard.stream, None).await?.map(|info| info.state);
        let (subjects, last_seq) =
            state.map_or((0, 0), |state| (state.num_subjects, state.last_seq));
        if let Some(known) = known.filter(|known| known.hold(subjects, last_seq, changes, asked)) {
            return Ok(Arc::clone(known));
        }
        let mut names = ask(api, layout, shard, &shard.logs(namespace)).await?;
        names.sort_unstable();
        let names = Arc::new(Names { names, subjects, last_seq, changes, asked });
        all.remove(&key);
        let kept: usize = all.values().map(|known| known.names.len()).sum();
        if kept.saturating_add(names.names.len()) <= CATALOG_NAMES_MAX {
            all.insert(key, Arc::clone(&names));
        }
        Ok(names)
    }
}

/// The names of the logs whose subjects, or marks, match a filter.
pub(crate) async fn ask(
    api: &Api,
    layout: &Layout,
    shard: &Shard,
    filter: &str,
) -> Result<Vec<LogName>, NatsError> {
    let (mut names, mut seen) = (Vec::new(), 0);
    loop {
        let Some(info) = api.stream(&shard.stream, Some((filter, seen))).await? else {
            return Ok(names);
        };
        let subjects = info.state.subjects.unwrap_or_default();
        seen += subjects.len();
        names.extend(subjects.keys().filter_map(|subject| layout.name(subject)));
        if subjects.is_empty() || seen >= info.total {
            return Ok(names);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn names(count: usize) -> Names {
        let name = |n: usize| LogName::new(Namespace::Topic, &format!("{n:06}")).unwrap();
        let names = (0..count).map(name).collect();
        Names { names, subjects: 7, last_seq: 9, changes: 1, asked: Instant::now() }
    }

    #[test]
    fn pages_follow_each_other() {
        let names = names(10);
        let (mut all, mut after) = (Vec::new(), None);
        loop {
            let page = names.page(after.as_ref(), 3);
            all.extend_from_slice(page);
            after = page.last().cloned();
            if page.len() < 3 {
                break;
            }
        }
        assert_eq!(all, names.names);
        assert_eq!(names.page(None, 0), []);
    }

    #[tokio::test(start_paused = true)]
    async fn names_hold_while_nothing_is_stored_and_a_moment_longer() {
        let (few, many) = (names(1), names(CATALOG_SMALL + 1));
        let soon = few.asked + CATALOG_FRESH_FOR - Duration::from_millis(1);
        let late = few.asked + CATALOG_FRESH_FOR;
        assert!(few.hold(7, 10, 1, soon) && !few.hold(8, 10, 1, soon), "another subject is news");
        assert!(few.hold(7, 9, 1, late) && !few.hold(7, 10, 1, late));
        assert!(!few.hold(7, 10, 2, soon), "so is what was done here");
        assert!(!few.is_young(soon), "few are looked at each time");
        assert!(many.is_young(soon) && !many.is_young(many.asked + CATALOG_OLD_FOR));
    }
}
