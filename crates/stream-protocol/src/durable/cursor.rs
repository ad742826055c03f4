//! Cursors: what keeps caches from answering a live reader with the same nothing for ever (10.1).

use std::time::Duration;

use time::OffsetDateTime;
use time::macros::datetime;

/// Where intervals are counted from.
const ORIGIN: OffsetDateTime = datetime!(2024-10-09 00:00:00 UTC);
/// Seconds of an interval: requests of one interval may be answered by one cached response.
const INTERVAL_S: i64 = 20;
/// The most that a reader is sent ahead of the present, in seconds.
const JITTER_MAX: Duration = Duration::from_hours(1);

/// The cursor to answer with at `now`: the present interval, or a later one than the reader's own
/// if it has seen this one already.
///
/// `chance` is any number; it decides how far ahead the reader is sent, so that readers of one
/// cached answer do not all come back with the same cursor.
pub fn next(now: OffsetDateTime, seen: Option<&str>, chance: u64) -> u64 {
    let present = (now - ORIGIN).whole_seconds() / INTERVAL_S;
    let present = u64::try_from(present).unwrap_or_default();
    // A cursor that is no number was not made here, and means nothing.
    match seen.and_then(|seen| seen.parse::<u64>().ok()) {
        Some(seen) if seen >= present => {
            let jitter_s = 1 + chance % JITTER_MAX.as_secs();
            let steps = jitter_s.div_ceil(INTERVAL_S.unsigned_abs());
            seen.saturating_add(steps)
        }
        _ => present,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_present_interval_is_the_cursor() {
        assert_eq!(next(ORIGIN, None, 0), 0);
        assert_eq!(next(ORIGIN + Duration::from_secs(59), None, 0), 2);
        assert_eq!(next(ORIGIN - Duration::from_secs(59), None, 0), 0);
        assert_eq!(next(ORIGIN + Duration::from_secs(59), Some("1"), 7), 2);
        assert_eq!(next(ORIGIN + Duration::from_secs(59), Some("x"), 7), 2);
    }

    proptest! {
        #[test]
        fn a_cursor_never_goes_back_nor_stays(seconds in 0_u64..1 << 40, seen: u32, chance: u64) {
            let now = ORIGIN + Duration::from_secs(seconds % 100_000_000);
            let next = next(now, Some(&seen.to_string()), chance);
            prop_assert!(next > u64::from(seen));
            prop_assert!(next <= u64::from(seen) + 180 || next == seconds % 100_000_000 / 20);
        }
    }
}
