//! Lets in what may come from where it comes, and tells browsers so.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, ORIGIN,
    VARY,
};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use stream_protocol::origin::Sender;

use crate::app::App;
use crate::reject::Reject;

/// What scripts of another origin may send.
const REQUEST_HEADERS: &str = "authorization, content-type, last-event-id, idempotency-key, \
    if-none-match, stream-ttl, stream-expires-at, stream-seq, stream-closed, stream-forked-from, \
    stream-fork-offset, stream-fork-sub-offset, producer-id, producer-epoch, producer-seq, \
    x-api-key, x-millstream-upstream";

/// What scripts of another origin may read.
const RESPONSE_HEADERS: &str = "etag, location, stream-next-offset, stream-cursor, \
    stream-up-to-date, stream-closed, stream-ttl, stream-expires-at, stream-sse-data-encoding, \
    producer-epoch, producer-seq, producer-expected-seq, producer-received-seq, \
    stream-sse-binary-encoding, x-millstream-relay";

/// Refuses hosts and origins that are not allowed, and answers what browsers ask beforehand.
pub(crate) async fn guard(State(app): State<App>, request: Request, next: Next) -> Response {
    let sender = app.origins().check(request.uri(), request.headers());
    if is_preflight(&request) {
        // Told in any case; without the origin in the answer, the browser sends nothing.
        return allow(preflight().into_response(), sender.ok().as_ref());
    }
    let may_be_cached = request.method().is_safe();
    match sender {
        Ok(sender) => {
            let mut response = allow(next.run(request).await, Some(&sender));
            if may_be_cached {
                response.headers_mut().append(VARY, HeaderValue::from_static("origin"));
            }
            response
        }
        Err(problem) => Reject(problem).into_response(),
    }
}

/// Fetch, 3.2.3: what a browser asks before it sends a request of a script.
fn is_preflight(request: &Request) -> bool {
    request.method() == Method::OPTIONS
        && request.headers().contains_key(ORIGIN)
        && request.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}

fn preflight() -> (StatusCode, HeaderMap) {
    let allowed = [
        (ACCESS_CONTROL_ALLOW_METHODS, "GET, HEAD, POST, PUT, DELETE, OPTIONS"),
        (ACCESS_CONTROL_ALLOW_HEADERS, REQUEST_HEADERS),
        (ACCESS_CONTROL_MAX_AGE, "86400"),
    ];
    let headers = allowed.map(|(name, value)| (name, HeaderValue::from_static(value)));
    (StatusCode::NO_CONTENT, headers.into_iter().collect())
}

/// Lets scripts of the sender's origin read the answer; credentials are never let through, as
/// tokens are not cookies.
fn allow(mut response: Response, sender: Option<&Sender>) -> Response {
    let headers = response.headers_mut();
    if let Some(Sender::Other(origin)) = sender {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(RESPONSE_HEADERS));
    }
    response
}
