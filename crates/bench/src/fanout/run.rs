//! The two runs of a contestant: as fast as it goes, and one item at a time.
#![expect(clippy::expect_used, reason = "a benchmark stops at what it did not expect")]

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use millstream::Event;
use tokio::task::{JoinHandle, yield_now};

use super::{Fanout, Reader};

/// What a run at full speed came to.
#[derive(Debug, Clone, Copy)]
pub struct Throughput {
    /// From the first item published to the last one read.
    pub time: Duration,
    /// Items that a reader did not get, over all readers.
    pub lost: u64,
}

/// Publishes `items` to `readers` tasks as fast as it goes.
///
/// # Panics
/// If readers got, and were told to have missed, other than what was published.
pub async fn throughput<F: Fanout>(readers: usize, items: u64, event: &Event) -> Throughput {
    let (publisher, ends) = F::open(readers);
    let tasks: Vec<JoinHandle<(u64, u64)>> =
        ends.into_iter().map(|end| tokio::spawn(count(end))).collect();
    let start = Instant::now();
    tokio::spawn(publish(publisher, items, event.clone())).await.expect("it publishes");
    let (mut got, mut lost) = (0, 0);
    for task in tasks {
        let (seen, missed) = task.await.expect("it reads");
        got += seen;
        lost += missed;
    }
    assert_eq!(got + lost, items * readers as u64, "{}", F::NAME);
    Throughput { time: start.elapsed(), lost }
}

async fn publish<F: Fanout>(mut publisher: F, items: u64, event: Event) {
    for _ in 0..items {
        publisher.publish(event.clone()).await;
    }
}

/// How many items a reader got, and how many it missed.
async fn count(reader: impl Reader) -> (u64, u64) {
    let mut seen = 0;
    let missed = reader
        .read(|event| {
            black_box(event);
            seen += 1;
        })
        .await;
    (seen, missed)
}

/// Publishes an item when every reader has had the one before, and returns how long each delivery
/// took, shortest first.
pub async fn latencies<F: Fanout>(readers: usize, items: usize, event: &Event) -> Vec<Duration> {
    let start = Instant::now();
    let (mut publisher, ends) = F::open(readers);
    let sent: Arc<[AtomicU64]> = (0..items).map(|_| AtomicU64::new(0)).collect();
    let delivered = Arc::new(AtomicU64::new(0));
    let tasks: Vec<_> = ends
        .into_iter()
        .map(|end| tokio::spawn(time(end, start, Arc::clone(&sent), Arc::clone(&delivered))))
        .collect();
    let event = event.clone();
    let publishing = async move {
        for (number, at) in sent.iter().enumerate() {
            at.store(nanos(start), Ordering::Release);
            publisher.publish(event.clone()).await;
            let all = ((number + 1) * readers) as u64;
            while delivered.load(Ordering::Acquire) < all {
                yield_now().await;
            }
        }
    };
    tokio::spawn(publishing).await.expect("it publishes");
    let mut took = Vec::with_capacity(items * readers);
    for task in tasks {
        took.extend(task.await.expect("it reads"));
    }
    took.sort_unstable();
    took
}

/// How long each item took to this reader.
async fn time(
    reader: impl Reader,
    start: Instant,
    sent: Arc<[AtomicU64]>,
    delivered: Arc<AtomicU64>,
) -> Vec<Duration> {
    let mut took = Vec::with_capacity(sent.len());
    let mut sent_at = sent.iter();
    reader
        .read(|_| {
            let at = sent_at.next().expect("not more than was sent").load(Ordering::Acquire);
            took.push(Duration::from_nanos(nanos(start) - at));
            delivered.fetch_add(1, Ordering::Release);
        })
        .await;
    took
}

fn nanos(start: Instant) -> u64 {
    u64::try_from(start.elapsed().as_nanos()).expect("a bench does not take 500 years")
}
