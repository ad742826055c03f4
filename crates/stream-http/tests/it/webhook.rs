//! Notifications of pipelines over a real socket.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use serde_json::{Value, json};
use stream_core::{InMemoryStream, Stream as _, StreamExt as _};
use stream_http::HttpWebhook;
use stream_http::client::Client;
use stream_model::Event;
use stream_processor::{DeadLetter, NotificationSink, Retry};

type Seen = Arc<Mutex<Vec<(Value, Option<String>)>>>;

/// Is busy when it is asked first, and does not know the number 2.
async fn take(State(seen): State<Seen>, headers: HeaderMap, body: String) -> StatusCode {
    let event: Value = serde_json::from_str(&body).unwrap();
    let token = headers.get("authorization").map(|token| token.to_str().unwrap().to_owned());
    let mut seen = seen.lock().unwrap();
    seen.push((event["data"].clone(), token));
    match (seen.len(), event["data"].as_u64()) {
        (1, _) => StatusCode::SERVICE_UNAVAILABLE,
        (_, Some(2)) => StatusCode::NOT_FOUND,
        _ => StatusCode::ACCEPTED,
    }
}

#[tokio::test]
async fn a_webhook_gets_events_again_until_it_takes_them_or_never_will() {
    let seen = Seen::default();
    let app = Router::new().route("/hook", post(take)).with_state(Arc::clone(&seen));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap()).parse().unwrap();
    let server = tokio::spawn(async move { axum::serve(listener, app).await });
    let token =
        HeaderMap::from_iter([("authorization".parse().unwrap(), "Bearer t".parse().unwrap())]);
    let letters = InMemoryStream::new();
    let sink = NotificationSink::new(HttpWebhook::new(Client::new(), url).headers(token))
        .retry(Retry::default().first(Duration::from_millis(1)))
        .dead_letters(letters.clone());
    for number in 1..=3 {
        assert!(sink.publish(Event::new(json!(number))).await.is_ok());
    }
    let (data, tokens): (Vec<Value>, Vec<Option<String>>) =
        seen.lock().unwrap().iter().cloned().unzip();
    assert_eq!(json!(data), json!([1, 1, 2, 3]));
    assert!(tokens.iter().all(|token| token.as_deref() == Some("Bearer t")));
    let told = DeadLetter::of(&letters.recent(1)[0]).unwrap();
    assert_eq!(told.error, "webhook answered 404");
    server.abort();
    assert!(letters.publish_data(json!("open")).await.is_ok());
}
