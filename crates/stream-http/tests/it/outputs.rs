//! Relays as other programs read them: one stream in six formats.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use futures_util::stream;
use http::{Request, StatusCode};
use http_body_util::BodyExt;
use llm_stream::{Encoder, Format, OutputFormat, decode};
use stream_http::{App, AppOptions, router};
use stream_log::MemoryStore;
use tower::ServiceExt;

const WHOLE: &str = concat!(
    "data: {\"id\":\"c1\",\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Grü\"}}]}\n\n",
    "data: {\"id\":\"c1\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"ße 🌊\"}}]}\n\n",
    "data: {\"id\":\"c1\",\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"t1\",",
    "\"type\":\"function\",\"function\":{\"name\":\"look\",\"arguments\":\"{\\\"a\\\":\"}}]}}]}\n\n",
    "data: {\"id\":\"c1\",\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,",
    "\"function\":{\"arguments\":\"1}\"}}]}}]}\n\n",
    "data: {\"id\":\"c1\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"tool_calls\"}]}\n\n",
    "data: [DONE]\n\n",
);

fn app() -> Router {
    let options = AppOptions::default().heartbeat(Duration::from_secs(7));
    router(App::new(Arc::new(MemoryStore::new()), options))
}

async fn relay(app: &Router, id: &str, body: impl Into<Body>) {
    let request = Request::post(format!("/llm/{id}?provider=openai-chat")).body(body.into());
    let response = app.clone().oneshot(request.unwrap()).await.unwrap();
    assert_eq!(response.status(), StatusCode::CREATED);
}

async fn open(app: &Router, path: &str, after: Option<&str>) -> http::Response<Body> {
    let mut request = Request::get(path);
    if let Some(id) = after {
        request = request.header("last-event-id", id);
    }
    app.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
}

/// The whole body, and whether it ended in order.
async fn read(response: http::Response<Body>) -> (String, bool) {
    let mut body = response.into_body();
    let mut bytes = Vec::new();
    loop {
        match body.frame().await {
            None => return (String::from_utf8(bytes).unwrap(), true),
            Some(Ok(frame)) => bytes.extend(frame.into_data().unwrap()),
            Some(Err(_)) => return (String::from_utf8(bytes).unwrap(), false),
        }
    }
}

fn without_ids(body: &str) -> String {
    body.split_inclusive('\n').filter(|line| !line.starts_with("id: ")).collect()
}

/// What the encoder alone makes of the same bytes, frame by frame.
fn encoded(format: OutputFormat, id: &str, input: &str) -> String {
    let mut encoder = Encoder::new(format).stream_id(id);
    let (mut sse, mut text) = (stream_sse::Encoder::new(), String::new());
    for event in decode(Format::OpenAiChat, input.as_bytes()) {
        for frame in encoder.push(&event) {
            let event = frame.event.map(|name| stream_sse::EventName::parse(name).unwrap());
            let (event, data) = (event.as_ref(), Some(frame.data));
            sse.push(stream_sse::FrameRef { event, data, ..Default::default() });
            text.push_str(std::str::from_utf8(frame.data).unwrap());
        }
    }
    if format.is_sse() { String::from_utf8(sse.take()).unwrap() } else { text }
}

#[tokio::test]
async fn whoever_starts_a_stream_may_read_it_at_once() {
    let app = app();
    for format in ["events", "ai-sdk", "text"] {
        let path = format!("/llm/at-once-{format}?format={format}");
        let request = Request::post(format!("{path}&provider=openai-chat")).body(Body::from(WHOLE));
        let response = app.clone().oneshot(request.unwrap()).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["x-millstream-relay"], format!("at-once-{format}"));
        let later = read(open(&app, &path, None).await).await;
        assert_eq!(read(response).await, later, "{format}");
    }
    let request =
        Request::post("/llm/never?format=morse&provider=openai-chat").body(Body::from(WHOLE));
    let response = app.clone().oneshot(request.unwrap()).await.unwrap();
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
    assert_eq!(open(&app, "/llm/never", None).await.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn every_format_is_what_its_encoder_writes_and_resumes_after_every_id() {
    let app = app();
    relay(&app, "r1", WHOLE).await;
    for format in OutputFormat::ALL {
        let path = format!("/llm/r1?format={}", format.as_str());
        let response = open(&app, &path, None).await;
        assert_eq!(response.headers()["content-type"], format.content_type());
        if let Some((name, value)) = format.header() {
            assert_eq!(response.headers()[name], value);
        }
        let (body, whole) = read(response).await;
        assert!(whole, "{format:?}");
        assert_eq!(without_ids(&body), encoded(format, "r1", WHOLE), "{format:?}");

        let frames: Vec<_> = body.split_inclusive("\n\n").collect();
        let mut resumed = 0;
        for (place, frame) in frames.iter().enumerate() {
            let Some(id) = frame.lines().find_map(|line| line.strip_prefix("id: ")) else {
                continue;
            };
            let response = open(&app, &path, Some(id)).await;
            if response.status() == StatusCode::NO_CONTENT {
                assert_eq!(place + 1, frames.len(), "{format:?}");
            } else {
                assert_eq!(read(response).await.0, frames[place + 1..].concat(), "{format:?}");
            }
            resumed += 1;
        }
        assert!(resumed > 4 || !format.is_sse(), "{format:?}: {resumed}");
    }
}

#[tokio::test]
async fn a_stream_that_was_cut_never_looks_whole() {
    let app = app();
    let cut =
        WHOLE.split_once("data: {\"id\":\"c1\",\"choices\":[{\"index\":0,\"delta\":{},").unwrap().0;
    relay(&app, "cut", cut.to_owned()).await;
    for format in OutputFormat::ALL {
        let path = format!("/llm/cut?format={}", format.as_str());
        let (body, whole) = read(open(&app, &path, None).await).await;
        assert!(body.contains("🌊"), "{format:?}: {body}");
        // A format without words for it is broken off instead.
        assert_eq!(whole, format.is_sse(), "{format:?}");
        assert!(!body.contains("[DONE]") || format == OutputFormat::AiSdk, "{format:?}: {body}");
        assert!(!format.is_sse() || body.contains("error"), "{format:?}: {body}");
    }
}

#[tokio::test]
async fn whoever_starts_in_the_middle_is_told_what_is_open() {
    let app = app();
    relay(&app, "r1", WHOLE).await;
    let (events, _) = read(open(&app, "/llm/r1", None).await).await;
    let second = events.split("\n\n").position(|frame| frame.contains("ße")).unwrap() - 1;
    let path = format!("/llm/r1?format=ai-sdk&from={second}");
    let (body, _) = read(open(&app, &path, None).await).await;
    let start = body.find("text-start").unwrap();
    let delta = body.find("\"delta\":\"ße 🌊\"").unwrap();
    assert!(start < delta && !body.contains("Grü"), "{body}");
}

#[tokio::test(start_paused = true)]
async fn a_silence_is_broken_by_a_comment_that_ends_no_event() {
    let app = app();
    let (first, rest) = WHOLE.split_once("\n\n").unwrap();
    let pieces = [format!("{first}\n\n"), rest.to_owned()].map(Bytes::from);
    let body = stream::unfold(pieces.into_iter(), async |mut pieces| {
        let piece = pieces.next()?;
        if !piece.starts_with(b"data: {\"id\":\"c1\",\"model\"") {
            tokio::time::sleep(Duration::from_secs(10)).await;
        }
        Some((Ok::<_, std::io::Error>(piece), pieces))
    });
    let starting = tokio::spawn({
        let app = app.clone();
        async move { relay(&app, "slow", Body::from_stream(body)).await }
    });
    let response = loop {
        let response = open(&app, "/llm/slow?format=openai-chat", None).await;
        if response.status() == StatusCode::OK {
            break response;
        }
        tokio::task::yield_now().await;
    };
    let (body, _) = read(response).await;
    starting.await.unwrap();
    assert_eq!(body.matches("\n:\n").count(), 1, "{body}");
    assert!(body.contains("\n\n:\nid: "), "{body}");
    assert_eq!(
        without_ids(&body.replace("\n:\n", "\n")),
        encoded(OutputFormat::OpenAiChat, "slow", WHOLE)
    );
}

#[tokio::test]
async fn what_is_no_format_or_no_position_is_told() {
    let app = app();
    relay(&app, "r1", WHOLE).await;
    let (body, _) = read(open(&app, "/llm/r1?format=morse", None).await).await;
    assert!(body.contains("openai-chat") && body.contains("morse"), "{body}");
    let response = open(&app, "/llm/r1?format=text&from=99", None).await;
    assert!(response.status().is_client_error());
    let response = open(&app, "/llm/r1?format=text", Some("abc.3")).await;
    assert!(read(response).await.0.contains("epoch-changed"));
}
