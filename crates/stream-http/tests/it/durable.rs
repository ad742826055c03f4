//! Durable streams after a restart: another app over the same store knows everything.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use http::{HeaderMap, Request, StatusCode};
use serde_json::{Value, json};
use stream_http::{App, AppOptions, router};
use stream_log::{LogStore, MemoryStore};
use tower::ServiceExt;

/// One life of a server.
struct Life(Router);

impl Life {
    fn over(store: &Arc<dyn LogStore>) -> Self {
        Self(router(App::new(Arc::clone(store), AppOptions::default())))
    }

    async fn call(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> (StatusCode, HeaderMap, String) {
        let mut request = Request::builder().method(method).uri(format!("/v1/stream/{path}"));
        if !headers.iter().any(|(name, _)| *name == "content-type") {
            request = request.header("content-type", "text/plain");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::from(body.to_owned())).unwrap();
        let response = self.0.clone().oneshot(request).await.unwrap();
        let (head, body) = response.into_parts();
        let body = to_bytes(body, 1 << 20).await.unwrap();
        (head.status, head.headers, String::from_utf8(body.to_vec()).unwrap())
    }

    /// The status of a request, for those whose body says nothing more.
    async fn status(
        &self,
        method: &'static str,
        path: &'static str,
        headers: &'static [(&str, &str)],
        body: &'static str,
    ) -> u16 {
        self.call(method, path, headers, body).await.0.as_u16()
    }
}

fn store() -> Arc<dyn LogStore> {
    Arc::new(MemoryStore::new())
}

#[tokio::test]
async fn streams_their_sequences_and_their_producers_survive() {
    let store = store();
    let life = Life::over(&store);
    let producer: &[_] = &[("producer-id", "p"), ("producer-epoch", "1"), ("producer-seq", "0")];
    assert_eq!(life.status("PUT", "a", &[("stream-ttl", "600")], "1").await, 201);
    assert_eq!(life.status("POST", "a", &[("stream-seq", "b")], "2").await, 204);
    assert_eq!(life.status("POST", "a", &[], "3").await, 204);
    assert_eq!(life.status("POST", "a", producer, "4").await, 200);

    let life = Life::over(&store);
    let (status, headers, body) = life.call("GET", "a", &[], "").await;
    assert_eq!((status, body.as_str()), (StatusCode::OK, "1234"));
    assert_eq!(headers["stream-up-to-date"], "true");
    let (_, headers, _) = life.call("HEAD", "a", &[], "").await;
    assert_eq!(headers["stream-ttl"], "600");
    assert_eq!(headers["content-type"], "text/plain");
    assert_eq!(life.status("POST", "a", &[("stream-seq", "a")], "x").await, 409);
    assert_eq!(life.status("POST", "a", &[("stream-seq", "c")], "5").await, 204);
    assert_eq!(life.status("POST", "a", producer, "4").await, 204);
    assert_eq!(life.status("PUT", "a", &[("stream-ttl", "600")], "").await, 200);
    assert_eq!(life.status("PUT", "a", &[], "").await, 409);
    assert_eq!(life.call("GET", "a", &[], "").await.2, "12345");
}

#[tokio::test]
async fn a_deleted_source_stays_deleted_and_its_forks_readable() {
    let store = store();
    let life = Life::over(&store);
    assert_eq!(life.status("PUT", "root", &[], "ab").await, 201);
    let from_root: &[_] = &[("stream-forked-from", "/v1/stream/root")];
    let from_fork: &[_] = &[("stream-forked-from", "/v1/stream/fork")];
    assert_eq!(life.status("PUT", "fork", from_root, "cd").await, 201);
    assert_eq!(life.status("PUT", "leaf", from_fork, "ef").await, 201);
    assert_eq!(life.status("DELETE", "root", &[], "").await, 204);

    let life = Life::over(&store);
    assert_eq!(life.call("GET", "leaf", &[], "").await.2, "abcdef");
    assert_eq!(life.status("GET", "root", &[], "").await, 410);
    assert_eq!(life.status("PUT", "root", &[], "").await, 409);
    assert_eq!(life.status("PUT", "other", from_root, "").await, 409);
    assert_eq!(life.status("DELETE", "fork", &[], "").await, 204);

    let life = Life::over(&store);
    assert_eq!(life.status("GET", "fork", &[], "").await, 410);
    assert_eq!(life.call("GET", "leaf", &[], "").await.2, "abcdef");
    // With the last fork, all that was kept for it goes.
    assert_eq!(life.status("DELETE", "leaf", &[], "").await, 204);
    for path in ["root", "fork", "leaf"] {
        assert_eq!(life.call("GET", path, &[], "").await.0, StatusCode::NOT_FOUND, "{path}");
    }
    assert_eq!(life.status("PUT", "root", &[], "anew").await, 201);
    let names = store.list(stream_log::Namespace::Durable, None, 10).await.unwrap();
    assert_eq!(names.len(), 1, "{names:?}");
}

#[tokio::test]
async fn an_offset_means_nothing_in_a_stream_made_anew() {
    let store = store();
    let life = Life::over(&store);
    let (_, headers, _) = life.call("PUT", "a", &[], "old").await;
    let old = headers["stream-next-offset"].to_str().unwrap().to_owned();
    assert_eq!(life.status("DELETE", "a", &[], "").await, 204);
    assert_eq!(life.status("PUT", "a", &[], "new").await, 201);
    let (status, _, body) = life.call("GET", &format!("a?offset={old}"), &[], "").await;
    assert_eq!(status, StatusCode::GONE, "{body}");
    let problem: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(problem["type"], "urn:millstream:problem:offset-foreign");
}

#[tokio::test]
async fn one_of_many_makes_a_stream() {
    let store = store();
    let life = Life::over(&store);
    let all = (0..16).map(|_| life.status("PUT", "a", &[], "once"));
    let made = futures_util::future::join_all(all).await;
    assert_eq!(made.iter().filter(|status| **status == 201).count(), 1, "{made:?}");
    assert_eq!(made.iter().filter(|status| **status == 200).count(), 15, "{made:?}");
    assert_eq!(life.call("GET", "a", &[], "").await.2, "once");
}

#[tokio::test]
async fn a_fork_whose_making_was_cut_off_holds_nothing_back() {
    use stream_log::{AppendBatch, LogConfig, LogName, Namespace};
    let store = store();
    let life = Life::over(&store);
    assert_eq!(life.status("PUT", "a", &[], "1").await, 201);
    // What a crash leaves between the two steps of making a fork.
    let family = LogName::new(Namespace::Durable, "__ds/forks/a").unwrap();
    let log = store.create(&family, LogConfig::default()).await.unwrap();
    let forked = json!({"forked": "b"}).to_string();
    assert!(log.append(AppendBatch::new(stream_model::now::now()).record(forked)).await.is_ok());
    let half_made = LogName::new(Namespace::Durable, "b").unwrap();
    assert!(store.create(&half_made, LogConfig::default()).await.is_ok());

    let life = Life::over(&store);
    assert_eq!(life.status("GET", "b", &[], "").await, 404);
    assert_eq!(life.status("DELETE", "a", &[], "").await, 204);
    assert_eq!(life.status("GET", "a", &[], "").await, 404);
    assert_eq!(life.status("PUT", "b", &[], "2").await, 201);
}

#[tokio::test]
async fn what_is_no_path_or_no_stream_is_told_as_a_problem() {
    let life = Life::over(&store());
    for (method, path, want) in [
        ("GET", "nothing", 404),
        ("HEAD", "nothing", 404),
        ("POST", "nothing", 404),
        ("DELETE", "nothing", 404),
        ("PUT", "__ds/other", 404),
        ("PUT", "a%00b", 400),
        ("GET", "a?offset=", 400),
        ("PATCH", "a", 405),
    ] {
        let (status, headers, _) = life.call(method, path, &[], "x").await;
        assert_eq!(status.as_u16(), want, "{method} {path}");
        assert_eq!(headers["content-type"], "application/problem+json", "{method} {path}");
        assert_eq!(headers["x-content-type-options"], "nosniff", "{method} {path}");
    }
}

#[tokio::test]
async fn streams_are_forked_below_any_path() {
    let app = router(App::new(store(), AppOptions::default()));
    let life = Life(Router::new().nest("/api", app));
    let put = async |path: &str, source: Option<&str>| {
        let mut request = Request::put(path).header("host", "localhost");
        if let Some(source) = source {
            request = request.header("stream-forked-from", source);
        }
        let response = life.0.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(response.status(), StatusCode::CREATED);
        response.headers()["location"].clone()
    };
    assert_eq!(put("/api/v1/stream/a", None).await, "http://localhost/api/v1/stream/a");
    put("/api/v1/stream/b", Some("/api/v1/stream/a")).await;
}

#[tokio::test]
async fn subscriptions_their_cursors_and_their_tokens_survive() {
    let store = store();
    let life = Life::over(&store);
    let json: &[_] = &[("content-type", "application/json")];
    let parse = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    let config = json!({"type": "pull-wake", "pattern": "jobs/*", "wake_stream": "wake"});
    let config = config.to_string();
    let subscription = "__ds/subscriptions/s";
    assert_eq!(life.status("PUT", "jobs/a", &[], "old").await, 201);
    assert_eq!(life.call("PUT", subscription, json, &config).await.0, StatusCode::CREATED);
    assert_eq!(life.status("POST", "jobs/a", &[], "new").await, 204);
    let claim = format!("{subscription}/claim");
    let claimed = parse(&life.call("POST", &claim, json, r#"{"worker":"w"}"#).await.2);
    assert_eq!(claimed["streams"][0]["path"], "jobs/a", "{claimed}");

    let app = App::new(Arc::clone(&store), AppOptions::default());
    // A real server loads what it has; a router alone has to be asked.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let serving = stream_http::serve(
        listener,
        app.clone(),
        std::future::pending(),
        std::time::Duration::ZERO,
    );
    let serving = tokio::spawn(serving);
    let life = Life(router(app));
    let mut known = (StatusCode::NOT_FOUND, HeaderMap::new(), String::new());
    while known.0 == StatusCode::NOT_FOUND {
        tokio::task::yield_now().await;
        known = life.call("GET", subscription, &[], "").await;
    }
    assert_eq!(life.call("PUT", subscription, json, &config).await.0, StatusCode::OK);
    let busy = life.call("POST", &claim, json, r#"{"worker":"v"}"#).await;
    assert_eq!(parse(&busy.2)["error"]["current_holder"], "w", "{}", busy.2);
    let bearer = format!("Bearer {}", claimed["token"].as_str().unwrap());
    let tail = &claimed["streams"][0]["tail_offset"];
    let ack = json!({
        "wake_id": claimed["wake_id"],
        "generation": claimed["generation"],
        "acks": [{"stream": "jobs/a", "offset": tail}],
        "done": true,
    });
    let headers = [json, &[("authorization", bearer.as_str())]].concat();
    let ack_url = format!("{subscription}/ack");
    let acked = life.call("POST", &ack_url, &headers, &ack.to_string()).await;
    assert_eq!(parse(&acked.2), json!({"ok": true, "next_wake": false}));
    let state = parse(&life.call("GET", subscription, &[], "").await.2);
    assert_eq!(&state["streams"][0]["acked_offset"], tail);
    serving.abort();
}

#[tokio::test]
async fn webhooks_reach_no_loopback_unless_they_may() {
    let life = Life::over(&store());
    for url in ["http://127.0.0.1:9/", "https://localhost/", "http://10.0.0.1/"] {
        let body = json!({"type": "webhook", "pattern": "**", "webhook": {"url": url}}).to_string();
        let (status, _, answer) = life.call("PUT", "__ds/subscriptions/s", &[], &body).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{url}");
        let answer: Value = serde_json::from_str(&answer).unwrap();
        assert_eq!(answer["error"]["code"], "WEBHOOK_URL_REJECTED");
    }
}
