//! Which of very many subscriptions a topic matches: the matcher warm and cold, and what a
//! subscription weighs, beside a scan of all filters and a hash map that knows no wildcards.
//!
//! What the matcher finds is compared with the scan before anything is timed.
#![expect(
    clippy::cast_precision_loss,
    clippy::print_stdout,
    reason = "a benchmark prints, in round numbers"
)]

use std::alloc::System;
use std::collections::HashMap;
use std::hint::black_box;

use anyhow::{Context as _, ensure};
use bench::rounds::{Contestant, fastest};
use millstream::TopicFilter;
use millstream::core::Matcher;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static COUNTED: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const ROUNDS: usize = 9;
const SITES: usize = 20_000;
const KINDS: usize = 7;
/// Topics that are asked for in turn: few enough to stay warm.
const ASKED: usize = 64;
/// Rounds through the asked topics in one timed run.
const TIMES: usize = 200;

fn main() -> anyhow::Result<()> {
    println!(
        "{:>13} {:>8} {:>9} {:>9} {:>11} {:>12} {:>6}",
        "subscriptions", "warm ns", "cold ns", "scan ns", "exact ns", "bytes each", "hits"
    );
    for subscriptions in [1, 1_000, 100_000, 1_000_000] {
        compare(subscriptions)?;
    }
    Ok(())
}

/// One row of the table.
fn compare(subscriptions: usize) -> anyhow::Result<()> {
    let filters: Vec<TopicFilter> = (0..subscriptions).map(filter).collect::<Result<_, _>>()?;
    let region = Region::new(COUNTED);
    let mut matcher = Matcher::new();
    for (key, filter) in filters.iter().enumerate() {
        matcher.insert(filter, key);
    }
    let change = region.change();
    let held = change.bytes_allocated.saturating_sub(change.bytes_deallocated);
    let exact: HashMap<String, usize> =
        (0..subscriptions).map(|number| (topic(number), number)).collect();
    let step = (subscriptions / ASKED).max(1);
    let asked: Vec<String> = (0..ASKED).map(|n| topic((n * step) % subscriptions)).collect();
    let hits = check(&matcher, &filters, &asked)?;
    for topic in &asked {
        matcher.recall(topic);
    }

    let scanned = asked.get(..1).unwrap_or_default();
    let mut contestants = [
        Contestant::new("warm", || each(&asked, |topic| matcher.remembered(topic))),
        Contestant::new("cold", || each(&asked, |topic| matcher.matches(topic))),
        Contestant::new("exact", || each(&asked, |topic| exact.get(topic))),
    ];
    let times = fastest(ROUNDS, &mut contestants);
    let lookups = (TIMES * asked.len()) as f64;
    let mut per_lookup = times.into_iter().map(|time| time.as_secs_f64() * 1e9 / lookups);
    let mut next = || per_lookup.next().context("as many times as contestants");
    let (warm, cold, exact) = (next()?, next()?, next()?);
    let mut scan = [Contestant::new("scan", || {
        for topic in scanned {
            let found = filters.iter().filter(|filter| filter.matches_str(topic));
            black_box(found.count());
        }
    })];
    let scan = fastest(3, &mut scan).first().map_or(0.0, |time| time.as_secs_f64() * 1e9);
    println!(
        "{subscriptions:>13} {warm:>8.1} {cold:>9.0} {scan:>9.0} {exact:>11.1} {:>12.0} {hits:>6.1}",
        held as f64 / subscriptions as f64
    );
    Ok(())
}

/// Fails unless the matcher finds what a scan of all filters finds; says how many on average.
fn check(
    matcher: &Matcher<usize>,
    filters: &[TopicFilter],
    asked: &[String],
) -> anyhow::Result<f64> {
    let mut hits = 0;
    for topic in asked {
        let mut found = matcher.matches(topic);
        found.sort_unstable();
        let scan = filters.iter().enumerate().filter(|(_, filter)| filter.matches_str(topic));
        let scan: Vec<usize> = scan.map(|(key, _)| key).collect();
        ensure!(found == scan, "{topic}: the matcher found {found:?}, a scan {scan:?}");
        hits += found.len();
    }
    Ok(hits as f64 / asked.len() as f64)
}

/// The topic of device `number`: a site, a kind and the device.
fn topic(number: usize) -> String {
    format!("site{}.kind{}.device{number}", number % SITES, number % KINDS)
}

/// A filter with a wildcard in one of three places; each topic is selected by a few.
fn filter(number: usize) -> Result<TopicFilter, millstream::model::TopicFilterError> {
    let (site, kind) = (number % SITES, number % KINDS);
    let text = match number % 3 {
        0 => format!("site{site}.*.device{number}"),
        1 => format!("*.kind{kind}.device{number}"),
        _ => format!("site{site}.kind{kind}.>"),
    };
    TopicFilter::new(&text)
}

fn each<'a, T>(topics: &'a [String], mut look_up: impl FnMut(&'a str) -> T) {
    for _ in 0..TIMES {
        for topic in topics {
            drop(black_box(look_up(black_box(topic))));
        }
    }
}
