//! The task of one subscription: sends what is due, and waits for what comes next.

use std::sync::Arc;
use std::time::Duration;

use stream_model::now::now;
use time::OffsetDateTime;
use tracing::warn;

use super::Active;
use super::sender::{Sender, Woken};
use crate::shutdown::Shutdown;

/// Runs until the subscription is deleted, which aborts it, or the server goes down.
pub(super) async fn run(active: Arc<Active>, sender: Sender, mut shutdown: Shutdown) {
    loop {
        let (due, deadline, woken) = {
            let mut machine = active.machine.lock();
            machine.handle_timeout(now());
            let due = machine.poll_wake(now());
            let woken = Woken {
                id: machine.id().to_owned(),
                wake_id: machine.wake_id(),
                base_url: machine.base_url().to_owned(),
                lease: machine.config().lease(),
            };
            (due, machine.poll_timeout(), woken)
        };
        if let Some(wake) = due {
            // Before it is sent: the same wake must never be issued twice.
            save(&active).await;
            let generation = wake.generation;
            let outcome = sender.send(&woken, wake).await;
            active.machine.lock().handle_outcome(now(), generation, outcome);
            save(&active).await;
            continue;
        }
        tokio::select! {
            () = active.changed.notified() => {}
            () = until(deadline) => {}
            () = shutdown.begun() => return,
        }
    }
}

/// Writes the state; a server that cannot goes on with what it has in memory.
async fn save(active: &Active) {
    if let Err(refusal) = active.save().await {
        warn!(?refusal, "cannot write a subscription's state");
    }
}

async fn until(deadline: Option<OffsetDateTime>) {
    match deadline {
        Some(at) => {
            let left = Duration::try_from(at - now()).unwrap_or_default();
            tokio::time::sleep(left).await;
        }
        None => std::future::pending().await,
    }
}
