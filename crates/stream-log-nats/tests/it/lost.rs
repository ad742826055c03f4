//! A server that lost what it had acknowledged: who comes with an old position is told so.

use std::sync::Arc;

use stream_log::{Log, LogStore as _, ReadError, ReadFrom, ReadLimit};
use stream_log_nats::NatsStore;
use stream_log_nats::testkit::NatsServer;
use stream_model::{Epoch, Offset, Producer, ProducerId, StreamPosition};

use crate::support::{batch, find, log, open, payloads};

async fn append(log: &dyn Log, texts: &[&'static str]) -> Vec<StreamPosition> {
    let mut positions = Vec::new();
    for text in texts {
        positions.push(log.append(batch(&[text])).await.unwrap().position());
    }
    positions
}

async fn epoch(log: &dyn Log) -> Epoch {
    log.tail().await.unwrap().state.epoch
}

/// The log as it is found now, whose epoch must be another one than that of old positions.
async fn check_is_new(store: &NatsStore, name: &str, old: StreamPosition) -> Arc<dyn Log> {
    let log = find(store, name).await.unwrap();
    let refused = log.read(ReadFrom::Position(old), ReadLimit::default()).await;
    let is_told =
        matches!(refused, Err(ReadError::EpochChanged { asked, .. }) if asked == old.epoch);
    assert!(is_told, "{name}: {refused:?}");
    log
}

/// Starts a server again, and waits until the store has noticed.
async fn restart(server: &mut NatsServer, store: &NatsStore) {
    let before = store.stats().connections;
    server.restart();
    while store.stats().connections == before || !store.stats().connected {
        tokio::task::yield_now().await;
    }
}

/// A server with two logs, and another with what it had after the first half of each.
async fn halves(logs: [&str; 2]) -> (NatsServer, NatsStore, NatsServer) {
    let mut server = NatsServer::start();
    let store = open(&server).await;
    for name in logs {
        append(&*log(&store, name).await, &["a", "b", "c"]).await;
    }
    server.kill();
    let mut half = server.fork();
    half.kill();
    restart(&mut server, &store).await;
    (server, store, half)
}

#[tokio::test]
async fn a_store_that_was_rolled_back_begins_a_new_epoch() {
    let (mut server, store, half) = halves(["held", "let go of"]).await;
    let held = log(&store, "held").await;
    let mut watch = held.tail().await.unwrap().watch;
    let old = append(&*held, &["d", "e"]).await;
    let other = append(&*log(&store, "let go of").await, &["d"]).await;
    let stored = append(&*held, &["f"]).await;
    server.kill();
    server.roll_back(Some(&half));
    restart(&mut server, &store).await;

    while !watch.state().deleted {
        assert!(watch.changed().await.is_some(), "who follows the log is told");
    }
    let log = check_is_new(&store, "held", old[1]).await;
    assert_eq!(payloads(&*log).await, ["a", "b", "c"]);
    let refused = held.append(batch(&["late"])).await.unwrap_err();
    assert!(refused.is_retryable(), "{refused:?}");
    // New events under old offsets are of another epoch, whoever reads them.
    let new = append(&*log, &["x", "y"]).await;
    assert_eq!(new[0].offset, old[0].offset);
    let fresh = open(&server).await;
    for store in [&store, &fresh] {
        for position in [old[0], old[1], stored[0]] {
            let log = check_is_new(store, "held", position).await;
            assert_eq!(epoch(&*log).await, new[0].epoch);
        }
        check_is_new(store, "let go of", other[0]).await;
    }
    let losses = (store.stats().losses, fresh.stats().losses);
    assert!(losses.0 >= 1 && losses.1 == 0, "{losses:?}");
}

#[tokio::test]
async fn what_grew_again_elsewhere_is_found_out() {
    let (mut server, store, mut half) = halves(["a", "b"]).await;
    let old = append(&*log(&store, "a").await, &["d", "e"]).await;
    let _watch = find(&store, "a").await.unwrap().tail().await.unwrap().watch;
    server.kill();
    // Somebody who knows nothing of the rest writes as much again and more.
    half.restart();
    let elsewhere = open(&half).await;
    append(&*log(&elsewhere, "a").await, &["v", "w", "x", "y"]).await;
    half.kill();
    server.roll_back(Some(&half));
    restart(&mut server, &store).await;

    let log = check_is_new(&store, "a", old[0]).await;
    assert_eq!(payloads(&*log).await, ["a", "b", "c", "v", "w", "x", "y"]);
    check_is_new(&store, "b", StreamPosition { offset: Offset::new(1), ..old[0] }).await;
    assert!(store.stats().losses >= 1);
}

#[tokio::test]
async fn streams_that_are_gone_are_made_again() {
    let mut server = NatsServer::start();
    let store = open(&server).await;
    let old = append(&*log(&store, "a").await, &["d", "e"]).await;
    server.kill();
    server.roll_back(None);
    restart(&mut server, &store).await;

    assert!(find(&store, "a").await.is_none());
    let made = log(&store, "a").await;
    append(&*made, &["x", "y"]).await;
    let log = check_is_new(&store, "a", old[0]).await;
    assert_eq!(payloads(&*log).await, ["x", "y"]);
}

#[tokio::test]
async fn a_position_that_the_log_has_not_reached_is_of_another_epoch() {
    let (mut server, store, half) = halves(["a", "b"]).await;
    let old = append(&*log(&store, "a").await, &["d", "e"]).await;
    drop(store);
    server.kill();
    server.roll_back(Some(&half));
    server.restart();
    // Nobody who runs has seen what is lost.
    let fresh = open(&server).await;
    check_is_new(&fresh, "a", old[1]).await;
}

#[tokio::test]
async fn producers_go_on_after_a_loss() {
    let mut server = NatsServer::start();
    let store = open(&server).await;
    let produce = async |seq| {
        let producer = Producer { id: ProducerId::new("p").unwrap(), epoch: 0, seq };
        log(&store, "a").await.append(batch(&["x"]).producer(producer)).await
    };
    assert!(produce(0).await.is_ok());
    server.kill();
    let mut half = server.fork();
    half.kill();
    restart(&mut server, &store).await;
    assert!(produce(1).await.is_ok());
    server.kill();
    server.roll_back(Some(&half));
    restart(&mut server, &store).await;
    assert!(!produce(1).await.unwrap().duplicate, "it is gone, and so it is taken again");
    assert!(produce(1).await.unwrap().duplicate);
    assert_eq!(store.list(stream_log::Namespace::Topic, None, 10).await.unwrap().len(), 1);
}

/// Two stores of one server, and what the server had after the first half of a log.
///
/// Only the first one sees what comes after it; the other has nothing but the first half, and is
/// connected again to a server that has lost the rest before the first one looks.
async fn witness_and_stranger() -> (NatsServer, [NatsStore; 2], StreamPosition) {
    let (mut server, witness, half) = halves(["a", "b"]).await;
    let stranger = open(&server).await;
    assert_eq!(payloads(&*find(&stranger, "a").await.unwrap()).await, ["a", "b", "c"]);
    let lost = append(&*log(&witness, "a").await, &["d"]).await;
    server.kill();
    server.roll_back(Some(&half));
    restart(&mut server, &stranger).await;
    assert_eq!(payloads(&*find(&stranger, "a").await.unwrap()).await, ["a", "b", "c"]);
    (server, [witness, stranger], lost[0])
}

#[tokio::test]
async fn a_server_that_saw_nothing_of_what_is_lost_hears_of_it_at_once() {
    let (_server, [witness, stranger], lost) = witness_and_stranger().await;
    let mut watch = find(&stranger, "a").await.unwrap().tail().await.unwrap().watch;
    let new = check_is_new(&witness, "a", lost).await;
    while !watch.state().deleted {
        assert!(watch.changed().await.is_some(), "whoever follows the log there is told");
    }
    let log = check_is_new(&stranger, "a", lost).await;
    assert_eq!(epoch(&*log).await, epoch(&*new).await);
}

#[tokio::test]
async fn a_position_beyond_the_tail_makes_a_server_ask_whether_others_found_a_loss() {
    let (_server, [witness, stranger], lost) = witness_and_stranger().await;
    let known = find(&stranger, "a").await.unwrap();
    let new = epoch(&*check_is_new(&witness, "a", lost).await).await;
    // Whether it has heard of it already or not: it must never say that there is no such record.
    let refused = known.read(ReadFrom::Offset(lost.offset.next()), ReadLimit::default()).await;
    let error = refused.unwrap_err();
    assert!(!matches!(error, ReadError::BeyondTail { .. }), "{error:?}");
    assert_eq!(epoch(&*find(&stranger, "a").await.unwrap()).await, new);
}
