//! Data that subscribers see and readers take.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::FutureExt as _;
use stream_async::{DataChunk, DataStream, Delivery, HandlerId, ItemHandler, SendError};

type Seen = Arc<Mutex<Vec<u32>>>;

fn collect(seen: &Seen) -> ItemHandler<DataChunk<u32>> {
    let seen = Arc::clone(seen);
    ItemHandler::new(move |chunk: &DataChunk<u32>| seen.lock().unwrap().push(chunk.data))
}

async fn put(stream: &DataStream<u32>, data: u32) -> Delivery {
    stream.put(DataChunk::new(data)).await.unwrap()
}

fn taken(stream: &DataStream<u32>) -> Vec<u32> {
    let take = || stream.get().now_or_never().flatten().map(|chunk| chunk.data);
    std::iter::from_fn(take).collect()
}

#[tokio::test]
async fn a_stream_that_nobody_reads_never_makes_its_publisher_wait() {
    let (stream, seen) = (DataStream::with_capacity(2), Seen::default());
    stream.subscribe(collect(&seen)).unwrap();
    for n in 0..5 {
        assert_eq!(put(&stream, n).await, Delivery::Handled(1));
    }
    assert_eq!(*seen.lock().unwrap(), [0, 1, 2, 3, 4]);
    assert_eq!(stream.counts().unread, 3, "and what is not kept is counted");
    assert_eq!(taken(&stream), [3, 4]);
}

#[tokio::test]
async fn a_stream_that_somebody_reads_makes_its_publisher_wait() {
    let (stream, seen) = (DataStream::with_capacity(2), Seen::default());
    stream.subscribe(collect(&seen)).unwrap();
    assert!(taken(&stream).is_empty());
    for n in 0..2 {
        put(&stream, n).await;
    }
    assert!(put(&stream, 2).now_or_never().is_none());
    assert_eq!(taken(&stream), [0, 1], "whoever gave up has put nothing");
    assert_eq!(stream.counts().unread, 0);
}

#[tokio::test]
async fn a_subscriber_frees_a_publisher_whom_nobody_reads() {
    let (stream, seen) = (DataStream::with_capacity(1), Seen::default());
    assert_eq!(put(&stream, 0).await, Delivery::Queued);
    let waiting = tokio::spawn({
        let stream = stream.clone();
        async move { put(&stream, 1).await }
    });
    tokio::task::yield_now().await;
    stream.subscribe(collect(&seen)).unwrap();
    assert_eq!(waiting.await.unwrap(), Delivery::Handled(1));
    assert_eq!(*seen.lock().unwrap(), [1]);
}

#[tokio::test(start_paused = true)]
async fn reading_waits_as_long_as_it_is_told() {
    let stream = DataStream::new();
    let begin = tokio::time::Instant::now();
    assert_eq!(stream.get_timeout(Duration::from_millis(500)).await, None);
    assert_eq!(begin.elapsed(), Duration::from_millis(500));
    put(&stream, 7).await;
    assert_eq!(stream.get_timeout(Duration::ZERO).await.unwrap().data, 7);
}

#[tokio::test]
async fn each_chunk_is_taken_by_one_reader() {
    let stream = DataStream::with_capacity(3);
    let readers: Vec<_> = (0..4)
        .map(|_| {
            let stream = stream.clone();
            tokio::spawn(async move {
                let mut got = Vec::new();
                while let Some(chunk) = stream.get().await {
                    got.push(chunk.data);
                }
                got
            })
        })
        .collect();
    tokio::task::yield_now().await;
    for n in 0..100 {
        put(&stream, n).await;
    }
    stream.close().await;
    let mut got = Vec::new();
    for reader in readers {
        got.extend(reader.await.unwrap());
    }
    got.sort_unstable();
    assert_eq!(got, (0..100).collect::<Vec<_>>());
}

#[tokio::test]
async fn results_go_to_subscribers_and_never_back() {
    let (stream, seen) = (DataStream::new(), Seen::default());
    stream.subscribe(collect(&seen)).unwrap();
    let processor = tokio::spawn({
        let stream = stream.clone();
        async move {
            let process = async |chunk: DataChunk<u32>| match chunk.data {
                1 => Err("a processor fails"),
                2 => Ok(None),
                n => Ok(Some(DataChunk { data: n * 10, ..chunk })),
            };
            stream.process(process).await;
        }
    });
    for n in [0, 1, 2, 3] {
        put(&stream, n).await;
    }
    tokio::task::yield_now().await;
    assert!(stream.is_empty());
    assert_eq!(*seen.lock().unwrap(), [0, 1, 2, 3, 0, 30], "nothing is left out for being zero");
    assert_eq!(stream.counts().failures, 1);
    stream.close().await;
    processor.await.unwrap();
}

#[tokio::test]
async fn a_subscriber_may_take_itself_out() {
    let (stream, seen) = (DataStream::new(), Seen::default());
    let (inner, own_id) = (stream.clone(), Arc::new(Mutex::new(None::<HandlerId>)));
    let id = Arc::clone(&own_id);
    let leave = ItemHandler::new(move |_: &DataChunk<u32>| {
        assert!(inner.unsubscribe(id.lock().unwrap().take().unwrap()));
    });
    *own_id.lock().unwrap() = Some(stream.subscribe(leave).unwrap());
    stream.subscribe(collect(&seen)).unwrap();
    for n in 0..2 {
        put(&stream, n).await;
    }
    assert_eq!(*seen.lock().unwrap(), [0, 1], "the next one misses nothing");
    assert_eq!(stream.counts().failures, 0);
}

#[tokio::test]
async fn a_filter_that_fails_lets_nothing_in_and_says_so() {
    let stream = DataStream::new();
    stream.add_filter(async |chunk: DataChunk<u32>| match chunk.data {
        0 => Err("a filter fails"),
        1 => panic!("a filter panics"),
        n => Ok(n > 2),
    });
    for (data, want) in [(0, "middleware failed: a filter fails"), (1, "panicked: a filter panics")]
    {
        let error = stream.put(DataChunk::new(data)).await.unwrap_err();
        assert!(error.to_string().contains(want), "{error}");
        assert!(matches!(error, SendError::Middleware(_)));
    }
    assert_eq!(put(&stream, 2).await, Delivery::Dropped);
    assert_eq!(put(&stream, 3).await, Delivery::Queued);
    assert_eq!(taken(&stream), [3]);
    assert_eq!(stream.counts().dropped, 1);
}

#[tokio::test]
async fn a_closed_stream_takes_nothing_and_gives_what_it_has() {
    let stream = DataStream::new();
    put(&stream, 1).await;
    stream.close().await;
    assert!(matches!(stream.put(DataChunk::new(2)).await, Err(SendError::Closed)));
    assert_eq!(stream.get().await.unwrap().data, 1);
    assert_eq!(stream.get().await, None);
}
