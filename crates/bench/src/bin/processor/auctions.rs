//! Queries 1, 2, 5 and 7 of Nexmark over events that were made before: ours, and by hand.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use futures_util::stream;
use millstream::processor::{Lateness, Pipeline, Stage, StreamProcessor, Windowed};
use nexmark::EventGenerator;
use nexmark::config::NexmarkConfig;
use nexmark::event::{Bid, Event};
use tokio::runtime::Runtime;

use super::{Way, add, compare_over, sum};

/// Events that every query reads, 50 seconds of the auction house.
const EVENTS: usize = 500_000;

/// How late an event may be; a few are later.
const LATENESS_MS: i64 = 8;

/// Milliseconds of a window, and between two of query 5.
const WINDOW_MS: i64 = 10_000;
const STEP_MS: i64 = 2_000;

/// The same events each time, out of order in groups of 100.
fn generate() -> Vec<Event> {
    let config = NexmarkConfig {
        base_time: 1_700_000_000_000,
        out_of_order_group_size: 100,
        ..NexmarkConfig::default()
    };
    EventGenerator::new(config).take(EVENTS).collect()
}

/// Compares ours with hand-written code, query by query.
pub(crate) fn compare_queries(runtime: &Runtime) -> anyhow::Result<()> {
    let events = &generate();
    let run = |title, target, by_hand: fn(&[Event]) -> u64, ours: &dyn Fn() -> u64| {
        let ways: Vec<Way<'_>> =
            vec![("by hand", "", Box::new(|| by_hand(events))), ("ours", target, Box::new(ours))];
        compare_over(EVENTS, title, &ways)
    };
    run("Nexmark q1", "8", q1_by_hand, &|| ours(runtime, events, q1()))?;
    run("Nexmark q2", "8", q2_by_hand, &|| ours(runtime, events, q2()))?;
    run("Nexmark q5", "120", q5_by_hand, &|| ours(runtime, events, q5()))?;
    run("Nexmark q7", "20", q7_by_hand, &|| ours(runtime, events, q7()))
}

/// Runs a query in a pipeline with its driver, and adds its results up.
fn ours<'a, C>(runtime: &Runtime, events: &'a [Event], query: Pipeline<&'a Event, C>) -> u64
where
    C: Stage<&'a Event, Out = u64> + Unpin,
{
    let source = StreamProcessor::from_stream(stream::iter(events));
    sum(runtime, source.through(query).fold(0, add))
}

fn bid(event: &Event) -> Option<&Bid> {
    if let Event::Bid(bid) = event { Some(bid) } else { None }
}

fn at_ms(bid: &Bid) -> i64 {
    bid.date_time.cast_signed()
}

fn in_euros(bid: &Bid) -> u64 {
    (bid.auction + bid.bidder + bid.price * 908 / 1000) as u64
}

fn is_chosen(bid: &Bid) -> bool {
    bid.auction.is_multiple_of(123)
}

fn auction_and_price(bid: &Bid) -> u64 {
    (bid.auction * 31 + bid.price) as u64
}

/// What a window's result adds to the sum.
fn of_window(start_ms: i64, value: usize) -> u64 {
    start_ms.cast_unsigned().wrapping_mul(value as u64)
}

fn q1<'a>() -> Pipeline<&'a Event, impl Stage<&'a Event, Out = u64>> {
    Pipeline::empty().filter_map(bid).map(in_euros)
}

fn q1_by_hand(events: &[Event]) -> u64 {
    let mut sum = 0;
    for bid in events.iter().filter_map(bid) {
        add(&mut sum, in_euros(bid));
    }
    sum
}

fn q2<'a>() -> Pipeline<&'a Event, impl Stage<&'a Event, Out = u64>> {
    Pipeline::empty().filter_map(bid).filter(|bid: &&Bid| is_chosen(bid)).map(auction_and_price)
}

fn q2_by_hand(events: &[Event]) -> u64 {
    let mut sum = 0;
    for bid in events.iter().filter_map(bid).filter(|bid| is_chosen(bid)) {
        add(&mut sum, auction_and_price(bid));
    }
    sum
}

fn lateness() -> Lateness {
    Lateness::up_to(ms(LATENESS_MS))
}

fn ms(ms: i64) -> Duration {
    Duration::from_millis(ms.unsigned_abs())
}

/// The most bids on one auction in each window.
fn q5<'a>() -> Pipeline<&'a Event, impl Stage<&'a Event, Out = u64>> {
    Pipeline::empty()
        .filter_map(bid)
        .hopping_window(
            (ms(WINDOW_MS), ms(STEP_MS)),
            lateness(),
            |bid: &&Bid| (at_ms(bid), bid.auction),
            0_usize,
            |bids, _| *bids += 1,
        )
        .filter_map(|windowed| match windowed {
            Windowed::Closed { start_ms, value, .. } => Some((start_ms, value)),
            _ => None,
        })
        .tumbling_window(
            ms(STEP_MS),
            Lateness::default(),
            |(start_ms, _): &(i64, usize)| (*start_ms, *start_ms),
            0_usize,
            |most, (_, bids)| *most = *bids.max(most),
        )
        .filter_map(Windowed::closed)
        .map(|(start_ms, most)| of_window(start_ms, most))
}

fn q5_by_hand(events: &[Event]) -> u64 {
    let mut windows: BTreeMap<i64, HashMap<usize, usize>> = BTreeMap::new();
    let (mut sum, mut newest) = (0, i64::MIN);
    let mut close = |windows: &mut BTreeMap<i64, HashMap<usize, usize>>, before: i64| {
        while let Some(first) = windows.first_entry().filter(|w| w.key() + WINDOW_MS <= before) {
            let (start, counts) = first.remove_entry();
            add(&mut sum, of_window(start, counts.into_values().max().unwrap_or(0)));
        }
    };
    for bid in events.iter().filter_map(bid) {
        let (at, before) = (at_ms(bid), newest.saturating_sub(LATENESS_MS));
        let mut start = at - at % STEP_MS;
        while start + WINDOW_MS > at {
            if start + WINDOW_MS > before {
                *windows.entry(start).or_default().entry(bid.auction).or_default() += 1;
            }
            start -= STEP_MS;
        }
        if at > newest {
            newest = at;
            close(&mut windows, newest - LATENESS_MS);
        }
    }
    close(&mut windows, i64::MAX);
    sum
}

/// The highest price of each window.
fn q7<'a>() -> Pipeline<&'a Event, impl Stage<&'a Event, Out = u64>> {
    Pipeline::empty()
        .filter_map(bid)
        .tumbling_window(
            ms(WINDOW_MS),
            lateness(),
            |bid: &&Bid| (at_ms(bid), ()),
            0_usize,
            |highest, bid| *highest = bid.price.max(*highest),
        )
        .filter_map(|windowed| match windowed {
            Windowed::Closed { start_ms, value, .. } => Some(of_window(start_ms, value)),
            _ => None,
        })
}

fn q7_by_hand(events: &[Event]) -> u64 {
    let mut windows: BTreeMap<i64, usize> = BTreeMap::new();
    let (mut sum, mut newest) = (0, i64::MIN);
    for bid in events.iter().filter_map(bid) {
        let (at, before) = (at_ms(bid), newest.saturating_sub(LATENESS_MS));
        let start = at - at % WINDOW_MS;
        if start + WINDOW_MS > before {
            let highest = windows.entry(start).or_default();
            *highest = bid.price.max(*highest);
        }
        newest = newest.max(at);
        let before = newest - LATENESS_MS;
        while let Some(first) = windows.first_entry().filter(|w| w.key() + WINDOW_MS <= before) {
            let (start, highest) = first.remove_entry();
            add(&mut sum, of_window(start, highest));
        }
    }
    for (start, highest) in windows {
        add(&mut sum, of_window(start, highest));
    }
    sum
}
