//! `CloudEvents` in and out, over HTTP and a WebSocket.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use futures_util::{SinkExt as _, StreamExt as _};
use http::{HeaderValue, Request, StatusCode};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use stream_http::{App, AppOptions, router, serve};
use stream_log::MemoryStore;
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{WebSocketStream, client_async};
use tower::ServiceExt;

fn app() -> App {
    App::new(Arc::new(MemoryStore::new()), AppOptions::default())
}

async fn send(app: &Router, request: Request<Body>) -> (StatusCode, Value) {
    let response = app.clone().oneshot(request).await.unwrap();
    let status = response.status();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&body).unwrap())
}

async fn publish(app: &Router, headers: &[(&str, &str)], body: &Value) -> (StatusCode, Value) {
    let mut request = Request::post("/topics/orders");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    send(app, request.body(Body::from(body.to_string())).unwrap()).await
}

fn event(id: &str) -> Value {
    json!({"specversion": "1.0", "id": id, "source": "/shop", "type": "com.shop.ordered", "data": {"n": 7}})
}

#[tokio::test]
async fn all_three_modes_are_published_under_their_own_ids() {
    let app = router(app());
    let structured = [("content-type", "application/cloudevents+json; charset=utf-8")];
    let (status, answer) = publish(&app, &structured, &event("e1")).await;
    assert_eq!((status, &answer["id"]), (StatusCode::CREATED, &json!("e1")));
    let batch = [("content-type", "application/cloudevents-batch+json")];
    let (_, answer) = publish(&app, &batch, &json!([event("e2"), event("e3")])).await;
    assert_eq!(answer["ids"], json!(["e2", "e3"]));
    let binary = [
        ("ce-specversion", "1.0"),
        ("ce-id", "e4"),
        ("ce-source", "/shop"),
        ("ce-type", "com.shop.ordered"),
        ("content-type", "application/json"),
    ];
    let (_, answer) = publish(&app, &binary, &json!({"n": 7})).await;
    assert_eq!((&answer["id"], &answer["offset"]), (&json!("e4"), &json!(3)));
    let page = Request::get("/topics/orders").header("accept", "application/json");
    let (_, page) = send(&app, page.body(Body::empty()).unwrap()).await;
    for (entry, id) in page["events"].as_array().unwrap().iter().zip(["e1", "e2", "e3", "e4"]) {
        assert_eq!((&entry["id"], &entry["data"]), (&json!(id), &json!({"n": 7})));
        let metadata = &entry["metadata"];
        let want = (&json!("/shop"), &json!("com.shop.ordered"), &json!("orders"));
        assert_eq!((&metadata["source"], &metadata["type"], &metadata["topic"]), want, "{id}");
    }
    let (status, problem) = publish(&app, &structured, &json!({"id": "e5"})).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert_eq!(problem["type"], "urn:millstream:problem:cloud-event-invalid");
}

struct Client(WebSocketStream<TcpStream>);

impl Client {
    /// Connects to a server of its own, and offers `protocols`; gives the one that was taken.
    async fn connect(protocols: HeaderValue) -> (Self, Option<HeaderValue>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(serve(listener, app(), std::future::pending(), Duration::ZERO));
        let tcp = TcpStream::connect(address).await.unwrap();
        let mut request = "ws://localhost/ws".into_client_request().unwrap();
        request.headers_mut().insert("sec-websocket-protocol", protocols);
        let (socket, response) = client_async(request, tcp).await.unwrap();
        (Self(socket), response.headers().get("sec-websocket-protocol").cloned())
    }

    async fn next(&mut self) -> Value {
        loop {
            if let Message::Text(text) = self.0.next().await.unwrap().unwrap() {
                return serde_json::from_str(&text).unwrap();
            }
        }
    }

    async fn ask(&mut self, message: Value) -> Value {
        self.0.send(Message::text(message.to_string())).await.unwrap();
        self.next().await
    }
}

fn with(mut event: Value, more: &Value) -> Value {
    event.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    event
}

#[tokio::test]
async fn a_web_socket_speaks_cloud_events_both_ways() {
    let (mut client, taken) =
        Client::connect(HeaderValue::from_static("mqtt, cloudevents.json")).await;
    assert_eq!(taken.unwrap(), "cloudevents.json");
    assert_eq!(client.next().await["type"], "millstream.ws.hello");
    let interest = json!({"id": "s", "topics": ["orders.*"]});
    let subscribe = json!({"type": "millstream.ws.subscribe", "data": interest});
    let answer = client.ask(with(event("1"), &subscribe)).await;
    assert_eq!(answer["type"], "millstream.ws.subscribed");
    assert!(answer["streamresume"].is_string());
    let sent = with(event("e1"), &json!({"subject": "orders.eu", "idempotencykey": "k"}));
    let first = client.ask(sent.clone()).await;
    let second = client.next().await;
    let of_type = |kind: &str| [&first, &second].into_iter().find(|one| one["type"] == kind);
    let answer = of_type("millstream.ws.published").unwrap();
    assert_eq!((&answer["data"]["request"], &answer["data"]["id"]), (&json!("e1"), &json!("e1")));
    let got = of_type("com.shop.ordered").unwrap();
    for name in ["id", "source", "subject", "data"] {
        assert_eq!(got[name], sent[name], "{name}");
    }
    assert_eq!((&got["streamsubscription"], &got["streamoffset"]), (&json!("s"), &json!("0")));
    assert_eq!(client.ask(sent).await["data"]["duplicate"], true);
    let refused = client.ask(json!({"ping": {"id": "1"}})).await;
    assert_eq!(refused["type"], "millstream.ws.error");
    let kind = &refused["data"]["problem"]["type"];
    assert_eq!(kind, "urn:millstream:problem:cloud-event-invalid");
}

/// A name that is no text must not break anything.
#[tokio::test]
async fn a_subprotocol_that_is_not_known_is_not_taken() {
    for name in [&b"mqtt"[..], b"caf\xe9", b"cloudevents.jsonx"] {
        let request = HeaderValue::from_bytes(name).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(serve(listener, app(), std::future::pending(), Duration::ZERO));
        let mut tcp = TcpStream::connect(address).await.unwrap();
        let upgrade = "GET /ws HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\n\
            upgrade: websocket\r\nsec-websocket-version: 13\r\n\
            sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-protocol: ";
        let head = [upgrade.as_bytes(), request.as_bytes(), b"\r\n\r\n"].concat();
        tokio::io::AsyncWriteExt::write_all(&mut tcp, &head).await.unwrap();
        let mut read = Vec::new();
        while !String::from_utf8_lossy(&read).contains("hello") {
            let bytes = tokio::io::AsyncReadExt::read_buf(&mut tcp, &mut read).await.unwrap();
            assert!(bytes > 0, "the server went away");
        }
        let text = String::from_utf8_lossy(&read).to_lowercase();
        assert!(text.starts_with("http/1.1 101") && !text.contains("sec-websocket-protocol"));
        assert!(text.contains("{\"hello\":{}}"));
    }
}
