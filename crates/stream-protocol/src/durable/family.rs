//! The forks of a stream, and whether it lives on for them alone (4.2).

use std::collections::BTreeSet;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::StreamPath;

/// What happened to a stream's family: one record of a log of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FamilyEvent {
    /// A fork is about to be made at this path.
    Forked(String),
    /// The fork at this path is gone, or never came to be.
    Released(String),
    /// The stream was deleted while it had forks.
    Deleted,
}

impl FamilyEvent {
    /// The record.
    pub fn encode(&self) -> Bytes {
        // Serialisation fails for maps with odd keys and for broken writers; there are neither.
        serde_json::to_vec(self).unwrap_or_default().into()
    }
}

/// A stream's forks: what its family events add up to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Family {
    forks: BTreeSet<String>,
    deleted: bool,
}

impl Family {
    /// Reads records in order; what is no event of a family changes nothing.
    pub fn read<'a>(records: impl IntoIterator<Item = &'a Bytes>) -> Self {
        let mut family = Self::default();
        records.into_iter().for_each(|record| family.take(record));
        family
    }

    /// Reads one more record.
    pub fn take(&mut self, record: &Bytes) {
        if let Ok(event) = serde_json::from_slice(record) {
            self.apply(event);
        }
    }

    /// Takes note of one event.
    pub fn apply(&mut self, event: FamilyEvent) {
        match event {
            FamilyEvent::Forked(path) => drop(self.forks.insert(path)),
            FamilyEvent::Released(path) => drop(self.forks.remove(&path)),
            FamilyEvent::Deleted => self.deleted = true,
        }
    }

    /// The forks that may exist.
    pub fn forks(&self) -> impl Iterator<Item = StreamPath> {
        self.forks.iter().filter_map(|path| StreamPath::new(path).ok())
    }

    /// Whether the stream was deleted and is kept for its forks.
    pub fn is_deleted(&self) -> bool {
        self.deleted
    }

    /// Whether nobody needs the stream's data any more.
    pub fn is_over(&self) -> bool {
        self.deleted && self.forks.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deleted_stream_lives_until_its_last_fork_is_gone() {
        use FamilyEvent::{Deleted, Forked, Released};
        let fork = |path: &str| Forked(path.to_owned());
        let released = |path: &str| Released(path.to_owned());
        let events = [fork("a"), fork("b"), released("a"), Deleted, released("b")];
        let records: Vec<_> = events.iter().map(FamilyEvent::encode).collect();
        let mut family = Family::default();
        let mut seen = Vec::new();
        for event in events {
            family.apply(event);
            seen.push((family.forks().count(), family.is_deleted(), family.is_over()));
        }
        assert_eq!(
            seen,
            [
                (1, false, false),
                (2, false, false),
                (1, false, false),
                (1, true, false),
                (0, true, true)
            ]
        );
        assert_eq!(Family::read(&records), family);
    }
}
