//! The routes of providers: an SDK that is pointed here has its streams recorded on the way.
//!
//! A streamed answer becomes a relay, so that it can be read again, later, and by others, and goes
//! on when the client leaves.
//! Any other answer, and every refusal, is handed through, without what the filter keeps out.

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, StatusCode};
use llm_relay::RelayId;
use llm_stream::{Format, OutputFormat};
use serde::Deserialize;
use stream_model::ErrorClass;
use stream_model::now::new_uuid;
use stream_protocol::{Action, Problem};

use super::answer::hand_through;
use super::read::{Wanted, from_start};
use super::refused;
use crate::app::App;
use crate::body;
use crate::caller::Caller;
use crate::client::{CallError, chunks};
use crate::limits::COMMAND_BYTES;
use crate::reject::Reject;
use crate::upstream::Upstream;

/// Names the provider, where several are configured for a route.
const UPSTREAM: HeaderName = HeaderName::from_static("x-millstream-upstream");
/// Headers of a client that its provider needs to see, and that hold no secret.
const PASSED_ON: [HeaderName; 3] = [
    HeaderName::from_static("anthropic-beta"),
    HeaderName::from_static("anthropic-version"),
    HeaderName::from_static("openai-beta"),
];

/// `POST /v1/chat/completions`
pub(crate) async fn chat(
    app: State<App>,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    answer(app.0, caller, Format::OpenAiChat, OutputFormat::OpenAiChat, headers, body).await
}

/// `POST /v1/responses`
pub(crate) async fn responses(
    app: State<App>,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    answer(app.0, caller, Format::OpenAiResponses, OutputFormat::OpenAiResponses, headers, body)
        .await
}

/// `POST /v1/messages`
pub(crate) async fn messages(
    app: State<App>,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    answer(app.0, caller, Format::Anthropic, OutputFormat::Anthropic, headers, body).await
}

type Answer = Result<Response, Reject>;

async fn answer(
    app: App,
    caller: Caller,
    format: Format,
    output: OutputFormat,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let id = RelayId::new(&new_uuid().to_string()).map_err(Reject::relay_id)?;
    caller.check(Action::WriteLlm(id.as_str()))?;
    let (name, upstream) = choose(&app, format, &headers)?;
    let body = body::read(body, COMMAND_BYTES).await?;
    let headers = passed_on(&headers);
    if !wants_stream(&body) {
        let response = upstream.call(app.client(), body, headers).await;
        let response = response.map_err(|error| unreachable(&name, &error))?;
        return hand_through(response, app.filter()).await;
    }
    // A task of its own: once the provider was called, its answer is recorded, whoever waits.
    let call = tokio::spawn({
        let (app, id) = (app.clone(), id.clone());
        async move { record(&app, &id, &upstream, body, headers).await }
    });
    let recorded = call.await.map_err(|_| refused(&name, "the call was lost".to_owned()))?;
    match recorded.map_err(|error| unreachable(&name, &error))? {
        Recorded::Relay(started) => started?,
        Recorded::Refusal(response) => return hand_through(response, app.filter()).await,
    }
    from_start(&app, &caller, &id, Wanted::Output(output)).await
}

/// The provider that the request names, or the only one that speaks the route's format.
fn choose(app: &App, format: Format, headers: &HeaderMap) -> Result<(String, Upstream), Reject> {
    let named = headers.get(&UPSTREAM).map(|name| String::from_utf8_lossy(name.as_bytes()));
    let speaks = |name: &&str| app.upstream(name).is_some_and(|known| known.format() == format);
    let candidates: Vec<&str> = app.upstream_names().into_iter().filter(speaks).collect();
    let chosen = match &named {
        Some(named) => candidates.iter().find(|name| **name == named.as_ref()),
        None if candidates.len() == 1 => candidates.first(),
        None => None,
    };
    let chosen = chosen.and_then(|name| Some(((*name).to_owned(), app.upstream(name)?.clone())));
    chosen.ok_or_else(|| {
        let known = if candidates.is_empty() { "none".to_owned() } else { candidates.join(", ") };
        let problem = Problem::new(ErrorClass::NotFound, "upstream-unknown", "No such provider");
        Reject(problem.detail(format!(
            "expected one configured upstream of format {}, or the name of one in {UPSTREAM}; \
             there is {known}",
            format.as_str()
        )))
    })
}

fn passed_on(headers: &HeaderMap) -> HeaderMap {
    let known = PASSED_ON.into_iter().filter_map(|name| {
        let value = headers.get(&name)?.clone();
        Some((name, value))
    });
    known.collect()
}

/// Whether a request asks for a stream; one that cannot be read is for the provider to refuse.
fn wants_stream(body: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Peek {
        #[serde(default)]
        stream: bool,
    }
    serde_json::from_slice::<Peek>(body).is_ok_and(|peek| peek.stream)
}

enum Recorded {
    Relay(Result<(), Reject>),
    Refusal(Response),
}

/// Calls the provider and starts the relay of its answer.
async fn record(
    app: &App,
    id: &RelayId,
    upstream: &Upstream,
    body: Bytes,
    headers: HeaderMap,
) -> Result<Recorded, CallError> {
    let response = upstream.call(app.client(), body, headers).await?;
    if response.status() != StatusCode::OK {
        return Ok(Recorded::Refusal(response));
    }
    Ok(Recorded::Relay(start(app, id, upstream, response.into_body()).await))
}

async fn start(app: &App, id: &RelayId, upstream: &Upstream, body: Body) -> Result<(), Reject> {
    let options = upstream.relay_options(app.relay_options());
    let ended = app.relays().start(id, options, chunks(body)).await;
    drop(app.metrics().relay(ended.map_err(|error| Reject::start(&error))?));
    Ok(())
}

fn unreachable(upstream: &str, error: &CallError) -> Reject {
    let cause = std::error::Error::source(error).map(|cause| format!(": {cause}"));
    refused(upstream, format!("{error}{}", cause.unwrap_or_default()))
}
