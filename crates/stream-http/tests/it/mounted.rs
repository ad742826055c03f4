//! What an application gets that mounts the routes under a path of its own.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use http::{Request, StatusCode};
use http_body_util::BodyExt;
use stream_http::{App, AppOptions, router};
use stream_log::MemoryStore;
use tower::ServiceExt;

fn mounted(options: AppOptions) -> Router {
    Router::new().nest("/api", router(App::new(Arc::new(MemoryStore::new()), options)))
}

fn get(path: &str) -> Request<Body> {
    Request::get(path).body(Body::empty()).unwrap()
}

fn post(path: &str, body: &'static str) -> Request<Body> {
    Request::post(path).body(Body::from(body)).unwrap()
}

/// The next piece of a body as text.
async fn piece(body: &mut Body) -> String {
    let frame = body.frame().await.unwrap().unwrap();
    String::from_utf8(frame.into_data().unwrap().to_vec()).unwrap()
}

#[tokio::test]
async fn the_routes_work_under_any_path() {
    let app = mounted(AppOptions::default());
    let live = app.clone().oneshot(get("/api/topics/demo")).await.unwrap();
    assert_eq!(live.headers()["cache-control"], "no-cache, no-transform");
    let mut body = live.into_body();
    assert!(piece(&mut body).await.starts_with("id: "));
    let published = app.clone().oneshot(post("/api/topics/demo", "{\"n\":1}")).await.unwrap();
    assert_eq!(published.status(), StatusCode::CREATED);
    assert!(piece(&mut body).await.ends_with("\nevent: message\ndata: {\"n\":1}\n\n"));
}

#[tokio::test]
async fn what_is_due_is_one_piece() {
    let app = mounted(AppOptions::default());
    for _ in 0..3 {
        app.clone().oneshot(post("/api/topics/demo", "x")).await.unwrap();
    }
    let history = app.clone().oneshot(get("/api/topics/demo?from=earliest")).await.unwrap();
    let mut body = history.into_body();
    let greeting = piece(&mut body).await;
    assert_eq!(greeting.matches("data: ").count(), 0);
    assert_eq!(piece(&mut body).await.matches("data: x\n\n").count(), 3);
}

#[tokio::test(start_paused = true)]
async fn silence_is_broken_by_a_heartbeat() {
    let app = mounted(AppOptions::default().heartbeat(Duration::from_secs(7)));
    let mut body = app.clone().oneshot(get("/api/topics/demo")).await.unwrap().into_body();
    piece(&mut body).await;
    let before = tokio::time::Instant::now();
    assert_eq!(piece(&mut body).await, "event: heartbeat\ndata: {}\n\n");
    assert_eq!(before.elapsed(), Duration::from_secs(7));
}
