//! Durable streams as their clients use them.

use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use checks::http::send;
use checks::reader::{Reader, Seen};
use serde_json::{Value, json};

use crate::support::serve;

const TEXT: &[(&str, &str)] = &[("content-type", "text/plain")];
const JSON: &[(&str, &str)] = &[("content-type", "application/json")];

/// Status, headers and body of an answer.
async fn call(
    method: &str,
    url: &str,
    headers: &[(&str, &str)],
    body: impl Into<Body>,
) -> (StatusCode, HeaderMap, String) {
    let (head, body) = send(method, url, headers, body).await.unwrap().into_parts();
    let body = to_bytes(body, 64 << 20).await.unwrap();
    (head.status, head.headers, String::from_utf8(body.to_vec()).unwrap())
}

/// Where a control event says that the reader is.
fn next_offset(seen: &Seen) -> Option<String> {
    let control: Value =
        (seen.event == "control").then(|| serde_json::from_str(&seen.data))?.ok()?;
    control["streamNextOffset"].as_str().map(str::to_owned)
}

#[tokio::test]
async fn a_stream_is_written_read_and_closed() {
    let server = serve(&[]).await;
    let url = format!("{}/v1/stream/chat/1", server.url());
    let (status, headers, _) = call("PUT", &url, TEXT, "a").await;
    assert_eq!((status, headers["location"].to_str().unwrap()), (StatusCode::CREATED, &*url));
    let (_, headers, _) = call("POST", &url, TEXT, "b").await;
    let tail = headers["stream-next-offset"].clone();
    let yes = HeaderValue::from_static("true");
    let closing = [TEXT, &[("stream-closed", "true")]].concat();
    let (status, headers, _) = call("POST", &url, &closing, "c").await;
    assert_eq!((status, &headers["stream-closed"]), (StatusCode::NO_CONTENT, &yes));

    let (_, headers, body) = call("GET", &url, &[], "").await;
    assert_eq!((body.as_str(), &headers["stream-closed"]), ("abc", &yes));
    let rest = format!("{url}?offset={}", tail.to_str().unwrap());
    assert_eq!(call("GET", &rest, &[], "").await.2, "c");
    let (status, headers, _) = call("POST", &url, TEXT, "d").await;
    assert_eq!((status, &headers["stream-closed"]), (StatusCode::CONFLICT, &yes));
}

#[tokio::test]
async fn a_live_reader_that_is_cut_anywhere_misses_and_repeats_nothing() {
    const MESSAGES: u64 = 200;
    let server = serve(&[]).await;
    let url = format!("{}/v1/stream/numbers", server.url());
    assert_eq!(call("PUT", &url, JSON, "").await.0, StatusCode::CREATED);
    let writer = {
        let url = url.clone();
        tokio::spawn(async move {
            for number in 0..MESSAGES {
                let close = if number + 1 == MESSAGES { "true" } else { "false" };
                let headers = [JSON, &[("stream-closed", close)]].concat();
                call("POST", &url, &headers, number.to_string()).await;
            }
        })
    };
    let (mut numbers, mut offset, mut cut) = (Vec::new(), "-1".to_owned(), 1);
    let mut closed = false;
    while !closed {
        let live = format!("{url}?offset={offset}&live=sse");
        let mut reader = Reader::open(&live, None).await.unwrap().unwrap();
        // Each connection breaks a little later than the one before.
        let seen = reader.read_bytes(cut).await.unwrap();
        cut += 13;
        let mut unconfirmed: Vec<u64> = Vec::new();
        for event in &seen {
            match next_offset(event) {
                // What is not followed by a position comes again.
                None => unconfirmed.extend(serde_json::from_str::<Vec<u64>>(&event.data).unwrap()),
                Some(next) => {
                    numbers.append(&mut unconfirmed);
                    offset = next;
                    closed |= event.data.contains("\"streamClosed\":true");
                }
            }
        }
    }
    writer.await.unwrap();
    assert_eq!(numbers, (0..MESSAGES).collect::<Vec<_>>());
}

#[tokio::test]
async fn many_writers_lose_and_mix_up_nothing() {
    const WRITERS: usize = 8;
    const APPENDS: usize = 25;
    let server = serve(&[]).await;
    let url = format!("{}/v1/stream/many", server.url());
    assert_eq!(call("PUT", &url, JSON, "").await.0, StatusCode::CREATED);
    let write = async |writer: usize| {
        let id = format!("writer-{writer}");
        for number in 0..APPENDS {
            let seq = number.to_string();
            let producer =
                [("producer-id", id.as_str()), ("producer-epoch", "0"), ("producer-seq", &seq)];
            let headers = [JSON, &producer].concat();
            let body = json!([writer, number]).to_string();
            // Each request is sent twice, as by a client that did not hear the answer.
            for want in [StatusCode::OK, StatusCode::NO_CONTENT] {
                let body = format!("[{body}]");
                assert_eq!(call("POST", &url, &headers, body).await.0, want);
            }
        }
    };
    futures_util::future::join_all((0..WRITERS).map(write)).await;
    let (_, _, body) = call("GET", &url, &[], "").await;
    let all: Vec<(usize, usize)> = serde_json::from_str(&body).unwrap();
    for writer in 0..WRITERS {
        let own = all.iter().filter(|(by, _)| *by == writer).map(|(_, number)| *number);
        assert!(own.eq(0..APPENDS), "writer {writer}");
    }
    assert_eq!(all.len(), WRITERS * APPENDS);
}

#[tokio::test]
async fn a_live_reader_is_sent_away_when_the_server_goes_down() {
    let server = serve(&[]).await;
    let url = format!("{}/v1/stream/quiet", server.url());
    assert_eq!(call("PUT", &url, TEXT, "").await.0, StatusCode::CREATED);
    let live = format!("{url}?offset=now&live=sse");
    let mut reader = Reader::open(&live, None).await.unwrap().unwrap();
    assert!(next_offset(&reader.next().await.unwrap().unwrap()).is_some());
    server.ask_to_end().await.unwrap();
    assert_eq!(reader.next().await.unwrap(), None);
    assert!(server.wait().await.unwrap().success());
}

#[tokio::test]
async fn a_worker_is_woken_by_its_wake_stream() {
    let server = serve(&[]).await;
    let stream = |path: &str| format!("{}/v1/stream/{path}", server.url());
    let parse = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    call("PUT", &stream("wake"), JSON, "[]").await;
    call("PUT", &stream("jobs/old"), JSON, "[1]").await;
    let body = json!({"type": "pull-wake", "pattern": "jobs/*", "wake_stream": "wake"}).to_string();
    let subscription = stream("__ds/subscriptions/workers");
    assert_eq!(call("PUT", &subscription, JSON, body).await.0, StatusCode::CREATED);
    // What was there before is not work.
    let claim = format!("{subscription}/claim");
    let (status, _, answer) = call("POST", &claim, JSON, r#"{"worker":"w"}"#).await;
    assert_eq!(parse(&answer)["error"]["code"], "NO_PENDING_WORK", "{status}");

    let wake = format!("{}?offset=now&live=sse", stream("wake"));
    let mut wakes = Reader::open(&wake, None).await.unwrap().unwrap();
    call("PUT", &stream("jobs/new"), JSON, "[2]").await;
    let event = loop {
        let seen = wakes.next().await.unwrap().unwrap();
        if seen.event == "data" {
            break parse(&seen.data)[0].clone();
        }
    };
    assert_eq!((&event["type"], &event["stream"]), (&json!("wake"), &json!("jobs/new")));
    let (status, _, answer) = call("POST", &claim, JSON, r#"{"worker":"w"}"#).await;
    let claimed = parse(&answer);
    assert_eq!(status, StatusCode::OK, "{claimed}");
    assert_eq!(claimed["generation"], event["generation"]);
    let ack = json!({
        "wake_id": claimed["wake_id"],
        "generation": claimed["generation"],
        "acks": [{"stream": "jobs/new", "offset": claimed["streams"][0]["tail_offset"]}],
        "done": true,
    });
    let bearer = format!("Bearer {}", claimed["token"].as_str().unwrap());
    let authorized = [JSON, &[("authorization", bearer.as_str())]].concat();
    let ack_url = format!("{subscription}/ack");
    let (status, _, answer) = call("POST", &ack_url, JSON, ack.to_string()).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED, "{answer}");
    let (_, _, answer) = call("POST", &ack_url, &authorized, ack.to_string()).await;
    assert_eq!(parse(&answer), json!({"ok": true, "next_wake": false}));
    let (_, _, answer) = call("POST", &ack_url, &authorized, ack.to_string()).await;
    assert_eq!(parse(&answer)["error"]["code"], "FENCED");
}
