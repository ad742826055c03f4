//! Who may do what, on every route.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use http::{Method, Request, StatusCode};
use http_body_util::BodyExt;
use jsonwebtoken::{EncodingKey, Header, encode};
use serde_json::{Value, json};
use stream_http::{App, AppOptions, Auth, router, serve};
use stream_log::MemoryStore;
use stream_model::now::now;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tower::ServiceExt;

const SECRET: &[u8] = b"a secret of more than thirty-two bytes";

fn app() -> Router {
    let auth = Auth::new().secret(SECRET).unwrap();
    router(App::new(Arc::new(MemoryStore::new()), AppOptions::default().auth(auth)))
}

fn token(mut claims: Value, lifetime: Duration) -> String {
    let expires = (now() + lifetime).unix_timestamp();
    claims.as_object_mut().unwrap().insert("exp".to_owned(), json!(expires));
    encode(&Header::default(), &claims, &EncodingKey::from_secret(SECRET)).unwrap()
}

async fn send(
    app: &Router,
    method: &Method,
    path: &str,
    headers: &[(&str, &str)],
    body: &'static str,
) -> http::Response<Body> {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    app.clone().oneshot(request.body(Body::from(body)).unwrap()).await.unwrap()
}

async fn problem(response: http::Response<Body>) -> String {
    let body = response.into_body().collect().await.unwrap().to_bytes();
    let problem: Value = serde_json::from_slice(&body).unwrap();
    let kind = problem["type"].as_str().unwrap();
    kind.strip_prefix("urn:millstream:problem:").unwrap().to_owned()
}

/// Every route that does something, with a claim that allows it.
fn routes() -> Vec<(Method, &'static str, &'static str, Value)> {
    let (read, write) = (json!({"read": ["x*"]}), json!({"write": ["x*"]}));
    vec![
        (Method::POST, "/topics/x.y", "1", json!({"publish": ["x.*"]})),
        (Method::GET, "/topics/x.y", "", json!({"subscribe": ["x.*"]})),
        (Method::GET, "/topics/x.*", "", json!({"subscribe": ["x.>"]})),
        (Method::GET, "/events?topic=x.y&topic=x.*", "", json!({"subscribe": ["x.>"]})),
        (Method::GET, "/llm/x1", "", json!({"llm": read})),
        (Method::POST, "/llm/x2?provider=ollama", "{}\n", json!({"llm": write})),
        (Method::POST, "/llm/x3/stop", "", json!({"llm": write})),
        (Method::POST, "/v1/chat/completions", "{}", json!({"llm": {"write": ["*"]}})),
        (Method::POST, "/v1/responses", "{}", json!({"llm": {"write": ["*"]}})),
        (Method::POST, "/v1/messages", "{}", json!({"llm": {"write": ["*"]}})),
        (Method::PUT, "/v1/stream/x/y", "", json!({"streams": write})),
        (Method::POST, "/v1/stream/x/y", "a", json!({"streams": write})),
        (Method::DELETE, "/v1/stream/x/y", "", json!({"streams": write})),
        (Method::GET, "/v1/stream/x/y", "", json!({"streams": read})),
        (Method::HEAD, "/v1/stream/x/y", "", json!({"streams": read})),
        (Method::GET, "/v1/stream/%78%2Fy", "", json!({"streams": read})),
        (
            Method::PUT,
            "/v1/stream/__ds/subscriptions/s",
            "{}",
            json!({"streams": {"write": ["__ds/*"]}}),
        ),
        (
            Method::POST,
            "/v1/stream/__ds/subscriptions/s/claim",
            "{}",
            json!({"streams": {"write": ["__ds/*"]}}),
        ),
        (Method::GET, "/metrics", "", json!({"admin": true})),
    ]
}

/// Claims that allow a little of everything, and nothing of what the routes do.
fn others() -> Value {
    json!({
        "publish": ["y.>", "x.y.z", "$sys.>"],
        "subscribe": ["x", "x.a", "*.b", "y.>"],
        "llm": {"read": ["y*"], "write": ["x"]},
        "streams": {"read": ["x"], "write": ["y/*"]},
    })
}

#[tokio::test]
async fn every_route_asks_who_is_there_and_what_they_may_do() {
    for (method, path, body, claims) in routes() {
        let app = app();
        let ask = async |headers: &[(&str, &str)]| {
            let response = send(&app, &method, path, headers, body).await;
            (response.status(), response)
        };
        let (status, response) = ask(&[]).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{method} {path}");
        assert_eq!(response.headers()["www-authenticate"], "Bearer");
        if method != Method::HEAD {
            assert_eq!(problem(response).await, "token-missing");
        }
        for bad in ["Bearer nonsense", "Basic dTpw", "Bearer", ""] {
            let (status, _) = ask(&[("authorization", bad)]).await;
            assert_eq!(status, StatusCode::UNAUTHORIZED, "{method} {path} {bad:?}");
        }
        let lifetime = Duration::from_mins(1);
        let (status, response) =
            ask(&[("authorization", &format!("Bearer {}", token(others(), lifetime)))]).await;
        assert_eq!(status, StatusCode::FORBIDDEN, "{method} {path}");
        if method != Method::HEAD {
            assert_eq!(problem(response).await, "not-allowed");
        }
        let good = token(claims, lifetime);
        let (status, _) = ask(&[("authorization", &format!("bearer {good}"))]).await;
        assert!(!is_refused(status), "{method} {path}: {status}");
        let (status, _) = ask(&[("x-api-key", &good)]).await;
        assert!(!is_refused(status), "{method} {path}: {status}");
        let mark = if path.contains('?') { '&' } else { '?' };
        let in_query = format!("{path}{mark}access_token={good}");
        let status = send(&app, &method, &in_query, &[], body).await.status();
        assert!(!is_refused(status), "{method} {in_query}: {status}");
    }
}

fn is_refused(status: StatusCode) -> bool {
    matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN)
}

#[tokio::test]
async fn probes_and_public_keys_are_open() {
    let app = app();
    for path in ["/healthz", "/readyz", "/v1/stream/__ds/jwks.json"] {
        let response = send(&app, &Method::GET, path, &[], "").await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
    }
}

#[tokio::test]
async fn the_list_of_topics_tells_only_what_may_be_read() {
    let app = app();
    let everything = token(json!({"publish": ["*"], "subscribe": ["a.*"]}), Duration::from_mins(1));
    let authorization = [("authorization", &*format!("Bearer {everything}"))];
    for topic in ["a.x", "b.x"] {
        send(&app, &Method::POST, &format!("/topics/{topic}"), &authorization, "1").await;
    }
    let response = send(&app, &Method::GET, "/topics", &authorization, "").await;
    let body = response.into_body().collect().await.unwrap().to_bytes();
    let list: Value = serde_json::from_slice(&body).unwrap();
    let names: Vec<_> =
        list["topics"].as_array().unwrap().iter().map(|entry| &entry["topic"]).collect();
    assert_eq!(names, ["a.x"]);
    let nobody = send(&app, &Method::GET, "/topics", &[], "").await;
    assert_eq!(nobody.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn whoever_has_no_token_may_do_what_anonymous_callers_may() {
    let grant = serde_json::from_value(json!({"subscribe": ["public.>"]})).unwrap();
    let auth = Auth::new().secret(SECRET).unwrap().anonymous(grant);
    let app = router(App::new(Arc::new(MemoryStore::new()), AppOptions::default().auth(auth)));
    let get = async |path: &str| send(&app, &Method::GET, path, &[], "").await.status();
    assert_eq!(get("/topics/public.news").await, StatusCode::OK);
    assert_eq!(get("/topics/private").await, StatusCode::FORBIDDEN);
}

/// The clock of timers is paused, so the wait for the expiry costs no time.
#[tokio::test(start_paused = true)]
async fn a_token_that_expires_ends_its_live_streams() {
    let app = app();
    let claims = json!({"subscribe": ["*"], "llm": {"read": ["*"], "write": ["*"]}});
    let short = token(claims, Duration::from_secs(5));
    let authorization = [("authorization", &*format!("Bearer {short}"))];
    for path in ["/topics/a", "/topics/a.*", "/events?topic=a&topic=b"] {
        let response = send(&app, &Method::GET, path, &authorization, "").await;
        let body = response.into_body().collect().await.unwrap().to_bytes();
        let text = String::from_utf8(body.to_vec()).unwrap();
        assert!(text.contains("\"reason\":\"token-expired\",\"reconnect\":true"), "{path}: {text}");
    }
}

/// The shards of live readers and sockets have the system's clock, so this takes the seconds that
/// the shortest token is good for; all transports wait for it at once.
#[tokio::test]
async fn a_token_that_expires_ends_what_is_read_over_every_transport() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let auth = Auth::new().secret(SECRET).unwrap();
    let app = App::new(Arc::new(MemoryStore::new()), AppOptions::default().auth(auth));
    tokio::spawn(serve(listener, app, std::future::pending(), Duration::ZERO));
    let claims = json!({
        "subscribe": ["*"],
        "llm": {"read": ["*"], "write": ["*"]},
        "streams": {"read": ["*"], "write": ["*"]},
    });
    let lasting = token(claims.clone(), Duration::from_hours(1));
    let open = async |token: &str, request: &str, more: &str| {
        let mut socket = TcpStream::connect(address).await.unwrap();
        let head = format!("{request} HTTP/1.1\r\nhost: h\r\nauthorization: Bearer {token}\r\n");
        socket.write_all((head + more).as_bytes()).await.unwrap();
        socket
    };
    let _relay = open(
        &lasting,
        "POST /llm/x?provider=ollama",
        "transfer-encoding: chunked\r\n\r\n3\r\n{}\n\r\n",
    )
    .await;
    let mut made = open(&lasting, "PUT /v1/stream/s", "content-length: 0\r\n\r\n").await;
    made.read_u8().await.unwrap();
    let upgrade = "connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
         sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    let lines = "accept: application/x-ndjson\r\n\r\n";
    let short = token(claims, Duration::from_secs(3));
    let ends = [
        ("GET /topics/a", "\r\n", "token-expired"),
        ("GET /topics/a", lines, "token-expired"),
        ("GET /events?topic=a&topic=b", "\r\n", "token-expired"),
        ("GET /events?topic=a&topic=b", lines, "token-expired"),
        ("GET /ws", upgrade, "token-expired"),
        ("GET /llm/x", "\r\n", "token-expired"),
        ("GET /llm/x?format=text", "\r\n", "200 OK"),
        ("GET /v1/stream/s?live=sse&offset=-1", "\r\n", "200 OK"),
        ("GET /v1/stream/s?live=long-poll&offset=now", "\r\n", "204 No Content"),
    ];
    let ended = ends.map(async |(request, more, want)| {
        // A relay is there once its first byte was looked at.
        loop {
            let close = if more == upgrade { "" } else { "connection: close\r\n" };
            let mut socket = open(&short, request, &format!("{close}{more}")).await;
            let mut read = Vec::new();
            // A WebSocket is not closed before the peer's own close frame has come.
            let is_closing = |read: &[u8]| read.ends_with(b"\x0f\xa3token-expired");
            while socket.read_buf(&mut read).await.unwrap() > 0 && !is_closing(&read) {}
            let text = String::from_utf8_lossy(&read);
            if !text.starts_with("HTTP/1.1 404") {
                assert!(text.contains(want), "{request}: {text}");
                return;
            }
        }
    });
    futures_util::future::join_all(ended).await;
}

/// Requests that a page of another origin, or a name that was made to point here, can send.
#[tokio::test]
async fn every_route_refuses_foreign_hosts_and_origins() {
    let app = router(App::new(Arc::new(MemoryStore::new()), AppOptions::default()));
    let mut all = routes();
    all.push((Method::GET, "/ws", "", json!({})));
    all.push((Method::GET, "/healthz", "", json!({})));
    all.push((Method::GET, "/nowhere", "", json!({})));
    for (method, path, body, _) in all {
        for (headers, want) in [
            (vec![("host", "evil.example")], "host-refused"),
            (vec![("host", "localhost"), ("origin", "http://evil.example")], "origin-refused"),
            (vec![("host", "localhost"), ("origin", "null")], "origin-refused"),
        ] {
            let response = send(&app, &method, path, &headers, body).await;
            assert_eq!(response.status(), StatusCode::FORBIDDEN, "{method} {path} {headers:?}");
            assert!(!response.headers().contains_key("access-control-allow-origin"));
            if method != Method::HEAD {
                assert_eq!(problem(response).await, want);
            }
        }
    }
}

#[tokio::test]
async fn pages_of_an_allowed_origin_may_read_and_write() {
    let rules = stream_protocol::OriginRules::loopback().origin("https://app.example.org");
    let app = router(App::new(Arc::new(MemoryStore::new()), AppOptions::default().origins(rules)));
    let origin = ("origin", "https://app.example.org");
    for path in ["/topics/a", "/v1/stream/a"] {
        let asks = [origin, ("access-control-request-method", "POST")];
        let response = send(&app, &Method::OPTIONS, path, &asks, "").await;
        assert_eq!(response.status(), StatusCode::NO_CONTENT);
        assert_eq!(response.headers()["access-control-allow-origin"], "https://app.example.org");
        assert!(!response.headers().contains_key("access-control-allow-credentials"));
        let response = send(&app, &Method::PUT, "/v1/stream/a", &[origin], "").await;
        assert_eq!(response.headers()["access-control-allow-origin"], "https://app.example.org");
        let response = send(&app, &Method::GET, "/v1/stream/a", &[], "").await;
        assert_eq!(response.headers()["vary"], "origin", "a cache may keep it");
        let foreign = [("origin", "https://evil.example"), asks[1]];
        let response = send(&app, &Method::OPTIONS, path, &foreign, "").await;
        assert!(!response.headers().contains_key("access-control-allow-origin"));
        let response = send(&app, &Method::PUT, "/v1/stream/a", &[], "").await;
        assert!(!response.headers().contains_key("access-control-allow-origin"));
    }
}
