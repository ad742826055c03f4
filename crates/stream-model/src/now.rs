//! The one place that reads the clock and makes ids.
//!
//! Machines take their time as an argument; drivers and constructors that want the present
//! ask here.
//! Ids are UUIDs of version 7 (RFC 9562, 5.7) whose 12 bits after the milliseconds hold the
//! fraction of the millisecond (6.2, method 3), so that ids sort by time to a quarter of a
//! microsecond; the other 62 bits are random.

use std::cell::Cell;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use time::OffsetDateTime;
use uuid::Uuid;

use crate::{Epoch, EventId};

/// The present, in UTC.
pub fn now() -> OffsetDateTime {
    date_time(since_1970())
}

/// A fresh id and the present, from one reading of the clock.
#[inline]
pub fn stamp() -> (EventId, OffsetDateTime) {
    let since = since_1970();
    (EventId::from(uuid_v7(since)), date_time(since))
}

/// A fresh id.
pub fn new_id() -> EventId {
    EventId::from(new_uuid())
}

/// A fresh UUID of version 7.
pub fn new_uuid() -> Uuid {
    uuid_v7(since_1970())
}

/// An epoch that no earlier log of the same name had: the present in milliseconds with 22
/// random bits behind it, so that even two logs made in one millisecond differ.
pub fn new_epoch() -> Epoch {
    Epoch::new((millis(since_1970()) << 22) | (fastrand::u64(..) >> 42))
}

/// The time since 1970; a clock set before then counts as 1970.
#[inline]
fn since_1970() -> Duration {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the clock")]
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// Whole milliseconds; the parts are taken one by one, as dividing 128 bits would cost more than
/// reading the clock.
fn millis(since: Duration) -> u64 {
    since.as_secs().saturating_mul(1000).saturating_add(u64::from(since.subsec_millis()))
}

thread_local! {
    /// The second that was last turned into a date: most events share it with the one before, and
    /// the calendar costs more than a comparison.
    static SECOND: Cell<(u64, OffsetDateTime)> = const { Cell::new((0, OffsetDateTime::UNIX_EPOCH)) };
}

/// A time that no calendar holds counts as 1970.
#[inline]
fn date_time(since: Duration) -> OffsetDateTime {
    let (known, mut second) = SECOND.get();
    if known != since.as_secs() {
        second = turn_to(since.as_secs());
    }
    // Only the fraction of a second is left to be set, and no fraction is out of range.
    second.replace_nanosecond(since.subsec_nanos()).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

/// Looks the second up in the calendar and remembers it.
#[cold]
fn turn_to(seconds: u64) -> OffsetDateTime {
    let date = i64::try_from(seconds).ok().map(OffsetDateTime::from_unix_timestamp);
    let second = date.and_then(Result::ok).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    SECOND.set((seconds, second));
    second
}

#[inline]
fn uuid_v7(since: Duration) -> Uuid {
    let fraction = since.subsec_nanos() % 1_000_000;
    let high = (millis(since) << 16) | 0x7000 | (u64::from(fraction) * 4096 / 1_000_000);
    let low = (fastrand::u64(..) >> 2) | (1 << 63);
    Uuid::from_u64_pair(high, low)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_a_version_7_uuid_of_its_time() {
        let uuid = uuid_v7(Duration::from_nanos(1_700_000_000_123_999_999));
        assert_eq!(uuid.get_version_num(), 7);
        assert_eq!(uuid.get_variant(), uuid::Variant::RFC4122);
        assert_eq!(uuid.as_u128() >> 80, 1_700_000_000_123);
    }

    #[test]
    fn ids_sort_by_time_within_a_millisecond() {
        let ids = [0, 250, 500_000, 999_999, 1_000_000].map(Duration::from_nanos).map(uuid_v7);
        assert!(ids.is_sorted());
    }

    #[test]
    fn dates_are_right_when_the_second_turns_forth_and_back() {
        for (nanos, text) in [
            (0, "1970-01-01 0:00:00.0 +00:00:00"),
            (1_700_000_000_123_456_789, "2023-11-14 22:13:20.123456789 +00:00:00"),
            (1_700_000_000_000_000_001, "2023-11-14 22:13:20.000000001 +00:00:00"),
            (951_827_696_000_000_000, "2000-02-29 12:34:56.0 +00:00:00"),
        ] {
            assert_eq!(date_time(Duration::from_nanos(nanos)).to_string(), text);
        }
    }

    #[test]
    fn a_time_beyond_the_calendar_counts_as_1970() {
        assert_eq!(date_time(Duration::from_secs(u64::MAX)), OffsetDateTime::UNIX_EPOCH);
    }

    #[test]
    fn the_stamp_carries_an_offset_and_ids_differ() {
        let ((first, at), (second, later)) = (stamp(), stamp());
        assert!(at.offset().is_utc());
        assert!(at <= later);
        assert_ne!(first, second);
    }
}
