//! A writer: sends each append until it is acknowledged, then the next.

use std::collections::BTreeSet;

use anyhow::{bail, ensure};

use super::audit::Ledger;
use super::link::Link;
use super::log::{Acknowledged, Retry, Target};
use super::stage::Stage;

/// One in so many appends is sent again although it was acknowledged.
const REPEAT_ONE_IN: u32 = 16;

/// What a writer was told.
#[derive(Debug, Clone, Default)]
pub(super) struct Written {
    pub(super) ledger: Ledger,
    /// Appends whose first answer never came.
    pub(super) unanswered: u64,
    /// Those of them that had happened.
    pub(super) happened: u64,
    /// Acknowledged appends that were sent again.
    pub(super) repeated: u64,
    /// What the server said that its acknowledged appends survive.
    pub(super) claims: BTreeSet<String>,
}

/// Appends to `target` until writing is over.
pub(super) async fn write(
    stage: Stage,
    target: Target,
    writer: u32,
    retry: Retry,
) -> anyhow::Result<Written> {
    let mut link = Link::new(stage.clone());
    let mut written = Written::default();
    written.ledger.writer = writer;
    while stage.is_writing() {
        let append = written.ledger.acknowledged;
        let request = target.append(writer, append, retry);
        let reply = link.insist(&request).await?;
        let Some(acknowledged) = target.acknowledged(reply.status, &reply.body) else {
            let told = String::from_utf8_lossy(&reply.body);
            bail!("append {append} of writer {writer} was answered {}: {told}", reply.status);
        };
        written.claims.extend(target.claimed(&reply.body));
        let Acknowledged { offset, duplicate } = acknowledged;
        ensure!(reply.sent > 1 || !duplicate, "append {append} was new and is told a duplicate");
        written.unanswered += u64::from(reply.sent > 1);
        written.happened += u64::from(duplicate);
        written.ledger.offsets.extend(offset);
        written.ledger.acknowledged += 1;
        stage.acknowledge();
        if append % REPEAT_ONE_IN == 0 {
            let again = link.insist(&request).await?;
            let again = target.acknowledged(again.status, &again.body);
            let want = Acknowledged { offset, duplicate: true };
            ensure!(again == Some(want), "append {append}, sent again: {again:?}, want {want:?}");
            written.repeated += 1;
        }
    }
    Ok(written)
}
