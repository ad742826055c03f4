//! Deletes logs whose time has run out.
//!
//! A log with a time to live has a mark: a subject beside its own, so that nobody has to look
//! through logs without one.
//! A log lives longer with each append and never shorter, so one that was looked at is left alone
//! until the time that it had then.

use std::collections::HashMap;

use parking_lot::Mutex;
use stream_log::LogName;
use time::OffsetDateTime;
use tokio::time::Instant;

use crate::error::NatsError;
use crate::group::Ask;
use crate::head::Head;
use crate::limits::{CELLS_MAX, MARK_GRACE};
use crate::store::NatsStore;

/// When which log may be due.
#[derive(Debug, Default)]
pub(crate) struct Expiries {
    due: Mutex<HashMap<LogName, OffsetDateTime>>,
    /// Marks without a log, and since when they are known.
    orphans: Mutex<HashMap<LogName, Instant>>,
}

impl Expiries {
    /// Deletes what is due at `now` and says how many.
    pub(crate) async fn sweep(
        &self,
        store: &NatsStore,
        now: OffsetDateTime,
    ) -> Result<usize, NatsError> {
        let mut count = 0;
        for shard in store.engine().layout.shards() {
            for name in store.marked(shard).await? {
                if self.may_be_due(&name, now) && self.look(store, &name, now).await? {
                    count += 1;
                }
            }
        }
        Ok(count)
    }

    fn may_be_due(&self, name: &LogName, now: OffsetDateTime) -> bool {
        self.due.lock().get(name).is_none_or(|due| *due <= now)
    }

    /// Deletes a log if it is due.
    async fn look(
        &self,
        store: &NatsStore,
        name: &LogName,
        now: OffsetDateTime,
    ) -> Result<bool, NatsError> {
        let Some(cell) = store.engine().find(name).await? else {
            self.take_mark_away(store, name).await?;
            return Ok(false);
        };
        self.orphans.lock().remove(name);
        let head = cell.head();
        let Some(ttl) = head.config.ttl else { return Ok(false) };
        let begun = self.due.lock().get(name).map_or(now, |due| *due - ttl);
        if head.is_expired(now, begun) && store.remove(&cell, Ask::Expire { now, begun }).await? {
            self.due.lock().remove(name);
            return Ok(true);
        }
        self.remember(name, &cell.head(), begun);
        Ok(false)
    }

    fn remember(&self, name: &LogName, head: &Head, begun: OffsetDateTime) {
        let Some(ttl) = head.config.ttl else { return };
        let mut due = self.due.lock();
        if due.len() >= CELLS_MAX {
            // Looked at again is not deleted too early.
            due.clear();
        }
        due.insert(name.clone(), head.touched.unwrap_or(begun).saturating_add(span(ttl)));
    }

    /// Takes a mark away that has had no log for long: its maker was stopped in between.
    async fn take_mark_away(&self, store: &NatsStore, name: &LogName) -> Result<(), NatsError> {
        let now = Instant::now();
        let since = *self.orphans.lock().entry(name.clone()).or_insert(now);
        if now - since < MARK_GRACE {
            return Ok(());
        }
        self.orphans.lock().remove(name);
        let (api, place) = (&store.engine().api, store.engine().layout.place(name));
        if let Some((at, _)) = api.last(&place.shard, &place.mark).await? {
            api.purge(&place.shard.stream, &place.mark, at.saturating_add(1)).await?;
        }
        Ok(())
    }
}

fn span(duration: std::time::Duration) -> time::Duration {
    time::Duration::try_from(duration).unwrap_or(time::Duration::MAX)
}
