//! The page, and what it is fed with.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use http::{Request, StatusCode};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use stream_http::{App, AppOptions, router, serve};
use stream_log::MemoryStore;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tower::ServiceExt;

fn app() -> App {
    App::new(Arc::new(MemoryStore::new()), AppOptions::default())
}

async fn get(router: &Router, path: &str) -> (StatusCode, http::HeaderMap, String) {
    let request = Request::get(path).body(Body::empty()).unwrap();
    let response = router.clone().oneshot(request).await.unwrap();
    let (head, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    (head.status, head.headers, String::from_utf8(body.to_vec()).unwrap())
}

/// The values of an attribute, in order.
fn attributes<'a>(page: &'a str, name: &str) -> Vec<&'a str> {
    let mark = format!("{name}=\"");
    let parts = page.split(mark.as_str()).skip(1);
    parts.map(|part| part.split('"').next().unwrap()).collect()
}

#[tokio::test]
async fn the_page_and_all_its_parts_are_there_and_nothing_else_is_loaded() {
    let router = router(app());
    let (status, headers, page) = get(&router, "/").await;
    assert_eq!(
        (status, &headers["content-type"]),
        (StatusCode::OK, &"text/html; charset=utf-8".parse().unwrap())
    );
    assert!(headers["content-security-policy"].to_str().unwrap().starts_with("default-src 'none'"));
    let links = [attributes(&page, "src"), attributes(&page, "href")].concat();
    let parts: Vec<_> = links.into_iter().filter(|link| !link.starts_with("data:")).collect();
    assert_eq!(parts.len(), 4);
    for part in parts {
        let (status, _, text) = get(&router, &format!("/{part}")).await;
        assert_eq!(status, StatusCode::OK, "{part}");
        assert!(!text.is_empty());
    }
    // Every element that the script looks for is on the page.
    let (_, _, script) = get(&router, "/dashboard/app.js").await;
    let ids = attributes(&page, "id");
    for wanted in script.split("find(\"").skip(1).map(|part| part.split('"').next().unwrap()) {
        assert!(ids.contains(&wanted), "no element {wanted}");
    }
}

#[tokio::test]
async fn llm_streams_are_listed() {
    let router = router(app());
    let start = Request::post("/llm/b?provider=openai-chat").body(Body::from("data: [DONE]\n\n"));
    router.clone().oneshot(start.unwrap()).await.unwrap();
    let (_, _, list) = get(&router, "/llm").await;
    let list: Value = serde_json::from_str(&list).unwrap();
    assert_eq!(
        (&list["relays"][0]["id"], &list["relays"][0]["ended"]),
        (&json!("b"), &json!(true))
    );
    assert!(list["relays"][0]["events"].as_u64() > Some(0));
    let (_, _, none) = get(&router, "/llm?after=b").await;
    assert_eq!(serde_json::from_str::<Value>(&none).unwrap()["relays"], json!([]));
}

#[tokio::test]
async fn statistics_are_events_while_somebody_reads_them() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(serve(listener, app(), std::future::pending(), Duration::ZERO));
    let mut reader = TcpStream::connect(address).await.unwrap();
    let request = "GET /topics/$sys.stats HTTP/1.1\r\nhost: localhost\r\n\r\n";
    reader.write_all(request.as_bytes()).await.unwrap();
    let mut read = String::new();
    // The first ones come within a second.
    while !read.contains("\ndata: ") {
        let mut buffer = [0; 4096];
        let bytes = reader.read(&mut buffer).await.unwrap();
        read.push_str(std::str::from_utf8(&buffer[..bytes]).unwrap());
    }
    let data = read.split("\ndata: ").nth(1).unwrap().lines().next().unwrap();
    let stats: Value = serde_json::from_str(data).unwrap();
    assert_eq!(stats["readers"], json!({"topic": 1, "llm": 0, "durable": 0}));
    server.abort();
}
