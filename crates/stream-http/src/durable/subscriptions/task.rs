//! The task of one subscription: sends what is due, and waits for what comes next.

use std::sync::Arc;
use std::time::Duration;

use stream_model::now::now;
use stream_protocol::durable::subscription::Subscription;
use time::OffsetDateTime;
use tokio::time::{MissedTickBehavior, interval};
use tracing::warn;

use super::active::Active;
use super::routes::Failure;
use super::sender::{Sender, Woken};
use crate::limits::SUBSCRIPTIONS_LOOKED_AT;
use crate::shutdown::Shutdown;

/// How long to wait after a state could not be written.
const PAUSE: Duration = Duration::from_secs(1);

/// Runs until the subscription is deleted, which aborts it, or the server goes down.
///
/// With other servers, it looks now and then what they have appended to its streams.
pub(super) async fn run(active: Arc<Active>, sender: Sender, mut shutdown: Shutdown, shared: bool) {
    let mut watch = active.watch();
    let mut ticks = interval(SUBSCRIPTIONS_LOOKED_AT);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let (is_due, mut deadline) = active.poll();
        if is_due {
            match wake(&active, &sender).await {
                Ok(()) => continue,
                Err(failure) => {
                    warn!(?failure, "cannot write a subscription's state");
                    deadline = Some(now() + PAUSE);
                }
            }
        }
        let heard = tokio::select! {
            () = active.changed.notified(), if !is_due => Ok(()),
            () = until(deadline) => Ok(()),
            changed = watch.changed(), if !is_due => match changed {
                Some(state) if !state.deleted => active.hear().await,
                _ => return,
            },
            _ = ticks.tick(), if shared => active.catch_up(sender.streams()).await,
            () = shutdown.begun() => return,
        };
        if let Err(refusal) = heard {
            warn!(?refusal, "cannot hear of a subscription's streams");
        }
    }
}

/// Sends what is due, if no other server does.
async fn wake(active: &Active, sender: &Sender) -> Result<(), Failure> {
    // Before it is sent: the same wake must never be issued twice.
    let due = active.change(|machine| {
        machine.handle_timeout(now());
        let due = machine.poll_wake(now());
        Ok(due.map(|wake| (wake, woken(machine))))
    });
    let Some((wake, woken)) = due.await? else { return Ok(()) };
    let generation = wake.generation;
    let outcome = sender.send(&woken, wake).await;
    active
        .change(|machine| {
            machine.handle_outcome(now(), generation, outcome);
            Ok(())
        })
        .await
}

fn woken(machine: &Subscription) -> Woken {
    Woken {
        id: machine.id().to_owned(),
        wake_id: machine.wake_id(),
        base_url: machine.base_url().to_owned(),
        lease: machine.config().lease(),
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
