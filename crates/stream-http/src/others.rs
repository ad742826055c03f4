//! What a server does for as long as others have the same logs.

use std::collections::HashSet;

use stream_log::Namespace;
use stream_model::Topic;
use tracing::warn;

use crate::app::App;
use crate::limits::{OTHERS_LOOKED_AT, SUBSCRIPTIONS_LOOKED_AT};
use crate::names;

/// Tells the others which relays run here, ends those of servers that are gone, and tells readers
/// of patterns of topics that others make; never ends.
pub(crate) async fn live_with_others(app: &App) {
    if app.has_others() {
        let subscriptions = hear_of_subscriptions(app);
        tokio::join!(app.relays().keep_lease(), hear_of_births(app), subscriptions);
    }
    std::future::pending::<()>().await;
}

async fn hear_of_subscriptions(app: &App) {
    loop {
        tokio::time::sleep(SUBSCRIPTIONS_LOOKED_AT).await;
        app.subscriptions().load().await;
    }
}

async fn hear_of_births(app: &App) {
    let mut known = HashSet::new();
    loop {
        if app.birth_readers() == 0 {
            known.clear();
        } else {
            match names::all(&**app.store(), Namespace::Topic).await {
                Ok(names) => {
                    // All of them at first: a topic that readers know is no news to them, and one
                    // that was made since they came is.
                    let born = names.iter().filter(|name| !known.contains(*name));
                    let topics = born.filter_map(|name| Topic::new(name.name()).ok());
                    app.announce(topics.collect());
                    known = names.into_iter().collect();
                }
                Err(error) => warn!(%error, "cannot look for topics that others made"),
            }
        }
        tokio::time::sleep(OTHERS_LOOKED_AT).await;
    }
}
