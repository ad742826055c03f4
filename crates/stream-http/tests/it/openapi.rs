//! The description of the routes, held beside the routes.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use http::{Method, Request};
use http_body_util::BodyExt;
use serde_json::Value;
use stream_http::{App, AppOptions, router};
use stream_log::MemoryStore;
use tower::ServiceExt;

const METHODS: [&str; 5] = ["get", "head", "put", "post", "delete"];

/// What the server makes of a request: its problem's name, if it has one.
async fn problem(router: &Router, method: &str, path: &str) -> Option<String> {
    let method: Method = method.to_uppercase().parse().unwrap();
    let request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
    let response = router.clone().oneshot(request).await.unwrap();
    let content_type = response.headers().get("content-type")?;
    if content_type != "application/problem+json" {
        return None;
    }
    let body = response.into_body().collect().await.unwrap().to_bytes();
    // An answer to HEAD has no body.
    let problem: Value = serde_json::from_slice(&body).ok()?;
    problem["type"].as_str()?.rsplit(':').next().map(str::to_owned)
}

async fn description(router: &Router) -> Value {
    let request = Request::get("/openapi.json").body(Body::empty()).unwrap();
    let response = router.clone().oneshot(request).await.unwrap();
    assert_eq!(response.headers()["content-type"], "application/json");
    serde_json::from_slice(&response.into_body().collect().await.unwrap().to_bytes()).unwrap()
}

/// The paths that a source file routes.
fn routed(source: &str) -> Vec<&str> {
    let routes = source.split(".route(\"").skip(1);
    routes.map(|rest| rest.split('"').next().unwrap()).collect()
}

#[tokio::test]
async fn what_is_described_is_answered_and_nothing_else_is() {
    let router = router(App::new(Arc::new(MemoryStore::new()), AppOptions::default()));
    let description = description(&router).await;
    let paths = description["paths"].as_object().unwrap();
    for (path, operations) in paths {
        let real = path.replace("{topic}", "t").replace("{id}", "i").replace("{path}", "p");
        for method in METHODS {
            let described = operations.get(method).is_some()
                // A route that can be read can be asked for its head too; a socket has every method.
                || (method == "head" && operations.get("get").is_some())
                || path == "/ws";
            let found = problem(&router, method, &real).await;
            let known = !matches!(found.as_deref(), Some("method-unknown" | "route-unknown"));
            assert!(method == "head" || known == described, "{method} {path}: {found:?}");
        }
    }
    let sources =
        [include_str!("../../src/routes.rs"), include_str!("../../src/durable/routes.rs")];
    for path in sources.iter().flat_map(|source| routed(source)) {
        let path = path.replace("{*path}", "{path}");
        assert!(paths.contains_key(&path), "{path} is not described");
    }
}

#[tokio::test]
async fn every_reference_leads_somewhere() {
    let router = router(App::new(Arc::new(MemoryStore::new()), AppOptions::default()));
    let description = description(&router).await;
    let text = description.to_string();
    for reference in text.split("\"$ref\":\"#").skip(1) {
        let pointer = reference.split('"').next().unwrap();
        assert!(description.pointer(pointer).is_some(), "{pointer}");
    }
}
