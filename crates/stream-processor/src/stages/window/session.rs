//! Windows that last as long as items come.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;
use std::time::{Duration, Instant};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::watermark::Watermark;
use super::{Lateness, Windowed, to_ms};
use crate::stages::debug_by_name;
use crate::{Batches, Emit, Flow, Loader, Moment, SaveState, Saver, Stage, StateError};

/// Adds the items of each key up until none has come for a gap.
///
/// `F` is `FnMut(&T) -> (i64, K)`, `G` is `FnMut(&mut A, &T)`, and `M` is `FnMut(A, A) -> A`, for
/// an item that shows two sessions to be one.
#[derive(Clone)]
pub struct SessionWindow<K, A, F, G, M> {
    gap_ms: i64,
    watermark: Watermark,
    place: F,
    initial: A,
    add: G,
    merge: M,
    /// The sessions of each key, by their start.
    sessions: HashMap<K, BTreeMap<i64, Session<A>>>,
    /// When each ends, and in which order those of one end were begun.
    ends: BTreeMap<(i64, u64), (K, i64)>,
    begun: u64,
}

debug_by_name!(SessionWindow<K, A, F, G, M>);

/// Items of one key, none of which is further than the gap from the next.
#[derive(Clone)]
struct Session<A> {
    end_ms: i64,
    number: u64,
    /// Where its first item came from.
    first: u64,
    value: A,
}

impl<K, A, F, G, M> SessionWindow<K, A, F, G, M> {
    pub(crate) fn new(
        gap: Duration,
        lateness: Lateness,
        place: F,
        initial: A,
        (add, merge): (G, M),
    ) -> Self {
        let (gap_ms, watermark) = (to_ms(gap), Watermark::new(lateness));
        let (sessions, ends) = (HashMap::new(), BTreeMap::new());
        Self { gap_ms, watermark, place, initial, add, merge, sessions, ends, begun: 0 }
    }
}

impl<K, A, F, G, M> SessionWindow<K, A, F, G, M>
where
    K: Hash + Eq + Clone,
    A: Clone,
    M: FnMut(A, A) -> A,
{
    /// Takes the sessions of `key` out that an item at `at_ms` belongs to, as one.
    fn take_touching(&mut self, key: &K, at_ms: i64) -> Option<(i64, Session<A>)> {
        let of_key = self.sessions.get_mut(key)?;
        let touching = of_key.range(..at_ms.saturating_add(self.gap_ms));
        let starts: Vec<i64> =
            touching.filter(|(_, session)| session.end_ms > at_ms).map(|(at, _)| *at).collect();
        let mut joined: Option<(i64, Session<A>)> = None;
        for start_ms in starts {
            let Some(session) = of_key.remove(&start_ms) else { continue };
            self.ends.remove(&(session.end_ms, session.number));
            joined = Some(match joined {
                None => (start_ms, session),
                Some((start_ms, earlier)) => {
                    let value = (self.merge)(earlier.value, session.value);
                    let first = earlier.first.min(session.first);
                    let end_ms = earlier.end_ms.max(session.end_ms);
                    (start_ms, Session { end_ms, first, value, ..session })
                }
            });
        }
        joined
    }

    fn put(&mut self, key: K, start_ms: i64, session: Session<A>) {
        self.ends.insert((session.end_ms, session.number), (key.clone(), start_ms));
        self.sessions.entry(key).or_default().insert(start_ms, session);
    }

    /// Closes the sessions that end by `end_ms`.
    fn close<T, E>(&mut self, end_ms: i64, moment: &mut Moment, out: &mut E) -> Flow
    where
        E: Emit<Windowed<K, A, T>> + ?Sized,
    {
        while let Some(entry) = self.ends.first_entry().filter(|entry| entry.key().0 <= end_ms) {
            let (key, start_ms) = entry.remove();
            let Some(of_key) = self.sessions.get_mut(&key) else { continue };
            let Some(Session { end_ms, value, .. }) = of_key.remove(&start_ms) else { continue };
            if of_key.is_empty() {
                self.sessions.remove(&key);
            }
            self.watermark.close(end_ms);
            let closed = Windowed::Closed { key, start_ms, end_ms, value };
            moment.joined(|moment| out.emit(closed, moment))?;
        }
        Flow::Continue(())
    }
}

impl<T, K, A, F, G, M> Stage<T> for SessionWindow<K, A, F, G, M>
where
    K: Hash + Eq + Clone,
    A: Clone,
    F: FnMut(&T) -> (i64, K),
    G: FnMut(&mut A, &T),
    M: FnMut(A, A) -> A,
{
    type Out = Windowed<K, A, T>;

    fn push<E>(&mut self, item: T, moment: &mut Moment, out: &mut E) -> Flow
    where
        E: Emit<Self::Out> + ?Sized,
    {
        let (at_ms, key) = (self.place)(&item);
        let end_ms = at_ms.saturating_add(self.gap_ms);
        let touching = self.take_touching(&key, at_ms);
        if touching.is_none() && end_ms <= self.watermark.before_ms {
            // The session that it would have begun or gone on with is over.
            return out.emit(Windowed::Late { item, missed: 1 }, moment);
        }
        let (start_ms, mut session) = touching.unwrap_or_else(|| {
            self.begun += 1;
            let (number, first) = (self.begun, moment.origin().position());
            (at_ms, Session { end_ms, number, first, value: self.initial.clone() })
        });
        (self.add)(&mut session.value, &item);
        session.end_ms = session.end_ms.max(end_ms);
        self.put(key, start_ms.min(at_ms), session);
        if self.watermark.see(at_ms, moment.now()) {
            return self.close(self.watermark.before_ms, moment, out);
        }
        Flow::Continue(())
    }

    fn advance<E: Emit<Self::Out> + ?Sized>(&mut self, moment: &mut Moment, out: &mut E) -> Flow {
        if self.watermark.take_idle(moment.now()) {
            return self.close(i64::MAX, moment, out);
        }
        if self.watermark.follow(moment) {
            return self.close(self.watermark.before_ms, moment, out);
        }
        Flow::Continue(())
    }

    fn finish<E: Emit<Self::Out> + ?Sized>(&mut self, moment: &mut Moment, out: &mut E) -> bool {
        self.close(i64::MAX, moment, out).is_break() || self.ends.is_empty()
    }

    fn deadline(&self) -> Option<Instant> {
        self.ends.first_key_value().and_then(|_| self.watermark.idle_at())
    }

    fn held(&self) -> Option<u64> {
        let sessions = self.sessions.values().flat_map(BTreeMap::values);
        sessions.map(|session| session.first).min()
    }

    fn batches(&self) -> Batches {
        Batches::Taken
    }
}

impl<K, A, F, G, M> SaveState for SessionWindow<K, A, F, G, M>
where
    K: Serialize + DeserializeOwned + Hash + Eq + Clone,
    A: Serialize + DeserializeOwned,
{
    fn save(&self, to: &mut Saver) -> Result<(), StateError> {
        self.watermark.save(to)?;
        to.put(&(self.begun, self.ends.len()))?;
        for ((end_ms, number), (key, start_ms)) in &self.ends {
            let session = self.sessions.get(key).and_then(|of_key| of_key.get(start_ms));
            let kept = session.map(|session| (session.first, &session.value));
            to.put(&(end_ms, number, key, start_ms, kept))?;
        }
        Ok(())
    }

    fn restore(&mut self, from: &mut Loader<'_>) -> Result<(), StateError> {
        self.watermark.restore(from)?;
        self.sessions.clear();
        self.ends.clear();
        let (begun, count): (u64, usize) = from.take()?;
        self.begun = begun;
        for _ in 0..count {
            let (end_ms, number, key, start_ms, kept): (i64, u64, K, i64, Option<(u64, A)>) =
                from.take()?;
            let Some((first, value)) = kept else { continue };
            self.ends.insert((end_ms, number), (key.clone(), start_ms));
            let session = Session { end_ms, number, first, value };
            self.sessions.entry(key).or_default().insert(start_ms, session);
        }
        Ok(())
    }
}
