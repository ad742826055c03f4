//! A timer for silence.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

/// Is ready after a silence, and again after the next.
///
/// Its timer is made when it is first waited for, and set anew only when it fires.
#[derive(Debug)]
pub(crate) struct Idle {
    after: Duration,
    since: Instant,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Idle {
    /// The silence begins now.
    pub(crate) fn new(after: Duration) -> Self {
        Self { after, since: Instant::now(), sleep: None }
    }

    /// The silence begins anew.
    pub(crate) fn interrupt(&mut self) {
        self.since = Instant::now();
    }

    /// Ready when the silence has lasted long enough; the next begins then.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        // A silence beyond the end of time never ends.
        let Some(deadline) = self.since.checked_add(self.after) else { return Poll::Pending };
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        loop {
            ready!(sleep.as_mut().poll(cx));
            let now = Instant::now();
            if now >= deadline {
                self.since = now;
                sleep.as_mut().reset(now.checked_add(self.after).unwrap_or(deadline));
                return Poll::Ready(());
            }
            // It was set before the silence was interrupted, so too early and never too late.
            sleep.as_mut().reset(deadline);
        }
    }
}
