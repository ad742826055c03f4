//! The topics that are there now.

use std::sync::Arc;

use stream_log::{LogName, LogStore, Namespace, StoreError};
use stream_model::{Topic, TopicFilter};
use stream_protocol::Interest;

use crate::limits::TOPICS_PER_READER;

/// Names that are asked for at once.
const NAMES_AT_ONCE: usize = 1000;

/// The topics that `interest` takes, each once; at most one more than a reader may follow.
pub(super) async fn topics(
    store: &Arc<dyn LogStore>,
    interest: &Interest,
) -> Result<Vec<Topic>, StoreError> {
    if let Some(topics) = interest.topics() {
        return Ok(topics);
    }
    let mut found = Vec::new();
    let mut prefixes: Vec<_> =
        interest.selectors().iter().map(TopicFilter::literal_prefix).collect();
    prefixes.sort_unstable();
    // What a shorter prefix leads to is not looked at again for a longer one.
    prefixes.dedup_by(|longer, shorter| longer.starts_with(&**shorter));
    for prefix in prefixes {
        add(store, interest, prefix, &mut found).await?;
    }
    Ok(found)
}

/// Adds the topics whose names begin with `prefix`.
async fn add(
    store: &Arc<dyn LogStore>,
    interest: &Interest,
    prefix: &str,
    found: &mut Vec<Topic>,
) -> Result<(), StoreError> {
    let exact = Topic::new(prefix).ok().filter(|topic| interest.takes_topic(topic));
    found.extend(exact);
    let mut after = LogName::new(Namespace::Topic, prefix).ok();
    while found.len() <= TOPICS_PER_READER {
        let names = store.list(Namespace::Topic, after.as_ref(), NAMES_AT_ONCE).await?;
        for name in &names {
            if !name.name().starts_with(prefix) {
                return Ok(());
            }
            let topic = Topic::new(name.name()).ok();
            found.extend(topic.filter(|topic| interest.takes_topic(topic)));
        }
        if names.len() < NAMES_AT_ONCE {
            return Ok(());
        }
        after = names.into_iter().next_back();
    }
    Ok(())
}
