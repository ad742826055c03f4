//! The routes of streams.

use axum::Router;
use axum::body::Body;
use axum::extract::{OriginalUri, State};
use axum::middleware::map_response;
use axum::response::Response;
use axum::routing::put;
use bytes::Bytes;
use http::header::HOST;
use http::{HeaderMap, Uri};
use stream_model::ErrorClass;
use stream_model::now::now;
use stream_protocol::durable::append::Append;
use stream_protocol::durable::create::{self, Create};
use stream_protocol::durable::read::{Mode, Read};
use stream_protocol::durable::{Answer, Refusal, StreamPath, StreamPathError};

use super::ROOT;
use super::last_used::LastUsed;
use super::live;
use super::respond::{Refused, respond, respond_empty, with_browser_headers};
use super::subscriptions;
use crate::app::App;
use crate::body;
use crate::caller::Caller;
use crate::connection::present;
use crate::extract::{Asked, Name};
use crate::live::MaybeTicket;
use crate::reject;

/// The routes under [`ROOT`].
pub(crate) fn router() -> Router<App> {
    let streams = put(create).post(post).get(read).head(head).delete(delete);
    Router::new()
        .route("/v1/stream/{*path}", streams)
        .merge(subscriptions::router())
        // Before the layer, so that a refusal of the method has the headers too.
        .method_not_allowed_fallback(reject::wrong_method)
        .layer(map_response(with_browser_headers))
}

pub(super) fn parse_path(path: &str) -> Result<StreamPath, Refusal> {
    StreamPath::new(path).map_err(|error| match error {
        StreamPathError::Reserved => Refusal::new(
            ErrorClass::NotFound,
            "path-reserved",
            "The path belongs to the protocol",
            error.to_string(),
        ),
        _ => Refusal::new(
            ErrorClass::Invalid,
            "path-invalid",
            "The path is no stream's",
            error.to_string(),
        ),
    })
}

/// Scheme and host by which the client came here.
fn origin(app: &App, headers: &HeaderMap, uri: &Uri) -> String {
    if let Some(url) = app.public_url() {
        return url.to_owned();
    }
    let named = headers.get(HOST).and_then(|host| host.to_str().ok());
    let host = named.or_else(|| uri.authority().map(http::uri::Authority::as_str));
    format!("http://{}", host.unwrap_or("localhost"))
}

/// The URL below which [`ROOT`] lies: the routes may be mounted under a path of their own.
pub(super) fn base_url(app: &App, headers: &HeaderMap, uri: &Uri) -> String {
    format!("{}{}", origin(app, headers, uri), mounted_at(uri))
}

fn mounted_at(uri: &Uri) -> &str {
    uri.path().split_once(ROOT).map_or("", |(before, _)| before)
}

/// `PUT`
async fn create(
    State(app): State<App>,
    Name(path): Name,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refused> {
    let path = parse_path(&path)?;
    let body = body::read(body, app.body_bytes_max()).await.map_err(Refusal::from)?;
    let create = Create::parse(&headers, body, &format!("{}{ROOT}", mounted_at(&uri)))?;
    let (stream, created) = app.streams().create(&path, create).await?;
    stream.touch().await?;
    let state = stream.state().await?;
    let url = format!("{}{}", origin(&app, &headers, &uri), uri.path());
    let tail = stream.offset(state.tail);
    if created {
        app.subscriptions().note_append(&path, tail);
    }
    let answer = create::answer(created, &url, &stream.description, tail, state.closed);
    Ok(respond_empty(answer))
}

/// `POST`
async fn post(
    State(app): State<App>,
    Name(path): Name,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refused> {
    let body = body::read(body, app.body_bytes_max()).await.map_err(Refusal::from)?;
    Ok(respond_empty(append(&app, (&path, &mut LastUsed::default()), &headers, body).await?))
}

/// Carries out an append to the stream at `path`, which may be the one that was used last.
///
/// # Cancel safety
/// An append that was begun may still be carried out.
pub(crate) async fn append(
    app: &App,
    (path, last): (&str, &mut LastUsed),
    headers: &HeaderMap,
    body: Bytes,
) -> Result<Answer, Refusal> {
    let append = Append::parse(headers, body)?;
    let stream = last.or_find(path, app.streams()).await?;
    stream.touch().await?;
    let appended = stream.append(&append).await?;
    if !appended.duplicate {
        app.subscriptions().note_append(&stream.path, appended.tail);
    }
    Ok(append.answer(appended))
}

/// `GET`
async fn read(
    State(app): State<App>,
    MaybeTicket(ticket): MaybeTicket,
    caller: Caller,
    Name(path): Name,
    Asked(query): Asked<Vec<(String, String)>>,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    let path = parse_path(&path)?;
    let read = Read::parse(&query, &headers)?;
    let stream = app.streams().find(&path).await?;
    stream.touch().await?;
    let at = stream.start(read.start).await?;
    let shutdown = app.shutdown_signal();
    let response = match read.mode {
        Mode::CatchUp => {
            let page = stream.page(at).await?;
            let (answer, body) = page.answer(&read, &stream.description, now(), None);
            respond(answer, body)
        }
        Mode::LongPoll => {
            let allowed = caller.expires().map(|at| at.saturating_duration_since(present()));
            let timeout = allowed.map_or(app.long_poll(), |allowed| allowed.min(app.long_poll()));
            live::long_poll(&stream, &read, at, timeout, shutdown).await?
        }
        Mode::Sse => {
            let from = (at, caller.expires());
            let seated = match &ticket {
                Some(ticket) => live::seat(&app, &stream, &read, from, ticket).await?,
                None => None,
            };
            match seated {
                Some(head) => head,
                None => live::sse(&app, stream, read, from).await?,
            }
        }
    };
    Ok(response)
}

/// `HEAD`: counts as no use of the stream.
async fn head(State(app): State<App>, Name(path): Name) -> Result<Response, Refused> {
    let stream = app.streams().find(&parse_path(&path)?).await?;
    let state = stream.state().await?;
    let tail = stream.offset(state.tail);
    Ok(respond_empty(Answer::metadata(&stream.description, tail, state.closed)))
}

/// `DELETE`
async fn delete(State(app): State<App>, Name(path): Name) -> Result<Response, Refused> {
    let path = parse_path(&path)?;
    app.streams().delete(&path).await?;
    app.subscriptions().note_deletion(&path);
    Ok(respond_empty(Answer::deleted()))
}
