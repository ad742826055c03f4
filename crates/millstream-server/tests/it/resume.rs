//! The law of resuming: whatever is cut, and however often the server is killed, a reader gets
//! everything once and in order, over whichever transport it comes back.

use std::ops::Range;

use axum::http::StatusCode;
use checks::http::call;
use checks::program::Program;
use checks::reader::{Reader, Seen};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio_tungstenite::client_async;
use tokio_tungstenite::tungstenite::Message;

use crate::support::binary;

/// How often a reader of topics is cut.
const CUTS: usize = 2000;

/// Cuts between two kills of the server.
const CUTS_PER_LIFE: usize = 80;

/// Bytes after which a reader of a relay is cut at the latest, unless that is less than an event.
const CUT_BYTES: usize = 3000;

/// Bytes that an event takes at least, on every transport.
const EVENT_BYTES: usize = 30;

/// A server that keeps everything in `data`.
async fn serve(data: &TempDir) -> Program {
    let path = data.path().to_str().unwrap();
    let args = ["serve", "--dev", "--listen", "127.0.0.1:0", "--data", path];
    Program::start(binary(), args).await.unwrap()
}

async fn kill_and_serve(server: Program, data: &TempDir) -> Program {
    server.kill().await.unwrap();
    serve(data).await
}

async fn publish(server: &Program, numbers: Range<u64>) {
    let lines: Vec<_> = numbers.map(|number| number.to_string()).collect();
    let url = format!("{}/topics/orders", server.url());
    let headers = [("content-type", "application/x-ndjson")];
    let (status, answer) = call("POST", &url, &headers, lines.join("\n")).await.unwrap();
    assert_eq!(status, StatusCode::CREATED, "{answer}");
}

/// What a reader has, and where it goes on.
#[derive(Debug, Default)]
struct Progress {
    /// The number that comes next.
    next: u64,
    last: Option<String>,
}

impl Progress {
    fn unread(&self, published: u64) -> usize {
        usize::try_from(published - self.next).unwrap()
    }

    /// Takes an event, by itself or in the frame that names its topic.
    fn take(&mut self, data: &Value, context: &str) {
        let number = data.get("data").unwrap_or(data);
        assert_eq!(*number, json!(self.next), "{context}");
        self.next += 1;
    }

    /// Reads so many bytes of server-sent events, and hangs up.
    async fn over_sse(&mut self, server: &Program, path: &str, bytes: usize) {
        let url = format!("{}{path}", server.url());
        let mut reader = Reader::open(&url, self.last.as_deref()).await.unwrap().unwrap();
        for seen in reader.read_bytes(bytes).await.unwrap() {
            self.take(&serde_json::from_str(&seen.data).unwrap(), path);
        }
        if !reader.last_event_id().is_empty() {
            self.last = Some(reader.last_event_id().to_owned());
        }
    }

    /// Reads so many events over a WebSocket, and hangs up.
    async fn over_web_socket(&mut self, server: &Program, count: usize) {
        let address = server.url().strip_prefix("http://").unwrap();
        let tcp = TcpStream::connect(address).await.unwrap();
        let (mut socket, _) = client_async(format!("ws://{address}/ws"), tcp).await.unwrap();
        let mut subscribe = json!({"id": "s", "topics": ["orders"]});
        match &self.last {
            Some(last) => subscribe["resume"] = json!(last),
            None => subscribe["from"] = json!("earliest"),
        }
        let command = json!({ "subscribe": subscribe }).to_string();
        socket.send(Message::text(command)).await.unwrap();
        let end = self.next + count as u64;
        while self.next < end {
            let Message::Text(text) = socket.next().await.unwrap().unwrap() else { continue };
            let message: Value = serde_json::from_str(&text).unwrap();
            assert!(message.get("error").is_none(), "{message}");
            if let Some(event) = message.get("event") {
                self.take(event, "WebSocket");
                self.last = Some(message["resume"].as_str().unwrap().to_owned());
            }
        }
    }
}

#[tokio::test]
async fn every_event_comes_once_and_in_order_over_any_transport() {
    let mut random = fastrand::Rng::with_seed(1);
    let data = tempfile::tempdir().unwrap();
    let mut server = serve(&data).await;
    let mut published = 0;
    // The ids of one topic's route are of that topic alone; the others name theirs.
    let (mut alone, mut any) = (Progress::default(), Progress::default());
    for cut in 1..=CUTS {
        if cut % CUTS_PER_LIFE == 0 {
            server = kill_and_serve(server, &data).await;
        }
        let more = random.u64(1..6);
        publish(&server, published..published + more).await;
        published += more;
        let bytes = random.usize(1..=EVENT_BYTES * alone.unread(published));
        alone.over_sse(&server, "/topics/orders?from=earliest", bytes).await;
        let unread = any.unread(published);
        let bytes = random.usize(1..=EVENT_BYTES * unread);
        match random.u8(..3) {
            0 => any.over_sse(&server, "/events?topic=orders&from=earliest", bytes).await,
            1 => any.over_sse(&server, "/topics/*?from=earliest", bytes).await,
            _ => any.over_web_socket(&server, random.usize(..=unread)).await,
        }
    }
    any.over_web_socket(&server, any.unread(published)).await;
    assert!(alone.next > CUTS as u64 / 2, "{alone:?} of {published}");
}

/// A provider's stream with many pieces of text and a tool call.
fn recording() -> String {
    let chunk = |choice: Value| {
        let chunk = json!({"id": "c1", "model": "m", "choices": [choice]});
        format!("data: {chunk}\n\n")
    };
    let text = (0..300).map(|number| json!({"content": format!("word {number} 🌊 ")}));
    let arguments = (0..40).map(|number| {
        let arguments = if number == 0 { "[0".to_owned() } else { format!(", {number}") };
        let mut call = json!({"index": 0, "function": {"arguments": arguments}});
        if number == 0 {
            call["id"] = json!("t1");
            call["function"]["name"] = json!("look");
        }
        json!({"tool_calls": [call]})
    });
    let deltas = text.chain(arguments).map(|delta| chunk(json!({"index": 0, "delta": delta})));
    let closing = json!({"tool_calls": [{"index": 0, "function": {"arguments": "]"}}]});
    let closing = chunk(json!({"index": 0, "delta": closing}));
    let finish = chunk(json!({"index": 0, "delta": {}, "finish_reason": "tool_calls"}));
    deltas.chain([closing, finish, "data: [DONE]\n\n".to_owned()]).collect()
}

/// What is said, without the ids: a connection knows none before the first.
fn said(seen: impl IntoIterator<Item = Seen>) -> Vec<(String, String)> {
    seen.into_iter().map(|seen| (seen.event, seen.data)).collect()
}

#[tokio::test]
async fn a_relay_comes_whole_in_every_format() {
    let data = tempfile::tempdir().unwrap();
    let mut server = serve(&data).await;
    let url = format!("{}/llm/chat?provider=openai-chat", server.url());
    let (status, answer) = call("POST", &url, &[], recording()).await.unwrap();
    assert_eq!(status, StatusCode::CREATED, "{answer}");
    let mut random = fastrand::Rng::with_seed(2);
    for format in ["events", "openai-chat", "openai-responses", "anthropic", "ai-sdk", "ag-ui"] {
        let path = format!("/llm/chat?format={format}");
        let mut reader =
            Reader::open(&format!("{}{path}", server.url()), None).await.unwrap().unwrap();
        let whole = said(reader.read_to_end().await.unwrap());
        let (mut all, mut last, mut bytes_max) = (Vec::new(), None, CUT_BYTES);
        for cut in 1.. {
            if cut % CUTS_PER_LIFE == 0 {
                server = kill_and_serve(server, &data).await;
            }
            let url = format!("{}{path}", server.url());
            let Some(mut reader) = Reader::open(&url, last.as_deref()).await.unwrap() else {
                break;
            };
            let seen = reader.read_bytes(random.usize(1..bytes_max)).await.unwrap();
            // An event may take several frames, of which the last has its id: what follows the
            // last id comes again.
            let id = reader.last_event_id();
            // A frame longer than every cut would never arrive.
            bytes_max = if id.is_empty() { bytes_max * 2 } else { CUT_BYTES };
            if let Some(place) = seen.iter().position(|seen| !id.is_empty() && seen.id == id) {
                last = Some(id.to_owned());
                all.extend(said(seen.into_iter().take(place + 1)));
            }
        }
        assert_eq!(all, whole, "{format}");
    }
}
