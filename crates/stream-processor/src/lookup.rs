//! Values from elsewhere, asked for once and kept for a while.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::hash::Hash;
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use parking_lot::Mutex;
use stream_model::BoxError;
use tokio::sync::OnceCell;
use tokio::time::Instant;

/// A value on its way.
type Fetching<V> = Pin<Box<dyn Future<Output = Result<V, BoxError>> + Send>>;

/// Asks for the value of a key.
type Fetch<K, V> = Box<dyn Fn(K) -> Fetching<V> + Send + Sync>;

/// A table that lies elsewhere, with a cache before it.
///
/// Whoever asks for a key while it is being fetched waits for the same answer; failures are not
/// kept.
/// When as many values are kept as may be, the one that was asked for first goes.
///
/// [`StreamProcessor::lookup`](crate::StreamProcessor::lookup) joins a pipeline with it.
pub struct Lookup<K, V> {
    fetch: Fetch<K, V>,
    limit: usize,
    fresh_for: Duration,
    cache: Mutex<Cache<K, V>>,
}

/// What is kept, and in which order it goes.
struct Cache<K, V> {
    entries: HashMap<K, Entry<V>>,
    order: VecDeque<(K, Instant)>,
}

struct Entry<V> {
    value: Arc<OnceCell<V>>,
    since: Instant,
}

impl<K, V> Lookup<K, V>
where
    K: Hash + Eq + Clone + Send + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// Fetches values by `fetch`, and keeps up to `limit` of them, each for `fresh_for`.
    pub fn new<X, F, Fut>(limit: NonZeroUsize, fresh_for: Duration, fetch: F) -> Self
    where
        X: Into<BoxError>,
        F: Fn(K) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<V, X>> + Send + 'static,
    {
        let fetch: Fetch<K, V> = Box::new(move |key| {
            let fetching = fetch(key);
            Box::pin(async move { fetching.await.map_err(Into::into) })
        });
        let cache = Mutex::new(Cache { entries: HashMap::new(), order: VecDeque::new() });
        Self { fetch, limit: limit.get(), fresh_for, cache }
    }

    /// The value of `key`.
    ///
    /// # Errors
    /// What fetching it came to.
    ///
    /// # Cancel safety
    /// If the future is dropped, another that waits for the same value fetches it.
    pub async fn get(&self, key: K) -> Result<V, BoxError> {
        let value = self.entry(&key);
        value.get_or_try_init(|| (self.fetch)(key)).await.cloned()
    }

    /// The value of `key`, if it is there.
    fn peek(&self, key: &K) -> Option<V> {
        let cache = self.cache.lock();
        let entry = cache.entries.get(key).filter(|entry| self.is_fresh(entry.since))?;
        entry.value.get().cloned()
    }

    fn is_fresh(&self, since: Instant) -> bool {
        since.elapsed() < self.fresh_for
    }

    /// The place of a value, which may be empty yet.
    fn entry(&self, key: &K) -> Arc<OnceCell<V>> {
        let mut cache = self.cache.lock();
        if let Some(entry) = cache.entries.get(key).filter(|entry| self.is_fresh(entry.since)) {
            return Arc::clone(&entry.value);
        }
        let (value, since) = (Arc::new(OnceCell::new()), Instant::now());
        cache.entries.insert(key.clone(), Entry { value: Arc::clone(&value), since });
        cache.order.push_back((key.clone(), since));
        while cache.entries.len() > self.limit || cache.order.len() > 2 * self.limit {
            let Some((oldest, since)) = cache.order.pop_front() else { break };
            // One that was fetched anew has its own place in the order.
            if cache.entries.get(&oldest).is_some_and(|entry| entry.since == since) {
                cache.entries.remove(&oldest);
            }
        }
        value
    }
}

impl<K, V> fmt::Debug for Lookup<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { limit, fresh_for, .. } = self;
        f.debug_struct("Lookup")
            .field("limit", limit)
            .field("fresh_for", fresh_for)
            .finish_non_exhaustive()
    }
}

/// An item and the value that it was looked up for, now or soon.
pub struct LookedUp<T, V>(State<T, V>);

enum State<T, V> {
    Ready(Option<(T, V)>),
    Waiting(Fetching<(T, V)>),
}

impl<T, V> LookedUp<T, V>
where
    T: Send + 'static,
    V: Clone + Send + Sync + 'static,
{
    pub(crate) fn new<K>(table: &Arc<Lookup<K, V>>, key: K, item: T) -> Self
    where
        K: Hash + Eq + Clone + Send + Sync + 'static,
    {
        if let Some(value) = table.peek(&key) {
            return Self(State::Ready(Some((item, value))));
        }
        let table = Arc::clone(table);
        let wait = async move { table.get(key).await.map(|value| (item, value)) };
        Self(State::Waiting(Box::pin(wait)))
    }
}

/// Nothing in it is pinned.
impl<T, V> Unpin for LookedUp<T, V> {}

impl<T, V> Future for LookedUp<T, V> {
    type Output = Result<(T, V), BoxError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.0 {
            State::Waiting(wait) => wait.as_mut().poll(cx),
            State::Ready(found) => {
                Poll::Ready(found.take().ok_or_else(|| "polled after it was ready".into()))
            }
        }
    }
}

impl<T, V> fmt::Debug for LookedUp<T, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LookedUp").finish_non_exhaustive()
    }
}
