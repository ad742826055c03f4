//! Several servers on one server of NATS, as users with curl would see them.

use axum::body::Body;
use axum::http::{Response, StatusCode};
use checks::http::{call, send};
use checks::program::Program;
use checks::reader::Reader;
use serde_json::{Value, json};
use stream_log_nats::testkit::NatsServer;

use crate::support::{CHAT, binary, serve_with};

async fn serve_on(nats: &NatsServer, args: &[&str]) -> Program {
    let address = nats.address();
    serve_with(&[&["--engine", &address], args].concat()).await
}

async fn two(nats: &NatsServer) -> [Program; 2] {
    [serve_on(nats, &[]).await, serve_on(nats, &[]).await]
}

async fn publish(server: &Program, topic: &str, body: &'static str) -> Value {
    let url = format!("{}/topics/{topic}", server.url());
    let (status, answer) = call("POST", &url, &[], body).await.unwrap();
    assert_eq!(status, StatusCode::CREATED, "{answer}");
    answer
}

#[tokio::test]
async fn what_one_publishes_reaches_the_subscribers_of_all() {
    let nats = NatsServer::start();
    let servers = two(&nats).await;
    let mut readers = Vec::new();
    for server in &servers {
        for _ in 0..3 {
            let url = format!("{}/topics/demo", server.url());
            readers.push(Reader::open(&url, None).await.unwrap().unwrap());
        }
    }
    for n in 0..20 {
        let receipt = publish(&servers[n % 2], "demo", ["0", "1"][n % 2]).await;
        assert_eq!((&receipt["offset"], &receipt["durability"]), (&json!(n), &json!("os")));
    }
    let mut seen = Vec::new();
    for mut reader in readers {
        let mut all = Vec::new();
        while all.len() < 20 {
            all.push(reader.next().await.unwrap().unwrap());
        }
        assert!(all.iter().enumerate().all(|(n, event)| event.data == ["0", "1"][n % 2]));
        seen.push(all.into_iter().map(|event| event.id).collect::<Vec<_>>());
    }
    assert!(seen.windows(2).all(|pair| pair[0] == pair[1]), "one event has one id everywhere");
}

#[tokio::test]
async fn a_reader_resumes_on_another_server_with_the_same_token() {
    let nats = NatsServer::start();
    let [here, there] = two(&nats).await;
    let url = |server: &Program| format!("{}/topics/demo", server.url());
    let mut reader = Reader::open(&url(&here), None).await.unwrap().unwrap();
    for n in 0..10 {
        publish(&here, "demo", "x").await;
        let last = reader.next().await.unwrap().unwrap();
        if n == 4 {
            // Everything after it, though the other server was never asked for the topic.
            let mut resumed = Reader::open(&url(&there), Some(&last.id)).await.unwrap().unwrap();
            publish(&there, "demo", "y").await;
            assert_eq!(resumed.next().await.unwrap().unwrap().data, "y");
            assert_eq!(reader.next().await.unwrap().unwrap().data, "y");
            break;
        }
    }
    drop(reader);
    here.kill().await.unwrap();
    let page = call("GET", &url(&there), &[("accept", "application/json")], "").await.unwrap();
    assert_eq!(page.1["events"].as_array().map(Vec::len), Some(6), "{page:?}");
}

#[tokio::test]
async fn a_reader_whose_events_the_cluster_lost_is_told_so_on_every_server() {
    let mut nats = NatsServer::start();
    let [here, there] = two(&nats).await;
    let url = |server: &Program| format!("{}/topics/demo?from=earliest", server.url());
    publish(&here, "demo", "0").await;
    nats.kill();
    let mut before = nats.fork();
    before.kill();
    nats.restart();
    let mut reader = Reader::open(&url(&here), None).await.unwrap().unwrap();
    assert_eq!(reader.next().await.unwrap().unwrap().data, "0");
    publish(&here, "demo", "1").await;
    let lost = reader.next().await.unwrap().unwrap();
    nats.kill();
    nats.roll_back(Some(&before));
    nats.restart();
    assert_eq!(reader.next().await.unwrap().unwrap().event, "disconnect", "it must come back");
    for (server, events) in [(&here, ["0"].as_slice()), (&there, &["0", "1"])] {
        let mut resumed = Reader::open(&url(server), Some(&lost.id)).await.unwrap().unwrap();
        let told = resumed.next().await.unwrap().unwrap();
        assert_eq!(told.event, "epoch-changed", "{told:?}");
        for data in events {
            assert_eq!(resumed.next().await.unwrap().unwrap().data, *data);
        }
        publish(server, "demo", "1").await;
        let new = resumed.next().await.unwrap().unwrap();
        assert!(new.data == "1" && new.id != lost.id, "{new:?}");
    }
    let (_, body) =
        call("GET", &format!("{}/topics/demo", here.url()), &[("accept", "application/json")], "")
            .await
            .unwrap();
    assert_eq!(body["events"].as_array().map(Vec::len), Some(3), "{body}");
}

/// Asks until the server can answer: the request that finds a loss is told to come again.
async fn insist(method: &str, url: &str, body: &'static str) -> Response<Body> {
    let text = [("content-type", "text/plain")];
    for _ in 0..10 {
        let answer = send(method, url, &text, body).await.unwrap();
        if answer.status() != StatusCode::SERVICE_UNAVAILABLE {
            return answer;
        }
    }
    panic!("{url} cannot be answered");
}

#[tokio::test]
async fn a_durable_stream_whose_appends_the_cluster_lost_takes_no_old_token() {
    let mut nats = NatsServer::start();
    let [here, there] = two(&nats).await;
    let url = |server: &Program| format!("{}/v1/stream/notes", server.url());
    let text = [("content-type", "text/plain")];
    let append = async |server: &Program| {
        let answer = insist("POST", &url(server), "x").await;
        assert!(answer.status().is_success(), "{answer:?}");
        answer.headers()["stream-next-offset"].to_str().unwrap().to_owned()
    };
    send("PUT", &url(&here), &text, "").await.unwrap();
    let kept = append(&here).await;
    nats.kill();
    let mut before = nats.fork();
    before.kill();
    nats.restart();
    let lost = append(&here).await;
    nats.kill();
    nats.roll_back(Some(&before));
    nats.restart();
    let refused = [&here, &there].map(|server| format!("{}?offset={lost}", url(server)));
    // Once with nothing at that place, and once with something else.
    for server in [&here, &there] {
        for refused in &refused {
            let answer = insist("GET", refused, "").await;
            assert_eq!(answer.status(), StatusCode::GONE, "{refused}");
        }
        let next = append(server).await;
        assert!(next != lost && next > kept, "{next} comes after {lost}");
    }
}

#[tokio::test]
async fn a_reader_of_a_pattern_hears_of_topics_that_others_make() {
    let nats = NatsServer::start();
    let [here, there] = two(&nats).await;
    let url = format!("{}/events?topic=orders.*", here.url());
    let mut reader = Reader::open(&url, None).await.unwrap().unwrap();
    publish(&there, "orders.eu", "1").await;
    let event = reader.next().await.unwrap().unwrap();
    assert!(event.data.starts_with(r#"{"topic":"orders.eu","offset":0,"#), "{event:?}");
}

/// A server with a provider that takes an hour for each event.
async fn with_provider(nats: &NatsServer) -> (Program, Program) {
    let args = ["replay", CHAT, "--listen", "127.0.0.1:0", "--interval", "1h"];
    let replay = Program::start(binary(), args).await.unwrap();
    let config = format!("[upstreams.p]\nurl = '{}/v1'\nformat = 'openai-chat'", replay.url());
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), config).unwrap();
    let server = serve_on(nats, &["--config", file.path().to_str().unwrap()]).await;
    (server, replay)
}

async fn start_relay(server: &Program, id: &str) {
    let headers = [("content-type", "application/json")];
    let command = r#"{"upstream":"p","request":{}}"#;
    let url = format!("{}/llm/{id}", server.url());
    let (status, answer) = call("POST", &url, &headers, command).await.unwrap();
    assert_eq!(status, StatusCode::CREATED, "{answer}");
}

#[tokio::test]
async fn a_relay_is_read_and_stopped_on_any_server() {
    let nats = NatsServer::start();
    let (here, _provider) = with_provider(&nats).await;
    let there = serve_on(&nats, &[]).await;
    start_relay(&here, "slow").await;
    let (own, other) = (format!("{}/llm/slow", here.url()), format!("{}/llm/slow", there.url()));
    let mut reader = Reader::open(&own, None).await.unwrap().unwrap();
    let first = reader.next().await.unwrap().unwrap();
    assert_eq!(first.event, "start");
    let mut resumed = Reader::open(&other, Some(&first.id)).await.unwrap().unwrap();
    let (status, _) = call("POST", &format!("{other}/stop"), &[], "").await.unwrap();
    assert_eq!(status, StatusCode::ACCEPTED);
    let ends = [reader.read_to_end().await.unwrap(), resumed.read_to_end().await.unwrap()];
    assert_eq!(ends[0], ends[1]);
    let last = ends[0].last().unwrap();
    assert!(last.data.contains(r#""reason":"stopped""#), "{last:?}");
    let (_, listed) = call("GET", &format!("{}/llm", there.url()), &[], "").await.unwrap();
    assert_eq!(listed["relays"].as_array().map(Vec::len), Some(1), "{listed}");
}

#[tokio::test]
async fn a_relay_whose_server_was_killed_ends_with_an_error() {
    let nats = NatsServer::start();
    let (here, _provider) = with_provider(&nats).await;
    let there = serve_on(&nats, &[]).await;
    start_relay(&here, "lost").await;
    let url = format!("{}/llm/lost", there.url());
    let mut reader = Reader::open(&url, None).await.unwrap().unwrap();
    assert_eq!(reader.next().await.unwrap().unwrap().event, "start");
    here.kill().await.unwrap();
    let rest = reader.read_to_end().await.unwrap();
    let events: Vec<_> = rest.iter().map(|seen| seen.event.as_str()).collect();
    assert!(events.ends_with(&["error", "end"]), "{events:?}");
    let error = &rest[rest.len() - 2].data;
    assert!(error.contains("server stopped before the stream ended"), "{error}");
}

#[tokio::test]
async fn a_durable_stream_is_one_stream_on_all_servers() {
    let nats = NatsServer::start();
    let [here, there] = two(&nats).await;
    let url = |server: &Program| format!("{}/v1/stream/notes", server.url());
    let text = [("content-type", "text/plain")];
    let status = async |method, server: &Program, body: &'static str| {
        send(method, &url(server), &text, body).await.unwrap().status()
    };
    assert_eq!(status("PUT", &here, "").await, StatusCode::CREATED);
    assert_eq!(status("PUT", &there, "").await, StatusCode::OK);
    for server in [&here, &there, &here] {
        assert!(status("POST", server, "x").await.is_success());
    }
    assert_eq!(status("DELETE", &here, "").await, StatusCode::NO_CONTENT);
    for _ in 0..100 {
        if status("HEAD", &there, "").await == StatusCode::NOT_FOUND {
            break;
        }
    }
    assert_eq!(status("HEAD", &there, "").await, StatusCode::NOT_FOUND);
    assert_eq!(status("PUT", &there, "").await, StatusCode::CREATED, "a new life");
    assert_eq!(status("HEAD", &here, "").await, StatusCode::OK);
}
