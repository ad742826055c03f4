//! Live readers on plain connections, which leave the HTTP library: they get what the others get.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use stream_http::limits::CHUNK_BYTES;
use stream_http::{App, AppOptions, serve};
use stream_log::{MemoryStore, Retention};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// A server with threads of its own; clients block.
struct Server {
    address: SocketAddr,
    runtime: Runtime,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Server {
    fn start(options: AppOptions) -> Self {
        let runtime = Runtime::new().unwrap();
        let app = App::new(Arc::new(MemoryStore::new()), options);
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let shutdown = async { stopped.await.unwrap_or_default() };
        let task = runtime.spawn(async move {
            serve(listener, app, shutdown, Duration::from_mins(1)).await.unwrap();
        });
        Self { address, runtime, stop, task }
    }

    fn connect(&self) -> Client {
        let socket = TcpStream::connect(self.address).unwrap();
        // A test that would wait for ever fails instead.
        socket.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
        Client { socket, read: Vec::new() }
    }

    /// A reader whose head was read.
    fn read(&self, path: &str) -> Client {
        let mut client = self.connect();
        client.send(&get(path));
        let head = client.until("\r\n\r\n");
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
        assert!(head.contains("content-type: text/event-stream\r\n"), "{head}");
        // How those are known that have left the library.
        assert!(head.contains("connection: close\r\n"), "{head}");
        client
    }

    fn call(&self, request: &str) -> String {
        let mut client = self.connect();
        client.send(request);
        client.rest()
    }

    fn publish(&self, topic: &str, data: &str) {
        let answer = self.call(&body("POST", &format!("/topics/{topic}"), data));
        assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    }

    /// What the slowest reader of the only topic has still to be given.
    fn lag(&self) -> u64 {
        let topics = "GET /topics HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
        let answer = self.call(topics);
        let (_, lag) = answer.split_once("\"lag\":").unwrap();
        lag.split(',').next().unwrap().parse().unwrap()
    }

    fn stop(self) {
        self.stop.send(()).unwrap();
        self.runtime.block_on(self.task).unwrap();
    }
}

struct Client {
    socket: TcpStream,
    read: Vec<u8>,
}

impl Client {
    fn send(&mut self, text: &str) {
        self.socket.write_all(text.as_bytes()).unwrap();
    }

    /// What comes up to `end`.
    fn until(&mut self, end: &str) -> String {
        let mut searched: usize = 0;
        loop {
            let rest = &self.read[searched..];
            let found = rest.windows(end.len()).position(|bytes| bytes == end.as_bytes());
            if let Some(found) = found {
                let rest = self.read.split_off(searched + found + end.len());
                return String::from_utf8_lossy(&std::mem::replace(&mut self.read, rest))
                    .into_owned();
            }
            searched = self.read.len().saturating_sub(end.len());
            let mut more = [0; 16 << 10];
            let count = self.socket.read(&mut more).unwrap();
            assert!(count > 0, "hung up after {:?}", String::from_utf8_lossy(&self.read));
            self.read.extend_from_slice(&more[..count]);
        }
    }

    /// The next frame.
    fn frame(&mut self) -> String {
        self.until("\n\n")
    }

    /// The data of the next event that has some.
    fn data(&mut self) -> String {
        loop {
            let frame = self.frame();
            if let Some((_, data)) = frame.split_once("\ndata: ") {
                return data.trim_end().to_owned();
            }
        }
    }

    /// All that is left.
    fn rest(mut self) -> String {
        // A connection that is reset has an end too.
        let _end: Option<usize> = self.socket.read_to_end(&mut self.read).ok();
        String::from_utf8(self.read).unwrap()
    }
}

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n")
}

fn body(method: &str, path: &str, body: &str) -> String {
    let bytes = body.len();
    format!(
        "{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\
         content-type: text/plain\r\ncontent-length: {bytes}\r\n\r\n{body}"
    )
}

#[test]
fn readers_share_what_comes_and_are_told_where_they_are() {
    let server = Server::start(AppOptions::default());
    let mut readers: Vec<_> = (0..20).map(|_| server.read("/topics/a")).collect();
    let hellos: Vec<_> = readers.iter_mut().map(Client::frame).collect();
    assert!(hellos[0].starts_with("id: ") && hellos[0].ends_with(".0\n\n"), "{}", hellos[0]);
    assert!(hellos.iter().all(|hello| *hello == hellos[0]));
    for number in 1..=9 {
        server.publish("a", &format!("event {number}"));
    }
    let epoch = hellos[0].trim_end().strip_suffix('0').unwrap();
    for reader in &mut readers {
        for number in 1..=9 {
            let want = format!("{epoch}{number}\nevent: message\ndata: event {number}\n\n");
            assert_eq!(reader.frame(), want);
        }
    }
    let page = server.call("GET /topics HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    assert!(page.contains("\"readers\":20"), "{page}");
    server.stop();
    for reader in readers {
        let last = reader.rest();
        assert!(last.starts_with(&format!("{epoch}9\nevent: disconnect\ndata: ")), "{last}");
        assert!(last.contains("\"code\":4000"), "{last}");
    }
}

#[test]
fn history_comes_first_in_pages_and_then_the_present() {
    let server = Server::start(AppOptions::default());
    let filling = "x".repeat(2000);
    for number in 0..100 {
        server.publish("a", &format!("{number} {filling}"));
    }
    let mut readers: Vec<_> =
        (0..100).map(|n| server.read(&format!("/topics/a?from={n}"))).collect();
    server.publish("a", "100 ");
    for (first, reader) in readers.iter_mut().enumerate() {
        for number in first..=100 {
            let data = reader.data();
            assert_eq!(data.split(' ').next(), Some(&*number.to_string()));
        }
    }
    server.stop();
}

#[test]
fn what_was_trimmed_and_other_lives_are_told() {
    let retention = Retention { records_max: 3, ..Retention::default() };
    let options = AppOptions::default().retention(retention).heartbeat(Duration::from_hours(1));
    let server = Server::start(options);
    for number in 0..9 {
        server.publish("a", &number.to_string());
    }
    let mut late = server.read("/topics/a?from=2");
    assert!(late.frame().ends_with(".2\n\n"));
    assert!(late.frame().contains(".6\nevent: trimmed\ndata: {\"from\":2,\"missed\":4,\"to\":6}"));
    assert_eq!(late.data(), "6");
    let mut foreign = server.read("/topics/a?lastEventId=e.1");
    assert!(foreign.frame().ends_with(".6\n\n"));
    assert!(foreign.frame().contains("event: epoch-changed"));
    assert_eq!(foreign.data(), "6");
    server.stop();
}

#[test]
fn silence_is_broken_by_heartbeats() {
    let server = Server::start(AppOptions::default().heartbeat(Duration::from_millis(20)));
    let mut readers: Vec<_> = (0..3).map(|_| server.read("/topics/a")).collect();
    for reader in &mut readers {
        assert!(reader.frame().starts_with("id: "));
        for _ in 0..3 {
            assert_eq!(reader.frame(), "event: heartbeat\ndata: {}\n\n");
        }
    }
    server.stop();
}

#[test]
fn a_durable_stream_is_read_to_its_end() {
    let server = Server::start(AppOptions::default());
    let made = server.call(&body("PUT", "/v1/stream/s", "one,"));
    assert!(made.starts_with("HTTP/1.1 201"), "{made}");
    let mut early = server.read("/v1/stream/s?offset=-1&live=sse");
    assert_eq!(early.frame(), "event: data\ndata:one,\n\n");
    let control = early.frame();
    assert!(control.contains("_0000000000000001\"") && control.contains("\"upToDate\":true"));
    let cursor = control.split("\"streamCursor\":\"").nth(1).unwrap().split('"').next().unwrap();
    // A reader that has seen this cursor already is sent later ones.
    let mut again = server.read(&format!("/v1/stream/s?offset=now&live=sse&cursor={cursor}"));
    let later = |control: &str| {
        let own = control.split("\"streamCursor\":\"").nth(1).unwrap();
        assert!(own.split('"').next().unwrap() > cursor, "{control} after {cursor}");
    };
    later(&again.frame());
    for number in 0..50 {
        let added = server.call(&body("POST", "/v1/stream/s", &format!("{number},")));
        assert!(added.starts_with("HTTP/1.1 204"), "{added}");
    }
    let close = "POST /v1/stream/s HTTP/1.1\r\nhost: localhost\r\nstream-closed: true\r\n\
                 content-length: 0\r\nconnection: close\r\n\r\n";
    assert!(server.call(close).starts_with("HTTP/1.1 204"));
    let want = (0..50).map(|number| number.to_string() + ",").collect::<Vec<_>>().concat();
    for (reader, is_later) in [(early, false), (again, true)] {
        let mut found = String::new();
        let rest = reader.rest();
        for pair in rest.split_terminator("\n\n") {
            if let Some(data) = pair.strip_prefix("event: data\ndata:") {
                found.push_str(data);
            } else if is_later && !pair.contains("streamClosed") {
                later(pair);
            }
        }
        assert_eq!(found, want);
        assert!(rest.trim_end().ends_with("\"upToDate\":true,\"streamClosed\":true}"), "{rest}");
    }
    server.stop();
}

#[test]
fn what_a_peer_sends_after_its_request_has_no_meaning() {
    let server = Server::start(AppOptions::default());
    let mut pipelined = server.connect();
    pipelined.send(&[get("/topics/a"), get("/topics/b"), get("/healthz")].concat());
    pipelined.until("\r\n\r\n");
    pipelined.frame();
    let mut talkative = server.read("/topics/a");
    talkative.frame();
    talkative.socket.set_nonblocking(true).unwrap();
    // As much as the system takes: nobody reads it.
    while talkative.socket.write(&[b'x'; 4096]).is_ok() {}
    talkative.socket.set_nonblocking(false).unwrap();
    server.publish("a", "1");
    assert_eq!((pipelined.data(), talkative.data()), ("1".to_owned(), "1".to_owned()));
    server.stop();
    assert!(pipelined.rest().contains("event: disconnect"));
    drop(talkative);
}

#[test]
fn a_peer_that_writes_no_more_has_gone() {
    let server = Server::start(AppOptions::default());
    let mut reader = server.read("/topics/a");
    reader.frame();
    reader.socket.shutdown(Shutdown::Write).unwrap();
    // The server hangs up, and says nothing more.
    assert_eq!(reader.rest(), "");
    server.stop();
}

#[test]
fn a_peer_that_takes_nothing_is_let_go_of() {
    let options = AppOptions::default().write_timeout(Duration::from_secs(2));
    let server = Server::start(options);
    let stuck = server.read("/topics/a");
    let large = "x".repeat(500_000);
    let mut published = 0;
    let readers =
        || server.call("GET /topics HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    while !readers().contains("\"readers\":0") {
        server.publish("a", &large);
        published += 1;
        assert!(published < 10_000, "the reader that takes nothing is still there");
    }
    drop(stuck);
    server.stop();
}

#[test]
fn one_who_was_slow_misses_nothing() {
    let server = Server::start(AppOptions::default());
    let mut slow = server.read("/topics/a");
    let mut quick = server.read("/topics/a");
    let large = "x".repeat(100_000);
    // More than sockets and rings hold together.
    for number in 0..80 {
        server.publish("a", &format!("{number} {large}"));
        assert!(quick.data().starts_with(&format!("{number} ")));
    }
    assert!(server.lag() > 0, "what no connection holds is still to be given");
    for number in 0..80 {
        let data = slow.data();
        assert_eq!(data.split_once(' '), Some((&*number.to_string(), &*large)));
    }
    // Noted a moment after the last byte is written.
    while server.lag() > 0 {
        std::thread::yield_now();
    }
    server.stop();
}

#[test]
fn a_head_that_drips_is_not_waited_for() {
    let options = AppOptions::default().head_timeout(Duration::from_millis(100));
    let server = Server::start(options);
    // Recognised by the express lane at once, later, and never.
    for begin in ["", "G", "GET /topics/a HTTP/1.1\r\nhost: loc", "DELETE /v1/str", "X"] {
        let mut slow = server.connect();
        slow.send(begin);
        let answer = slow.rest();
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{begin:?}: {answer}");
    }
    // Also the second one.
    let mut second = server.connect();
    second.send(&get("/healthz"));
    second.until("ok\n");
    second.send("GET /hea");
    assert_eq!(second.rest(), "");
    server.stop();
}

/// Lets this process open as many files as it may; says for how many connections to itself that
/// is enough.
fn connections_max() -> usize {
    let mut limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    limit.current = limit.maximum;
    rustix::process::setrlimit(rustix::process::Resource::Nofile, limit).unwrap();
    let files = limit.current.map_or(usize::MAX, |files| files.try_into().unwrap());
    // Each has two ends, and other tests run beside.
    files.saturating_sub(2000) / 2
}

#[test]
fn a_storm_of_readers_who_come_back_is_weathered() {
    // On a busy machine the storm may last longer than the usual silence.
    let server = Server::start(AppOptions::default().heartbeat(Duration::from_hours(1)));
    let count = connections_max().min(5000);
    let mut readers: Vec<_> = (0..count).map(|_| server.read("/topics/a")).collect();
    server.publish("a", "before");
    let ids: Vec<String> = readers
        .iter_mut()
        .map(|reader| {
            reader.frame();
            let frame = reader.frame();
            frame.lines().next().unwrap().strip_prefix("id: ").unwrap().to_owned()
        })
        .collect();
    drop(readers);
    server.publish("a", "meanwhile");
    // All at once, before anybody is answered.
    let mut again: Vec<_> = ids
        .iter()
        .map(|id| {
            let mut client = server.connect();
            client.send(&format!(
                "GET /topics/a HTTP/1.1\r\nhost: localhost\r\nlast-event-id: {id}\r\n\r\n"
            ));
            client
        })
        .collect();
    server.publish("a", "after");
    for reader in &mut again {
        assert!(reader.until("\r\n\r\n").starts_with("HTTP/1.1 200"));
        assert_eq!((reader.data(), reader.data()), ("meanwhile".to_owned(), "after".to_owned()));
    }
    server.stop();
}

/// Bytes of this process's memory that are resident.
#[cfg(target_os = "linux")]
fn resident_bytes() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: usize = statm.split(' ').nth(1).unwrap().parse().unwrap();
    pages * rustix::param::page_size()
}

/// The same for those that stay in the library: readers of many topics, and sockets.
#[cfg(target_os = "linux")]
#[test]
fn no_other_connection_keeps_what_its_peer_does_not_read() {
    const TOPIC_BYTES: usize = 8 << 20;
    const STUCK: usize = 200;
    let retention = Retention { bytes_max: TOPIC_BYTES as u64, ..Retention::default() };
    let options = AppOptions::default().retention(retention).heartbeat(Duration::from_hours(1));
    let server = Server::start(options);
    let upgrade = "GET /ws HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    // A text frame, whose mask changes nothing.
    let subscribe = br#"{"subscribe":{"id":"s","topics":["a"]}}"#;
    let length = 0x80 | u8::try_from(subscribe.len()).unwrap();
    let subscribe = [&[0x81, length, 0, 0, 0, 0][..], subscribe].concat();
    let stuck: Vec<_> = (0..STUCK)
        .map(|number| {
            let mut client = server.connect();
            if number % 2 == 0 {
                client.send(&get("/events?topic=a&topic=b"));
                client.until("\r\n\r\n");
            } else {
                client.send(upgrade);
                client.until("hello");
                client.socket.write_all(&subscribe).unwrap();
                client.until("subscribed");
            }
            client
        })
        .collect();
    let mut well = server.read("/topics/a");
    well.frame();
    let before = resident_bytes();
    let event = "x".repeat(20_000);
    for _ in 0..1000 {
        server.publish("a", &event);
        assert_eq!(well.data(), event);
    }
    let grown = resident_bytes().saturating_sub(before);
    // The topic and its rings as above, and a chunk for each reader with what is made from it.
    let bound = TOPIC_BYTES + 2 * (8 << 20) + 32 * (1 << 20) + STUCK * 4 * CHUNK_BYTES;
    assert!(grown < bound, "{grown} of {bound} bytes");
    drop(stuck);
    server.stop();
}

#[cfg(target_os = "linux")]
#[test]
fn readers_who_never_read_cost_no_more_than_is_configured() {
    const TOPIC_BYTES: usize = 8 << 20;
    let retention = Retention { bytes_max: TOPIC_BYTES as u64, ..Retention::default() };
    let options = AppOptions::default().retention(retention).heartbeat(Duration::from_hours(1));
    let server = Server::start(options);
    let stuck: Vec<_> = (0..1000).map(|_| server.read("/topics/a")).collect();
    let mut well = server.read("/topics/a");
    well.frame();
    let before = resident_bytes();
    let large = "x".repeat(500_000);
    for _ in 0..200 {
        server.publish("a", &large);
        assert_eq!(well.data(), large);
    }
    let grown = resident_bytes().saturating_sub(before);
    // The topic, the ring of its live readers (events and frames), two shards' rings, and pages.
    let bound = TOPIC_BYTES + 2 * (8 << 20) + 2 * (1 << 20) + 32 * (1 << 20);
    assert!(grown < bound, "{grown} of {bound} bytes");
    drop(stuck);
    server.stop();
}
