//! `GET /llm`: the LLM streams that are kept.

use axum::Json;
use axum::extract::State;
use llm_relay::RelayId;
use serde::Serialize;
use serde_json::{Value, json};
use stream_log::Namespace;
use stream_model::Offset;
use stream_protocol::Action;

use crate::app::App;
use crate::caller::Caller;
use crate::extract::Asked;
use crate::names::{ListQuery, Names};
use crate::reject::Reject;

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
    let page = Names::list(&app, Namespace::Relay, after.as_ref(), &query).await?;
    let mut relays = Vec::with_capacity(page.names.len());
    // What servers tell each other of relays lies beside them.
    let names = page.names.iter().filter(|name| RelayId::new(name.name()).is_ok());
    for name in names.filter(|name| caller.allows(Action::ReadLlm(name.name()))) {
        let log = app.store().get(name).await.map_err(|error| Reject::store(&error))?;
        let Some(log) = log else { continue };
        let Ok(tail) = log.tail().await else { continue };
        let (events, ended) = (tail.state.next, tail.state.closed);
        relays.push(json!(RelayEntry { id: name.name(), events, ended }));
    }
    Ok(Json(page.page("relays", relays)))
}
