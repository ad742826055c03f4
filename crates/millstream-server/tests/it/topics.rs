//! Publish and subscribe as a user with curl would.

use axum::http::StatusCode;
use checks::http::call;
use checks::reader::{Reader, Seen};
use serde_json::{Value, json};

use crate::support::serve;

async fn publish(url: &str, body: &'static str) -> Value {
    let (status, answer) = call("POST", url, &[], body).await.unwrap();
    assert_eq!(status, StatusCode::CREATED, "{answer}");
    answer
}

async fn open(url: &str) -> Reader {
    Reader::open(url, None).await.unwrap().unwrap()
}

async fn page(url: &str) -> Value {
    let (status, page) = call("GET", url, &[("accept", "application/json")], "").await.unwrap();
    assert_eq!(status, StatusCode::OK, "{page}");
    page
}

/// The first `count` events, without waiting for more.
async fn read(reader: &mut Reader, count: usize) -> Vec<Seen> {
    let mut seen = Vec::new();
    while seen.len() < count {
        seen.push(reader.next().await.unwrap().expect("the stream goes on"));
    }
    seen
}

#[tokio::test]
async fn what_is_published_arrives() {
    let server = serve(&[]).await;
    let url = format!("{}/topics/demo", server.url());
    let mut reader = open(&url).await;
    let first = publish(&url, r#"{"n":1}"#).await;
    publish(&url, "plain text").await;
    assert_eq!((&first["offset"], &first["durability"]), (&json!(0), &json!("memory")));
    let seen = read(&mut reader, 2).await;
    assert_eq!((seen[0].event.as_str(), seen[0].data.as_str()), ("message", r#"{"n":1}"#));
    assert_eq!(seen[1].data, "plain text");
    assert_ne!(seen[0].id, seen[1].id);
}

#[tokio::test]
async fn a_reader_resumes_where_it_left() {
    let server = serve(&[]).await;
    let url = format!("{}/topics/demo", server.url());
    // The position comes before the first event, so a reader that leaves at once misses nothing.
    let mut early = open(&url).await;
    assert_eq!(early.read_bytes(10).await.unwrap(), []);
    let mut live = open(&url).await;
    for body in ["0", "1", "2", "3", "4"] {
        publish(&url, body).await;
    }
    let all = read(&mut live, 5).await;
    for left in 0..5 {
        let mut again = Reader::open(&url, Some(&all[left].id)).await.unwrap().unwrap();
        assert_eq!(read(&mut again, 4 - left).await, all[left + 1..]);
    }
    let (status, _) = call("GET", &url, &[("last-event-id", "nonsense")], "").await.unwrap();
    assert_eq!(status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn from_names_the_first_event() {
    let server = serve(&[]).await;
    let url = format!("{}/topics/demo", server.url());
    for body in ["0", "1", "2"] {
        publish(&url, body).await;
    }
    for (from, want) in [("earliest", "0"), ("1", "1"), ("2", "2")] {
        let mut reader = open(&format!("{url}?from={from}")).await;
        assert_eq!(read(&mut reader, 1).await[0].data, want, "from={from}");
    }
    let mut latest = open(&format!("{url}?from=latest")).await;
    publish(&url, "3").await;
    assert_eq!(read(&mut latest, 1).await[0].data, "3");
}

#[tokio::test]
async fn history_comes_in_pages() {
    let server = serve(&[]).await;
    let url = format!("{}/topics/demo", server.url());
    for body in [r#"{"n":0}"#, "text", r#"{"n":2}"#] {
        publish(&url, body).await;
    }
    let first = page(&format!("{url}?limit=2")).await;
    assert_eq!(first["events"][0]["data"], json!({"n": 0}));
    assert_eq!(first["events"][1]["data"], json!("text"));
    assert_eq!((&first["next"], &first["tail"]), (&json!(2), &json!(3)));
    let second = page(&format!("{url}?limit=2&from=2")).await;
    assert_eq!(second["events"].as_array().unwrap().len(), 1);
    // A page says where a live reader goes on.
    let resume = first["events"][1]["resume"].as_str().unwrap();
    let mut reader = Reader::open(&url, Some(resume)).await.unwrap().unwrap();
    assert_eq!(read(&mut reader, 1).await[0].data, r#"{"n":2}"#);
}

#[tokio::test]
async fn a_retry_publishes_nothing_more() {
    let server = serve(&[]).await;
    let url = format!("{}/topics/demo", server.url());
    let headers = [("idempotency-key", "order-7"), ("content-type", "application/x-ndjson")];
    let (status, first) = call("POST", &url, &headers, "1\n2\n").await.unwrap();
    let (again, second) = call("POST", &url, &headers, "1\n2\n").await.unwrap();
    assert_eq!((status, again), (StatusCode::CREATED, StatusCode::OK));
    assert_eq!((&first["ids"], &first["offset"]), (&second["ids"], &second["offset"]));
    assert_eq!(page(&url).await["tail"], 2);
}

#[tokio::test]
async fn a_gap_is_told_before_what_comes_after_it() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "[topics]\nrecords_max = 2").unwrap();
    let server = serve(&["--config", file.path().to_str().unwrap()]).await;
    let url = format!("{}/topics/demo", server.url());
    publish(&url, "0").await;
    let first = page(&url).await["events"][0]["resume"].clone();
    for body in ["1", "2", "3", "4"] {
        publish(&url, body).await;
    }
    let mut late = Reader::open(&url, first.as_str()).await.unwrap().unwrap();
    let seen = read(&mut late, 3).await;
    assert_eq!(seen[0].event, "trimmed");
    let told: Value = serde_json::from_str(&seen[0].data).unwrap();
    assert_eq!(told, json!({"from": 1, "to": 3, "missed": 2}));
    assert_eq!((seen[1].data.as_str(), seen[2].data.as_str()), ("3", "4"));

    // The position of another life of the topic, as after a restart without storage.
    let mut lost = Reader::open(&url, Some("1.1")).await.unwrap().unwrap();
    let seen = read(&mut lost, 2).await;
    assert_eq!((seen[0].event.as_str(), seen[1].data.as_str()), ("epoch-changed", "3"));
}

#[tokio::test]
async fn an_idle_reader_gets_heartbeats_that_move_nothing() {
    let server = serve(&["--heartbeat", "20ms"]).await;
    let url = format!("{}/topics/demo", server.url());
    let mut reader = open(&url).await;
    let beats = read(&mut reader, 3).await;
    assert!(beats.iter().all(|beat| beat.event == "heartbeat"));
    assert!(beats.iter().all(|beat| beat.id == beats[0].id), "no id of their own");
    publish(&url, "1").await;
    let next = loop {
        let seen = read(&mut reader, 1).await.remove(0);
        if seen.event != "heartbeat" {
            break seen;
        }
    };
    assert_eq!(next.data, "1");
}

#[tokio::test]
async fn a_shutdown_tells_every_reader_where_it_stands() {
    let server = serve(&["--drain", "30s"]).await;
    let url = format!("{}/topics/demo", server.url());
    let mut readers = vec![open(&url).await, open(&format!("{}/topics/idle", server.url())).await];
    publish(&url, "1").await;
    let event = read(&mut readers[0], 1).await.remove(0);
    server.ask_to_end().await.unwrap();
    for reader in &mut readers {
        let last = reader.read_to_end().await.unwrap().pop().unwrap();
        assert_eq!(last.event, "disconnect");
        let told: Value = serde_json::from_str(&last.data).unwrap();
        assert_eq!((&told["reason"], &told["reconnect"]), (&json!("shutdown"), &json!(true)));
        assert!(!last.id.is_empty());
    }
    assert_eq!(readers[0].last_event_id(), event.id);
    assert!(server.wait().await.unwrap().success());
}

#[tokio::test]
async fn topics_are_listed_with_their_readers() {
    let server = serve(&[]).await;
    let root = format!("{}/topics", server.url());
    publish(&format!("{root}/b"), "1").await;
    publish(&format!("{root}/a"), "1").await;
    let _reader = open(&format!("{root}/a")).await;
    let (_, listed) = call("GET", &root, &[], "").await.unwrap();
    let first =
        json!({"topic": "a", "earliest": 0, "tail": 1, "rate": 0.1, "readers": 1, "lag": 0});
    assert_eq!(listed["topics"][0], first);
    assert_eq!(listed["topics"][1]["topic"], "b");
    let (_, rest) = call("GET", &format!("{root}?after=a&limit=1"), &[], "").await.unwrap();
    assert_eq!((&rest["topics"][0]["topic"], &rest["after"]), (&json!("b"), &json!("b")));
}
