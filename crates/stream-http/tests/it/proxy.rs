//! A provider's SDK that is pointed at the server: what it gets, and what is kept of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::response::IntoResponse;
use axum::routing::post;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::BodyExt;
use llm_stream::Format;
use llm_stream::filter::{Pattern, PatternSet};
use stream_http::{App, AppOptions, RetryPolicy, Upstream, router};
use stream_log::MemoryStore;
use tokio::sync::mpsc;
use tower::ServiceExt;

const ANSWER: &str = concat!(
    "data: {\"id\":\"c1\",\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hi\"}}]}\n\n",
    "data: {\"id\":\"c1\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n",
    "data: [DONE]\n\n",
);

/// What the provider was sent.
type Seen = (HeaderMap, Bytes);

/// A provider on the loopback: it refuses what has no model, and streams what asks for it.
async fn provider() -> (String, mpsc::UnboundedReceiver<Seen>) {
    let (tell, seen) = mpsc::unbounded_channel();
    let answer =
        async |State(tell): State<mpsc::UnboundedSender<Seen>>, headers: HeaderMap, body: Bytes| {
            let request: serde_json::Value = serde_json::from_slice(&body).unwrap();
            tell.send((headers, body)).unwrap();
            if request.get("model").is_none() {
                return (StatusCode::UNPROCESSABLE_ENTITY, [("retry-after", "3")], "no model")
                    .into_response();
            }
            if request["stream"] == true { ANSWER.into_response() } else { "whole".into_response() }
        };
    let router = Router::new().route("/chat", post(answer)).with_state(tell);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/chat", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    (url, seen)
}

/// A provider that says "later" so often, and then answers.
async fn busy_provider(refusals: usize) -> (String, Arc<AtomicUsize>) {
    let calls = Arc::new(AtomicUsize::new(0));
    let answer = async move |State(calls): State<Arc<AtomicUsize>>| {
        if calls.fetch_add(1, Ordering::SeqCst) < refusals {
            return (StatusCode::SERVICE_UNAVAILABLE, [("retry-after-ms", "0")], "secretly busy")
                .into_response();
        }
        ANSWER.into_response()
    };
    let router = Router::new().route("/chat", post(answer)).with_state(Arc::clone(&calls));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/chat", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    (url, calls)
}

/// A filter without `Hi` and without secrets.
fn patterns() -> PatternSet {
    PatternSet::new([Pattern::literal("hi"), Pattern::literal("secret")]).unwrap()
}

#[tokio::test]
async fn a_busy_provider_is_asked_again_and_then_its_refusal_handed_through() {
    for (refusals, want, calls_made) in
        [(2, StatusCode::OK, 3), (3, StatusCode::SERVICE_UNAVAILABLE, 3)]
    {
        let (url, calls) = busy_provider(refusals).await;
        let app = app(AppOptions::default().upstream("busy", upstream(&url)));
        let response = ask(&app, r#"{"model":"m","stream":true}"#, &[]).await;
        assert_eq!(response.status(), want);
        assert_eq!(calls.load(Ordering::SeqCst), calls_made);
    }
    let (url, calls) = busy_provider(1).await;
    let never = upstream(&url).retry(RetryPolicy::default().retries(0));
    let app = app(AppOptions::default().upstream("busy", never));
    let response = ask(&app, r#"{"model":"m","stream":true}"#, &[]).await;
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(calls.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn what_is_filtered_reaches_nobody_in_streams_answers_and_refusals() {
    let (url, _) = busy_provider(1).await;
    let never = upstream(&url).retry(RetryPolicy::default().retries(0));
    let app = app(AppOptions::default().upstream("busy", never).filter(patterns()));
    let text = async |response: Response<Body>| {
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        String::from_utf8(bytes.to_vec()).unwrap()
    };
    let refusal = text(ask(&app, r#"{"model":"m","stream":true}"#, &[]).await).await;
    assert_eq!(refusal, "[FILTERED]ly busy");
    let stream = text(ask(&app, r#"{"model":"m","stream":true}"#, &[]).await).await;
    assert!(stream.contains("[FILTERED]") && !stream.contains("Hi"), "{stream}");
    let whole = text(ask(&app, r#"{"model":"m"}"#, &[]).await).await;
    assert!(whole.contains("[FILTERED]") && !whole.contains("Hi"), "{whole}");
}

fn upstream(url: &str) -> Upstream {
    Upstream::new(url, Format::OpenAiChat).unwrap().key("secret").unwrap()
}

fn app(options: AppOptions) -> Router {
    router(App::new(Arc::new(MemoryStore::new()), options))
}

async fn ask(app: &Router, body: &'static str, headers: &[(&str, &str)]) -> Response<Body> {
    let mut request = Request::post("/v1/chat/completions");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    app.clone().oneshot(request.body(Body::from(body)).unwrap()).await.unwrap()
}

async fn text(response: Response<Body>) -> String {
    String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

#[tokio::test]
async fn a_stream_is_answered_in_its_own_words_and_kept() {
    let (url, mut seen) = provider().await;
    let app = app(AppOptions::default().upstream("one", upstream(&url)));
    let headers = [("authorization", "Bearer the client's"), ("openai-beta", "x")];
    let response = ask(&app, "{\"model\":\"m\",\"stream\":true}", &headers).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let relay = response.headers()["x-millstream-relay"].to_str().unwrap().to_owned();
    let body = text(response).await;
    assert!(body.contains("\"content\":\"Hi\"") && body.ends_with("data: [DONE]\n\n"), "{body}");

    let (headers, sent) = seen.recv().await.unwrap();
    assert_eq!(headers["authorization"], "Bearer secret", "the server's key, and no other");
    assert_eq!(headers["openai-beta"], "x");
    assert_eq!(sent, "{\"model\":\"m\",\"stream\":true}");

    let path = format!("/llm/{relay}?format=openai-chat");
    let again = app.oneshot(Request::get(path).body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(text(again).await, body);
}

#[tokio::test]
async fn a_client_that_leaves_loses_nothing() {
    let (url, _seen) = provider().await;
    let app = app(AppOptions::default().upstream("one", upstream(&url)));
    let response = ask(&app, "{\"model\":\"m\",\"stream\":true}", &[]).await;
    let relay = response.headers()["x-millstream-relay"].to_str().unwrap().to_owned();
    drop(response);
    let path = format!("/llm/{relay}?format=text");
    let again = app.oneshot(Request::get(path).body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(text(again).await, "Hi");
}

#[tokio::test]
async fn whole_answers_and_refusals_are_handed_through() {
    let (url, _seen) = provider().await;
    let app = app(AppOptions::default().upstream("one", upstream(&url)));
    assert_eq!(text(ask(&app, "{\"model\":\"m\"}", &[]).await).await, "whole");
    for body in ["{}", "{\"stream\":true}"] {
        let refusal = ask(&app, body, &[]).await;
        assert_eq!(refusal.status(), StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(refusal.headers()["retry-after"], "3");
        assert!(!refusal.headers().contains_key("x-millstream-relay"));
        assert_eq!(text(refusal).await, "no model");
    }
}

#[tokio::test]
async fn among_several_providers_one_must_be_named() {
    let (url, mut seen) = provider().await;
    let options = AppOptions::default();
    let app = app(options.upstream("one", upstream(&url)).upstream("two", upstream(&url)));
    let request = "{\"model\":\"m\",\"stream\":true}";
    let refusal = ask(&app, request, &[]).await;
    assert_eq!(refusal.status(), StatusCode::NOT_FOUND);
    assert!(text(refusal).await.contains("one, two"));
    assert!(seen.try_recv().is_err(), "nobody was called");
    let answer = ask(&app, request, &[("x-millstream-upstream", "two")]).await;
    assert_eq!(answer.status(), StatusCode::OK);
    let unknown = ask(&app, request, &[("x-millstream-upstream", "three")]).await;
    assert_eq!(unknown.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_provider_that_is_not_there_is_told() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/chat", listener.local_addr().unwrap());
    drop(listener);
    let app = app(AppOptions::default().upstream("one", upstream(&url)));
    for body in ["{\"stream\":true}", "{}"] {
        let refusal = ask(&app, body, &[]).await;
        assert_eq!(refusal.status(), StatusCode::BAD_GATEWAY);
        assert!(text(refusal).await.contains("upstream-refused"));
    }
}
