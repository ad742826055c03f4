//! Many topics on one connection.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use http::{Method, Request, StatusCode};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use stream_http::limits::TOPICS_PER_READER;
use stream_http::{App, AppOptions, router};
use stream_log::{LogName, LogStore, MemoryStore, Namespace};
use stream_sse::{Decoded, Decoder};
use tower::ServiceExt;

/// A server without a socket, and what it keeps.
struct Server {
    store: Arc<MemoryStore>,
    router: Router,
}

impl Server {
    fn new() -> Self {
        Self::with(Arc::new(MemoryStore::new()))
    }

    fn with(store: Arc<MemoryStore>) -> Self {
        let router = router(App::new(Arc::clone(&store) as _, AppOptions::default()));
        Self { store, router }
    }

    /// Another process over the same logs.
    fn restart(&mut self) {
        *self = Self::with(Arc::clone(&self.store));
    }

    async fn send(&self, request: Request<Body>) -> http::Response<Body> {
        self.router.clone().oneshot(request).await.unwrap()
    }

    async fn publish(&self, topic: &str, body: impl Into<Body>) {
        let request = Request::post(format!("/topics/{topic}")).body(body.into()).unwrap();
        assert_eq!(self.send(request).await.status(), StatusCode::CREATED);
    }

    async fn get(&self, path: &str, headers: &[(&str, &str)]) -> http::Response<Body> {
        let mut request = Request::builder().method(Method::GET).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(Body::empty()).unwrap()).await
    }

    async fn open(&self, path: &str, last: &str) -> Reader {
        let response = self.get(path, &[("last-event-id", last)]).await;
        assert_eq!(response.status(), StatusCode::OK);
        Reader { body: response.into_body(), decoder: Decoder::new(), seen: VecDeque::new() }
    }
}

/// A browser's view of a connection.
struct Reader {
    body: Body,
    decoder: Decoder,
    seen: VecDeque<(String, Value, String)>,
}

impl Reader {
    /// The next event: its type, its data, and the id that resumes after it.
    async fn next(&mut self) -> (String, Value, String) {
        while self.seen.is_empty() {
            self.read().await;
        }
        self.seen.pop_front().unwrap()
    }

    async fn read(&mut self) {
        let chunk = self.body.frame().await.unwrap().unwrap().into_data().unwrap();
        let mut events = self.decoder.push(&chunk);
        while let Some(decoded) = events.next() {
            if let Decoded::Event(event) = decoded {
                let data = serde_json::from_slice(event.data()).unwrap();
                let id = event.last_event_id().to_owned();
                self.seen.push_back((event.event_type_str().into_owned(), data, id));
            }
        }
    }

    /// The id of the greeting.
    async fn greeting(&mut self) -> String {
        self.read().await;
        self.decoder.last_event_id().to_owned()
    }
}

fn place(event: &Value) -> (String, u64) {
    (event["topic"].as_str().unwrap().to_owned(), event["offset"].as_u64().unwrap())
}

#[tokio::test]
async fn topics_and_patterns_share_a_connection() {
    let server = Server::new();
    server.publish("before", "0").await;
    let mut reader = server.open("/events?topic=before&topic=orders.%3E", "").await;
    reader.greeting().await;
    server.publish("before", "1").await;
    server.publish("other", "2").await;
    server.publish("orders.eu.new", "3").await;
    let mut seen = Vec::new();
    for _ in 0..2 {
        let (kind, event, _) = reader.next().await;
        assert_eq!(kind, "message");
        seen.push((place(&event), event["data"].clone()));
    }
    seen.sort_by_key(|(place, _)| place.clone());
    let want = [(("before".to_owned(), 1), json!(1)), (("orders.eu.new".to_owned(), 0), json!(3))];
    assert_eq!(seen, want);
}

#[tokio::test]
async fn a_pattern_in_the_path_reads_all_that_it_takes() {
    let server = Server::new();
    server.publish("a.x", "1").await;
    server.publish("b.x", "2").await;
    let mut reader = server.open("/topics/*.x?from=earliest", "").await;
    let mut topics = [reader.next().await.1, reader.next().await.1].map(|event| place(&event).0);
    topics.sort();
    assert_eq!(topics, ["a.x", "b.x"]);
}

#[tokio::test]
async fn only_events_that_meet_the_filter_are_sent() {
    let server = Server::new();
    let mut reader = server.open("/topics/orders?filter=data.amount%3E=10", "").await;
    reader.greeting().await;
    for amount in [3, 10, 7, 12] {
        server.publish("orders", format!("{{\"amount\":{amount}}}")).await;
    }
    let seen = [reader.next().await, reader.next().await];
    assert_eq!(seen.each_ref().map(|(_, event, _)| event["data"]["amount"].clone()), [10, 12]);
    // What was left out is not looked at as missing by whoever comes back.
    let mut again = server.open("/topics/orders?filter=data.amount%3E=10", &seen[0].2).await;
    assert_eq!(again.next().await.1["offset"], 3);
}

/// Publishes, reads, cuts and restarts at random: every event arrives once, and in order.
#[tokio::test]
async fn a_reader_of_many_resumes_from_any_event() {
    for seed in 0..20 {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut server = Server::new();
        let mut published: BTreeMap<String, u64> = BTreeMap::new();
        let mut read: BTreeMap<String, u64> = BTreeMap::new();
        let path = "/events?topic=t.*&topic=exact";
        let mut last = server.open(path, "").await.greeting().await;
        for _ in 0..30 {
            for _ in 0..random.usize(..20) {
                let topic = if random.u8(..9) == 0 {
                    "exact".to_owned()
                } else {
                    format!("t.{}", random.u8(..12))
                };
                server.publish(&topic, "x").await;
                *published.entry(topic).or_default() += 1;
            }
            if random.u8(..5) == 0 {
                server.restart();
            }
            let mut reader = server.open(path, &last).await;
            let unread: u64 = published.values().sum::<u64>() - read.values().sum::<u64>();
            for _ in 0..random.u64(..=unread) {
                let (kind, event, id) = reader.next().await;
                assert_eq!(kind, "message", "seed {seed}: {event}");
                let (topic, offset) = place(&event);
                let expected = read.entry(topic).or_default();
                assert_eq!(offset, *expected, "seed {seed}");
                *expected += 1;
                last = id;
            }
        }
        let mut reader = server.open(path, &last).await;
        while read != published {
            let (_, event, _) = reader.next().await;
            *read.entry(place(&event).0).or_default() += 1;
        }
    }
}

#[tokio::test]
async fn a_topic_made_anew_is_told_before_its_events() {
    let server = Server::new();
    server.publish("t.1", "old").await;
    let mut reader = server.open("/events?topic=t.*", "").await;
    let before = reader.greeting().await;
    let name = LogName::new(Namespace::Topic, "t.1").unwrap();
    server.store.delete(&name).await.unwrap();
    server.publish("t.1", "new").await;
    let (kind, event, _) = reader.next().await;
    assert_eq!((kind.as_str(), event), ("deleted", json!({"topic": "t.1"})));
    assert_eq!(reader.next().await.1["data"], "new");
    // Whoever was away is told too.
    let mut away = server.open("/events?topic=t.*", &before).await;
    let (kind, event, _) = away.next().await;
    assert_eq!((kind.as_str(), &event["topic"]), ("epoch-changed", &json!("t.1")));
    assert_eq!(away.next().await.1["data"], "new");
}

#[tokio::test]
async fn lines_hold_the_same_as_frames() {
    let server = Server::new();
    server.publish("a", "1").await;
    for path in ["/topics/a", "/events?topic=a&topic=b"] {
        let response = server.get(path, &[("accept", "application/x-ndjson")]).await;
        assert_eq!(response.headers()["content-type"], "application/x-ndjson");
        let mut body = response.into_body();
        let mut text = String::new();
        while text.lines().count() < 2 {
            let chunk = body.frame().await.unwrap().unwrap().into_data().unwrap();
            text.push_str(std::str::from_utf8(&chunk).unwrap());
        }
        let lines: Vec<Value> =
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines[0]["hello"], json!({}));
        assert_eq!(lines[1]["event"]["data"], 1, "{path}");
        let resume = lines[1]["resume"].as_str().unwrap();
        server.publish("a", "2").await;
        let mut reader = server.open(path, resume).await;
        let (_, data, _) = reader.next().await;
        assert!(data == json!(2) || data["data"] == 2, "{path}: {data}");
        // The token of one topic and that of many go on in each other's readers.
        let mut other = server.open("/events?topic=a", resume).await;
        assert_eq!(other.next().await.1["data"], 2);
        let mut other = server.open("/topics/a", resume).await;
        assert_eq!(other.next().await.1, 2);
    }
}

#[tokio::test]
async fn more_topics_than_a_reader_may_follow_are_refused_or_end_it() {
    let server = Server::new();
    for number in 0..TOPICS_PER_READER {
        let name = LogName::new(Namespace::Topic, &number.to_string()).unwrap();
        server.store.create(&name, stream_log::LogConfig::default()).await.unwrap();
    }
    let response = server.get("/topics/*", &[]).await;
    assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);
    let mut reader = server.open("/topics/few.*", "").await;
    reader.greeting().await;
    for number in 0..TOPICS_PER_READER {
        server.publish(&format!("few.{number:0200}"), "x").await;
    }
    let end = loop {
        let (kind, event, _) = reader.next().await;
        if kind == "disconnect" {
            break event;
        }
    };
    assert_eq!(end, json!({"code": 4501, "reason": "too-many-topics", "reconnect": false}));
}

#[tokio::test]
async fn what_makes_no_sense_is_refused() {
    let server = Server::new();
    for (path, accept, want) in [
        ("/events", "*/*", "topic-missing"),
        ("/events?topic=a..b", "*/*", "topic-invalid"),
        ("/events?topic=a&filter=b", "*/*", "filter-invalid"),
        ("/events?topic=a&from=5", "*/*", "from-invalid"),
        ("/events?topic=a&topic=b&lastEventId=e.5", "*/*", "resume-token-invalid"),
        ("/topics/a?lastEventId=mAA", "*/*", "resume-token-invalid"),
        ("/topics/a.*", "application/json", "page-of-many"),
        ("/topics/a?topic=b", "*/*", "topic-twice"),
    ] {
        let response = server.get(path, &[("accept", accept)]).await;
        assert!(response.status().is_client_error(), "{path}");
        let body = response.into_body().collect().await.unwrap().to_bytes();
        let problem: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(problem["type"], format!("urn:millstream:problem:{want}"), "{path}");
    }
}
