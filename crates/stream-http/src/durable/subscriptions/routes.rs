//! The routes of subscriptions, below the reserved `__ds`.

use axum::Router;
use axum::body::Body;
use axum::extract::{OriginalUri, Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post, put};
use http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};
use stream_model::now::now;
use stream_protocol::durable::limits::SUBSCRIPTION_ID_BYTES_MAX;
use stream_protocol::durable::subscription::{Ack, Config, Fault, Subscription};
use stream_protocol::durable::{Refusal, StreamOffset, StreamPath};

use super::active::Active;
use crate::app::App;
use crate::body;
use crate::durable::respond::Refused;
use crate::durable::routes::base_url;
use crate::extract::Name;

/// Bytes of a worker's name; a longer one is refused.
const WORKER_BYTES_MAX: usize = 256;

/// The routes of subscriptions.
pub(in crate::durable) fn router() -> Router<App> {
    let one = put(create).get(show).delete(remove);
    let base = "/v1/stream/__ds/subscriptions/{id}";
    let under = |rest: &str| format!("{base}/{rest}");
    Router::new()
        .route("/v1/stream/__ds/jwks.json", get(jwks))
        .route(base, one)
        .route(&under("streams"), post(add_streams))
        .route(&under("streams/{*path}"), delete(remove_stream))
        .route(&under("claim"), post(claim))
        .route(&under("callback"), post(ack))
        .route(&under("ack"), post(ack))
        .route(&under("release"), post(release))
}

/// Why a request failed: as its clients expect it, or because the store did.
#[derive(Debug)]
pub(super) enum Failure {
    Fault(Fault),
    Refusal(Refusal),
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::Refusal(refusal)
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        match self {
            Self::Fault(fault) => json_response(fault.status(), &fault.to_json()),
            Self::Refusal(refusal) => Refused(refusal).into_response(),
        }
    }
}

fn json_response(status: StatusCode, body: &Value) -> Response {
    let headers = [(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "no-store")];
    (status, headers, body.to_string()).into_response()
}

/// Where a worker reports to; `id` is encoded for URLs.
pub(super) fn callback_url(base_url: &str, id: &str) -> String {
    format!("{base_url}/v1/stream/__ds/subscriptions/{id}/callback")
}

/// An id as it stands in a URL.
pub(super) fn id_text(id: &str) -> String {
    percent_encoding::utf8_percent_encode(id, percent_encoding::NON_ALPHANUMERIC)
        .to_string()
        .replace("%2D", "-")
        .replace("%5F", "_")
        .replace("%2E", ".")
}

fn check_id(id: &str) -> Result<(), Fault> {
    let fits = (1..=SUBSCRIPTION_ID_BYTES_MAX).contains(&id.len());
    if !fits || id.chars().any(char::is_control) || id.contains('/') {
        let wanted = format!("expected an id of 1 to {SUBSCRIPTION_ID_BYTES_MAX} bytes");
        return Err(Fault::Invalid(wanted));
    }
    Ok(())
}

async fn read_body(app: &App, body: Body) -> Result<bytes::Bytes, Failure> {
    Ok(body::read(body, app.body_bytes_max()).await.map_err(Refusal::from)?)
}

/// `GET /v1/stream/__ds/jwks.json`
async fn jwks(State(app): State<App>) -> Result<Response, Failure> {
    let keys = app.subscriptions().keys().await?.jwks();
    let headers =
        [(CONTENT_TYPE, "application/jwk-set+json"), (CACHE_CONTROL, "public, max-age=300")];
    Ok((headers, keys.to_string()).into_response())
}

async fn describe(app: &App, active: &Active) -> Result<Value, Failure> {
    let keys = app.subscriptions().keys().await?;
    Ok(active.look(|machine| {
        let jwks_url = format!("{}/v1/stream/__ds/jwks.json", machine.base_url());
        machine.to_json(&keys.signing(&jwks_url))
    }))
}

/// `PUT`
async fn create(
    State(app): State<App>,
    Name(id): Name,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Failure> {
    check_id(&id)?;
    let body = read_body(&app, body).await?;
    let subscriptions = app.subscriptions();
    let config = Config::parse(&body, subscriptions.reach)?;
    let base_url = base_url(&app, &headers, &uri);
    let (active, created) = subscriptions.create(&id, config, base_url).await?;
    let status = if created { StatusCode::CREATED } else { StatusCode::OK };
    Ok(json_response(status, &describe(&app, &active).await?))
}

/// `GET`
async fn show(State(app): State<App>, Name(id): Name) -> Result<Response, Failure> {
    let active = app.subscriptions().find(&id).await?;
    Ok(json_response(StatusCode::OK, &describe(&app, &active).await?))
}

/// `DELETE`
async fn remove(State(app): State<App>, Name(id): Name) -> Result<StatusCode, Failure> {
    app.subscriptions().delete(&id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST …/streams`
async fn add_streams(
    State(app): State<App>,
    Name(id): Name,
    body: Body,
) -> Result<StatusCode, Failure> {
    let active = app.subscriptions().find(&id).await?;
    let paths = Config::parse_streams(&read_body(&app, body).await?)?;
    let mut tails = Vec::new();
    for path in paths {
        let tail = app.streams().tail(&path).await?.unwrap_or(StreamOffset::BEGINNING);
        tails.push((path, tail));
    }
    let link = |machine: &mut Subscription| {
        for (path, tail) in &tails {
            machine.link(path, *tail);
        }
        Ok(())
    };
    active.change(link).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE …/streams/{path}`
async fn remove_stream(
    State(app): State<App>,
    Path((id, path)): Path<(String, String)>,
) -> Result<StatusCode, Failure> {
    let active = app.subscriptions().find(&id).await?;
    // What is no stream's path is not followed either.
    if let Ok(path) = StreamPath::new(&path) {
        let unlink = |machine: &mut Subscription| {
            machine.unlink(&path);
            Ok(())
        };
        active.change(unlink).await?;
    }
    Ok(StatusCode::NO_CONTENT)
}

/// The body of a claim.
#[derive(Debug, Deserialize)]
struct Claimant {
    worker: String,
}

/// `POST …/claim`
async fn claim(State(app): State<App>, Name(id): Name, body: Body) -> Result<Response, Failure> {
    let active = app.subscriptions().find(&id).await?;
    let body = read_body(&app, body).await?;
    let claimant: Claimant =
        serde_json::from_slice(&body).map_err(|error| Fault::Invalid(error.to_string()))?;
    if claimant.worker.is_empty() || claimant.worker.len() > WORKER_BYTES_MAX {
        let wanted = format!("expected a worker of 1 to {WORKER_BYTES_MAX} bytes");
        return Err(Fault::Invalid(wanted).into());
    }
    let mut claim = active.change(|machine| machine.claim(now(), &claimant.worker)).await?;
    let token = app.subscriptions().keys().await?.token(&id, claim.generation, now());
    claim.body["token"] = json!(token);
    Ok(json_response(StatusCode::OK, &claim.body))
}

/// The wake that the request's bearer token is for.
async fn token_generation(app: &App, id: &str, headers: &HeaderMap) -> Result<u64, Failure> {
    let given = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = given.and_then(|given| given.strip_prefix("Bearer ")).ok_or(Fault::Token)?;
    let keys = app.subscriptions().keys().await?;
    Ok(keys.verify(token.trim(), id, now())?)
}

/// `POST …/callback` and `POST …/ack`
async fn ack(
    State(app): State<App>,
    Name(id): Name,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Failure> {
    let active = app.subscriptions().find(&id).await?;
    let generation = token_generation(&app, &id, &headers).await?;
    let report = Ack::parse(&read_body(&app, body).await?)?;
    let next_wake = active.change(|machine| machine.ack(now(), generation, &report)).await?;
    Ok(json_response(StatusCode::OK, &json!({"ok": true, "next_wake": next_wake})))
}

/// `POST …/release`
async fn release(
    State(app): State<App>,
    Name(id): Name,
    headers: HeaderMap,
    body: Body,
) -> Result<StatusCode, Failure> {
    let active = app.subscriptions().find(&id).await?;
    let generation = token_generation(&app, &id, &headers).await?;
    let release = Ack::parse(&read_body(&app, body).await?)?;
    active.change(|machine| machine.release(now(), generation, &release)).await?;
    Ok(StatusCode::NO_CONTENT)
}
