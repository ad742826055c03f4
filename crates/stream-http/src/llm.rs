//! The routes of relays: start and stop; [`read`] and [`proxy`] have the others.

mod answer;
mod list;
mod output;
pub(crate) mod proxy;
mod read;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream::{self, Stream, StreamExt};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};
use llm_relay::{RelayId, StopOutcome};
use llm_stream::Format;
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;
use stream_model::{BoxError, ErrorClass};
use stream_protocol::{Action, Problem, status_of};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::app::App;
use crate::body;
use crate::caller::Caller;
use crate::client::{Client, chunks, read_some};
use crate::extract::{Asked, Name};
use crate::limits::{COMMAND_BYTES, REFUSAL_BYTES};
use crate::metrics::RelayEnd;
use crate::reject::Reject;
use crate::upstream::Upstream;
use read::Wanted;

pub(crate) use list::list;
pub(crate) use output::relay_event;
pub(crate) use read::get;

/// What the query of a new relay may hold.
#[derive(Debug, Deserialize)]
pub(crate) struct StartQuery {
    /// The format of the bytes.
    provider: Option<String>,
    /// The format of the answer, if it is to be the stream itself.
    format: Option<String>,
}

/// A command to call a configured provider.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Command {
    upstream: String,
    request: Box<RawValue>,
}

/// `POST /llm/{id}`
pub(crate) async fn post(
    State(app): State<App>,
    caller: Caller,
    Name(id): Name,
    Asked(query): Asked<StartQuery>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Reject> {
    let id = RelayId::new(&id).map_err(Reject::relay_id)?;
    caller.check(Action::WriteLlm(id.as_str()))?;
    let format = query.provider.as_deref().map(parse_format).transpose()?;
    let wanted = query.format.as_deref().map(Wanted::parse).transpose()?;
    if format.is_some() || !may_be_command(&headers) {
        let ended = from_bytes(&app, &id, format, chunks(body)).await?;
        return answer_bytes(&app, &caller, &id, wanted, ended).await;
    }
    let bytes = body::read(body, COMMAND_BYTES).await?;
    if let Some(command) = parse_command(&bytes)? {
        from_upstream(&app, &id, &command).await?;
        return match wanted {
            Some(wanted) => read::from_start(&app, &caller, &id, wanted).await,
            None => Ok(created(json!({"id": id.as_str(), "events": format!("/llm/{id}")}))),
        };
    }
    let ended = from_bytes(&app, &id, None, stream::iter([Ok(bytes)])).await?;
    answer_bytes(&app, &caller, &id, wanted, ended).await
}

fn created(answer: serde_json::Value) -> Response {
    (StatusCode::CREATED, Json(answer)).into_response()
}

/// The stream as it comes, or what became of it when it has ended.
async fn answer_bytes(
    app: &App,
    caller: &Caller,
    id: &RelayId,
    wanted: Option<Wanted>,
    ended: JoinHandle<RelayEnd>,
) -> Result<Response, Reject> {
    if let Some(wanted) = wanted {
        return read::from_start(app, caller, id, wanted).await;
    }
    match ended.await.ok().flatten() {
        Some(Ok(summary)) => {
            let (status, events) = (summary.status.as_str(), summary.events);
            Ok(created(json!({"id": id.as_str(), "status": status, "events": events})))
        }
        Some(Err(error)) => Err(Reject::append(&error)),
        None => Err(Problem::new(ErrorClass::Internal, "relay-lost", "The relay was lost").into()),
    }
}

fn parse_format(name: &str) -> Result<Format, Reject> {
    name.parse().map_err(|_| {
        let known: Vec<_> = Format::ALL.iter().map(|format| format.as_str()).collect();
        let problem = Problem::new(ErrorClass::Invalid, "provider-unknown", "No such format");
        Reject(problem.detail(format!("expected one of {}, found {name:?}", known.join(", "))))
    })
}

/// JSON, and what `curl -d` and `fetch` send unasked, may be a command; all else is a provider's
/// bytes, which may take their time.
fn may_be_command(headers: &HeaderMap) -> bool {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    matches!(
        media_type.as_str(),
        "application/json" | "application/x-www-form-urlencoded" | "text/plain"
    )
}

/// `None` for a body that is no command at all; an error for one that is a broken one.
fn parse_command(body: &[u8]) -> Result<Option<Command>, Reject> {
    #[derive(Deserialize)]
    struct Peek<'a> {
        #[serde(borrow)]
        upstream: Option<&'a RawValue>,
    }
    let is_command =
        serde_json::from_slice::<Peek<'_>>(body).is_ok_and(|peek| peek.upstream.is_some());
    if !is_command {
        return Ok(None);
    }
    serde_json::from_slice(body).map(Some).map_err(|error| {
        let problem = Problem::new(ErrorClass::Invalid, "command-invalid", "The command is broken");
        Reject(problem.detail(format!("expected {{\"upstream\", \"request\"}}: {error}")))
    })
}

/// Starts a relay of the body.
async fn from_bytes<S>(
    app: &App,
    id: &RelayId,
    format: Option<Format>,
    source: S,
) -> Result<JoinHandle<RelayEnd>, Reject>
where
    S: Stream<Item = Result<Bytes, BoxError>> + Send + 'static,
{
    let mut options = app.relay_options();
    if let Some(format) = format {
        options = options.format(format);
    }
    let ended = app.relays().start(id, options, source).await;
    Ok(app.metrics().relay(ended.map_err(|error| Reject::start(&error))?))
}

/// Has the server call a provider, and returns when the provider's answer begins.
///
/// The relay runs on if the client goes away meanwhile.
async fn from_upstream(app: &App, id: &RelayId, command: &Command) -> Result<(), Reject> {
    let Some(upstream) = app.upstream(&command.upstream) else {
        return Err(unknown_upstream(app, &command.upstream));
    };
    let (began, beginning) = oneshot::channel();
    let (client, provider) = (app.client().clone(), upstream.clone());
    let request = Bytes::from(command.request.get().to_owned());
    let source = stream::once(async move {
        let body = call(&client, &provider, request).await;
        let (told, body) = match body {
            Ok(body) => (Ok(()), chunks(body).boxed()),
            Err(refusal) => {
                let error = Err(BoxError::from(refusal.clone()));
                (Err(refusal), stream::iter([error]).boxed())
            }
        };
        // Nobody may be listening any more; the relay goes on.
        drop(began.send(told));
        body
    })
    .flatten();
    let options = upstream.relay_options(app.relay_options());
    let ended = app.relays().start(id, options, source).await;
    drop(app.metrics().relay(ended.map_err(|error| Reject::start(&error))?));
    match beginning.await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(refusal)) => Err(refused(&command.upstream, answer::quote(&refusal, app.filter()))),
        Err(_) => Err(refused(&command.upstream, "stopped before it answered".to_owned())),
    }
}

/// The provider's answer, or in words why there is none.
async fn call(client: &Client, provider: &Upstream, request: Bytes) -> Result<Body, String> {
    let response = provider.call(client, request, HeaderMap::new()).await.map_err(|error| {
        let cause = std::error::Error::source(&error).map(ToString::to_string);
        cause.map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}"))
    })?;
    if response.status().is_success() {
        return Ok(response.into_body());
    }
    let status = response.status();
    let quoted = read_some(response.into_body(), REFUSAL_BYTES).await;
    Err(format!("answered {status}: {}", String::from_utf8_lossy(&quoted).trim()))
}

fn unknown_upstream(app: &App, name: &str) -> Reject {
    let known = app.upstream_names().join(", ");
    let known = if known.is_empty() { "none is configured".to_owned() } else { known };
    let problem = Problem::new(ErrorClass::NotFound, "upstream-unknown", "No such provider");
    Reject(problem.detail(format!("expected a configured upstream ({known}), found {name:?}")))
}

fn refused(upstream: &str, reason: String) -> Reject {
    let problem =
        Problem::new(ErrorClass::Unavailable, "upstream-refused", "The provider did not answer");
    Reject(problem.with_status(StatusCode::BAD_GATEWAY).with("upstream", upstream).detail(reason))
}

/// `POST /llm/{id}/stop`
pub(crate) async fn stop(
    State(app): State<App>,
    caller: Caller,
    Name(id): Name,
) -> Result<Response, Reject> {
    let id = RelayId::new(&id).map_err(Reject::relay_id)?;
    caller.check(Action::WriteLlm(id.as_str()))?;
    let outcome = app.relays().stop(&id).await.map_err(|error| Reject::start(&error))?;
    let (status, word) = match outcome {
        StopOutcome::Stopping => (StatusCode::ACCEPTED, "stopping"),
        StopOutcome::AlreadyEnded => (StatusCode::OK, "ended"),
        StopOutcome::NotFound => (status_of(ErrorClass::NotFound), ""),
    };
    if outcome == StopOutcome::NotFound {
        return Err(Reject::not_found("There is no such relay"));
    }
    Ok((status, Json(json!({"id": id.as_str(), "status": word}))).into_response())
}
