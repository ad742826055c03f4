//! Finds the message that holds a record, by asking for few others.
//!
//! Messages of a log lie among those of others, so their numbers say nothing but the order.
//! What is asked for is where the record would lie if records were spread evenly, and then, so that
//! no log is slow to search, the middle of what is left.

use std::collections::VecDeque;

use stream_model::Offset;

/// A search for one record.
#[derive(Debug)]
pub(crate) struct Search {
    target: Offset,
    /// The message lies at or after this number, which holds records from `low_first` on.
    low: u64,
    low_first: Offset,
    /// The message lies at or before this number, which holds records before `high_next`.
    high: u64,
    high_next: Offset,
    /// Every other question is for the middle.
    guess: bool,
}

/// What an answer says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    /// The message that was found holds the record.
    Here,
    /// Ask on.
    Elsewhere,
    /// No message holds it: the next record that there is.
    Nowhere(Offset),
}

impl Search {
    /// A search between the messages `low`, whose first record is `low_first`, and `high`, whose
    /// last record is the one before `high_next`.
    pub(crate) fn new(
        target: Offset,
        (low, low_first): (u64, Offset),
        (high, high_next): (u64, Offset),
    ) -> Self {
        Self { target, low, low_first, high, high_next, guess: true }
    }

    /// The number to ask for: the first message that has it or a larger one.
    pub(crate) fn question(&self) -> u64 {
        let width = self.high.saturating_sub(self.low);
        let step = if self.guess { self.guessed(width) } else { width / 2 };
        self.low.saturating_add(step)
    }

    fn guessed(&self, width: u64) -> u64 {
        let records = u128::from(self.high_next.since(self.low_first).max(1));
        let before = u128::from(self.target.since(self.low_first));
        let step = u128::from(width) * before / records;
        u64::try_from(step).map_or(width, |step| step.min(width))
    }

    /// Takes the answer to a question: the message `at`, with the records from `first` up to, not
    /// including, `next`; `asked` is the number that was asked for.
    pub(crate) fn answer(&mut self, asked: u64, at: u64, first: Offset, next: Offset) -> Found {
        self.guess = !self.guess;
        if first <= self.target && self.target < next {
            return Found::Here;
        }
        if self.target >= next {
            (self.low, self.low_first) = (at.saturating_add(1), next);
        } else if asked <= self.low {
            // Nothing lies between what is known to be before and this.
            return Found::Nowhere(first);
        } else {
            (self.high, self.high_next) = (asked - 1, first);
        }
        if self.low > self.high { Found::Nowhere(self.high_next) } else { Found::Elsewhere }
    }
}

/// How many questions a search may take: twice the bits of a number.
pub(crate) const QUESTIONS_MAX: usize = 128;

/// Where reads left off, so that the next one needs no search.
#[derive(Debug, Default)]
pub(crate) struct Bookmarks(VecDeque<(Offset, u64)>);

impl Bookmarks {
    /// The record at `offset` is the first of the message `at` or of one after it.
    pub(crate) fn put(&mut self, offset: Offset, at: u64, most: usize) {
        self.0.retain(|(known, _)| *known != offset);
        self.0.push_back((offset, at));
        if self.0.len() > most {
            self.0.pop_front();
        }
    }

    pub(crate) fn get(&self, offset: Offset) -> Option<u64> {
        self.0.iter().find(|(known, _)| *known == offset).map(|(_, at)| *at)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use stream_log::codec::widen;

    /// Searches messages, given as their numbers and how many records each holds.
    fn search(messages: &[(u64, u64)], target: u64) -> (Option<u64>, usize) {
        let mut next = 0;
        let ends: Vec<_> = messages
            .iter()
            .map(|(at, records)| {
                let first = next;
                next += records;
                (*at, Offset::new(first), Offset::new(next))
            })
            .collect();
        let (low, high) = (ends[0].0, ends[ends.len() - 1].0);
        let mut search =
            Search::new(Offset::new(target), (low, Offset::ZERO), (high, Offset::new(next)));
        for questions in 1..=QUESTIONS_MAX {
            let asked = search.question();
            let (at, first, next) = ends[ends.partition_point(|(at, ..)| *at < asked)];
            match search.answer(asked, at, first, next) {
                Found::Here => return (Some(at), questions),
                Found::Elsewhere => {}
                Found::Nowhere(_) => return (None, questions),
            }
        }
        (None, QUESTIONS_MAX + 1)
    }

    proptest! {
        #[test]
        fn every_record_is_found(
            gaps in proptest::collection::vec((1_u64..5000, 0_u64..4), 1..200),
        ) {
            let mut at = 0;
            let messages: Vec<_> = gaps.iter().map(|(gap, records)| { at += gap; (at, *records) }).collect();
            let holders = messages.iter().flat_map(|(at, records)| (0..*records).map(move |_| *at));
            for (target, holder) in holders.enumerate() {
                let (found, questions) = search(&messages, widen(target));
                prop_assert_eq!(found, Some(holder));
                prop_assert!(questions <= 48, "{} questions", questions);
            }
        }
    }

    #[test]
    fn evenly_spread_records_are_found_at_once() {
        let messages: Vec<_> = (0..100_000).map(|n| (n * 7, 10)).collect();
        let (found, questions) = search(&messages, 654_321);
        assert_eq!((found, questions <= 3), (Some(65_432 * 7), true), "{questions} questions");
    }

    #[test]
    fn a_hole_is_told() {
        // The cluster lost the message that held the records 10 to 19.
        let ends = [(1_u64, 0_u64, 10_u64), (9, 20, 30)];
        let mut search = Search::new(Offset::new(15), (1, Offset::ZERO), (9, Offset::new(30)));
        for _ in 0..QUESTIONS_MAX {
            let asked = search.question();
            let (at, first, next) = ends[usize::from(asked > 1)];
            match search.answer(asked, at, Offset::new(first), Offset::new(next)) {
                Found::Elsewhere => {}
                found => return assert_eq!(found, Found::Nowhere(Offset::new(20))),
            }
        }
        panic!("the search goes on for ever");
    }

    #[test]
    fn few_bookmarks_are_kept() {
        let mut bookmarks = Bookmarks::default();
        for n in 0..5 {
            bookmarks.put(Offset::new(n), n, 3);
        }
        assert_eq!((bookmarks.get(Offset::new(1)), bookmarks.get(Offset::new(4))), (None, Some(4)));
        assert_eq!(bookmarks.0.len(), 3);
    }
}
