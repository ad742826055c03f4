//! Appends over plain connections: answered as the library would, whatever else comes with them.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use http::{HeaderMap, HeaderName, HeaderValue, Request};
use stream_http::{App, AppOptions, Auth, router, serve};
use stream_log::MemoryStore;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tower::ServiceExt;

/// A server on a port of its own.
struct Server {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Server {
    async fn start(app: App) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let shutdown = async { stopped.await.unwrap_or_default() };
        let task = tokio::spawn(async move {
            serve(listener, app, shutdown, Duration::from_mins(1)).await.unwrap();
        });
        Self { address, stop, task }
    }

    async fn connect(&self) -> Client {
        Client { socket: TcpStream::connect(self.address).await.unwrap(), read: Vec::new() }
    }

    async fn stop(self) {
        self.stop.send(()).unwrap();
        self.task.await.unwrap();
    }
}

/// A connection that stays open.
struct Client {
    socket: TcpStream,
    read: Vec<u8>,
}

impl Client {
    async fn send(&mut self, bytes: &[u8]) {
        self.socket.write_all(bytes).await.unwrap();
    }

    /// The next answer: status, headers but those of the moment, and body.
    async fn answer(&mut self) -> (u16, HeaderMap, String) {
        let head = loop {
            if let Some(end) = self.read.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                let rest = self.read.split_off(end + 4);
                break String::from_utf8(std::mem::replace(&mut self.read, rest)).unwrap();
            }
            assert!(self.more().await, "hung up");
        };
        let mut lines = head.trim_end().split("\r\n");
        let status = lines.next().unwrap().strip_prefix("HTTP/1.1 ").unwrap();
        let headers: HeaderMap = lines
            .map(|line| {
                let (name, value) = line.split_once(": ").unwrap();
                let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
                (name, HeaderValue::from_str(value).unwrap())
            })
            .collect();
        let bytes: usize = headers
            .get("content-length")
            .map_or(0, |length| length.to_str().unwrap().parse().unwrap());
        while self.read.len() < bytes {
            assert!(self.more().await, "hung up");
        }
        let rest = self.read.split_off(bytes);
        let body = String::from_utf8(std::mem::replace(&mut self.read, rest)).unwrap();
        let date = headers.get("date").map(|date| date.to_str().unwrap().len());
        assert_eq!(date, Some("Sun, 06 Nov 1994 08:49:37 GMT".len()));
        (status.split(' ').next().unwrap().parse().unwrap(), lasting(headers), body)
    }

    async fn more(&mut self) -> bool {
        self.socket.read_buf(&mut self.read).await.unwrap() > 0
    }
}

fn lasting(mut headers: HeaderMap) -> HeaderMap {
    for name in ["date", "content-length"] {
        headers.remove(name);
    }
    headers
}

fn post(path: &str, headers: &[(&str, &str)], body: &str) -> Vec<u8> {
    let mut head = format!("POST /v1/stream/{path} HTTP/1.1\r\nhost: localhost\r\n");
    for (name, value) in headers {
        write!(head, "{name}: {value}\r\n").unwrap();
    }
    format!("{head}content-length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

const TEXT: (&str, &str) = ("content-type", "text/plain");

/// A stream's path, headers, and a body.
type Case<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a str);

fn app() -> App {
    let options = AppOptions::default().body_bytes_max(1000);
    App::new(Arc::new(MemoryStore::new()), options)
}

/// Makes the streams `a` and, closed, `closed`.
async fn make(app: &App) {
    for (path, closed) in [("a", "false"), ("closed", "true")] {
        let request = Request::put(format!("/v1/stream/{path}")).header(TEXT.0, TEXT.1);
        let request = request.header("stream-closed", closed).body(Body::empty()).unwrap();
        assert_eq!(router(app.clone()).oneshot(request).await.unwrap().status().as_u16(), 201);
    }
}

#[tokio::test]
async fn both_ways_answer_the_same() {
    let [lane, library] = [app(), app()];
    make(&lane).await;
    make(&library).await;
    let server = Server::start(lane).await;
    let mut client = server.connect().await;
    let producer = [("producer-id", "p"), ("producer-epoch", "0"), ("producer-seq", "0")];
    let [id, epoch, seq] = producer;
    let long = "x".repeat(1001);
    let cases: &[Case<'_>] = &[
        ("a", &[TEXT], "one"),
        ("a", &[("Content-Type", "TEXT/plain; charset=utf-8")], "two"),
        ("a", &[], "no type"),
        ("a", &[TEXT], ""),
        ("a", &[("content-type", "application/json")], "1"),
        ("none", &[TEXT], "x"),
        ("closed", &[TEXT], "x"),
        ("closed", &[("content-type", "application/json")], "x"),
        ("closed", &[("stream-closed", "true")], ""),
        ("a", &[TEXT, id, epoch, seq], "three"),
        ("a", &[TEXT, id, epoch, seq], "three"),
        ("a", &[TEXT, id, epoch, ("producer-seq", "9")], "x"),
        ("a", &[TEXT, id], "x"),
        ("a", &[TEXT, ("stream-seq", "b")], "four"),
        ("a", &[TEXT, ("stream-seq", "a")], "x"),
        ("a", &[TEXT, ("stream-closed", "true")], "last"),
        ("a", &[TEXT, ("stream-seq", "a")], "x"),
        ("a", &[TEXT], "x"),
        // What the lane leaves to the library, which then keeps the connection.
        ("a", &[TEXT], &long),
        ("a?x=1", &[TEXT], "x"),
        ("a", &[TEXT], "x"),
    ];
    for (path, headers, body) in cases {
        client.send(&post(path, headers, body)).await;
        let found = client.answer().await;
        let mut request = Request::post(format!("/v1/stream/{path}"));
        for (name, value) in *headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::from((*body).to_owned())).unwrap();
        let response = router(library.clone()).oneshot(request).await.unwrap();
        let (head, body) = response.into_parts();
        let body = String::from_utf8(to_bytes(body, 1 << 20).await.unwrap().to_vec()).unwrap();
        // The life of a stream, which each server makes up, is the first half of its offsets.
        let same = |(status, mut headers, body): (u16, HeaderMap, String)| {
            let next = headers.remove("stream-next-offset");
            let next =
                next.map(|next| next.to_str().unwrap().split_once('_').unwrap().1.to_owned());
            let body = body.split(" closed at ").next().unwrap().to_owned();
            (status, headers, next, body)
        };
        let want = (head.status.as_u16(), lasting(head.headers), body);
        assert_eq!(same(found), same(want), "{path} {headers:?}");
    }
    drop(client);
    server.stop().await;
}

#[tokio::test]
async fn requests_may_come_in_pieces_together_and_mixed() {
    let app = app();
    make(&app).await;
    let server = Server::start(app).await;
    let one = post("a", &[TEXT], "1");
    let get = b"GET /v1/stream/a HTTP/1.1\r\nhost: localhost\r\n\r\n";
    let together = [one.clone(), one.clone(), get.to_vec(), one.clone(), get.to_vec()].concat();
    for cut in [0, 3, 40, one.len() - 1, one.len(), one.len() + 9, together.len() - 2] {
        let mut client = server.connect().await;
        client.send(&together[..cut]).await;
        tokio::task::yield_now().await;
        client.send(&together[cut..]).await;
        let mut statuses = Vec::new();
        let mut bodies = Vec::new();
        for _ in 0..5 {
            let (status, _, body) = client.answer().await;
            statuses.push(status);
            bodies.push(body.len());
        }
        assert_eq!(statuses, [204, 204, 200, 204, 200], "cut at {cut}");
        assert_eq!(bodies[4], bodies[2] + 1, "cut at {cut}");
    }
    server.stop().await;
}

#[tokio::test]
async fn a_writer_hears_that_the_stream_it_wrote_to_is_gone_or_another() {
    let app = app();
    make(&app).await;
    let call = async |method: &str, content_type: &str| {
        let request = Request::builder().method(method).uri("/v1/stream/a");
        let request = request.header(TEXT.0, content_type).body(Body::empty()).unwrap();
        router(app.clone()).oneshot(request).await.unwrap().status().as_u16()
    };
    let server = Server::start(app.clone()).await;
    let mut writer = server.connect().await;
    let mut status = async |path: &str| {
        writer.send(&post(path, &[TEXT], "x")).await;
        writer.answer().await.0
    };
    assert_eq!((status("a").await, status("a").await), (204, 204));
    assert_eq!(call("DELETE", TEXT.1).await, 204);
    assert_eq!((status("a").await, status("a").await), (404, 404));
    assert_eq!(call("PUT", "application/json").await, 201);
    assert_eq!(status("a").await, 409);
    assert_eq!(call("DELETE", TEXT.1).await, 204);
    assert_eq!(call("PUT", TEXT.1).await, 201);
    assert_eq!((status("a").await, status("closed").await, status("a").await), (204, 409, 204));
    drop(writer);
    server.stop().await;
}

#[tokio::test]
async fn other_connections_are_not_in_the_way_of_an_end() {
    let app = app();
    make(&app).await;
    let server = Server::start(app).await;
    let mut idle = server.connect().await;
    idle.send(&post("a", &[TEXT], "1")).await;
    assert_eq!(idle.answer().await.0, 204);
    let fresh = server.connect().await;
    // Both are open when the server goes down, which closes them and does not wait for its drain.
    server.stop().await;
    for mut client in [idle, fresh] {
        // One that was never accepted is reset.
        let read = client.socket.read_buf(&mut client.read).await;
        assert!(!read.is_ok_and(|bytes| bytes > 0));
    }
}

#[tokio::test]
async fn the_lane_lets_nobody_in_who_is_not_let_in_elsewhere() {
    let server = Server::start(app()).await;
    let mut client = server.connect().await;
    let foreign = String::from_utf8(post("a", &[TEXT], "1")).unwrap();
    client.send(foreign.replace("localhost", "evil.example").as_bytes()).await;
    assert_eq!(client.answer().await.0, 403);
    drop(client);
    server.stop().await;
    let auth = Auth::new().secret(b"a secret of more than thirty-two bytes").unwrap();
    let store = Arc::new(MemoryStore::new());
    let server = Server::start(App::new(store, AppOptions::default().auth(auth))).await;
    let mut client = server.connect().await;
    client.send(&post("a", &[TEXT], "1")).await;
    assert_eq!(client.answer().await.0, 401);
    drop(client);
    server.stop().await;
}
