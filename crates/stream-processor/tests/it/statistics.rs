//! What metrics amount to, beside the plain computation.

use std::time::{Duration, Instant};

use proptest::prelude::*;
use stream_processor::{Metric, StreamMonitor};

#[expect(clippy::cast_precision_loss, reason = "few values")]
fn plain(values: &[f64]) -> (f64, f64) {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / count;
    (mean, variance.sqrt())
}

proptest! {
    #[test]
    fn statistics_are_those_of_the_plain_computation(
        values in prop::collection::vec(-1e6..1e6f64, 1..500),
    ) {
        let (now, mut metric) = (Instant::now(), Metric::default());
        for value in &values {
            prop_assert!(metric.record(now, *value));
        }
        let got = metric.statistics(now).unwrap();
        let (mean, std) = plain(&values);
        let scale = values.iter().fold(1.0, |most: f64, value| most.max(value.abs()));
        prop_assert!((got.mean - mean).abs() <= scale * 1e-9);
        prop_assert!((got.std - std).abs() <= scale * 1e-9);
        let mut sorted = values.clone();
        sorted.sort_by(f64::total_cmp);
        prop_assert_eq!((got.min, got.max), (sorted[0], sorted[sorted.len() - 1]));
        for percent in [0_u8, 1, 25, 50, 90, 99, 100] {
            let rank = (usize::from(percent) * sorted.len()).div_ceil(100).max(1) - 1;
            let (want, got) = (sorted[rank], metric.quantile(f64::from(percent) / 100.0));
            // The share is a float, so its rank may be the next one.
            let next = sorted[(rank + 1).min(sorted.len() - 1)];
            let near = |want: f64| (got - want).abs() <= want.abs() * 0.01 + 1e-9;
            prop_assert!(near(want) || near(next), "{} %: {} for {}", percent, got, want);
        }
    }
}

#[test]
fn what_is_no_number_is_left_out() {
    let monitor = StreamMonitor::new();
    assert!(!monitor.record_metric("m", f64::NAN));
    assert!(monitor.statistics("m").is_none());
    assert!(monitor.record_metric("m", 1.0));
    assert!(!monitor.record_metric("m", f64::INFINITY));
    assert_eq!(monitor.statistics("m").unwrap().count, 1);
    assert_eq!(monitor.names(), ["m"]);
}

#[test]
fn the_rate_is_that_of_the_last_ten_seconds() {
    let (begin, mut metric) = (Instant::now(), Metric::default());
    let rate = |metric: &Metric, at: u64| {
        metric.statistics(begin + Duration::from_secs(at)).unwrap().rate_per_second
    };
    for second in 0..20 {
        for _ in 0..=second {
            metric.record(begin + Duration::from_secs(second), 1.0);
        }
    }
    // In the seconds 10 to 19 came 11, 12 ... 20.
    assert!((rate(&metric, 20) - 15.5).abs() < 1e-9);
    assert!((rate(&metric, 40)).abs() < 1e-9);
}

#[test]
fn memory_does_not_grow_with_the_range_of_values() {
    let (now, mut metric) = (Instant::now(), Metric::default());
    let mut value = 1e-8;
    while value < 1e300 {
        assert!(metric.record(now, value));
        value *= 1.01;
    }
    // The least buckets were put together; the greatest are as exact as ever.
    assert!((metric.quantile(1.0) / 1e300 - 1.0).abs() < 0.02);
    assert!(metric.quantile(0.9) > 1e250);
}
