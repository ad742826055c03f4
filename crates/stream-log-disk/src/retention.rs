//! Which records a log lets go of: a plan over its batches, the oldest first.

use stream_log::Retention;

/// How a log stands before it lets go of anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Held {
    /// The oldest record.
    pub(crate) earliest: u64,
    /// The offset after the newest one.
    pub(crate) next: u64,
    /// Bytes of payload that the log was ever given.
    pub(crate) bytes: u64,
    /// Of these, the ones before `earliest`.
    pub(crate) trimmed: u64,
    /// The newest record's time.
    pub(crate) nanos: i64,
}

/// A batch, as far as retention cares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Batch {
    /// The offset of its first record.
    pub(crate) first: u64,
    /// Where the next batch begins.
    pub(crate) next: u64,
    /// Bytes of payload that the log was given up to its end.
    pub(crate) bytes: u64,
    /// Its time.
    pub(crate) nanos: i64,
}

impl Held {
    /// Whether the oldest record must go, by the rules that do not look at its time.
    fn is_over(&self, keep: &Retention) -> bool {
        self.next.saturating_sub(self.earliest) > keep.records_max
            || self.bytes.saturating_sub(self.trimmed) > keep.bytes_max
    }

    /// Whether anything may have to go.
    pub(crate) fn needs_plan(&self, keep: &Retention) -> bool {
        let many = self.next.saturating_sub(self.earliest) > 1;
        many && (keep.age_max.is_some() || self.is_over(keep))
    }

    /// Lets go of records of `batch`, which is the oldest, as far as `keep` says; returns whether
    /// all of it went, so that the next one is to be asked.
    ///
    /// `lengths` gives the bytes of each record of the batch, and is asked only if some of it
    /// stays; without an answer the batch stays whole.
    pub(crate) fn trim(
        &mut self,
        keep: &Retention,
        batch: Batch,
        lengths: impl FnOnce() -> Option<Vec<u64>>,
    ) -> bool {
        let aged = keep.age_max.is_some_and(|age| {
            let old = i128::from(self.nanos) - i128::from(batch.nanos);
            old > i128::try_from(age.as_nanos()).unwrap_or(i128::MAX)
        });
        if !aged && !self.is_over(keep) {
            return false;
        }
        let last = batch.next >= self.next;
        let without_it = Self { earliest: batch.next, trimmed: batch.bytes, ..*self };
        let only_its_last = batch.next.saturating_sub(self.earliest) == 1;
        let too_many = self.next.saturating_sub(batch.next) >= keep.records_max;
        if !last && (aged || only_its_last || too_many || without_it.is_over(keep)) {
            *self = without_it;
            return true;
        }
        let Some(lengths) = lengths() else { return false };
        let keep_last = self.next.saturating_sub(1);
        for (offset, length) in (batch.first..).zip(lengths) {
            if offset < self.earliest {
                continue;
            }
            if offset >= keep_last || !(aged || self.is_over(keep)) {
                return false;
            }
            self.earliest = offset.saturating_add(1);
            self.trimmed = self.trimmed.saturating_add(length);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::VecDeque;
    use std::time::Duration;

    /// Batches of records with so many bytes each, at so many seconds.
    type Batches<'a> = &'a [(i64, &'a [u64])];

    const SECOND: i64 = 1_000_000_000;

    /// What the specification in memory keeps: record by record.
    fn by_record(keep: &Retention, batches: Batches<'_>) -> (u64, u64) {
        let mut records: VecDeque<(i64, u64)> = VecDeque::new();
        let (mut earliest, mut trimmed) = (0, 0);
        for (second, lengths) in batches {
            records.extend(lengths.iter().map(|length| (second * SECOND, *length)));
            let newest = records.back().unwrap().0;
            while records.len() > 1 {
                let (nanos, length) = records[0];
                let aged = keep.age_max.is_some_and(|age| {
                    i128::from(newest - nanos) > i128::try_from(age.as_nanos()).unwrap()
                });
                let bytes: u64 = records.iter().map(|(_, length)| length).sum();
                if !aged
                    && stream_log::codec::widen(records.len()) <= keep.records_max
                    && bytes <= keep.bytes_max
                {
                    break;
                }
                records.pop_front();
                earliest += 1;
                trimmed += length;
            }
        }
        (earliest, trimmed)
    }

    /// What the plan keeps: batch by batch.
    fn by_batch(keep: &Retention, batches: Batches<'_>) -> (u64, u64) {
        let mut held = Held { earliest: 0, next: 0, bytes: 0, trimmed: 0, nanos: 0 };
        let mut known: VecDeque<(Batch, Vec<u64>)> = VecDeque::new();
        for (second, lengths) in batches {
            held.nanos = second * SECOND;
            let first = held.next;
            held.next += stream_log::codec::widen(lengths.len());
            held.bytes += lengths.iter().sum::<u64>();
            let batch = Batch { first, next: held.next, bytes: held.bytes, nanos: held.nanos };
            known.push_back((batch, lengths.to_vec()));
            while held.needs_plan(keep)
                && let Some((batch, lengths)) = known.front()
            {
                if batch.next > held.earliest && !held.trim(keep, *batch, || Some(lengths.clone()))
                {
                    break;
                }
                known.pop_front();
            }
        }
        (held.earliest, held.trimmed)
    }

    #[test]
    fn whole_batches_and_parts_of_them_go_as_record_by_record() {
        let batches: [Batches<'_>; 4] = [
            &[(0, &[2, 2, 2]), (0, &[30])],
            &[(0, &[1]), (5, &[1, 1]), (11, &[1]), (12, &[1, 1, 1, 1])],
            &[(0, &[0, 0, 0]), (9, &[0]), (3, &[5]), (30, &[5, 5])],
            &[(0, &[4, 4, 4, 4]), (1, &[4, 4]), (1, &[4]), (2, &[1, 1, 1, 1, 1])],
        ];
        for batches in batches {
            for records_max in 0..6 {
                for bytes_max in 0..12 {
                    for age in [None, Some(0), Some(4), Some(10)] {
                        let age_max = age.map(Duration::from_secs);
                        let keep = Retention { records_max, bytes_max, age_max };
                        let want = by_record(&keep, batches);
                        assert_eq!(by_batch(&keep, batches), want, "{keep:?} {batches:?}");
                    }
                }
            }
        }
    }
}
