//! Relays of several servers that share a store: read, stopped and ended by any of them.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{self, Stream, StreamExt};
use llm_relay::{Ended, RelayId, RelayOptions, Relays, StopOutcome};
use llm_stream::{EndStatus, Format, StreamEvent};
use stream_log::{LogExt, LogStore, MemoryStore, ReadFrom};
use stream_model::BoxError;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

const DELTA: &[u8] = b"data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}]}\n\n";

/// A server's relays, and the task that keeps their lease.
struct Server {
    relays: Arc<Relays>,
    lease: JoinHandle<()>,
}

impl Server {
    fn new(store: &Arc<MemoryStore>) -> Self {
        let relays = Arc::new(Relays::shared(Arc::clone(store) as Arc<dyn LogStore>));
        let kept = Arc::clone(&relays);
        Self { relays, lease: tokio::spawn(async move { kept.keep_lease().await }) }
    }

    async fn start(&self, relay: &RelayId) -> Ended {
        let options =
            RelayOptions::default().format(Format::OpenAiChat).silence_max(Duration::from_hours(1));
        self.relays.start(relay, options, hanging()).await.unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.lease.abort();
    }
}

/// One delta, and then nothing for ever.
fn hanging() -> impl Stream<Item = Result<Bytes, BoxError>> + Send {
    stream::iter([Ok(Bytes::from_static(DELTA))]).chain(stream::pending())
}

async fn events(store: &MemoryStore, relay: &RelayId) -> (Vec<StreamEvent>, bool) {
    let log = store.get(&relay.log_name().unwrap()).await.unwrap().unwrap();
    let all = log.read_all(ReadFrom::Earliest).await.unwrap();
    let event =
        |payload: &Bytes| StreamEvent::from_json(std::str::from_utf8(payload).unwrap()).unwrap();
    (all.records.iter().map(|record| event(&record.payload)).collect(), all.closed)
}

fn relay() -> RelayId {
    RelayId::new("r").unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_relay_is_stopped_by_any_server() {
    let store = Arc::new(MemoryStore::new());
    let (here, there) = (Server::new(&store), Server::new(&store));
    let ended = here.start(&relay()).await;
    sleep(Duration::from_secs(1)).await;
    assert_eq!(there.relays.stop(&relay()).await.unwrap(), StopOutcome::Stopping);
    let summary = ended.wait().await.unwrap().unwrap();
    assert_eq!(summary.status, EndStatus::Incomplete);
    let (events, closed) = events(&store, &relay()).await;
    assert!(closed);
    let kinds: Vec<_> = events.iter().map(|event| event.event_type().as_str()).collect();
    assert_eq!(kinds.iter().filter(|kind| **kind == "start").count(), 1, "{kinds:?}");
    assert_eq!(kinds.last(), Some(&"end"));
    assert!(!kinds.contains(&"error"), "{kinds:?}");
    assert_eq!(here.relays.running(), 0);
    assert_eq!(there.relays.stop(&relay()).await.unwrap(), StopOutcome::AlreadyEnded);
}

#[tokio::test(start_paused = true)]
async fn a_relay_whose_server_is_gone_is_ended_by_another() {
    let store = Arc::new(MemoryStore::new());
    let (here, there) = (Server::new(&store), Server::new(&store));
    let ended = here.start(&relay()).await;
    // A server that lives keeps its relays for ever.
    sleep(Duration::from_mins(10)).await;
    assert!(!events(&store, &relay()).await.1);

    here.lease.abort();
    let gone = Instant::now();
    // Its pump, which a dead server would not have, sees that it was taken for gone.
    let summary = ended.wait().await.unwrap().unwrap();
    assert_eq!(summary.status, EndStatus::Incomplete);
    let seconds = gone.elapsed().as_secs();
    assert!((15..=30).contains(&seconds), "{seconds} s");
    let (events, closed) = events(&store, &relay()).await;
    assert!(closed);
    let texts: Vec<_> = events.iter().map(StreamEvent::content).collect();
    assert!(texts.contains(&"server stopped before the stream ended"), "{texts:?}");
    drop(there);
}

#[tokio::test(start_paused = true)]
async fn a_relay_that_nobody_ever_leased_is_ended() {
    let store = Arc::new(MemoryStore::new());
    let alone = Relays::shared(Arc::clone(&store) as Arc<dyn LogStore>);
    let options = RelayOptions::default().format(Format::OpenAiChat);
    let ended = alone.start(&relay(), options, hanging()).await.unwrap();
    let _other = Server::new(&store);
    assert_eq!(ended.wait().await.unwrap().unwrap().status, EndStatus::Incomplete);
    assert!(events(&store, &relay()).await.1);
}
