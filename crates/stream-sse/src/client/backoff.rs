//! The arithmetic of a delay that doubles, is bounded and is spread by jitter.

use std::time::Duration;

/// The delay after `doublings` of `base`, at most `bound`, and up to half of that on top by jitter.
///
/// `jitter` lies between 0 and 1, and only adds: the standard wants clients to wait for the
/// server's time at least, and lets them wait for longer.
pub(super) fn delay(base: Duration, bound: Duration, doublings: u32, jitter: f64) -> Duration {
    let factor = 1u32.checked_shl(doublings).unwrap_or(u32::MAX);
    let delay = base.saturating_mul(factor).min(bound);
    let spread = if jitter.is_nan() { 0.0 } else { jitter.clamp(0.0, 1.0) };
    let extra = Duration::try_from_secs_f64(delay.as_secs_f64() * 0.5 * spread);
    delay.saturating_add(extra.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const MINUTE: Duration = Duration::from_mins(1);

    #[track_caller]
    fn check(doublings: u32, jitter: f64, want_ms: u64) {
        let got = delay(SECOND, MINUTE, doublings, jitter);
        assert_eq!(got, Duration::from_millis(want_ms));
    }

    #[test]
    fn doubles_up_to_the_bound() {
        check(0, 0.0, 1_000);
        check(1, 0.0, 2_000);
        check(5, 0.0, 32_000);
        check(6, 0.0, 60_000);
        check(31, 0.0, 60_000);
        check(32, 0.0, 60_000);
        check(u32::MAX, 0.0, 60_000);
    }

    #[test]
    fn jitter_adds_up_to_a_half() {
        check(0, 0.5, 1_250);
        check(0, 1.0, 1_500);
        check(9, 1.0, 90_000);
    }

    #[test]
    fn nonsense_jitter_is_put_right() {
        check(0, f64::NAN, 1_000);
        check(0, -3.0, 1_000);
        check(0, 7.0, 1_500);
        check(0, f64::INFINITY, 1_500);
    }

    #[test]
    fn extreme_durations_do_not_overflow() {
        assert_eq!(delay(Duration::MAX, Duration::MAX, 40, 1.0), Duration::MAX);
        assert_eq!(delay(Duration::ZERO, MINUTE, 40, 1.0), Duration::ZERO);
    }
}
