//! Two kinds of items, put together by key and time.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;
use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::debug_by_name;
use super::window::{Lateness, Watermark, to_ms};
use crate::{Batches, Emit, Flow, Loader, Moment, SaveState, Saver, Stage, StateError};

/// An item of one of two kinds that are to be joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Side<L, R> {
    /// Of the first kind.
    Left(L),
    /// Of the second kind.
    Right(R),
}

/// What comes out of a join.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Joined<L, R> {
    /// Two items that belong together.
    Pair(L, R),
    /// An item that came too late to be joined with anything.
    Late(Side<L, R>),
}

impl<L, R> Joined<L, R> {
    /// The items, if they are two.
    pub fn pair(self) -> Option<(L, R)> {
        match self {
            Self::Pair(left, right) => Some((left, right)),
            Self::Late(_) => None,
        }
    }
}

/// Joins items of one key that happened within a time of each other.
///
/// `F` is `FnMut(&Side<L, R>) -> (i64, K)`: the time of an item in milliseconds and its key.
///
/// An item is kept as long as another may come that belongs to it.
#[derive(Clone)]
pub struct IntervalJoin<K, L, R, F> {
    /// How much earlier and later than the left one the right one may be.
    before_ms: i64,
    after_ms: i64,
    watermark: Watermark,
    place: F,
    /// What is kept of each key: both kinds by time, and as they came.
    kept: HashMap<K, Kept<L, R>>,
    /// When what is kept is no longer needed.
    expiries: BTreeMap<(i64, u64), Expiry<K>>,
    /// Where each item came from, as they came.
    positions: BTreeMap<u64, u64>,
    count: u64,
}

debug_by_name!(IntervalJoin<K, L, R, F>);

/// Items by their time, and as they came.
type ByTime<T> = BTreeMap<(i64, u64), T>;

#[derive(Debug, Clone)]
struct Kept<L, R> {
    left: ByTime<L>,
    right: ByTime<R>,
}

impl<L, R> Default for Kept<L, R> {
    fn default() -> Self {
        Self { left: BTreeMap::new(), right: BTreeMap::new() }
    }
}

/// Which item is no longer needed.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Expiry<K> {
    key: K,
    at_ms: i64,
    is_left: bool,
}

impl<K, L, R, F> IntervalJoin<K, L, R, F> {
    pub(crate) fn new((before, after): (Duration, Duration), lateness: Lateness, place: F) -> Self {
        let ms = |duration: Duration| if duration.is_zero() { 0 } else { to_ms(duration) };
        let (before_ms, after_ms, watermark) = (ms(before), ms(after), Watermark::new(lateness));
        let (kept, expiries, positions) = (HashMap::new(), BTreeMap::new(), BTreeMap::new());
        Self { before_ms, after_ms, watermark, place, kept, expiries, positions, count: 0 }
    }
}

impl<K: Hash + Eq + Clone, L, R, F> IntervalJoin<K, L, R, F> {
    /// Lets go of what nothing can belong to any more.
    fn expire(&mut self) {
        while let Some(entry) = self.expiries.first_entry() {
            if entry.key().0 >= self.watermark.before_ms {
                break;
            }
            let ((_, number), Expiry { key, at_ms, is_left }) = entry.remove_entry();
            self.positions.remove(&number);
            let Some(kept) = self.kept.get_mut(&key) else { continue };
            if is_left {
                kept.left.remove(&(at_ms, number));
            } else {
                kept.right.remove(&(at_ms, number));
            }
            if kept.left.is_empty() && kept.right.is_empty() {
                self.kept.remove(&key);
            }
        }
    }
}

impl<K, L, R, F> Stage<Side<L, R>> for IntervalJoin<K, L, R, F>
where
    K: Hash + Eq + Clone,
    L: Clone,
    R: Clone,
    F: FnMut(&Side<L, R>) -> (i64, K),
{
    type Out = Joined<L, R>;

    fn push<E>(&mut self, item: Side<L, R>, moment: &mut Moment, out: &mut E) -> Flow
    where
        E: Emit<Joined<L, R>> + ?Sized,
    {
        let (at_ms, key) = (self.place)(&item);
        if at_ms < self.watermark.before_ms {
            return out.emit(Joined::Late(item), moment);
        }
        let has_moved = self.watermark.see(at_ms, moment.now());
        self.count += 1;
        let (is_left, number) = (matches!(item, Side::Left(_)), self.count);
        // A right item may be so much earlier or later, and so a left one later or earlier.
        let (before_ms, after_ms) = (self.before_ms, self.after_ms);
        let (earlier, later) = if is_left { (before_ms, after_ms) } else { (after_ms, before_ms) };
        let (from, to) = (at_ms.saturating_sub(earlier), at_ms.saturating_add(later));
        let range = (from, 0)..=(to, u64::MAX);
        self.positions.insert(number, moment.origin().position());
        self.expiries.insert((to, number), Expiry { key: key.clone(), at_ms, is_left });
        let kept = self.kept.entry(key).or_default();
        let flow = match item {
            Side::Left(left) => {
                let partners = kept.right.range(range).map(|(_, right)| right.clone());
                let pairs = partners.map(|right| Joined::Pair(left.clone(), right));
                let flow = emit_all(pairs, moment, out);
                kept.left.insert((at_ms, number), left);
                flow
            }
            Side::Right(right) => {
                let partners = kept.left.range(range).map(|(_, left)| left.clone());
                let pairs = partners.map(|left| Joined::Pair(left, right.clone()));
                let flow = emit_all(pairs, moment, out);
                kept.right.insert((at_ms, number), right);
                flow
            }
        };
        if has_moved {
            self.expire();
        }
        flow
    }

    fn advance<E: Emit<Self::Out> + ?Sized>(&mut self, moment: &mut Moment, _out: &mut E) -> Flow {
        if self.watermark.take_idle(moment.now()) {
            // Nothing more is expected that belongs to what is there.
            let last_ms = self.expiries.last_key_value().map(|((at_ms, _), _)| *at_ms);
            self.watermark.close(last_ms.map_or(i64::MIN, |last_ms| last_ms.saturating_add(1)));
            self.expire();
        } else if self.watermark.follow(moment) {
            self.expire();
        }
        Flow::Continue(())
    }

    fn deadline(&self) -> Option<Instant> {
        if self.expiries.is_empty() { None } else { self.watermark.idle_at() }
    }

    fn held(&self) -> Option<u64> {
        self.positions.first_key_value().map(|(_, position)| *position)
    }

    fn batches(&self) -> Batches {
        Batches::Taken
    }
}

/// Emits pairs, whose origin is more than one item.
fn emit_all<T, E: Emit<T> + ?Sized>(
    mut pairs: impl Iterator<Item = T>,
    moment: &mut Moment,
    out: &mut E,
) -> Flow {
    moment.joined(|moment| pairs.try_for_each(|pair| out.emit(pair, moment)))
}

impl<K, L, R, F> SaveState for IntervalJoin<K, L, R, F>
where
    K: Serialize + DeserializeOwned + Hash + Eq + Clone,
    L: Serialize + DeserializeOwned,
    R: Serialize + DeserializeOwned,
{
    fn save(&self, to: &mut Saver) -> Result<(), StateError> {
        self.watermark.save(to)?;
        to.put(&self.count)?;
        to.put_all(self.positions.iter())?;
        to.put_all(self.expiries.iter())?;
        to.put_all(self.kept.iter().map(|(key, kept)| {
            let (left, right): (Vec<_>, Vec<_>) =
                (kept.left.iter().collect(), kept.right.iter().collect());
            (key, left, right)
        }))
    }

    fn restore(&mut self, from: &mut Loader<'_>) -> Result<(), StateError> {
        type Parts<K, L, R> = (K, Vec<((i64, u64), L)>, Vec<((i64, u64), R)>);
        self.watermark.restore(from)?;
        self.count = from.take()?;
        self.positions = from.take_all()?;
        self.expiries = from.take_all()?;
        let kept: Vec<Parts<K, L, R>> = from.take_all()?;
        let whole = |(key, left, right): Parts<K, L, R>| {
            let kept =
                Kept { left: left.into_iter().collect(), right: right.into_iter().collect() };
            (key, kept)
        };
        self.kept = kept.into_iter().map(whole).collect();
        Ok(())
    }
}
