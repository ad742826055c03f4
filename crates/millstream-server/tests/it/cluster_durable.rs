//! Durable streams that two servers share: what one of them does holds on the other.

use axum::body::Body;
use axum::http::{Response, StatusCode};
use checks::http::send;
use checks::program::Program;
use serde_json::{Value, json};
use stream_log_nats::testkit::NatsServer;

use crate::support::serve_with;

/// A server whose long polls end soon: they are what these tests wait with.
async fn serve(nats: &NatsServer) -> Program {
    serve_with(&["--engine", &nats.address(), "--long-poll", "200ms"]).await
}

async fn call(
    server: &Program,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &'static str,
) -> Response<Body> {
    let url = format!("{}/v1/stream/{path}", server.url());
    let typed = headers.iter().any(|(name, _)| *name == "content-type");
    let plain = [("content-type", "text/plain")];
    let headers = [if typed { &[][..] } else { &plain[..] }, headers].concat();
    send(method, &url, &headers, body).await.unwrap()
}

async fn status(server: &Program, method: &str, path: &str) -> StatusCode {
    call(server, method, path, &[], "").await.status()
}

async fn text(server: &Program, path: &str) -> String {
    let answer = call(server, "GET", path, &[], "").await;
    assert_eq!(answer.status(), StatusCode::OK, "{path}");
    let bytes = axum::body::to_bytes(answer.into_body(), 1 << 20).await.unwrap();
    String::from_utf8(bytes.to_vec()).unwrap()
}

async fn append(server: &Program, seq: &str) -> StatusCode {
    call(server, "POST", "notes", &[("stream-seq", seq)], "x").await.status()
}

#[tokio::test]
async fn a_sequence_that_one_server_took_is_old_on_the_other() {
    let nats = NatsServer::start();
    let (here, there) = (serve(&nats).await, serve(&nats).await);
    call(&here, "PUT", "notes", &[], "").await;
    // Both know the stream before any sequence came.
    for server in [&here, &there] {
        assert!(call(server, "POST", "notes", &[], "x").await.status().is_success());
    }
    for (server, seq, taken) in [
        (&here, "b", true),
        (&there, "a", false),
        (&there, "b", false),
        (&there, "c", true),
        (&here, "bb", false),
        (&here, "d", true),
    ] {
        let status = append(server, seq).await;
        let want = if taken { status.is_success() } else { status == StatusCode::CONFLICT };
        assert!(want, "{seq}: {status}");
    }
    // Appends without one carry it on, and who comes anew finds it.
    assert!(call(&there, "POST", "notes", &[], "x").await.status().is_success());
    here.kill().await.unwrap();
    let new = serve(&nats).await;
    assert_eq!(append(&new, "d").await, StatusCode::CONFLICT);
    assert!(append(&new, "e").await.is_success());
    assert_eq!(append(&there, "e").await, StatusCode::CONFLICT);
}

#[tokio::test]
async fn of_writers_who_race_with_one_sequence_one_wins() {
    let nats = NatsServer::start();
    let (here, there) = (serve(&nats).await, serve(&nats).await);
    call(&here, "PUT", "notes", &[], "").await;
    for n in 100..140 {
        let seq = n.to_string();
        let (one, two) = tokio::join!(append(&here, &seq), append(&there, &seq));
        let taken = [one, two].into_iter().filter(StatusCode::is_success).count();
        assert_eq!(taken, 1, "{seq}: {one} {two}");
    }
    assert_eq!(text(&there, "notes").await.len(), 40);
}

#[tokio::test]
async fn a_read_on_one_server_renews_the_time_to_live_on_all() {
    let nats = NatsServer::start();
    let (here, there) = (serve(&nats).await, serve(&nats).await);
    for path in ["read", "left", "clock"] {
        let headers = [("stream-ttl", "2")];
        let headers = if path == "clock" { &headers[..0] } else { &headers[..] };
        let made = call(&here, "PUT", path, headers, "").await;
        assert_eq!(made.status(), StatusCode::CREATED);
    }
    let mut left = StatusCode::OK;
    for _ in 0..100 {
        assert_eq!(status(&there, "GET", "read").await, StatusCode::OK);
        let waited = status(&there, "GET", "clock?offset=now&live=long-poll").await;
        assert_eq!(waited, StatusCode::NO_CONTENT);
        left = status(&here, "HEAD", "left").await;
        if left == StatusCode::NOT_FOUND {
            break;
        }
        assert_eq!(status(&here, "HEAD", "read").await, StatusCode::OK);
    }
    assert_eq!(left, StatusCode::NOT_FOUND, "nobody used it");
    for server in [&here, &there] {
        assert_eq!(status(server, "HEAD", "read").await, StatusCode::OK);
        assert_eq!(status(server, "GET", "left").await, StatusCode::NOT_FOUND);
    }
}

#[tokio::test]
async fn a_fork_made_on_one_server_keeps_its_source_on_all() {
    let nats = NatsServer::start();
    let (here, there) = (serve(&nats).await, serve(&nats).await);
    call(&here, "PUT", "source", &[], "abc").await;
    assert_eq!(text(&there, "source").await, "abc");
    let fork = [("stream-forked-from", "/v1/stream/source")];
    let made = call(&there, "PUT", "fork", &fork, "").await;
    assert_eq!(made.status(), StatusCode::CREATED);
    assert!(call(&here, "POST", "fork", &[], "d").await.status().is_success());
    // The server that made the source has not heard of the fork yet.
    assert_eq!(status(&here, "DELETE", "source").await, StatusCode::NO_CONTENT);
    for server in [&here, &there] {
        assert_eq!(status(server, "GET", "source").await, StatusCode::GONE);
        assert_eq!(text(server, "fork").await, "abcd");
    }
    let again = call(&there, "PUT", "other", &fork, "").await;
    assert_eq!(again.status(), StatusCode::CONFLICT, "nothing forks what is deleted");
    assert_eq!(status(&there, "DELETE", "fork").await, StatusCode::NO_CONTENT);
    for server in [&here, &there] {
        for path in ["fork", "source"] {
            assert_eq!(status(server, "GET", path).await, StatusCode::NOT_FOUND, "{path}");
        }
    }
}

/// A subscription to the stream `jobs`, whose wakes go to the stream `wake`.
const SUBSCRIPTION: &str = "__ds/subscriptions/workers";
const CONFIG: &str = r#"{"type": "pull-wake", "streams": ["jobs"], "wake_stream": "wake"}"#;

/// Makes the streams that the subscription is about.
async fn make_streams(server: &Program) {
    call(server, "PUT", "wake", &[("content-type", "application/json")], "").await;
    call(server, "PUT", "jobs", &[], "").await;
}

/// The wakes of a subscription, waited for on a server.
async fn wakes(server: &Program, after: usize) -> Vec<Value> {
    for _ in 0..200 {
        let all: Vec<Value> = serde_json::from_str(&text(server, "wake").await).unwrap();
        if all.len() > after {
            return all;
        }
        status(server, "GET", "wake?offset=now&live=long-poll").await;
    }
    panic!("nobody is woken");
}

#[tokio::test]
async fn a_subscription_goes_on_when_its_server_dies() {
    let nats = NatsServer::start();
    let (here, there) = (serve(&nats).await, serve(&nats).await);
    make_streams(&here).await;
    assert_eq!(call(&here, "PUT", SUBSCRIPTION, &[], CONFIG).await.status(), StatusCode::CREATED);
    // Known elsewhere at once, and one and the same.
    assert_eq!(status(&there, "GET", SUBSCRIPTION).await, StatusCode::OK);
    assert_eq!(call(&there, "PUT", SUBSCRIPTION, &[], CONFIG).await.status(), StatusCode::OK);

    // What is appended on one wakes one worker, whichever server it asks.
    call(&there, "POST", "jobs", &[], "one").await;
    let woken = wakes(&here, 0).await;
    let claim = format!("{SUBSCRIPTION}/claim");
    let claimed = call(&here, "POST", &claim, &[], r#"{"worker": "w"}"#).await;
    assert_eq!(claimed.status(), StatusCode::OK);
    let refused = call(&there, "POST", &claim, &[], r#"{"worker": "v"}"#).await;
    assert_eq!(refused.status(), StatusCode::CONFLICT, "it is claimed");
    let claimed = axum::body::to_bytes(claimed.into_body(), 1 << 20).await.unwrap();
    let claimed: Value = serde_json::from_slice(&claimed).unwrap();
    let offset = claimed["streams"][0]["tail_offset"].as_str().unwrap();
    let body = json!({
        "wake_id": claimed["wake_id"], "generation": claimed["generation"],
        "acks": [{"stream": "jobs", "offset": offset}], "done": true,
    });
    let token = format!("Bearer {}", claimed["token"].as_str().unwrap());
    let headers = [("authorization", token.as_str())];
    let url = format!("{}/v1/stream/{SUBSCRIPTION}/ack", there.url());
    let acked = send("POST", &url, &headers, body.to_string()).await.unwrap();
    assert_eq!(acked.status(), StatusCode::OK);

    here.kill().await.unwrap();
    call(&there, "POST", "jobs", &[], "two").await;
    let again = wakes(&there, woken.len()).await;
    assert_eq!((woken.len(), again.len()), (1, 2), "each wake is sent once: {again:?}");
    assert_eq!(status(&there, "DELETE", SUBSCRIPTION).await, StatusCode::NO_CONTENT);
    assert_eq!(status(&there, "GET", SUBSCRIPTION).await, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn what_a_server_that_died_had_taken_wakes_workers_elsewhere() {
    let nats = NatsServer::start();
    let (here, there) = (serve(&nats).await, serve(&nats).await);
    make_streams(&here).await;
    call(&there, "PUT", SUBSCRIPTION, &[], CONFIG).await;
    // It knows nothing of the subscription yet, and dies.
    call(&here, "POST", "jobs", &[], "one").await;
    here.kill().await.unwrap();
    assert_eq!(wakes(&there, 0).await.len(), 1);
}
