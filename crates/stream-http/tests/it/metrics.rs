//! What the server tells of itself.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use http::{Method, Request};
use http_body_util::BodyExt;
use stream_http::{App, AppOptions, router};
use stream_log::MemoryStore;
use tower::ServiceExt;

async fn send(
    app: &Router,
    method: Method,
    path: &str,
    body: &'static str,
) -> http::Response<Body> {
    let request = Request::builder().method(method).uri(path).body(Body::from(body)).unwrap();
    app.clone().oneshot(request).await.unwrap()
}

async fn metrics(app: &Router) -> String {
    let response = send(app, Method::GET, "/metrics", "").await;
    assert!(
        response.headers()["content-type"]
            .to_str()
            .unwrap()
            .starts_with("application/openmetrics-text")
    );
    String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

#[track_caller]
fn check(text: &str, lines: &[&str]) {
    for line in lines {
        assert!(text.lines().any(|found| found == *line), "expected {line:?} in\n{text}");
    }
}

#[tokio::test]
async fn events_readers_relays_and_refusals_are_counted() {
    let app = router(App::new(Arc::new(MemoryStore::new()), AppOptions::default()));
    for _ in 0..3 {
        send(&app, Method::POST, "/topics/demo", "x").await;
    }
    let mut reader = send(&app, Method::GET, "/topics/demo?from=earliest", "").await.into_body();
    for _ in 0..2 {
        reader.frame().await.unwrap().unwrap();
    }
    send(&app, Method::POST, "/llm/r1?provider=openai-chat", "data: [DONE]\n\n").await;
    send(&app, Method::POST, "/llm/r2?provider=openai-chat", "data: {}\n\n").await;
    send(&app, Method::GET, "/nowhere", "").await;
    let text = metrics(&app).await;
    check(
        &text,
        &[
            "millstream_events_published_total 3",
            "millstream_readers{kind=\"topic\"} 1",
            "millstream_records_delivered_total{kind=\"topic\"} 3",
            "millstream_llm_relays 0",
            "millstream_llm_relays_ended_total{status=\"complete\"} 1",
            "millstream_llm_relays_ended_total{status=\"incomplete\"} 1",
            "millstream_http_responses_total{status=\"201\"} 5",
            "millstream_http_responses_total{status=\"404\"} 1",
            "# EOF",
        ],
    );
    drop(reader);
    check(&metrics(&app).await, &["millstream_readers{kind=\"topic\"} 0"]);
}
