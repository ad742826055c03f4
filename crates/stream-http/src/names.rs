//! A page of a list of names.

use serde::Deserialize;
use serde_json::{Value, json};
use stream_log::{LogName, LogStore, Namespace, StoreError};
use stream_protocol::subscribe;

use crate::app::App;
use crate::reject::Reject;

/// What the query of a list may hold.
#[derive(Debug, Deserialize)]
pub(crate) struct ListQuery {
    pub(crate) after: Option<String>,
    limit: Option<String>,
}

/// Names that are asked for at once.
const NAMES_AT_ONCE: usize = 10_000;

/// Every name of a space.
pub(crate) async fn all(
    store: &dyn LogStore,
    namespace: Namespace,
) -> Result<Vec<LogName>, StoreError> {
    let mut all = Vec::new();
    loop {
        let page = store.list(namespace, all.last(), NAMES_AT_ONCE).await?;
        let more = page.len() == NAMES_AT_ONCE;
        all.extend(page);
        if !more {
            return Ok(all);
        }
    }
}

/// Names in order, and where the next page begins.
pub(crate) struct Names {
    pub(crate) names: Vec<LogName>,
    /// The last name, if there may be more.
    after: Option<String>,
}

impl Names {
    /// The names of a space that come after `after`.
    pub(crate) async fn list(
        app: &App,
        namespace: Namespace,
        after: Option<&LogName>,
        query: &ListQuery,
    ) -> Result<Self, Reject> {
        let limit = subscribe::page_limit(query.limit.as_deref())?;
        let names = app.store().list(namespace, after, limit).await;
        let names = names.map_err(|error| Reject::store(&error))?;
        let last = names.last().filter(|_| names.len() == limit);
        let after = last.map(|name| name.name().to_owned());
        Ok(Self { names, after })
    }

    /// The page as it is told: what a caller may not read is left out, so that it may have fewer
    /// entries than its limit.
    pub(crate) fn page(&self, entries_name: &str, entries: Vec<Value>) -> Value {
        json!({entries_name: entries, "after": self.after})
    }
}
