//! A span for each request, so that what is logged meanwhile names the request and its trace.
//!
//! The express lane and the shards of live readers have none: what they do is counted, and a
//! request that names a trace does not go there.

use std::sync::Arc;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::HeaderMap;
use stream_protocol::trace::TraceContext;
use tracing::field::Empty;
use tracing::{Instrument, Span, debug, info_span};

use crate::app::App;

/// Does something with the span of a request, before it is entered, and its headers.
type Call = dyn Fn(&Span, &HeaderMap) + Send + Sync;

/// What is done with the span of each request.
#[derive(Clone)]
pub(crate) struct OnRequest(pub(crate) Arc<Call>);

impl std::fmt::Debug for OnRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("OnRequest")
    }
}

/// Carries out a request in a span of its own.
pub(crate) async fn in_span(State(app): State<App>, request: Request, next: Next) -> Response {
    let span = span(&request);
    if let Some(OnRequest(call)) = app.on_request() {
        call(&span, request.headers());
    }
    async {
        let response = next.run(request).await;
        let status = response.status();
        let span = Span::current();
        span.record("http.response.status_code", status.as_u16());
        if status.is_server_error() {
            span.record("otel.status_code", "error");
        }
        debug!("answered");
        response
    }
    .instrument(span)
    .await
}

/// The names are those of OpenTelemetry's conventions for HTTP servers; a query is left out, as it
/// may hold a token.
fn span(request: &Request) -> Span {
    let route = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
    let method = request.method().as_str();
    let name = route.map_or_else(|| method.to_owned(), |route| format!("{method} {route}"));
    let span = info_span!(
        "request",
        otel.name = name,
        otel.kind = "server",
        otel.status_code = Empty,
        http.request.method = method,
        http.route = route,
        url.path = request.uri().path(),
        http.response.status_code = Empty,
        trace_id = Empty,
        parent_id = Empty,
    );
    if let Some(trace) = TraceContext::from_headers(request.headers()) {
        span.record("trace_id", trace.trace_id());
        span.record("parent_id", trace.parent_id());
    }
    span
}
