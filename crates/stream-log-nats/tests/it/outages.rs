//! What happens at the limits and without a server.

use std::time::Duration;

use bytes::Bytes;
use stream_log::{AppendBatch, AppendError, Durability, ReadError, ReadFrom, ReadLimit};
use stream_log_nats::testkit::NatsServer;
use stream_log_nats::{NatsError, NatsOptions, NatsStore, OpenError};
use stream_model::Offset;
use time::OffsetDateTime;

use crate::support::{batch, find, log, open, options, payloads};

fn of_bytes(bytes: usize) -> AppendBatch {
    AppendBatch::new(OffsetDateTime::UNIX_EPOCH).record(Bytes::from(vec![b'x'; bytes]))
}

#[tokio::test]
async fn a_batch_larger_than_a_message_is_refused() {
    let server = NatsServer::with("max_payload: 65536");
    let log = log(&open(&server).await, "a").await;
    let Err(AppendError::TooLarge { limit, .. }) = log.append(of_bytes(65536)).await else {
        panic!("expected a refusal");
    };
    let largest = usize::try_from(limit).unwrap() - 74;
    assert!(log.append(of_bytes(largest)).await.is_ok());
    let refused = log.append(of_bytes(largest + 1)).await;
    assert!(matches!(refused, Err(AppendError::TooLarge { .. })), "{refused:?}");
    // Many that wait together are spread over messages that fit.
    let together: Vec<_> = (0..40).map(|_| log.append(of_bytes(5000))).collect();
    for appended in futures_util::future::join_all(together).await {
        assert!(appended.is_ok());
    }
    assert_eq!(payloads(&*log).await.len(), 41);
}

#[tokio::test]
async fn without_a_server_appends_fail_and_with_one_they_go_on() {
    let mut server = NatsServer::start();
    let patience = options().timeout(Duration::from_millis(500));
    let store = NatsStore::open(&server.address(), patience).await.unwrap();
    let log = log(&store, "a").await;
    assert!(log.append(batch(&["before"])).await.is_ok());
    let mut watch = log.tail().await.unwrap().watch;
    server.kill();

    let failed = log.append(batch(&["lost"])).await.unwrap_err();
    assert!(failed.is_retryable() && !failed.has_no_side_effects());
    let AppendError::Backend(source) = failed else { panic!("{failed:?}") };
    let source = source.downcast::<NatsError>().unwrap();
    assert!(matches!(*source, NatsError::Timeout { .. }), "{source:?}");
    let failed = find_fails(&store).await;
    assert!(failed.to_string().contains("storage failed"), "{failed}");
    assert!(!store.stats().connected);
    let read = log.read(ReadFrom::Earliest, ReadLimit::default()).await;
    assert_eq!(read.unwrap().records[0].payload, "before", "what is in memory is read");
    let read = log.read(ReadFrom::Latest, ReadLimit::default()).await;
    assert!(matches!(read, Err(ReadError::Backend(_))), "{read:?}");

    server.restart();
    let after = append_until_it_works(&*log, "after").await;
    let all = payloads(&*log).await;
    assert_eq!(
        (all[0].as_str(), all[usize::try_from(after.get()).unwrap()].as_str()),
        ("before", "after")
    );
    assert!(all.iter().filter(|text| *text == "lost").count() <= 1);
    while watch.state().next <= after {
        assert!(watch.changed().await.is_some());
    }
    assert!(store.stats().connections >= 2);
}

async fn find_fails(store: &NatsStore) -> stream_log::StoreError {
    use stream_log::LogStore as _;
    store.get(&crate::support::name("other")).await.unwrap_err()
}

async fn append_until_it_works(log: &dyn stream_log::Log, text: &'static str) -> Offset {
    for _ in 0..100 {
        match log.append(batch(&[text])).await {
            Ok(receipt) => return receipt.first,
            Err(error) => assert!(error.is_retryable(), "{error:?}"),
        }
    }
    panic!("the server is back, and nothing can be appended");
}

#[tokio::test]
async fn what_others_appended_during_an_outage_reaches_who_watches() {
    let mut server = NatsServer::start();
    let (here, there) = (open(&server).await, open(&server).await);
    let watched = log(&here, "a").await;
    let mut watch = watched.tail().await.unwrap().watch;
    server.restart();
    let other = log(&there, "a").await;
    let last = append_until_it_works(&*other, "x").await;
    while watch.state().next <= last {
        assert!(watch.changed().await.is_some());
    }
    assert_eq!(payloads(&*find(&here, "a").await.unwrap()).await.last().unwrap(), "x");
}

#[tokio::test]
async fn no_more_is_claimed_than_was_said() {
    let server = NatsServer::start();
    let silent = NatsStore::open(&server.address(), NatsOptions::default()).await.unwrap();
    assert_eq!(silent.durability(), Durability::Os);
    let asked = batch(&["x"]).durability(Durability::Disk);
    let refused = log(&silent, "a").await.append(asked).await;
    assert!(matches!(refused, Err(AppendError::Durability { .. })), "{refused:?}");
    let said = open(&server).await;
    assert_eq!(
        log(&said, "a").await.append(batch(&["x"])).await.unwrap().durability,
        Durability::Disk
    );
}

#[tokio::test]
async fn a_server_that_cannot_be_used_is_named() {
    let mut server = NatsServer::with("authorization { token: secret }");
    let address = server.address();
    let refused = NatsStore::open(&address, options()).await;
    assert!(matches!(refused, Err(OpenError::Connect(_))), "{refused:?}");
    assert!(NatsStore::open(&address, options().token("secret")).await.is_ok());
    assert!(!format!("{:?}", options().token("secret")).contains("secret"));
    server.kill();
    let refused = NatsStore::open(&address, options()).await;
    assert!(matches!(refused, Err(OpenError::Connect(_))), "{refused:?}");
}
