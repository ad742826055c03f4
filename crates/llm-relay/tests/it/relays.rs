//! Relays that run: they outlive their readers, and end in order whatever happens.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{self, Stream, StreamExt};
use llm_relay::{RelayId, RelayOptions, Relays, StartError, StopOutcome, Summary};
use llm_stream::{EndStatus, Format, StreamEvent};
use stream_log::{LogExt, LogStore, MemoryStore, ReadFrom};
use stream_model::BoxError;

const DELTA: &[u8] = b"data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}]}\n\n";
const DONE: &[u8] = b"data: [DONE]\n\n";

type Source = std::pin::Pin<Box<dyn Stream<Item = Result<Bytes, BoxError>> + Send>>;

fn bytes(chunks: &[&'static [u8]]) -> Source {
    let chunks: Vec<_> = chunks.iter().map(|chunk| Ok(Bytes::from_static(chunk))).collect();
    stream::iter(chunks).boxed()
}

/// What came, and then nothing for ever.
fn hanging(chunks: &[&'static [u8]]) -> Source {
    bytes(chunks).chain(stream::pending()).boxed()
}

fn options() -> RelayOptions {
    RelayOptions::default().format(Format::OpenAiChat)
}

struct Fixture {
    store: Arc<MemoryStore>,
    relays: Relays,
    id: RelayId,
}

impl Fixture {
    fn new() -> Self {
        let store = Arc::new(MemoryStore::new());
        let relays = Relays::new(Arc::clone(&store) as Arc<dyn LogStore>);
        Self { store, relays, id: RelayId::new("r").unwrap() }
    }

    async fn run(&self, source: Source) -> Summary {
        let ended = self.relays.start(&self.id, options(), source).await.unwrap();
        ended.wait().await.unwrap().unwrap()
    }

    async fn events(&self) -> (Vec<StreamEvent>, bool) {
        let log = self.store.get(&self.id.log_name().unwrap()).await.unwrap().unwrap();
        let all = log.read_all(ReadFrom::Earliest).await.unwrap();
        let text = |payload: &Bytes| std::str::from_utf8(payload).unwrap().to_owned();
        let event = |payload: &Bytes| StreamEvent::from_json(&text(payload)).unwrap();
        (all.records.iter().map(|record| event(&record.payload)).collect(), all.closed)
    }

    async fn kinds(&self) -> Vec<&'static str> {
        self.events().await.0.iter().map(|event| event.event_type().as_str()).collect()
    }
}

#[tokio::test]
async fn a_whole_stream_is_kept_and_closed() {
    let fixture = Fixture::new();
    let summary = fixture.run(bytes(&[DELTA, DELTA, DONE])).await;
    let (events, closed) = fixture.events().await;
    assert!(closed);
    assert_eq!(summary.status, EndStatus::Complete);
    assert_eq!(summary.events, events.len() as u64);
    let text: String = events.iter().map(StreamEvent::delta_text).collect();
    assert_eq!(text, "aa");
    assert_eq!(fixture.relays.running(), 0);
}

#[tokio::test]
async fn a_broken_source_is_an_error_event_and_an_end() {
    let fixture = Fixture::new();
    let broken = stream::iter([Err::<Bytes, BoxError>("connection reset".into())]);
    let summary = fixture.run(bytes(&[DELTA, &DELTA[..20]]).chain(broken).boxed()).await;
    assert_eq!(summary.status, EndStatus::Incomplete);
    let (events, closed) = fixture.events().await;
    assert!(closed);
    assert!(fixture.kinds().await.ends_with(&["error", "metadata", "end"]));
    assert_eq!(events[events.len() - 3].content(), "provider stream broke: connection reset");
}

#[tokio::test(start_paused = true)]
async fn a_silent_provider_is_given_up() {
    let fixture = Fixture::new();
    let before = tokio::time::Instant::now();
    let summary = fixture.run(hanging(&[DELTA])).await;
    assert_eq!(before.elapsed(), Duration::from_mins(5));
    assert_eq!(summary.status, EndStatus::Incomplete);
    assert!(fixture.kinds().await.ends_with(&["error", "metadata", "end"]));
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_is_done_need_not_close() {
    let fixture = Fixture::new();
    let before = tokio::time::Instant::now();
    let summary = fixture.run(hanging(&[DELTA, DONE])).await;
    assert_eq!(before.elapsed(), Duration::from_secs(1));
    assert_eq!(summary.status, EndStatus::Complete);
    assert!(!fixture.kinds().await.contains(&"error"));
}

#[tokio::test]
async fn a_name_is_taken_while_it_is_kept() {
    let fixture = Fixture::new();
    fixture.run(bytes(&[DELTA, DONE])).await;
    let again = fixture.relays.start(&fixture.id, options(), bytes(&[])).await;
    assert!(matches!(again, Err(StartError::Exists)), "{again:?}");
}

#[tokio::test]
async fn stopping_is_a_request_of_its_own() {
    let fixture = Fixture::new();
    assert_eq!(fixture.relays.stop(&fixture.id).await.unwrap(), StopOutcome::NotFound);
    let ended = fixture.relays.start(&fixture.id, options(), hanging(&[DELTA])).await.unwrap();
    // The one who started it is gone; the relay is not.
    drop(ended);
    assert_eq!(fixture.relays.running(), 1);
    assert_eq!(fixture.relays.stop(&fixture.id).await.unwrap(), StopOutcome::Stopping);
    fixture.relays.shutdown().await;
    assert_eq!(fixture.relays.stop(&fixture.id).await.unwrap(), StopOutcome::AlreadyEnded);
    assert_eq!(fixture.kinds().await.last(), Some(&"end"));
}

#[tokio::test]
async fn a_shutdown_ends_every_relay_in_order() {
    let fixture = Fixture::new();
    let ended = fixture.relays.start(&fixture.id, options(), hanging(&[DELTA])).await.unwrap();
    tokio::task::yield_now().await;
    fixture.relays.shutdown().await;
    let summary = ended.wait().await.unwrap().unwrap();
    assert_eq!(summary.status, EndStatus::Incomplete);
    let (events, closed) = fixture.events().await;
    assert!(closed);
    assert_eq!(events.last().unwrap().extra.as_ref().unwrap()["reason"], "shutdown");
}
