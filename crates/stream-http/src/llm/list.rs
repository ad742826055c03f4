//! `GET /llm`: the LLM streams that are kept.

use axum::Json;
use axum::extract::State;
use llm_relay::RelayId;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use stream_log::{LogName, Namespace};
use stream_model::Offset;
use stream_protocol::{Action, subscribe};

use crate::app::App;
use crate::caller::Caller;
use crate::extract::Asked;
use crate::reject::Reject;

/// What the query of the list may hold.
#[derive(Debug, Deserialize)]
pub(crate) struct ListQuery {
    after: Option<String>,
    limit: Option<String>,
}

#[derive(Debug, Serialize)]
struct RelayEntry<'a> {
    id: &'a str,
    /// Events so far.
    events: Offset,
    /// Whether it has ended.
    ended: bool,
}

/// `GET /llm?after=ID&limit=COUNT`
pub(crate) async fn list(
    State(app): State<App>,
    caller: Caller,
    Asked(query): Asked<ListQuery>,
) -> Result<Json<Value>, Reject> {
    caller.check_known()?;
    let after = query.after.as_deref().map(RelayId::new).transpose().map_err(Reject::relay_id)?;
    let after = after.and_then(|id| id.log_name().ok());
    let limit = subscribe::page_limit(query.limit.as_deref())?;
    let names = app.store().list(Namespace::Relay, after.as_ref(), limit).await;
    let names = names.map_err(|error| Reject::store(&error))?;
    let mut relays = Vec::with_capacity(names.len());
    // What a caller may not read is not told, so that a page may have fewer entries than its limit.
    for name in names.iter().filter(|name| caller.allows(Action::ReadLlm(name.name()))) {
        let log = app.store().get(name).await.map_err(|error| Reject::store(&error))?;
        let Some(log) = log else { continue };
        let Ok(tail) = log.tail().await else { continue };
        let (events, ended) = (tail.state.next, tail.state.closed);
        relays.push(json!(RelayEntry { id: name.name(), events, ended }));
    }
    let next = (names.len() == limit).then(|| names.last().map(LogName::name)).flatten();
    Ok(Json(json!({"relays": relays, "after": next})))
}
