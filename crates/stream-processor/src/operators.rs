//! The stages that a pipeline can be given.

use std::hash::Hash;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use stream_async::BatchOptions;
use stream_model::{BoxError, FilterOutput};

use crate::processor::{Pipeline, StreamProcessor};
use crate::stage::Chain;
use crate::stages::{
    Batch, BoxStage, ByKey, Conflate, CountWindow, Debounce, Distinct, DistinctUntilChanged,
    Fallible, Filter, FilterMap, FlatMap, Fold, HoppingWindow, IntervalJoin, Keyed, KeyedState,
    Lane, Lateness, Map, MapAsync, MapAsyncOptions, NoLanes, Order, Plain, Sample, Scan,
    SessionWindow, Settle, Skip, SkipWhile, Split, Take, TakeUntil, TakeWhile, Tap, Throttle,
    TryMap,
};
use crate::{LookedUp, Lookup, Side, Stage, StageId};

/// A processor with one stage more.
type With<In, S, C, B> = StreamProcessor<In, S, Chain<C, B>>;

/// The stage that leaves out repeated items.
type Changed<T> = DistinctUntilChanged<T, fn(&T) -> T>;

/// The stage that keeps the newest item only.
type Latest<T> = Conflate<T, fn(T, T) -> T>;

/// The stage that collects items whatever they weigh.
type Batches<T> = Batch<T, fn(&T) -> usize>;

/// The stage whose futures are ordered by key.
type KeyedFutures<T, F, Fut, G> = MapAsync<T, F, Fut, Plain, ByKey<G>>;

/// As [`KeyedFutures`], and they may fail.
type TryKeyed<T, F, Fut, G> = MapAsync<T, F, Fut, Fallible, ByKey<G>>;

/// The stage whose futures are not.
type Ready<T, F, Fut, R> = MapAsync<T, F, Fut, R>;

/// The stage that collects two kinds of items by key and window.
type WindowJoin<K, L, R, F> = HoppingWindow<K, (Vec<L>, Vec<R>), F, Collect<L, R>>;

/// Adds an item to those of its kind.
type Collect<L, R> = fn(&mut (Vec<L>, Vec<R>), &Side<L, R>);

/// Begins to look an item up.
type LookupCall<T, V> = Box<dyn FnMut(T) -> LookedUp<T, V> + Send>;

/// The stage that puts items together with what a table has.
type WithLookup<T, V> = MapAsync<T, LookupCall<T, V>, LookedUp<T, V>, Fallible>;

/// # One item at a time
impl<In, S, C: Stage<In>> StreamProcessor<In, S, C> {
    /// Turns each item into another.
    pub fn map<U, F: FnMut(C::Out) -> U>(self, turn: F) -> With<In, S, C, Map<F>> {
        self.chained("map", Map(turn))
    }

    /// Turns each item into another, or fails; then [`on_error`](Self::on_error) says what happens.
    ///
    /// The item is lent, so that it can be tried again.
    pub fn try_map<U, X, F>(self, turn: F) -> With<In, S, C, TryMap<C::Out, F>>
    where
        F: FnMut(&C::Out) -> Result<U, X>,
        X: Into<BoxError>,
    {
        self.chained("try_map", TryMap::new(turn))
    }

    /// Lets through the items for which `keep` returns `true`, or `Ok(true)`.
    pub fn filter<O, F>(self, keep: F) -> With<In, S, C, Filter<F>>
    where
        O: FilterOutput,
        F: FnMut(&C::Out) -> O,
    {
        self.chained("filter", Filter { keep, id: StageId::default() })
    }

    /// Turns each item into another, or none.
    pub fn filter_map<U, F>(self, turn: F) -> With<In, S, C, FilterMap<F>>
    where
        F: FnMut(C::Out) -> Option<U>,
    {
        self.chained("filter_map", FilterMap(turn))
    }

    /// Turns each item into any number of others.
    #[doc(alias = "expand")]
    #[doc(alias = "unbatch")]
    pub fn flat_map<I, F>(self, turn: F) -> With<In, S, C, FlatMap<F>>
    where
        I: IntoIterator,
        F: FnMut(C::Out) -> I,
    {
        self.chained("flat_map", FlatMap(turn))
    }

    /// Shows each item to `look`.
    #[doc(alias = "inspect")]
    pub fn tap<F: FnMut(&C::Out)>(self, look: F) -> With<In, S, C, Tap<F>> {
        self.chained("tap", Tap(look))
    }
}

/// # Some of the items
impl<In, S, C: Stage<In>> StreamProcessor<In, S, C> {
    /// Lets the first `count` items through, and then ends the pipeline.
    pub fn take(self, count: u64) -> With<In, S, C, Take> {
        self.chained("take", Take { left: count })
    }

    /// Lets items through while `holds` is true of them, and then ends the pipeline.
    pub fn take_while<F>(self, holds: F) -> With<In, S, C, TakeWhile<F>>
    where
        F: FnMut(&C::Out) -> bool,
    {
        self.chained("take_while", TakeWhile { holds, over: false })
    }

    /// Lets items through up to the first of which `is_last` is true, and ends the pipeline after
    /// it.
    pub fn take_until<F>(self, is_last: F) -> With<In, S, C, TakeUntil<F>>
    where
        F: FnMut(&C::Out) -> bool,
    {
        self.chained("take_until", TakeUntil { is_last, over: false })
    }

    /// Leaves out the first `count` items.
    pub fn skip(self, count: u64) -> With<In, S, C, Skip> {
        self.chained("skip", Skip { left: count })
    }

    /// Leaves out items while `holds` is true of them, and lets all others through.
    pub fn skip_while<F>(self, holds: F) -> With<In, S, C, SkipWhile<F>>
    where
        F: FnMut(&C::Out) -> bool,
    {
        self.chained("skip_while", SkipWhile { holds, over: false })
    }

    /// Leaves out items whose key is among the `remembered` keys that were seen last.
    ///
    /// In a pipeline that is [resumed](Self::resume), a key is written down together with the
    /// position of its item and what came of it: an item that fails is not taken for one that was
    /// seen.
    #[doc(alias = "dedupe")]
    pub fn distinct_by<K, F>(
        self,
        remembered: NonZeroUsize,
        key: F,
    ) -> With<In, S, C, Distinct<K, F>>
    where
        K: Hash + Eq + Clone,
        F: FnMut(&C::Out) -> K,
    {
        self.chained("distinct_by", Distinct::new(remembered, key))
    }

    /// Leaves out items that are like the one before.
    pub fn distinct_until_changed(self) -> With<In, S, C, Changed<C::Out>>
    where
        C::Out: Clone + PartialEq,
    {
        let stage =
            DistinctUntilChanged { key: C::Out::clone as fn(&C::Out) -> C::Out, last: None };
        self.chained("distinct_until_changed", stage)
    }

    /// Leaves out items whose key is that of the one before.
    pub fn distinct_until_changed_by<K, F>(
        self,
        key: F,
    ) -> With<In, S, C, DistinctUntilChanged<K, F>>
    where
        K: PartialEq,
        F: FnMut(&C::Out) -> K,
    {
        self.chained("distinct_until_changed", DistinctUntilChanged { key, last: None })
    }
}

/// # Many items together
impl<In, S, C: Stage<In>> StreamProcessor<In, S, C> {
    /// Keeps a state, and turns each item into something by it.
    pub fn scan<U, A, F>(self, state: A, step: F) -> With<In, S, C, Scan<A, F>>
    where
        F: FnMut(&mut A, C::Out) -> U,
    {
        self.chained("scan", Scan { state, step })
    }

    /// Adds all items up, and emits the result when the pipeline ends.
    #[doc(alias = "reduce")]
    pub fn fold<A, F>(self, state: A, step: F) -> With<In, S, C, Fold<A, F>>
    where
        F: FnMut(&mut A, C::Out),
    {
        self.chained("fold", Fold { state: Some(state), step, first: None })
    }

    /// Collects items into batches by count and time.
    pub fn batch(self, options: BatchOptions) -> With<In, S, C, Batches<C::Out>> {
        self.chained("batch", Batch::new(options, (|_| 0) as fn(&C::Out) -> usize))
    }

    /// Collects items into batches by count, time, and the sum of their weights.
    pub fn batch_by<W>(self, options: BatchOptions, weigh: W) -> With<In, S, C, Batch<C::Out, W>>
    where
        W: FnMut(&C::Out) -> usize + Clone,
    {
        self.chained("batch", Batch::new(options, weigh))
    }
}

/// # Many items by their time
///
/// `place` says when an item happened, in milliseconds since 1970, and its key.
impl<In, S, C: Stage<In>> StreamProcessor<In, S, C> {
    /// Adds the items of each key up in windows of `length`, one after the other.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use stream_processor::{Lateness, Pipeline, Windowed};
    ///
    /// let second = Duration::from_secs(1);
    /// let counts = Pipeline::empty().tumbling_window(
    ///     second,
    ///     Lateness::up_to(second / 2),
    ///     |item: &(i64, char)| *item,
    ///     0,
    ///     |count, _| *count += 1,
    /// );
    /// let out = counts.over([(100, 'a'), (1200, 'b'), (900, 'a'), (1600, 'b'), (950, 'a')]);
    /// let closed = |key, start_ms, value| {
    ///     Windowed::Closed { key, start_ms, end_ms: start_ms + 1000, value }
    /// };
    /// let late = Windowed::Late { item: (950, 'a'), missed: 1 };
    /// assert_eq!(out, [closed('a', 0, 2), late, closed('b', 1000, 2)]);
    /// ```
    pub fn tumbling_window<K, A, F, G>(
        self,
        length: Duration,
        lateness: Lateness,
        place: F,
        initial: A,
        add: G,
    ) -> With<In, S, C, HoppingWindow<K, A, F, G>>
    where
        K: Hash + Eq + Clone,
        A: Clone,
        F: FnMut(&C::Out) -> (i64, K),
        G: FnMut(&mut A, &C::Out),
    {
        let stage = HoppingWindow::new((length, length), lateness, place, initial, add);
        self.chained("tumbling_window", stage)
    }

    /// As [`tumbling_window`](Self::tumbling_window), with a window beginning every `step`, so that
    /// an item may belong to several; a step longer than the windows counts as their length.
    pub fn hopping_window<K, A, F, G>(
        self,
        (length, step): (Duration, Duration),
        lateness: Lateness,
        place: F,
        initial: A,
        add: G,
    ) -> With<In, S, C, HoppingWindow<K, A, F, G>>
    where
        K: Hash + Eq + Clone,
        A: Clone,
        F: FnMut(&C::Out) -> (i64, K),
        G: FnMut(&mut A, &C::Out),
    {
        let stage = HoppingWindow::new((length, step), lateness, place, initial, add);
        self.chained("hopping_window", stage)
    }

    /// Adds the items of each key up until none has happened for `gap`.
    ///
    /// `merge` joins what two sessions amount to that an item between them shows to be one.
    pub fn session_window<K, A, F, G, M>(
        self,
        gap: Duration,
        lateness: Lateness,
        place: F,
        initial: A,
        (add, merge): (G, M),
    ) -> With<In, S, C, SessionWindow<K, A, F, G, M>>
    where
        K: Hash + Eq + Clone,
        A: Clone,
        F: FnMut(&C::Out) -> (i64, K),
        G: FnMut(&mut A, &C::Out),
        M: FnMut(A, A) -> A,
    {
        let stage = SessionWindow::new(gap, lateness, place, initial, (add, merge));
        self.chained("session_window", stage)
    }
}

/// # Many items by their key
impl<In, S, C: Stage<In>> StreamProcessor<In, S, C> {
    /// Adds `size` items of each key up at a time; what is not full goes on at the end.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::num::NonZeroUsize;
    /// use stream_processor::Pipeline;
    ///
    /// let two = NonZeroUsize::new(2).expect("2 is not 0");
    /// let sums = Pipeline::empty().count_window(two, |n| n % 3, 0, |sum, n: &u32| *sum += n);
    /// assert_eq!(sums.over([1, 2, 4, 7, 5]), [(1, 5), (2, 7), (1, 7)]);
    /// ```
    pub fn count_window<K, A, F, G>(
        self,
        size: NonZeroUsize,
        key: F,
        initial: A,
        add: G,
    ) -> With<In, S, C, CountWindow<K, A, F, G>>
    where
        K: Hash + Eq,
        A: Clone,
        F: FnMut(&C::Out) -> K,
        G: FnMut(&mut A, &C::Out),
    {
        self.chained("count_window", CountWindow::new(size, key, initial, add))
    }

    /// Keeps a state for each key, with timers over the time of the items.
    ///
    /// `place` says when an item happened, in milliseconds since 1970, and its key; `on_item` and
    /// `on_timer` return what goes on.
    /// A timer comes when no item is expected any more that is older, as `lateness` says, and at
    /// the end of the pipeline.
    ///
    /// # Examples
    ///
    /// ```
    /// use stream_processor::{Keyed, Lateness, Pipeline};
    ///
    /// // Orders that are not paid within 10 ms.
    /// let unpaid = Pipeline::empty().keyed(
    ///     Lateness::default(),
    ///     |(at_ms, order, _): &(i64, u32, &str)| (*at_ms, *order),
    ///     |(at_ms, _, what), order: &mut Keyed<'_, u32, ()>| {
    ///         if what == "paid" {
    ///             *order.state = None;
    ///         } else {
    ///             *order.state = Some(());
    ///             order.set_timer(at_ms + 10);
    ///         }
    ///         None
    ///     },
    ///     |order| order.state.take().map(|()| *order.key),
    /// );
    /// let events = [(0, 1, "made"), (2, 2, "made"), (5, 1, "paid"), (20, 3, "made")];
    /// assert_eq!(unpaid.over(events), [2, 3]);
    /// ```
    pub fn keyed<K, A, F, G, H, I>(
        self,
        lateness: Lateness,
        place: F,
        on_item: G,
        on_timer: H,
    ) -> With<In, S, C, KeyedState<K, A, F, G, H>>
    where
        K: Hash + Eq + Clone,
        F: FnMut(&C::Out) -> (i64, K),
        G: FnMut(C::Out, &mut Keyed<'_, K, A>) -> I,
        H: FnMut(&mut Keyed<'_, K, A>) -> I,
        I: IntoIterator,
    {
        self.chained("keyed", KeyedState::new(lateness, place, on_item, on_timer))
    }
}

/// # Two kinds of items
impl<In, S, L, R, C: Stage<In, Out = Side<L, R>>> StreamProcessor<In, S, C> {
    /// Joins items of one key, where the right one happened at most `before` earlier and `after`
    /// later than the left one.
    ///
    /// `place` says when an item happened, in milliseconds since 1970, and its key.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use stream_processor::{Joined, Lateness, Pipeline, Side};
    ///
    /// let place = |item: &Side<i64, i64>| match item {
    ///     Side::Left(at_ms) | Side::Right(at_ms) => (*at_ms, ()),
    /// };
    /// let within = (Duration::ZERO, Duration::from_millis(10));
    /// let answers = Pipeline::empty().interval_join(within, Lateness::default(), place);
    /// let pairs = answers.filter_map(Joined::pair);
    /// let items = [Side::Left(0), Side::Right(3), Side::Left(5), Side::Right(12), Side::Right(40)];
    /// assert_eq!(pairs.over(items), [(0, 3), (5, 12)]);
    /// ```
    pub fn interval_join<K, F>(
        self,
        within: (Duration, Duration),
        lateness: Lateness,
        place: F,
    ) -> With<In, S, C, IntervalJoin<K, L, R, F>>
    where
        K: Hash + Eq + Clone,
        L: Clone,
        R: Clone,
        F: FnMut(&Side<L, R>) -> (i64, K),
    {
        self.chained("interval_join", IntervalJoin::new(within, lateness, place))
    }

    /// Collects the items of each key in windows of `length`, each kind for itself;
    /// [`Windowed::pairs`](crate::Windowed::pairs) has every two of them.
    pub fn window_join<K, F>(
        self,
        length: Duration,
        lateness: Lateness,
        place: F,
    ) -> With<In, S, C, WindowJoin<K, L, R, F>>
    where
        K: Hash + Eq + Clone,
        L: Clone,
        R: Clone,
        F: FnMut(&Side<L, R>) -> (i64, K),
    {
        let add: Collect<L, R> = |(left, right), item| match item {
            Side::Left(item) => left.push(item.clone()),
            Side::Right(item) => right.push(item.clone()),
        };
        let both = (Vec::new(), Vec::new());
        let stage = HoppingWindow::new((length, length), lateness, place, both, add);
        self.chained("window_join", stage)
    }
}

/// # Tables that lie elsewhere
impl<In, S, C: Stage<In>> StreamProcessor<In, S, C> {
    /// Puts each item together with what `table` has for its key; `limit` are fetched at a time,
    /// and the order stays.
    ///
    /// What cannot be fetched is an item that cannot be treated.
    pub fn lookup<K, V, F>(
        self,
        limit: NonZeroUsize,
        table: Arc<Lookup<K, V>>,
        mut key: F,
    ) -> With<In, S, C, WithLookup<C::Out, V>>
    where
        C::Out: Clone + Send + 'static,
        K: Hash + Eq + Clone + Send + Sync + 'static,
        V: Clone + Send + Sync + 'static,
        F: FnMut(&C::Out) -> K + Send + 'static,
    {
        let call: LookupCall<C::Out, V> =
            Box::new(move |item| LookedUp::new(&table, key(&item), item));
        let options = MapAsyncOptions { order: Order::Input, limit, timeout: None };
        self.chained("lookup", MapAsync::new(call, NoLanes, options).with_copies())
    }
}

/// # When items go on
impl<In, S, C: Stage<In>> StreamProcessor<In, S, C> {
    /// Lets `burst` items through at once and one more every `interval`; others wait, in order,
    /// and with them the source.
    pub fn throttle(self, interval: Duration, burst: u32) -> With<In, S, C, Throttle<C::Out>> {
        self.chained("throttle", Throttle::new(interval, burst))
    }

    /// Lets an item through once none has followed for `quiet`; others are left out.
    ///
    /// The last one goes on when the pipeline ends.
    pub fn debounce(self, quiet: Duration) -> With<In, S, C, Debounce<C::Out>> {
        self.chained("debounce", Debounce::new(quiet))
    }

    /// Lets the newest item through at the end of each `interval`; others are left out.
    ///
    /// The last one goes on when the pipeline ends.
    pub fn sample(self, interval: Duration) -> With<In, S, C, Sample<C::Out>> {
        self.chained("sample", Sample::new(interval))
    }

    /// Merges the items that come while the pipeline is busy into one.
    pub fn conflate<F>(self, merge: F) -> With<In, S, C, Conflate<C::Out, F>>
    where
        F: FnMut(C::Out, C::Out) -> C::Out,
    {
        self.chained("conflate", Conflate::new(merge))
    }

    /// Keeps, of the items that come while the pipeline is busy, the newest.
    pub fn latest(self) -> With<In, S, C, Latest<C::Out>> {
        self.chained("latest", Conflate::new((|_, new| new) as fn(C::Out, C::Out) -> C::Out))
    }
}

/// # Several futures at a time
///
/// A future that is ready at once costs no task; any other goes on in one of its own, whatever
/// the pipeline is waiting for.
/// While as many as may are under way, the source waits.
impl<In, S, C: Stage<In>> StreamProcessor<In, S, C> {
    /// Turns each item into another by a future, of which `limit` are under way; results keep the
    /// order of the items.
    pub fn map_async<F, Fut>(
        self,
        limit: NonZeroUsize,
        call: F,
    ) -> With<In, S, C, Ready<C::Out, F, Fut, Plain>>
    where
        F: FnMut(C::Out) -> Fut,
        Fut: Future<Output: Send + 'static>,
    {
        let options = MapAsyncOptions { order: Order::Input, limit, timeout: None };
        self.chained("map_async", MapAsync::new(call, NoLanes, options))
    }

    /// As [`map_async`](Self::map_async), with results as they are ready.
    pub fn map_async_unordered<F, Fut>(
        self,
        limit: NonZeroUsize,
        call: F,
    ) -> With<In, S, C, Ready<C::Out, F, Fut, Plain>>
    where
        F: FnMut(C::Out) -> Fut,
        Fut: Future<Output: Send + 'static>,
    {
        let options = MapAsyncOptions { order: Order::Completion, limit, timeout: None };
        self.chained("map_async_unordered", MapAsync::new(call, NoLanes, options))
    }

    /// As [`map_async_unordered`](Self::map_async_unordered), but the items of one key are treated
    /// one after the other, in order.
    pub fn map_async_by_key<K, G, F, Fut>(
        self,
        limit: NonZeroUsize,
        key: G,
        call: F,
    ) -> With<In, S, C, KeyedFutures<C::Out, F, Fut, G>>
    where
        K: Eq,
        G: FnMut(&C::Out) -> K,
        F: FnMut(C::Out) -> Fut,
        Fut: Future<Output: Send + 'static>,
    {
        let options = MapAsyncOptions { order: Order::Completion, limit, timeout: None };
        self.chained("map_async_by_key", MapAsync::new(call, ByKey(key), options))
    }

    /// As [`map_async`](Self::map_async), for futures that may fail; then
    /// [`on_error`](Self::on_error) says what happens.
    ///
    /// An item that is tried again keeps its place among the results.
    pub fn try_map_async<U, X, F, Fut>(
        self,
        limit: NonZeroUsize,
        call: F,
    ) -> With<In, S, C, Ready<C::Out, F, Fut, Fallible>>
    where
        C::Out: Clone,
        U: Send + 'static,
        X: Into<BoxError>,
        F: FnMut(C::Out) -> Fut,
        Fut: Future<Output = Result<U, X>>,
    {
        let options = MapAsyncOptions { order: Order::Input, limit, timeout: None };
        self.chained("try_map_async", MapAsync::new(call, NoLanes, options).with_copies())
    }

    /// As [`try_map_async`](Self::try_map_async), but the items of one key are treated one after
    /// the other, and results come as they are ready.
    ///
    /// An item that is tried again holds up its own key, and no other.
    pub fn try_map_async_by_key<K, G, U, X, F, Fut>(
        self,
        limit: NonZeroUsize,
        key: G,
        call: F,
    ) -> With<In, S, C, TryKeyed<C::Out, F, Fut, G>>
    where
        C::Out: Clone,
        K: Eq,
        G: FnMut(&C::Out) -> K,
        U: Send + 'static,
        X: Into<BoxError>,
        F: FnMut(C::Out) -> Fut,
        Fut: Future<Output = Result<U, X>>,
    {
        let options = MapAsyncOptions { order: Order::Completion, limit, timeout: None };
        let stage = MapAsync::new(call, ByKey(key), options).with_copies();
        self.chained("try_map_async_by_key", stage)
    }
}

impl<In, S, C, T, F, Fut, R, G> StreamProcessor<In, S, Chain<C, MapAsync<T, F, Fut, R, G>>>
where
    C: Stage<In, Out = T>,
    Fut: Future,
    R: Settle<Fut::Output>,
    G: Lane<T>,
{
    /// Gives up on a future of the stage before that is not done within `limit`.
    #[must_use]
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.chain.second_mut().set_timeout(limit);
        self
    }
}

/// # How stages are put together
impl<In, S, C: Stage<In>> StreamProcessor<In, S, C> {
    /// Appends any stage.
    pub fn then<B: Stage<C::Out>>(self, stage: B) -> With<In, S, C, B> {
        self.chained("then", stage)
    }

    /// Appends the stages of a pipeline.
    pub fn through<D: Stage<C::Out>>(self, stages: Pipeline<C::Out, D>) -> With<In, S, C, D> {
        self.joined(stages)
    }

    /// Sends the items for which `goes_first` is true through `first`, and the others through
    /// `second`; what comes out of either goes on.
    #[doc(alias = "branch")]
    pub fn split<F, A, B>(
        self,
        goes_first: F,
        first: Pipeline<C::Out, A>,
        second: Pipeline<C::Out, B>,
    ) -> With<In, S, C, Split<F, A, B>>
    where
        F: FnMut(&C::Out) -> bool,
        A: Stage<C::Out>,
        B: Stage<C::Out, Out = A::Out>,
    {
        self.forked(first, second, |first, second| Split::new(goes_first, first, second))
    }

    /// Forgets the types of the stages, which costs two calls through a pointer for each item.
    pub fn boxed(self) -> StreamProcessor<In, S, BoxStage<In, C::Out>>
    where
        C: Send + 'static,
        In: 'static,
        C::Out: 'static,
    {
        self.with_chain(BoxStage::new)
    }

    /// Calls the stage before `name`, in what is logged and shown.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.settings.plan.name_last(name.into());
        self
    }
}
