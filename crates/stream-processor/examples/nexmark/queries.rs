//! The queries of Nexmark, an auction house: <https://datalab.cs.pdx.edu/niagara/NEXMark/>.
//!
//! Windows are a tenth as long as there, so that fewer events fill them.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::Duration;

use nexmark::event::{Auction, Bid, Event, Person};
use stream_processor::{Joined, Keyed, Lateness, Pipeline, Side, Stage, Windowed};

/// How late an event may be; the generator makes some that are later.
pub(crate) const LATENESS: Duration = Duration::from_millis(8);

/// Length of the windows of queries 5, 7 and 8.
pub(crate) const WINDOW: Duration = Duration::from_secs(1);

/// Every so often a window of query 5 begins.
pub(crate) const STEP: Duration = Duration::from_millis(200);

/// Longer than any auction, and than anything that is to be joined lies apart.
pub(crate) const LONG: Duration = Duration::from_hours(1);

/// How long after its end an auction's bids may still be on their way between two stages.
pub(crate) const SETTLING: Duration = Duration::from_millis(100);

/// Auctions of a seller that query 6 looks back on.
pub(crate) const LAST_AUCTIONS: usize = 10;

/// States whose people query 3 is about.
pub(crate) const STATES: [&str; 3] = ["or", "id", "ca"];

/// Milliseconds as stages take them.
pub(crate) fn ms(at: u64) -> i64 {
    at.cast_signed()
}

/// Whether query 2 wants a bid on this auction.
pub(crate) fn is_chosen(auction: usize) -> bool {
    auction.is_multiple_of(123)
}

/// Dollars as euros.
pub(crate) fn euros(price: usize) -> usize {
    price * 908 / 1000
}

/// Lets the bids through.
pub(crate) fn bid(event: Event) -> Option<Bid> {
    if let Event::Bid(bid) = event { Some(bid) } else { None }
}

/// Query 0: everything as it came.
pub(crate) fn q0() -> Pipeline<Event, impl Stage<Event, Out = Event>> {
    Pipeline::empty().map(|event| event)
}

/// Query 1: auction, bidder and price in euros.
pub(crate) fn q1() -> Pipeline<Event, impl Stage<Event, Out = (usize, usize, usize)>> {
    Pipeline::empty().filter_map(bid).map(|bid: Bid| (bid.auction, bid.bidder, euros(bid.price)))
}

/// Query 2: bids on some auctions.
pub(crate) fn q2() -> Pipeline<Event, impl Stage<Event, Out = (usize, usize)>> {
    Pipeline::empty()
        .filter_map(bid)
        .filter(|bid: &Bid| is_chosen(bid.auction))
        .map(|bid: Bid| (bid.auction, bid.price))
}

/// Query 3: who sells in category 10 in three states: name, city, state, auction.
pub(crate) fn q3() -> Pipeline<Event, impl Stage<Event, Out = (String, String, String, usize)>> {
    let side = |event| match event {
        Event::Person(person) if STATES.contains(&person.state.as_str()) => {
            Some(Side::Left(person))
        }
        Event::Auction(auction) if auction.category == 10 => Some(Side::Right(auction)),
        _ => None,
    };
    let place = |side: &Side<Person, Auction>| match side {
        Side::Left(person) => (ms(person.date_time), person.id),
        Side::Right(auction) => (ms(auction.date_time), auction.seller),
    };
    Pipeline::empty()
        .filter_map(side)
        .interval_join((LONG, LONG), Lateness::up_to(LATENESS), place)
        .filter_map(Joined::pair)
        .map(|(person, auction): (Person, Auction)| {
            (person.name, person.city, person.state, auction.id)
        })
}

/// The highest bid of an auction that has ended, and what is known of the auction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sold {
    pub(crate) auction: usize,
    pub(crate) category: usize,
    pub(crate) seller: usize,
    pub(crate) price: usize,
}

/// Auctions as they end, each with its highest bid; those without are left out.
pub(crate) fn sold() -> Pipeline<Event, impl Stage<Event, Out = Sold>> {
    let side = |event| match event {
        Event::Auction(auction) => Some(Side::Left(auction)),
        Event::Bid(bid) => Some(Side::Right(bid)),
        Event::Person(_) => None,
    };
    let place = |side: &Side<Auction, Bid>| match side {
        Side::Left(auction) => (ms(auction.date_time), auction.id),
        Side::Right(bid) => (ms(bid.date_time), bid.auction),
    };
    Pipeline::empty()
        .filter_map(side)
        .interval_join((Duration::ZERO, LONG), Lateness::up_to(LATENESS), place)
        .filter_map(Joined::pair)
        .filter(|(auction, bid): &(Auction, Bid)| bid.date_time <= auction.expires)
        .keyed(
            Lateness::up_to(SETTLING),
            |(auction, bid): &(Auction, Bid)| (ms(bid.date_time), auction.id),
            |(auction, bid), of_auction: &mut Keyed<'_, usize, Sold>| {
                of_auction.set_timer(ms(auction.expires));
                let (category, seller) = (auction.category, auction.seller);
                let first = Sold { auction: auction.id, category, seller, price: 0 };
                let sold = of_auction.state.get_or_insert(first);
                sold.price = sold.price.max(bid.price);
                None
            },
            |of_auction| of_auction.state.take(),
        )
}

/// Query 4: after each auction, the average price of its category so far.
pub(crate) fn q4() -> Pipeline<Event, impl Stage<Event, Out = (usize, usize)>> {
    sold().scan(BTreeMap::new(), |categories: &mut BTreeMap<usize, (usize, usize)>, sold: Sold| {
        let (sum, count) = categories.entry(sold.category).or_default();
        (*sum, *count) = (*sum + sold.price, *count + 1);
        (sold.category, *sum / *count)
    })
}

/// Query 5: the auctions with most bids in each window: start, bids, auctions.
pub(crate) fn q5() -> Pipeline<Event, impl Stage<Event, Out = (i64, usize, Vec<usize>)>> {
    Pipeline::empty()
        .filter_map(bid)
        .hopping_window(
            (WINDOW, STEP),
            Lateness::up_to(LATENESS),
            |bid: &Bid| (ms(bid.date_time), bid.auction),
            0_usize,
            |bids, _| *bids += 1,
        )
        .filter_map(|windowed| match windowed {
            Windowed::Closed { key, start_ms, value, .. } => Some((start_ms, value, key)),
            _ => None,
        })
        // The results of one window come together, and their times are its start.
        .tumbling_window(
            STEP,
            Lateness::default(),
            |(start_ms, ..): &(i64, usize, usize)| (*start_ms, *start_ms),
            (0, Vec::new()),
            |(most, auctions): &mut (usize, Vec<usize>), (_, bids, auction)| {
                if bids > most {
                    (*most, *auctions) = (*bids, Vec::new());
                }
                if bids == most {
                    auctions.push(*auction);
                }
            },
        )
        .filter_map(Windowed::closed)
        .map(|(start_ms, (bids, auctions)): (i64, (usize, Vec<usize>))| (start_ms, bids, auctions))
}

/// Query 6: after each auction, the average price of its seller's last ten.
pub(crate) fn q6() -> Pipeline<Event, impl Stage<Event, Out = (usize, usize)>> {
    sold().scan(HashMap::new(), |sellers: &mut HashMap<usize, VecDeque<usize>>, sold: Sold| {
        let last = sellers.entry(sold.seller).or_default();
        last.push_back(sold.price);
        if last.len() > LAST_AUCTIONS {
            last.pop_front();
        }
        (sold.seller, last.iter().sum::<usize>() / last.len())
    })
}

/// Query 7: the highest price of each window: start, price.
pub(crate) fn q7() -> Pipeline<Event, impl Stage<Event, Out = (i64, usize)>> {
    Pipeline::empty()
        .filter_map(bid)
        .tumbling_window(
            WINDOW,
            Lateness::up_to(LATENESS),
            |bid: &Bid| (ms(bid.date_time), ()),
            0_usize,
            |highest, bid| *highest = bid.price.max(*highest),
        )
        .filter_map(|windowed| match windowed {
            Windowed::Closed { start_ms, value, .. } => Some((start_ms, value)),
            _ => None,
        })
}

/// Query 8: who has opened an auction in the window in which they came: id, name.
pub(crate) fn q8() -> Pipeline<Event, impl Stage<Event, Out = (usize, String)>> {
    let side = |event| match event {
        Event::Person(person) => Some(Side::Left(person)),
        Event::Auction(auction) => Some(Side::Right(auction)),
        Event::Bid(_) => None,
    };
    let place = |side: &Side<Person, Auction>| match side {
        Side::Left(person) => (ms(person.date_time), person.id),
        Side::Right(auction) => (ms(auction.date_time), auction.seller),
    };
    Pipeline::empty()
        .filter_map(side)
        .window_join(WINDOW, Lateness::up_to(LATENESS), place)
        .flat_map(Windowed::pairs)
        .map(|(person, _): (Person, Auction)| (person.id, person.name))
}
