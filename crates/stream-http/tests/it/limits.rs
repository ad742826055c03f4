//! Every limit of a request on every transport: what is just within is taken, and one more is
//! refused in that transport's words.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use http::{Method, Request, Version};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use llm_stream::Format;
use serde_json::{Value, json};
use stream_http::limits::{COMMAND_BYTES, HEAD_BYTES_MAX, HEADERS_MAX, WS_COMMAND_BYTES};
use stream_http::{App, AppOptions, RetryPolicy, Upstream, serve};
use stream_log::MemoryStore;
use stream_model::limits::{
    EVENT_ID_BYTES_MAX, PRODUCER_ID_BYTES_MAX, TOPIC_BYTES_MAX, TOPIC_SEGMENTS_MAX,
};
use stream_protocol::durable::limits::{
    CONTENT_TYPE_BYTES_MAX, PATH_BYTES_MAX, SEQ_BYTES_MAX, SUBSCRIPTION_ID_BYTES_MAX,
};
use stream_protocol::{
    BODY_BYTES_MAX, COMMAND_ID_BYTES_MAX, CONDITION_BYTES_MAX, CONDITIONS_MAX,
    EVENTS_PER_REQUEST_MAX, SELECTORS_MAX, SUBSCRIPTIONS_MAX,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::{WebSocketStream, client_async};

/// Something that is sent, of a size that is to be chosen.
type Ask = fn(usize) -> Asked;

enum Asked {
    /// A request, over HTTP/1.1 and over HTTP/2.
    Http { method: Method, path: String, headers: Vec<(&'static str, String)>, body: String },
    /// Messages over a WebSocket, of which the last is looked at; and over one that speaks
    /// `CloudEvents`, as what they are there.
    Messages(Vec<Value>),
}

/// How one more is refused.
enum Refused {
    /// By a problem document, or an `error` with the same problem; without a name where the
    /// Durable Streams protocol has a form of its own.
    Problem(u16, &'static str),
    /// By the end of the connection; with a word if it still reaches the peer, who is writing.
    End,
}
use Refused::{End, Problem};

struct Limit {
    name: &'static str,
    max: usize,
    asks: &'static [(Ask, Refused)],
}

fn post(path: &str, content_type: &'static str, body: String) -> Asked {
    let headers = vec![("content-type", content_type.to_owned())];
    Asked::Http { method: Method::POST, path: path.to_owned(), headers, body }
}

fn put(path: &str, headers: Vec<(&'static str, String)>, body: String) -> Asked {
    Asked::Http { method: Method::PUT, path: path.to_owned(), headers, body }
}

fn get(path: &str, headers: Vec<(&'static str, String)>) -> Asked {
    let path = path.to_owned();
    Asked::Http { method: Method::GET, path, headers, body: String::new() }
}

fn x(count: usize) -> String {
    "x".repeat(count)
}

fn publish(topic: &str, data: &Value) -> Asked {
    Asked::Messages(vec![json!({"publish": {"id": "p", "topic": topic, "data": data}})])
}

fn subscribe(topics: &[String], filter: &[String]) -> Asked {
    let subscribe = json!({"id": "s", "topics": topics, "filter": filter, "from": "latest"});
    Asked::Messages(vec![json!({"subscribe": subscribe})])
}

/// A subscription over server-sent events, and as lines.
fn events(accept: &str, topics: &[String], filter: &[String]) -> Asked {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(topics.iter().map(|topic| ("topic", topic)));
    query.extend_pairs(filter.iter().map(|condition| ("filter", condition)));
    get(&format!("/events?{}", query.finish()), vec![("accept", accept.to_owned())])
}

const SSE: &str = "text/event-stream";
const LINES: &str = "application/x-ndjson";
const JSON: &str = "application/json";
const TEXT: &str = "text/plain";

fn topic_of_bytes(bytes: usize) -> Vec<String> {
    vec![x(bytes)]
}

fn topic_of_segments(segments: usize) -> Vec<String> {
    vec![vec!["s"; segments].join(".")]
}

fn topics(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("t{number}")).collect()
}

fn conditions(count: usize) -> Vec<String> {
    vec!["type=message".to_owned(); count]
}

fn condition_of_bytes(bytes: usize) -> Vec<String> {
    vec![format!("type={}", x(bytes - 5))]
}

fn batch(count: usize) -> String {
    let one = r#"{"specversion":"1.0","id":"1","source":"/s","type":"t"}"#;
    format!("[{}]", vec![one; count].join(","))
}

/// Text as the data of JSON, with its quotes, of so many bytes.
fn quoted(bytes: usize) -> Value {
    json!(x(bytes - 2))
}

const TOO_LARGE: Refused = Problem(413, "body-too-large");
const BAD_TOPIC: Refused = Problem(400, "topic-invalid");

const LIMITS: &[Limit] = &[
    Limit {
        name: "BODY_BYTES_MAX",
        max: BODY_BYTES_MAX,
        asks: &[
            (|n| post("/topics/a", TEXT, x(n)), TOO_LARGE),
            (|n| put("/v1/stream/a", vec![("content-type", TEXT.to_owned())], x(n)), TOO_LARGE),
            (|n| post("/v1/stream/a", TEXT, x(n)), TOO_LARGE),
            (|n| publish("a", &quoted(n)), TOO_LARGE),
        ],
    },
    Limit {
        name: "BODY_BYTES_MAX and WS_COMMAND_BYTES",
        max: BODY_BYTES_MAX + WS_COMMAND_BYTES,
        // A message that is longer than any command could be is not read to its end.
        asks: &[(|n| Asked::Messages(vec![quoted(n)]), End)],
    },
    Limit {
        name: "COMMAND_BYTES",
        max: COMMAND_BYTES,
        asks: &[
            (|n| post("/v1/chat/completions", JSON, x(n)), TOO_LARGE),
            (|n| post("/v1/messages", JSON, x(n)), TOO_LARGE),
            (|n| post("/v1/responses", JSON, x(n)), TOO_LARGE),
            (|n| post("/llm/new", JSON, x(n)), TOO_LARGE),
        ],
    },
    Limit {
        name: "EVENTS_PER_REQUEST_MAX",
        max: EVENTS_PER_REQUEST_MAX,
        asks: &[
            (|n| post("/topics/a", LINES, "1\n".repeat(n)), Problem(413, "events-too-many")),
            (
                |n| post("/topics/a", "application/cloudevents-batch+json", batch(n)),
                Problem(413, "events-too-many"),
            ),
        ],
    },
    Limit {
        name: "SELECTORS_MAX",
        max: SELECTORS_MAX,
        asks: &[
            (|n| events(SSE, &topics(n), &[]), Problem(413, "too-many-topics")),
            (|n| events(LINES, &topics(n), &[]), Problem(413, "too-many-topics")),
            (|n| subscribe(&topics(n), &[]), Problem(413, "too-many-topics")),
        ],
    },
    Limit {
        name: "CONDITIONS_MAX",
        max: CONDITIONS_MAX,
        asks: &[
            (|n| events(SSE, &topics(1), &conditions(n)), Problem(400, "filter-invalid")),
            (|n| events(LINES, &topics(1), &conditions(n)), Problem(400, "filter-invalid")),
            (|n| subscribe(&topics(1), &conditions(n)), Problem(400, "filter-invalid")),
        ],
    },
    Limit {
        name: "CONDITION_BYTES_MAX",
        max: CONDITION_BYTES_MAX,
        asks: &[
            (|n| events(SSE, &topics(1), &condition_of_bytes(n)), Problem(400, "filter-invalid")),
            (|n| events(LINES, &topics(1), &condition_of_bytes(n)), Problem(400, "filter-invalid")),
            (|n| subscribe(&topics(1), &condition_of_bytes(n)), Problem(400, "filter-invalid")),
        ],
    },
    Limit {
        name: "TOPIC_BYTES_MAX",
        max: TOPIC_BYTES_MAX,
        asks: &[
            (|n| post(&format!("/topics/{}", x(n)), TEXT, x(1)), BAD_TOPIC),
            (|n| get(&format!("/topics/{}", x(n)), vec![("accept", SSE.to_owned())]), BAD_TOPIC),
            (|n| events(SSE, &topic_of_bytes(n), &[]), BAD_TOPIC),
            (|n| events(LINES, &topic_of_bytes(n), &[]), BAD_TOPIC),
            (|n| subscribe(&topic_of_bytes(n), &[]), BAD_TOPIC),
            (|n| publish(&x(n), &json!(1)), BAD_TOPIC),
        ],
    },
    Limit {
        name: "TOPIC_SEGMENTS_MAX",
        max: TOPIC_SEGMENTS_MAX,
        asks: &[
            (|n| post(&format!("/topics/{}", topic_of_segments(n)[0]), TEXT, x(1)), BAD_TOPIC),
            (|n| events(SSE, &topic_of_segments(n), &[]), BAD_TOPIC),
            (|n| events(LINES, &topic_of_segments(n), &[]), BAD_TOPIC),
            (|n| subscribe(&topic_of_segments(n), &[]), BAD_TOPIC),
            (|n| publish(&topic_of_segments(n)[0], &json!(1)), BAD_TOPIC),
        ],
    },
    Limit {
        name: "EVENT_ID_BYTES_MAX",
        max: EVENT_ID_BYTES_MAX,
        asks: &[(
            |n| {
                let event = json!({"specversion": "1.0", "id": x(n), "source": "/", "type": "t"});
                post("/topics/a", "application/cloudevents+json", event.to_string())
            },
            Problem(400, "cloud-event-invalid"),
        )],
    },
    Limit {
        name: "PRODUCER_ID_BYTES_MAX",
        max: PRODUCER_ID_BYTES_MAX,
        asks: &[
            (
                |n| with_producer("/topics/a", vec![("producer-id", x(n))]),
                Problem(400, "producer-invalid"),
            ),
            (
                |n| with_producer("/v1/stream/a", vec![("producer-id", x(n))]),
                Problem(400, "producer-invalid"),
            ),
            // An idempotency key is a producer's id behind a prefix of 16 bytes.
            (
                |n| {
                    let headers = vec![("idempotency-key", x(n - 16))];
                    let body = x(1);
                    let path = "/topics/a".to_owned();
                    Asked::Http { method: Method::POST, path, headers, body }
                },
                Problem(400, "producer-invalid"),
            ),
            (
                |n| {
                    let key = x(n - 16);
                    let publish =
                        json!({"id": "p", "topic": "a", "data": 1, "idempotency_key": key});
                    Asked::Messages(vec![json!({"publish": publish})])
                },
                Problem(400, "producer-invalid"),
            ),
        ],
    },
    Limit {
        name: "PATH_BYTES_MAX",
        max: PATH_BYTES_MAX,
        asks: &[
            (
                |n| put(&format!("/v1/stream/{}", x(n)), Vec::new(), String::new()),
                Problem(400, "path-invalid"),
            ),
            (|n| get(&format!("/v1/stream/{}", x(n)), Vec::new()), Problem(400, "path-invalid")),
            (|n| post(&format!("/v1/stream/{}", x(n)), TEXT, x(1)), Problem(400, "path-invalid")),
        ],
    },
    Limit {
        name: "CONTENT_TYPE_BYTES_MAX",
        max: CONTENT_TYPE_BYTES_MAX,
        asks: &[(
            |n| put("/v1/stream/b", vec![("content-type", format!("a/{}", x(n - 2)))], x(1)),
            Problem(400, "header-invalid"),
        )],
    },
    Limit {
        name: "SEQ_BYTES_MAX",
        max: SEQ_BYTES_MAX,
        asks: &[(
            |n| {
                let headers = vec![("content-type", TEXT.to_owned()), ("stream-seq", x(n))];
                let path = "/v1/stream/a".to_owned();
                Asked::Http { method: Method::POST, path, headers, body: x(1) }
            },
            Problem(400, "seq-too-long"),
        )],
    },
    Limit {
        name: "SUBSCRIPTION_ID_BYTES_MAX",
        max: SUBSCRIPTION_ID_BYTES_MAX,
        asks: &[(
            |n| {
                let path = format!("/v1/stream/__ds/subscriptions/{}", x(n));
                let body = json!({"type": "pull-wake", "pattern": "a", "wake_stream": "w"});
                put(&path, vec![("content-type", JSON.to_owned())], body.to_string())
            },
            Problem(400, ""),
        )],
    },
    Limit {
        name: "COMMAND_ID_BYTES_MAX",
        max: COMMAND_ID_BYTES_MAX,
        asks: &[(
            |n| Asked::Messages(vec![json!({"ping": {"id": x(n)}})]),
            Problem(400, "command-id-invalid"),
        )],
    },
    Limit {
        name: "SUBSCRIPTIONS_MAX",
        max: SUBSCRIPTIONS_MAX,
        asks: &[(
            |n| {
                let subscribe = |number: usize| json!({"id": number.to_string(), "topics": ["a"]});
                let messages = (0..n).map(|number| json!({"subscribe": subscribe(number)}));
                Asked::Messages(messages.collect())
            },
            Problem(413, "too-many-subscriptions"),
        )],
    },
];

fn with_producer(path: &str, id: Vec<(&'static str, String)>) -> Asked {
    let mut headers = vec![
        ("content-type", TEXT.to_owned()),
        ("producer-epoch", "0".to_owned()),
        ("producer-seq", "0".to_owned()),
    ];
    headers.extend(id);
    Asked::Http { method: Method::POST, path: path.to_owned(), headers, body: x(1) }
}

/// A server with a stream to append to, and a provider that is not there.
async fn start(options: AppOptions) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let options = Format::ALL.into_iter().fold(options, |options, format| {
        let upstream = Upstream::new("http://127.0.0.1:9/v1", format).unwrap();
        options.upstream(format.as_str(), upstream.retry(RetryPolicy::default().retries(0)))
    });
    let app = App::new(Arc::new(MemoryStore::new()), options);
    tokio::spawn(serve(listener, app, std::future::pending(), Duration::ZERO));
    let made = put("/v1/stream/a", vec![("content-type", TEXT.to_owned())], String::new());
    assert_eq!(answer_over_http(address, Version::HTTP_11, made).await.0, 201);
    address
}

/// The status of an answer, and the name of its problem.
async fn answer_over_http(address: SocketAddr, version: Version, asked: Asked) -> (u16, String) {
    let Asked::Http { method, path, headers, body } = asked else { panic!("expected a request") };
    let mut builder = Client::builder(TokioExecutor::new());
    let client = builder.http2_only(version == Version::HTTP_2).build_http();
    let mut request = Request::builder().method(method).uri(format!("http://{address}{path}"));
    for (name, value) in headers {
        request = request.header(name, value);
    }
    let response = client.request(request.body(Full::new(Bytes::from(body))).unwrap()).await;
    let response = response.unwrap();
    let status = response.status();
    if !status.is_client_error() {
        return (status.as_u16(), String::new());
    }
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status.as_u16(), problem_name(&serde_json::from_slice(&body).unwrap()))
}

fn problem_name(problem: &Value) -> String {
    let kind = problem["type"].as_str().unwrap_or_default();
    kind.strip_prefix("urn:millstream:problem:").unwrap_or_default().to_owned()
}

/// What became of the last of several messages.
#[derive(Debug, PartialEq, Eq)]
enum Became {
    Taken,
    Error(u16, String),
    Closed,
}

async fn answer_over_socket(
    address: SocketAddr,
    in_cloud_events: bool,
    messages: Vec<Value>,
) -> Became {
    let tcp = TcpStream::connect(address).await.unwrap();
    let mut request = "ws://localhost/ws".into_client_request().unwrap();
    if in_cloud_events {
        let name = http::HeaderValue::from_static("cloudevents.json");
        request.headers_mut().insert("sec-websocket-protocol", name);
    }
    let (mut socket, _) = client_async(request, tcp).await.unwrap();
    // The greeting.
    next(&mut socket).await;
    let mut last = Became::Taken;
    for message in messages {
        let worded = if in_cloud_events { cloud_event(&message) } else { message };
        // Whoever is refused in the middle may not be able to send the rest.
        socket.send(Message::text(worded.to_string())).await.unwrap_or_default();
        last = next(&mut socket).await;
    }
    last
}

/// A message of the plain form as the `CloudEvent` that says the same.
fn cloud_event(plain: &Value) -> Value {
    let mut event = json!({"specversion": "1.0", "id": "p", "source": "/test"});
    let Some((name, body)) = plain.as_object().and_then(|object| object.iter().next()) else {
        return plain.clone();
    };
    if name == "publish" {
        event["type"] = json!("com.example");
        event["subject"] = body["topic"].clone();
        event["data"] = body["data"].clone();
        event["idempotencykey"] = body["idempotency_key"].clone();
    } else {
        event["type"] = json!(format!("millstream.ws.{name}"));
        event["data"] = body.clone();
    }
    event
}

async fn next(socket: &mut WebSocketStream<TcpStream>) -> Became {
    loop {
        match socket.next().await {
            Some(Ok(Message::Text(text))) => {
                let answer: Value = serde_json::from_str(&text).unwrap();
                let problems = [&answer["error"]["problem"], &answer["data"]["problem"]];
                let refused = problems.into_iter().find(|problem| problem.is_object());
                return refused.map_or(Became::Taken, |problem| {
                    let status = problem["status"].as_u64().unwrap().try_into().unwrap();
                    Became::Error(status, problem_name(problem))
                });
            }
            Some(Ok(Message::Close(_)) | Err(_)) | None => return Became::Closed,
            Some(Ok(_)) => {}
        }
    }
}

/// What goes wrong at one limit, on each kind of transport.
async fn check(
    address: SocketAddr,
    limit: &Limit,
    ask: Ask,
    refused: &Refused,
    wrong: &mut Vec<String>,
) {
    for size in [limit.max, limit.max + 1] {
        let within = size == limit.max;
        for second in [false, true] {
            let what = format!("{} of {size}, second kind of transport: {second}", limit.name);
            match (ask(size), refused) {
                (Asked::Messages(messages), refused) => {
                    let want = match refused {
                        Problem(status, name) => Became::Error(*status, (*name).to_owned()),
                        End => Became::Closed,
                    };
                    let found = answer_over_socket(address, second, messages).await;
                    if (found != want) != within {
                        wrong.push(format!("{what}: {found:?}"));
                    }
                }
                (asked, Problem(status, name)) => {
                    let version = if second { Version::HTTP_2 } else { Version::HTTP_11 };
                    let found = answer_over_http(address, version, asked).await;
                    let is_refused = found == (*status, (*name).to_owned());
                    if is_refused == within {
                        wrong.push(format!("{what}: {found:?}"));
                    }
                }
                (_, End) => panic!("a request is not answered by the end of a connection"),
            }
        }
    }
}

/// The kinds are HTTP/1.1 and HTTP/2, or a plain WebSocket and one that speaks `CloudEvents`.
#[tokio::test]
async fn every_limit_holds_on_every_transport() {
    let address = start(AppOptions::default()).await;
    let mut wrong = Vec::new();
    for limit in LIMITS {
        for (ask, refused) in limit.asks {
            check(address, limit, *ask, refused, &mut wrong).await;
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// What a server answers to these bytes before it waits for more.
async fn answer_to(address: SocketAddr, bytes: &[u8]) -> String {
    let mut socket = TcpStream::connect(address).await.unwrap();
    // A server that has refused the beginning takes no end.
    socket.write_all(bytes).await.unwrap_or_default();
    let mut read = vec![0; 4096];
    let count = socket.read(&mut read).await.unwrap_or_default();
    String::from_utf8_lossy(&read[..count]).into_owned()
}

#[tokio::test]
async fn a_head_has_a_length_and_a_number_of_fields() {
    let address = start(AppOptions::default()).await;
    let heads = [
        (format!("x-long: {}\r\n", x(HEAD_BYTES_MAX / 2)), "200"),
        (format!("x-long: {}\r\n", x(HEAD_BYTES_MAX)), "431"),
        ("x-more: 1\r\n".repeat(HEADERS_MAX - 1), "200"),
        ("x-more: 1\r\n".repeat(HEADERS_MAX), "431"),
    ];
    for (fields, want) in heads {
        for front in ["GET /healthz", "POST /v1/stream/a", "GET /topics/a", "GET /ws"] {
            let head = format!("{front} HTTP/1.1\r\nhost: localhost\r\n{fields}\r\n");
            let answer = answer_to(address, head.as_bytes()).await;
            let is_refused = answer.starts_with("HTTP/1.1 431");
            assert_eq!(is_refused, want == "431", "{front}, {} bytes: {answer}", head.len());
        }
    }
}

/// Ways to keep a connection open; each is one of those that are counted.
const STAYING: [&str; 5] = [
    "GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n",
    "GET /topics/a HTTP/1.1\r\nhost: localhost\r\naccept: text/event-stream\r\n\r\n",
    "GET /events?topic=a HTTP/1.1\r\nhost: localhost\r\naccept: text/event-stream\r\n\r\n",
    "GET /v1/stream/a?live=sse&offset=-1 HTTP/1.1\r\nhost: localhost\r\n\r\n",
    "GET /ws HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
     sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
];

/// A connection that stays, once there is room for it.
async fn stay(address: SocketAddr, request: &str) -> TcpStream {
    loop {
        let mut socket = TcpStream::connect(address).await.unwrap();
        socket.write_all(request.as_bytes()).await.unwrap();
        let mut status = [0; 12];
        socket.read_exact(&mut status).await.unwrap();
        if matches!(&status, b"HTTP/1.1 200" | b"HTTP/1.1 101") {
            return socket;
        }
        // One that has ended counts until the server has seen that.
        assert_eq!(&status, b"HTTP/1.1 503", "{request}");
    }
}

#[tokio::test]
async fn connections_have_a_number_whatever_they_do() {
    let address = start(AppOptions::default().connections_max(STAYING.len())).await;
    let mut open = Vec::new();
    for request in STAYING {
        open.push(stay(address, request).await);
    }
    let probe = STAYING[0].as_bytes();
    for end_of in (0..STAYING.len()).rev() {
        let refusal = answer_to(address, probe).await;
        assert!(refusal.starts_with("HTTP/1.1 503"), "{refusal}");
        assert!(refusal.contains("retry-after: ") && refusal.contains("connections-too-many"));
        // Each kind of connection counts no more when it is over.
        drop(open.remove(end_of));
        open.push(stay(address, STAYING[0]).await);
    }
}
