//! The queries of Nexmark beside plain computations.

#[path = "../../examples/nexmark/events.rs"]
mod events;
#[path = "../../examples/nexmark/queries.rs"]
mod queries;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::OnceLock;

use nexmark::event::{Auction, Bid, Event, Person};

use queries::{LAST_AUCTIONS, LATENESS, STATES, STEP, Sold, WINDOW, bid, euros, is_chosen, ms};

const EVENTS: usize = 40_000;

fn events() -> Vec<Event> {
    static ALL: OnceLock<Vec<Event>> = OnceLock::new();
    ALL.get_or_init(|| events::generate(EVENTS)).clone()
}

fn millis(duration: std::time::Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap()
}

/// Each item with the watermark before it.
fn watched<T>(items: Vec<T>, time: impl Fn(&T) -> u64) -> Vec<(i64, T)> {
    let mut newest = i64::MIN;
    let with_watermark = |item: T| {
        let before = newest.saturating_sub(millis(LATENESS));
        newest = newest.max(ms(time(&item)));
        (before, item)
    };
    items.into_iter().map(with_watermark).collect()
}

/// The items that are not older than the watermark, as a join takes them.
fn on_time<T>(items: Vec<T>, time: impl Fn(&T) -> u64) -> Vec<T> {
    let watched = watched(items, &time).into_iter();
    watched.filter(|(before, item)| ms(time(item)) >= *before).map(|(_, item)| item).collect()
}

/// The items of each window that begins at a multiple of `step`, but for those that came after it.
fn windows<T: Clone>(
    items: Vec<T>,
    time: impl Fn(&T) -> u64,
    (length, step): (i64, i64),
) -> BTreeMap<i64, Vec<T>> {
    let mut windows: BTreeMap<i64, Vec<T>> = BTreeMap::new();
    for (before, item) in watched(items, &time) {
        let at = ms(time(&item));
        let mut start = at - at.rem_euclid(step);
        while start + length > at {
            if start + length > before {
                windows.entry(start).or_default().push(item.clone());
            }
            start -= step;
        }
    }
    windows
}

fn bids() -> Vec<Bid> {
    events().into_iter().filter_map(bid).collect()
}

fn sorted<T: Ord>(mut items: Vec<T>) -> Vec<T> {
    items.sort_unstable();
    items
}

#[test]
fn some_events_are_late() {
    let all = events();
    let in_time = on_time(all.clone(), Event::timestamp).len();
    assert!((1000..all.len() / 2).contains(&(all.len() - in_time)), "{in_time} of {}", all.len());
}

#[test]
fn queries_0_1_and_2_are_those_of_a_plain_iterator() {
    assert_eq!(queries::q0().over(events()), events());
    let in_euros: Vec<_> = bids().iter().map(|b| (b.auction, b.bidder, euros(b.price))).collect();
    assert_eq!(queries::q1().over(events()), in_euros);
    let of_some = bids().into_iter().filter(|bid| is_chosen(bid.auction));
    let of_some: Vec<_> = of_some.map(|bid| (bid.auction, bid.price)).collect();
    assert!(!of_some.is_empty());
    assert_eq!(queries::q2().over(events()), of_some);
}

#[test]
fn query_3_joins_people_and_their_auctions() {
    let wanted = |event: &Event| match event {
        Event::Person(person) => STATES.contains(&person.state.as_str()),
        Event::Auction(auction) => auction.category == 10,
        Event::Bid(_) => false,
    };
    let wanted = on_time(events().into_iter().filter(wanted).collect(), Event::timestamp);
    let people: HashMap<usize, &Person> = wanted
        .iter()
        .filter_map(|event| match event {
            Event::Person(person) => Some((person.id, person)),
            _ => None,
        })
        .collect();
    let mut want = Vec::new();
    for event in &wanted {
        if let Event::Auction(auction) = event
            && let Some(person) = people.get(&auction.seller)
        {
            let (name, city, state) = (&person.name, &person.city, &person.state);
            want.push((name.clone(), city.clone(), state.clone(), auction.id));
        }
    }
    assert!(want.len() > 20, "{}", want.len());
    assert_eq!(sorted(queries::q3().over(events())), sorted(want));
}

/// Auctions by their end, and those of one end as their first bids were known, with their prices.
fn sold() -> Vec<Sold> {
    let not_people = |event: &Event| !matches!(event, Event::Person(_));
    let events = on_time(events().into_iter().filter(not_people).collect(), Event::timestamp);
    let auctions: HashMap<usize, (usize, &Auction)> = events
        .iter()
        .enumerate()
        .filter_map(|(number, event)| match event {
            Event::Auction(auction) => Some((auction.id, (number, auction))),
            _ => None,
        })
        .collect();
    let mut sold: BTreeMap<usize, (usize, Sold)> = BTreeMap::new();
    for (number, event) in events.iter().enumerate() {
        let Event::Bid(bid) = event else { continue };
        let Some((came, auction)) = auctions.get(&bid.auction) else { continue };
        if !(auction.date_time..=auction.expires).contains(&bid.date_time) {
            continue;
        }
        let (category, seller, known) = (auction.category, auction.seller, number.max(*came));
        let first = Sold { auction: auction.id, category, seller, price: 0 };
        let (first_known, sold) = sold.entry(auction.id).or_insert((known, first));
        sold.price = sold.price.max(bid.price);
        *first_known = known.min(*first_known);
    }
    let mut sold: Vec<(usize, Sold)> = sold.into_values().collect();
    sold.sort_by_key(|(known, sold)| (auctions[&sold.auction].1.expires, *known));
    sold.into_iter().map(|(_, sold)| sold).collect()
}

#[test]
fn queries_4_and_6_follow_from_what_was_sold() {
    let all = sold();
    assert!(all.len() > 200, "{}", all.len());
    assert_eq!(queries::sold().over(events()), all);
    let (mut averages, mut last) = (Vec::new(), Vec::new());
    for end in 1..=all.len() {
        let (so_far, newest) = (&all[..end], &all[end - 1]);
        let of_category: Vec<usize> = so_far
            .iter()
            .filter(|sold| sold.category == newest.category)
            .map(|sold| sold.price)
            .collect();
        averages.push((newest.category, of_category.iter().sum::<usize>() / of_category.len()));
        let of_seller = so_far.iter().rev().filter(|sold| sold.seller == newest.seller);
        let of_seller: Vec<usize> = of_seller.take(LAST_AUCTIONS).map(|sold| sold.price).collect();
        last.push((newest.seller, of_seller.iter().sum::<usize>() / of_seller.len()));
    }
    assert_eq!(queries::q4().over(events()), averages);
    assert_eq!(queries::q6().over(events()), last);
}

#[test]
fn query_5_finds_the_auctions_with_most_bids() {
    let mut want = Vec::new();
    for (start, bids) in windows(bids(), |bid| bid.date_time, (millis(WINDOW), millis(STEP))) {
        let mut counts: HashMap<usize, usize> = HashMap::new();
        for bid in &bids {
            *counts.entry(bid.auction).or_default() += 1;
        }
        let most = counts.values().copied().max().unwrap();
        let auctions: BTreeSet<usize> =
            counts.into_iter().filter(|(_, count)| *count == most).map(|(id, _)| id).collect();
        want.push((start, most, auctions));
    }
    let got = queries::q5().over(events()).into_iter();
    let got: Vec<_> = got.map(|(at, bids, ids)| (at, bids, BTreeSet::from_iter(ids))).collect();
    assert!(want.len() > 20, "{}", want.len());
    assert_eq!(got, want);
}

#[test]
fn query_7_finds_the_highest_bid() {
    let length = millis(WINDOW);
    let windows = windows(bids(), |bid| bid.date_time, (length, length)).into_iter();
    let highest =
        |(start, bids): (i64, Vec<Bid>)| (start, bids.iter().map(|bid| bid.price).max().unwrap());
    assert_eq!(queries::q7().over(events()), windows.map(highest).collect::<Vec<_>>());
}

#[test]
fn query_8_finds_new_people_who_sell() {
    let length = millis(WINDOW);
    let not_bids = |event: &Event| !matches!(event, Event::Bid(_));
    let events_of = events().into_iter().filter(not_bids).collect();
    let mut want = Vec::new();
    for events in windows(events_of, Event::timestamp, (length, length)).into_values() {
        for event in &events {
            let Event::Person(person) = event else { continue };
            let is_theirs = |event: &&Event| match event {
                Event::Auction(auction) => auction.seller == person.id,
                _ => false,
            };
            let auctions = events.iter().filter(is_theirs).count();
            want.extend(vec![(person.id, person.name.clone()); auctions]);
        }
    }
    let people: HashSet<usize> = want.iter().map(|(id, _)| *id).collect();
    assert!(people.len() > 20, "{}", people.len());
    assert_eq!(sorted(queries::q8().over(events())), sorted(want));
}
