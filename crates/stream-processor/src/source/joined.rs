//! Two sources as one.

use std::fmt;
use std::task::{Context, Poll};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Arrival, Connect, Source, SourceError, Sourced};
use crate::{Loader, SaveState, Saver, StartError, StateError};

/// What both sources have, as it comes; when both have something, they take turns.
pub fn merge<A, B>(a: A, b: B) -> Pair<A, B, Merge<A::Source, B::Source>>
where
    A: Connect,
    B: Connect<Item = A::Item>,
{
    Pair { a, b, join: |a, b| Merge { a, b, next: 0, a_is_next: true } }
}

/// The first items of both sources, then the second, and so on; it ends with the shorter one.
pub fn zip<A: Connect, B: Connect>(a: A, b: B) -> Pair<A, B, Zip<A::Source, B::Source>> {
    Pair { a, b, join: |a, b| Zip { a, b, first: None, second: None, next: 0 } }
}

/// Whenever either source has an item, the newest of both.
pub fn combine_latest<A, B>(a: A, b: B) -> Pair<A, B, CombineLatest<A::Source, B::Source>>
where
    A: Connect<Item: Clone>,
    B: Connect<Item: Clone>,
{
    Pair { a, b, join: |a, b| CombineLatest { a, b, first: None, second: None, next: 0 } }
}

/// Two sources that are not connected yet, and how they will be joined.
pub struct Pair<A: Connect, B: Connect, J> {
    a: A,
    b: B,
    join: fn(A::Source, B::Source) -> J,
}

impl<A: Connect, B: Connect, J> fmt::Debug for Pair<A, B, J> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pair").finish_non_exhaustive()
    }
}

impl<A: Connect, B: Connect, J: Source> Connect for Pair<A, B, J> {
    type Item = J::Item;
    type Source = J;

    async fn connect(self) -> Result<J, StartError> {
        let Self { a, b, join } = self;
        let a = a.connect().await?;
        Ok(join(a, b.connect().await?))
    }
}

/// What [`merge`] makes.
#[derive(Debug)]
pub struct Merge<A, B> {
    a: A,
    b: B,
    next: u64,
    a_is_next: bool,
}

/// What [`zip`] makes.
#[derive(Debug)]
pub struct Zip<A: Source, B: Source> {
    a: A,
    b: B,
    first: Option<A::Item>,
    second: Option<B::Item>,
    next: u64,
}

/// What [`combine_latest`] makes.
#[derive(Debug)]
pub struct CombineLatest<A: Source, B: Source> {
    a: A,
    b: B,
    first: Option<A::Item>,
    second: Option<B::Item>,
    next: u64,
}

/// Gives an item the next number.
fn number<T>(next: &mut u64, item: T) -> Sourced<T> {
    let position = *next;
    *next += 1;
    Sourced { position, item }
}

impl<A: Source, B: Source<Item = A::Item>> Source for Merge<A, B> {
    type Item = A::Item;

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Arrival<A::Item>>> {
        let mut ended = 0;
        for a_has_the_turn in [self.a_is_next, !self.a_is_next] {
            let polled = if a_has_the_turn { self.a.poll_next(cx) } else { self.b.poll_next(cx) };
            match polled {
                Poll::Ready(Some(arrival)) => {
                    self.a_is_next = !a_has_the_turn;
                    let next = &mut self.next;
                    return Poll::Ready(Some(arrival.map(|sourced| number(next, sourced.item))));
                }
                Poll::Ready(None) => ended += 1,
                Poll::Pending => {}
            }
        }
        if ended == 2 { Poll::Ready(None) } else { Poll::Pending }
    }

    fn close(&mut self) {
        self.a.close();
        self.b.close();
    }
}

/// What polling one side for its next item came to.
enum Side {
    Filled,
    Waits,
    Ended,
    Broken(SourceError),
}

/// Fills `slot` from `source`, unless something is in it.
fn fill<S: Source>(source: &mut S, slot: &mut Option<S::Item>, cx: &mut Context<'_>) -> Side {
    if slot.is_some() {
        return Side::Filled;
    }
    match source.poll_next(cx) {
        Poll::Ready(Some(Ok(sourced))) => {
            *slot = Some(sourced.item);
            Side::Filled
        }
        Poll::Ready(Some(Err(error))) => Side::Broken(error),
        Poll::Ready(None) => Side::Ended,
        Poll::Pending => Side::Waits,
    }
}

impl<A, B> Source for Zip<A, B>
where
    A: Source<Item: Send>,
    B: Source<Item: Send>,
{
    type Item = (A::Item, B::Item);

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Arrival<Self::Item>>> {
        let first = fill(&mut self.a, &mut self.first, cx);
        let second = fill(&mut self.b, &mut self.second, cx);
        for side in [first, second] {
            match side {
                Side::Filled => {}
                Side::Waits => return Poll::Pending,
                Side::Ended => return Poll::Ready(None),
                Side::Broken(error) => return Poll::Ready(Some(Err(error))),
            }
        }
        let pair = self.first.take().zip(self.second.take());
        Poll::Ready(pair.map(|pair| Ok(number(&mut self.next, pair))))
    }

    fn close(&mut self) {
        self.a.close();
        self.b.close();
    }
}

impl<A, B> Source for CombineLatest<A, B>
where
    A: Source<Item: Clone + Send>,
    B: Source<Item: Clone + Send>,
{
    type Item = (A::Item, B::Item);

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Arrival<Self::Item>>> {
        loop {
            let (mut first, mut second) = (None, None);
            let sides = match fill(&mut self.a, &mut first, cx) {
                Side::Filled => (Side::Filled, Side::Waits),
                side => (side, fill(&mut self.b, &mut second, cx)),
            };
            let news = first.is_some() || second.is_some();
            self.first = first.or(self.first.take());
            self.second = second.or(self.second.take());
            match sides {
                _ if news => {}
                (Side::Broken(error), _) | (_, Side::Broken(error)) => {
                    return Poll::Ready(Some(Err(error)));
                }
                (Side::Ended, Side::Ended) => return Poll::Ready(None),
                _ => return Poll::Pending,
            }
            if let Some(pair) = self.first.clone().zip(self.second.clone()) {
                return Poll::Ready(Some(Ok(number(&mut self.next, pair))));
            }
        }
    }

    fn close(&mut self) {
        self.a.close();
        self.b.close();
    }
}

impl<A: SaveState, B: SaveState> SaveState for Merge<A, B> {
    fn is_settled(&self) -> bool {
        self.a.is_settled() && self.b.is_settled()
    }

    fn save(&self, to: &mut Saver) -> Result<(), StateError> {
        to.put(&(self.next, self.a_is_next))?;
        self.a.save(to)?;
        self.b.save(to)
    }

    fn restore(&mut self, from: &mut Loader<'_>) -> Result<(), StateError> {
        (self.next, self.a_is_next) = from.take()?;
        self.a.restore(from)?;
        self.b.restore(from)
    }
}

/// Saves and restores what [`Zip`] and [`CombineLatest`] keep alike.
macro_rules! keeps_both {
    ($name:ident) => {
        impl<A, B> SaveState for $name<A, B>
        where
            A: Source<Item: Serialize + DeserializeOwned> + SaveState,
            B: Source<Item: Serialize + DeserializeOwned> + SaveState,
        {
            fn is_settled(&self) -> bool {
                self.a.is_settled() && self.b.is_settled()
            }

            fn save(&self, to: &mut Saver) -> Result<(), StateError> {
                to.put(&(self.next, &self.first, &self.second))?;
                self.a.save(to)?;
                self.b.save(to)
            }

            fn restore(&mut self, from: &mut Loader<'_>) -> Result<(), StateError> {
                (self.next, self.first, self.second) = from.take()?;
                self.a.restore(from)?;
                self.b.restore(from)
            }
        }
    };
}
keeps_both!(Zip);
keeps_both!(CombineLatest);
