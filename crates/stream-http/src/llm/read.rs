//! `GET /llm/{id}`: a relay as events, or as any provider's clients read them.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use llm_relay::RelayId;
use llm_stream::OutputFormat;
use serde::Deserialize;
use stream_log::{Log, LogReader, ReadError, ReadFrom};
use stream_model::ErrorClass;
use stream_protocol::subscribe::StartAt;
use stream_protocol::{Action, Problem};

use super::output::Output;
use crate::app::App;
use crate::caller::Caller;
use crate::connection::{Connection, event_stream_headers};
use crate::extract::{Asked, Name};
use crate::feed::LogFeed;
use crate::metrics::Kind;
use crate::read::ReadQuery;
use crate::reject::Reject;
use crate::rendition::RelayFrames;
use crate::start::{has_everything, read_from};

/// The id of the relay that an answer is the beginning of.
const RELAY: HeaderName = HeaderName::from_static("x-millstream-relay");

/// What the query of a relay's reader may hold beside the position.
#[derive(Debug, Deserialize)]
pub(crate) struct FormatQuery {
    format: Option<String>,
}

/// `GET /llm/{id}`
pub(crate) async fn get(
    State(app): State<App>,
    caller: Caller,
    Name(id): Name,
    Asked(query): Asked<ReadQuery>,
    Asked(format): Asked<FormatQuery>,
    headers: HeaderMap,
) -> Result<Response, Reject> {
    let id = RelayId::new(&id).map_err(Reject::relay_id)?;
    caller.check(Action::ReadLlm(id.as_str()))?;
    let wanted = format.format.as_deref().map_or(Ok(Wanted::Events), Wanted::parse)?;
    let start = query.parse(&headers)?.start;
    read(&app, &caller, &id, start, wanted).await
}

/// The answer to whoever has just started a relay, or had one recorded: all of it, under its id.
pub(super) async fn from_start(
    app: &App,
    caller: &Caller,
    id: &RelayId,
    wanted: Wanted,
) -> Result<Response, Reject> {
    let mut response = read(app, caller, id, StartAt::Earliest, wanted).await?;
    if let Ok(id) = HeaderValue::try_from(id.as_str()) {
        response.headers_mut().insert(RELAY, id);
    }
    Ok(response)
}

async fn read(
    app: &App,
    caller: &Caller,
    id: &RelayId,
    start: StartAt,
    wanted: Wanted,
) -> Result<Response, Reject> {
    let log = app.relay_log(id).await.map_err(|error| Reject::store(&error))?;
    let log = log.ok_or_else(|| Reject::not_found("There is no such relay"))?;
    match wanted {
        Wanted::Events => as_events(app, caller, id, log, start).await,
        Wanted::Output(format) => as_output(app, caller, id, log, start, format).await,
    }
}

/// What a reader wants a relay to be written in.
#[derive(Debug, Clone, Copy)]
pub(super) enum Wanted {
    /// Our own events.
    Events,
    /// The words of another API.
    Output(OutputFormat),
}

impl Wanted {
    pub(super) fn parse(name: &str) -> Result<Self, Reject> {
        if name == "events" {
            return Ok(Self::Events);
        }
        name.parse().map(Self::Output).map_err(|_| {
            let known: Vec<_> = OutputFormat::ALL.iter().map(|format| format.as_str()).collect();
            let problem = Problem::new(ErrorClass::Invalid, "format-unknown", "No such format");
            let expected = known.join(", ");
            Reject(problem.detail(format!("expected events, {expected}, found {name:?}")))
        })
    }
}

async fn as_events(
    app: &App,
    caller: &Caller,
    id: &RelayId,
    log: Arc<dyn Log>,
    start: StartAt,
) -> Result<Response, Reject> {
    let name = id.log_name().map_err(|_| Reject::not_found("There is no such relay"))?;
    let live = app.llm().follow(&name, log).await.map_err(|error| Reject::read(&error))?;
    if has_everything(start, &live.state()) {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let from = read_from(start, ReadFrom::Earliest);
    let reader = LogReader::open(live, from).map_err(|error| Reject::read(&error))?;
    // The last event says that the stream is over; nothing needs to be added.
    let options = app.session_options().announce_end(false).expires(caller.expires());
    let connection = Connection::new(app, LogFeed::new(reader, RelayFrames), options, Kind::Llm);
    Ok(connection.into_response(event_stream_headers()))
}

/// The same in the format of a provider, or of a library of clients.
///
/// An encoder must see a stream from its beginning, wherever its reader begins.
async fn as_output(
    app: &App,
    caller: &Caller,
    id: &RelayId,
    log: Arc<dyn Log>,
    start: StartAt,
    format: OutputFormat,
) -> Result<Response, Reject> {
    let name = id.log_name().map_err(|_| Reject::not_found("There is no such relay"))?;
    let live = app.llm_events().follow(&name, log).await.map_err(|error| Reject::read(&error))?;
    let state = live.state();
    if has_everything(start, &state) {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    if let StartAt::Token(token) = start
        && let Err(error) = state.resolve(ReadFrom::Position(token.position()))
        && matches!(error, ReadError::EpochChanged { .. })
    {
        return Err(Reject::read(&error));
    }
    let from = LogReader::open(Arc::clone(&live), read_from(start, ReadFrom::Earliest));
    let from = from.map_err(|error| Reject::read(&error))?.position();
    let reader = LogReader::open(live, ReadFrom::Earliest).map_err(|error| Reject::read(&error))?;
    // Whoever comes back with a token knows what is open; whoever starts in the middle does not.
    let knows = matches!(start, StartAt::Token(_));
    let output = Output::new(format, id.as_str(), from, !knows);
    let options = app.session_options().announce_end(false).expires(caller.expires());
    let connection = Connection::new(app, LogFeed::new(reader, output), options, Kind::Llm);
    Ok(connection.into_response(output_headers(format)))
}

fn output_headers(format: OutputFormat) -> HeaderMap {
    let content_type = (CONTENT_TYPE, format.content_type());
    let further = format.header().map(|(name, value)| (HeaderName::from_static(name), value));
    let headers = [content_type].into_iter().chain(further);
    headers.map(|(name, value)| (name, HeaderValue::from_static(value))).collect()
}
