//! Who sends a request, and what they may do.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::{FromRequestParts, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::header::AUTHORIZATION;
use http::request::Parts;
use http::{HeaderMap, HeaderName, Method, Uri};
use percent_encoding::percent_decode_str;
use stream_model::ErrorClass;
use stream_model::now::now;
use stream_protocol::{Action, Grant, Interest, Problem};

use crate::app::App;
use crate::auth::TokenError;
use crate::connection::present;
use crate::durable::ROOT;
use crate::limits::KEY_SET_PAUSE;
use crate::reject::Reject;

/// Where Anthropic's SDKs put what others call a bearer token.
const API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// A request's sender.
#[derive(Debug, Clone)]
pub(crate) struct Caller(Result<Arc<Grant>, Box<Problem>>);

impl Caller {
    /// Lets `action` pass, or says why not.
    pub(crate) fn check(&self, action: Action<'_>) -> Result<(), Reject> {
        match &self.0 {
            Ok(grant) => Ok(grant.check(action)?),
            Err(problem) => Err(Reject((**problem).clone())),
        }
    }

    /// Lets a subscription pass if all that it may take is allowed.
    pub(crate) fn check_interest(&self, interest: &Interest) -> Result<(), Reject> {
        interest.selectors().iter().try_for_each(|filter| self.check(Action::Subscribe(filter)))
    }

    /// Whether `action` is allowed.
    pub(crate) fn allows(&self, action: Action<'_>) -> bool {
        self.0.as_ref().is_ok_and(|grant| grant.allows(action))
    }

    /// Whether anybody is known at all.
    pub(crate) fn check_known(&self) -> Result<(), Reject> {
        self.0.as_ref().map(drop).map_err(|problem| Reject((**problem).clone()))
    }

    /// When what they read must end.
    pub(crate) fn expires(&self) -> Option<Instant> {
        let left = self.0.as_ref().ok()?.expires()? - now();
        present().checked_add(Duration::try_from(left).unwrap_or_default())
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Reject;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Reject> {
        let known = parts.extensions.get::<Self>().cloned();
        known.ok_or_else(|| missing().into())
    }
}

/// Finds out who sends a request; what they may do is asked where it is done.
pub(crate) async fn identify(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let caller = identified(&app, request.headers(), request.uri()).await;
    request.extensions_mut().insert(caller);
    next.run(request).await
}

async fn identified(app: &App, headers: &HeaderMap, uri: &Uri) -> Caller {
    let Some(auth) = app.auth() else { return Caller(Ok(app.everybody())) };
    let Some(token) = token(headers, uri) else {
        let anonymous = auth.for_nobody().cloned().map(Arc::new);
        return Caller(anonymous.ok_or_else(|| Box::new(missing())));
    };
    let mut verified = auth.verify(&token, now());
    // The key may have been published since.
    if let (Err(TokenError::Key), Some(published)) = (&verified, auth.published())
        && published.refresh(app.client(), KEY_SET_PAUSE).await
    {
        verified = auth.verify(&token, now());
    }
    Caller(verified.map(Arc::new).map_err(|error| {
        let title = "The token is not good";
        let problem = Problem::new(ErrorClass::Unauthenticated, "token-invalid", title);
        Box::new(problem.detail(error.to_string()))
    }))
}

fn missing() -> Problem {
    Problem::new(ErrorClass::Unauthenticated, "token-missing", "The request has no token").detail(
        "expected `Authorization: Bearer TOKEN`, or `?access_token=TOKEN` where no header can be set",
    )
}

/// The token: in a header, or in the query for `EventSource` and a WebSocket (RFC 6750, 2).
fn token(headers: &HeaderMap, uri: &Uri) -> Option<String> {
    let text =
        |name: &HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    if let Some(authorization) = text(&AUTHORIZATION) {
        let scheme = authorization.get(..7).filter(|scheme| scheme.eq_ignore_ascii_case("bearer "));
        // Another scheme is a token that cannot be good, and not none.
        let token = scheme.and_then(|scheme| authorization.strip_prefix(scheme));
        return Some(token.unwrap_or_default().trim().to_owned());
    }
    if let Some(key) = text(&API_KEY) {
        return Some(key.to_owned());
    }
    let query = form_urlencoded::parse(uri.query()?.as_bytes());
    query.into_iter().find(|(key, _)| key == "access_token").map(|(_, token)| token.into_owned())
}

/// Lets a request for a durable stream pass if its sender may read or write it.
///
/// Who reports to a subscription has a token of that subscription, which its route checks.
pub(crate) async fn guard_streams(
    caller: Caller,
    request: Request,
    next: Next,
) -> Result<Response, Reject> {
    let path = request.uri().path().strip_prefix(ROOT).unwrap_or_default();
    let path = percent_decode_str(path).decode_utf8_lossy();
    let is_open = path == "__ds/jwks.json"
        || path.starts_with("__ds/")
            && ["/callback", "/ack", "/release"].iter().any(|end| path.ends_with(end));
    if !is_open && request.method() != Method::OPTIONS {
        let reads = request.method().is_safe();
        caller.check(if reads { Action::ReadStream(&path) } else { Action::WriteStream(&path) })?;
    }
    Ok(next.run(request).await)
}
