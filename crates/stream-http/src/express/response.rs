//! An answer as bytes.

use http::StatusCode;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderValue};
use stream_protocol::PROBLEM_CONTENT_TYPE;
use stream_protocol::durable::{Answer, Refusal};

use crate::durable::BROWSER_HEADERS;

/// Puts the answer to an append.
pub(super) fn put(
    out: &mut Vec<u8>,
    answer: Result<Answer, Refusal>,
    date: &str,
    closes: bool,
) -> StatusCode {
    match answer {
        Ok(Answer { status, headers }) => put_whole(out, status, &headers, b"", (date, closes)),
        Err(Refusal { problem, mut headers }) => {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(PROBLEM_CONTENT_TYPE));
            let body = problem.to_json().to_string();
            put_whole(out, problem.status(), &headers, body.as_bytes(), (date, closes))
        }
    }
}

/// Puts the head of a response that ends with its connection.
pub(super) fn put_head(out: &mut Vec<u8>, status: StatusCode, headers: &HeaderMap, date: &str) {
    put_status(out, status);
    for (name, value) in headers.iter().filter(|(name, _)| *name != CONTENT_LENGTH) {
        put_header(out, name.as_str(), value.as_bytes());
    }
    put_header(out, "connection", b"close");
    put_header(out, "date", date.as_bytes());
    put_parts(out, &[b"\r\n"]);
}

fn put_status(out: &mut Vec<u8>, status: StatusCode) {
    put_parts(out, &[b"HTTP/1.1 ", status.as_str().as_bytes(), b" "]);
    put_parts(out, &[status.canonical_reason().unwrap_or_default().as_bytes(), b"\r\n"]);
}

fn put_whole(
    out: &mut Vec<u8>,
    status: StatusCode,
    headers: &HeaderMap,
    body: &[u8],
    (date, closes): (&str, bool),
) -> StatusCode {
    put_status(out, status);
    for (name, value) in headers {
        put_header(out, name.as_str(), value.as_bytes());
    }
    for (name, value) in &BROWSER_HEADERS {
        put_header(out, name.as_str(), value.as_bytes());
    }
    if status != StatusCode::NO_CONTENT {
        put_header(out, "content-length", body.len().to_string().as_bytes());
    }
    if closes {
        put_header(out, "connection", b"close");
    }
    put_header(out, "date", date.as_bytes());
    put_parts(out, &[b"\r\n", body]);
    status
}

fn put_header(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    put_parts(out, &[name.as_bytes(), b": ", value, b"\r\n"]);
}

fn put_parts(out: &mut Vec<u8>, parts: &[&[u8]]) {
    for part in parts {
        out.extend_from_slice(part);
    }
}
