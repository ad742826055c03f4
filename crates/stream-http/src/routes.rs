//! Which handler answers what.

use axum::Router;
use axum::extract::State;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{any, get, post};
use http::StatusCode;

use crate::app::App;
use crate::{caller, dashboard, durable, guard, llm, metrics, read, reject, topics, trace, ws};

/// The routes of `app`, to be mounted anywhere.
pub fn router(app: App) -> Router {
    uncounted(app.clone()).layer(from_fn_with_state(app, metrics::count_response))
}

/// The same routes for whoever counts the responses that are given, as not all of them are.
pub(crate) fn uncounted(app: App) -> Router {
    Router::new()
        .route("/topics", get(topics::list))
        .route("/topics/{topic}", get(read::topic).post(topics::post))
        .route("/events", get(read::events))
        .route("/ws", any(ws::connect))
        .route("/llm", get(llm::list))
        .route("/llm/{id}", get(llm::get).post(llm::post))
        .route("/llm/{id}/stop", post(llm::stop))
        .route("/v1/chat/completions", post(llm::proxy::chat))
        .route("/v1/responses", post(llm::proxy::responses))
        .route("/v1/messages", post(llm::proxy::messages))
        .route("/metrics", get(metrics::get))
        .route("/healthz", get(healthy))
        .route("/readyz", get(ready))
        .merge(durable::router().route_layer(from_fn(caller::guard_streams)))
        .merge(dashboard::router())
        .fallback(reject::unknown_route)
        .method_not_allowed_fallback(reject::wrong_method)
        .layer(from_fn_with_state(app.clone(), caller::identify))
        .layer(from_fn_with_state(app.clone(), guard::guard))
        .layer(from_fn_with_state(app.clone(), trace::in_span))
        .with_state(app)
}

/// A server that answers is well.
async fn healthy() -> &'static str {
    "ok\n"
}

/// A server that goes down wants no new work.
async fn ready(State(app): State<App>) -> (StatusCode, &'static str) {
    if app.shutdown_signal().has_begun() {
        (StatusCode::SERVICE_UNAVAILABLE, "shutting down\n")
    } else {
        (StatusCode::OK, "ok\n")
    }
}
