//! Publish and subscribe over a WebSocket.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use stream_http::{App, AppOptions, serve};
use stream_log::{LogName, LogStore, MemoryStore, Namespace};
use stream_protocol::SUBSCRIPTIONS_MAX;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, client_async};

/// A server on a port of its own.
struct Server {
    store: Arc<MemoryStore>,
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Server {
    async fn start(store: Arc<MemoryStore>, options: AppOptions) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let app = App::new(Arc::clone(&store) as _, options);
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(async move {
            let stopped = async { drop(stopped.await) };
            serve(listener, app, stopped, Duration::from_secs(10)).await.unwrap();
        });
        Self { store, address, stop, task }
    }

    async fn new() -> Self {
        Self::start(Arc::default(), AppOptions::default()).await
    }

    /// Another process over the same logs; the connections of this one are cut.
    async fn restart(self) -> Self {
        self.task.abort();
        Self::start(self.store, AppOptions::default()).await
    }

    async fn connect(&self) -> Client {
        let tcp = TcpStream::connect(self.address).await.unwrap();
        let (socket, _) = client_async("ws://localhost/ws", tcp).await.unwrap();
        let mut client = Client(socket);
        assert_eq!(client.next().await, json!({"hello": {}}));
        client
    }
}

struct Client(WebSocketStream<TcpStream>);

impl Client {
    async fn say(&mut self, command: Value) {
        self.0.send(Message::text(command.to_string())).await.unwrap();
    }

    async fn next(&mut self) -> Value {
        loop {
            match self.0.next().await.unwrap().unwrap() {
                Message::Text(text) => return serde_json::from_str(&text).unwrap(),
                Message::Close(close) => return json!({"close": u16::from(close.unwrap().code)}),
                _ => {}
            }
        }
    }

    async fn ask(&mut self, command: Value) -> Value {
        self.say(command).await;
        self.next().await
    }

    async fn publish(&mut self, topic: &str, data: Value) -> Value {
        let publish = json!({"publish": {"id": "p", "topic": topic, "data": data}});
        self.ask(publish).await
    }

    /// Subscribes, and gives the token of where the subscription stands.
    async fn subscribe(&mut self, id: &str, topics: &[&str], more: Value) -> String {
        let mut subscribe = json!({"id": id, "topics": topics});
        subscribe.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let answer = self.ask(json!({"subscribe": subscribe})).await;
        assert_eq!(answer["subscribed"]["id"], id, "{answer}");
        answer["resume"].as_str().unwrap().to_owned()
    }
}

fn problem(answer: &Value) -> (Value, String) {
    let kind = answer["error"]["problem"]["type"].as_str().unwrap_or_default();
    let name = kind.strip_prefix("urn:millstream:problem:").unwrap_or_default();
    (answer["error"]["id"].clone(), name.to_owned())
}

#[tokio::test]
async fn one_connection_publishes_and_reads_many_topics() {
    let server = Server::new().await;
    let (mut reader, mut writer) = (server.connect().await, server.connect().await);
    reader.subscribe("all", &["orders.>", "news"], json!({})).await;
    reader.subscribe("large", &["orders.eu"], json!({"filter": ["data.n>1"]})).await;
    let published = writer.publish("orders.eu", json!({"n": 1})).await;
    assert_eq!(published["published"]["request"], "p");
    assert_eq!(published["published"]["offset"], 0);
    let seen = reader.next().await;
    assert_eq!((&seen["subscription"], &seen["event"]["data"]), (&json!("all"), &json!({"n": 1})));
    writer.publish("orders.eu", json!({"n": 2})).await;
    let mut both = [reader.next().await, reader.next().await].map(|seen| {
        assert_eq!(
            (&seen["event"]["topic"], &seen["event"]["offset"]),
            (&json!("orders.eu"), &json!(1))
        );
        seen["subscription"].as_str().unwrap().to_owned()
    });
    both.sort();
    assert_eq!(both, ["all", "large"]);
    assert_eq!(
        reader.ask(json!({"unsubscribe": {"id": "all"}})).await["unsubscribed"]["id"],
        "all"
    );
    writer.publish("news", json!("x")).await;
    assert_eq!(reader.ask(json!({"ping": {"id": "1"}})).await, json!({"pong": {"id": "1"}}));
}

#[tokio::test]
async fn a_repeated_publish_publishes_nothing_more() {
    let server = Server::new().await;
    let mut client = server.connect().await;
    let publish = json!({"publish": {"id": "p", "topic": "a", "data": 1, "idempotency_key": "k"}});
    let first = client.ask(publish.clone()).await;
    let again = client.ask(publish).await;
    assert_eq!(
        (&first["published"]["duplicate"], &again["published"]["duplicate"]),
        (&json!(false), &json!(true))
    );
    assert_eq!(first["published"]["id"], again["published"]["id"]);
}

#[tokio::test]
async fn publishes_keep_their_order() {
    let server = Server::new().await;
    let mut client = server.connect().await;
    // More than may wait at once.
    for number in 0..200 {
        client
            .say(json!({"publish": {"id": number.to_string(), "topic": "a", "data": number}}))
            .await;
    }
    for number in 0..200 {
        let answer = client.next().await;
        assert_eq!(answer["published"]["request"], number.to_string());
        assert_eq!(answer["published"]["offset"], number);
    }
}

#[tokio::test]
async fn what_cannot_be_done_is_answered_and_the_connection_goes_on() {
    let server = Server::new().await;
    let mut client = server.connect().await;
    client.0.send(Message::text("nonsense")).await.unwrap();
    assert_eq!(problem(&client.next().await), (Value::Null, "command-invalid".to_owned()));
    client.0.send(Message::binary(vec![1])).await.unwrap();
    assert_eq!(problem(&client.next().await), (Value::Null, "command-invalid".to_owned()));
    let answer = client.publish("$sys.x", json!(1)).await;
    assert_eq!(problem(&answer), (json!("p"), "topic-reserved".to_owned()));
    let answer = client.ask(json!({"unsubscribe": {"id": "s"}})).await;
    assert_eq!(problem(&answer), (json!("s"), "subscription-unknown".to_owned()));
    for number in 0..SUBSCRIPTIONS_MAX {
        client.subscribe(&number.to_string(), &["a"], json!({})).await;
    }
    let answer = client.ask(json!({"subscribe": {"id": "0", "topics": ["a"]}})).await;
    assert_eq!(problem(&answer), (json!("0"), "subscription-exists".to_owned()));
    let answer = client.ask(json!({"subscribe": {"id": "more", "topics": ["a"]}})).await;
    assert_eq!(problem(&answer), (json!("more"), "too-many-subscriptions".to_owned()));
}

#[tokio::test]
async fn all_subscriptions_together_follow_a_bounded_number_of_topics() {
    let server = Server::new().await;
    for number in 0..400 {
        let name = LogName::new(Namespace::Topic, &format!("t.{number}")).unwrap();
        server.store.create(&name, stream_log::LogConfig::default()).await.unwrap();
    }
    let mut client = server.connect().await;
    for id in ["1", "2"] {
        client.subscribe(id, &["t.*"], json!({})).await;
    }
    let answer = client.ask(json!({"subscribe": {"id": "3", "topics": ["t.*"]}})).await;
    assert_eq!(problem(&answer), (json!("3"), "too-many-topics".to_owned()));
    client.ask(json!({"unsubscribe": {"id": "1"}})).await;
    client.subscribe("3", &["t.*"], json!({})).await;
}

#[tokio::test]
async fn a_server_that_goes_down_says_where_each_subscription_stands() {
    let server = Server::new().await;
    let mut client = server.connect().await;
    client.subscribe("a", &["a"], json!({})).await;
    client.publish("a", json!(1)).await;
    let last = client.next().await["resume"].clone();
    server.stop.send(()).unwrap();
    let end = client.next().await;
    assert_eq!((&end["disconnect"]["code"], &end["subscription"]), (&json!(4000), &json!("a")));
    assert_eq!(end["resume"], last);
    assert_eq!(client.next().await, json!({"close": 4000}));
    server.task.await.unwrap();
}

#[tokio::test]
async fn a_topic_made_anew_is_told_to_the_subscription() {
    let server = Server::new().await;
    let mut client = server.connect().await;
    client.publish("a", json!("old")).await;
    client.subscribe("s", &["*"], json!({})).await;
    let name = LogName::new(Namespace::Topic, "a").unwrap();
    server.store.delete(&name).await.unwrap();
    let deleted = client.next().await;
    assert_eq!(
        (&deleted["deleted"], &deleted["subscription"]),
        (&json!({"topic": "a"}), &json!("s"))
    );
}

#[tokio::test]
async fn a_peer_that_answers_no_ping_is_let_go() {
    let options = AppOptions::default().heartbeat(Duration::from_millis(1));
    let server = Server::start(Arc::default(), options).await;
    let mut tcp = TcpStream::connect(server.address).await.unwrap();
    let upgrade = "GET /ws HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
                   sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    tcp.write_all(upgrade.as_bytes()).await.unwrap();
    let mut all = Vec::new();
    // The end comes only if the server gives up: nothing is ever answered.
    tcp.read_to_end(&mut all).await.unwrap();
    assert!(String::from_utf8_lossy(&all).contains("heartbeat"));
}

/// Cuts and restarts at random, and goes on over the other transport: every event once, in order.
#[tokio::test]
async fn a_reader_goes_on_over_another_transport() {
    for seed in 0..10 {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut server = Server::new().await;
        let mut published: BTreeMap<String, u64> = BTreeMap::new();
        let mut read: BTreeMap<String, u64> = BTreeMap::new();
        let topics = ["t.*", "exact"];
        let mut last = server.connect().await.subscribe("s", &topics, json!({})).await;
        for _ in 0..30 {
            let mut writer = server.connect().await;
            for _ in 0..random.usize(..10) {
                let number = random.u8(..6);
                let topic = if number == 0 { "exact".to_owned() } else { format!("t.{number}") };
                writer.publish(&topic, json!("x")).await;
                *published.entry(topic).or_default() += 1;
            }
            if random.u8(..4) == 0 {
                server = server.restart().await;
            }
            let unread: u64 = published.values().sum::<u64>() - read.values().sum::<u64>();
            let count = random.u64(..=unread);
            let seen = if random.bool() {
                over_web_socket(&server, &topics, &last, count).await
            } else {
                over_sse(&server, &topics, &last, count).await
            };
            for (event, token) in seen {
                let topic = event["topic"].as_str().unwrap().to_owned();
                let expected = read.entry(topic).or_default();
                assert_eq!(event["offset"], *expected, "seed {seed}");
                *expected += 1;
                last = token;
            }
        }
    }
}

async fn over_web_socket(
    server: &Server,
    topics: &[&str],
    last: &str,
    count: u64,
) -> Vec<(Value, String)> {
    let mut client = server.connect().await;
    client.subscribe("s", topics, json!({"resume": last})).await;
    let mut seen = Vec::new();
    for _ in 0..count {
        let message = client.next().await;
        let token = message["resume"].as_str().unwrap().to_owned();
        seen.push((message["event"].clone(), token));
    }
    seen
}

async fn over_sse(
    server: &Server,
    topics: &[&str],
    last: &str,
    count: u64,
) -> Vec<(Value, String)> {
    let mut tcp = TcpStream::connect(server.address).await.unwrap();
    let query: Vec<_> = topics.iter().map(|topic| format!("topic={topic}")).collect();
    let request = format!(
        "GET /events?{} HTTP/1.1\r\nhost: localhost\r\naccept: text/event-stream\r\nlast-event-id: {last}\r\n\r\n",
        query.join("&")
    );
    tcp.write_all(request.as_bytes()).await.unwrap();
    let mut text = String::new();
    let mut seen = Vec::new();
    while u64::try_from(seen.len()).unwrap() < count {
        let mut buffer = [0; 4096];
        let bytes = tcp.read(&mut buffer).await.unwrap();
        text.push_str(std::str::from_utf8(&buffer[..bytes]).unwrap());
        seen = frames(&text);
    }
    seen.truncate(usize::try_from(count).unwrap());
    seen
}

/// The whole frames with data; the sizes of chunks between them are lines of their own.
fn frames(text: &str) -> Vec<(Value, String)> {
    let mut seen = Vec::new();
    let whole = text.rsplit_once("\n\n").map_or("", |(whole, _)| whole);
    for frame in whole.split("\n\n") {
        let field = |name: &str| frame.lines().find_map(|line| line.strip_prefix(name));
        if let (Some(id), Some(data)) = (field("id: "), field("data: ")) {
            seen.push((serde_json::from_str(data).unwrap(), id.to_owned()));
        }
    }
    seen
}
