//! Bad input: each kind a clear problem document, and nothing that was accepted is lost.

use axum::http::StatusCode;
use checks::http::{call, send};

use crate::support::serve;

struct Case {
    method: &'static str,
    path: &'static str,
    headers: &'static [(&'static str, &'static str)],
    body: Vec<u8>,
    status: u16,
    name: &'static str,
    detail: &'static str,
}

fn case(method: &'static str, path: &'static str, status: u16, name: &'static str) -> Case {
    Case { method, path, headers: &[], body: Vec::new(), status, name, detail: "" }
}

const JSON: &[(&str, &str)] = &[("content-type", "application/json")];
const PAGE: &[(&str, &str)] = &[("accept", "application/json")];

#[expect(clippy::too_many_lines, reason = "a table")]
fn cases() -> Vec<Case> {
    let body = |body: &str| body.as_bytes().to_vec();
    vec![
        Case { detail: "GET /nope", ..case("GET", "/nope", 404, "route-unknown") },
        case("DELETE", "/topics/demo", 405, "method-unknown"),
        Case {
            detail: "empty segment",
            body: body("1"),
            ..case("POST", "/topics/a..b", 400, "topic-invalid")
        },
        Case {
            detail: "white space",
            body: body("1"),
            ..case("POST", "/topics/a%20b", 400, "topic-invalid")
        },
        Case { detail: "wildcard", ..case("POST", "/topics/a.*", 400, "topic-invalid") },
        Case { body: body("1"), ..case("POST", "/topics/$sys.stats", 403, "topic-reserved") },
        Case {
            detail: "line 1 column",
            headers: JSON,
            body: body("{\"n\":"),
            ..case("POST", "/topics/demo", 400, "json-invalid")
        },
        Case {
            headers: JSON,
            body: b"\"\xff\"".to_vec(),
            ..case("POST", "/topics/demo", 400, "json-invalid")
        },
        Case {
            headers: &[("content-type", "text/plain")],
            body: b"\xff".to_vec(),
            ..case("POST", "/topics/demo", 400, "utf8-invalid")
        },
        case("POST", "/topics/demo", 400, "body-empty"),
        Case {
            detail: "1048576 bytes",
            body: vec![b'x'; (1 << 20) + 1],
            ..case("POST", "/topics/demo", 413, "body-too-large")
        },
        Case {
            headers: &[("content-type", "multipart/form-data; boundary=x")],
            body: body("--x"),
            ..case("POST", "/topics/demo", 415, "media-type-unsupported")
        },
        Case {
            headers: &[("producer-id", "p")],
            body: body("1"),
            ..case("POST", "/topics/demo", 400, "producer-invalid")
        },
        Case {
            headers: &[("producer-id", "p"), ("producer-epoch", "0"), ("producer-seq", "5")],
            body: body("1"),
            detail: "expected producer sequence 0",
            ..case("POST", "/topics/demo", 409, "producer-out-of-order")
        },
        Case {
            headers: &[("accept", "image/png")],
            ..case("GET", "/topics/demo", 406, "not-acceptable")
        },
        Case { detail: "soon", ..case("GET", "/topics/demo?from=soon", 400, "from-invalid") },
        Case {
            detail: "beyond the tail",
            ..case("GET", "/topics/demo?from=99", 400, "position-beyond-tail")
        },
        Case { headers: PAGE, ..case("GET", "/topics/demo?limit=0", 400, "limit-invalid") },
        Case { headers: PAGE, ..case("GET", "/topics/nobody", 404, "not-found") },
        Case { detail: "UTF-8", ..case("GET", "/topics/%ff", 400, "path-invalid") },
        case("GET", "/topics/a?from=1&from=2", 400, "query-invalid"),
        case("GET", "/topics?limit=x", 400, "limit-invalid"),
        case("GET", "/llm/nobody", 404, "not-found"),
        case("POST", "/llm/nobody/stop", 404, "not-found"),
        Case { detail: "letters, digits", ..case("GET", "/llm/a%2Fb", 400, "relay-id-invalid") },
        Case {
            detail: "openai-chat",
            ..case("POST", "/llm/x?provider=nope", 400, "provider-unknown")
        },
        Case {
            detail: "none is configured",
            headers: JSON,
            body: body("{\"upstream\":\"p\",\"request\":{}}"),
            ..case("POST", "/llm/x", 404, "upstream-unknown")
        },
        Case {
            detail: "request",
            headers: JSON,
            body: body("{\"upstream\":\"p\"}"),
            ..case("POST", "/llm/x", 400, "command-invalid")
        },
    ]
}

#[tokio::test]
async fn every_kind_of_bad_input_is_a_problem_document() {
    let server = serve(&[]).await;
    let topic = format!("{}/topics/demo", server.url());
    let (status, _) = call("POST", &topic, &[], "accepted").await.unwrap();
    assert_eq!(status, StatusCode::CREATED);
    for Case { method, path, headers, body, status, name, detail } in cases() {
        let url = format!("{}{path}", server.url());
        let response = send(method, &url, headers, body).await.unwrap();
        assert_eq!(response.status().as_u16(), status, "{method} {path}");
        assert_eq!(
            response.headers()["content-type"],
            "application/problem+json",
            "{method} {path}"
        );
        let bytes = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
        let problem: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(problem["type"], format!("urn:millstream:problem:{name}"), "{problem}");
        assert_eq!(problem["status"], status);
        assert!(problem["detail"].as_str().unwrap_or_default().contains(detail), "{problem}");
    }
    // After all that, the server is well, and what it had accepted is there, alone.
    let (status, page) = call("GET", &topic, PAGE, "").await.unwrap();
    assert_eq!(status, StatusCode::OK);
    assert_eq!(page["tail"], 1);
    assert_eq!(page["events"][0]["data"], "accepted");
}

#[tokio::test]
async fn a_provider_that_refuses_is_told_to_the_caller_and_to_readers() {
    let file = tempfile::NamedTempFile::new().unwrap();
    // Port 9 of loopback: discard, where nobody listens.
    let config = "[upstreams.p]\nurl = 'http://127.0.0.1:9/v1'\nformat = 'anthropic'\nretries = 0";
    std::fs::write(file.path(), config).unwrap();
    let server = serve(&["--config", file.path().to_str().unwrap()]).await;
    let url = format!("{}/llm/x", server.url());
    let (status, problem) =
        call("POST", &url, JSON, r#"{"upstream":"p","request":{}}"#).await.unwrap();
    assert_eq!(status, StatusCode::BAD_GATEWAY);
    assert_eq!(problem["type"], "urn:millstream:problem:upstream-refused");
    assert_eq!(problem["upstream"], "p");
    let mut reader = checks::reader::Reader::open(&url, None).await.unwrap().unwrap();
    let events: Vec<_> = reader.read_to_end().await.unwrap().into_iter().map(|e| e.event).collect();
    assert_eq!(events, ["start", "error", "metadata", "end"]);
}
