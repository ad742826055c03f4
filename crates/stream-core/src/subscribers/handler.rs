//! How events reach a handler.

use std::any::Any;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::Poll;

use stream_model::{Event, EventSource, HandlerFuture, SubscriptionHandle};
use tracing::warn;

use super::Release;
use crate::{Call, Callback, Carrier, Failure, Hub};

type AsyncCall = Arc<dyn Fn(Event) -> HandlerFuture + Send + Sync>;

/// Lets the hub call a handler; the result takes it out.
pub(super) fn attach<C: Carrier>(
    hub: &Hub<C>,
    from: u64,
    handle: &SubscriptionHandle,
    call: &Arc<Call<Event>>,
) -> Release {
    let call = Arc::clone(call);
    let callback = if handle.is_unconditional() {
        C::callback(call)
    } else {
        let handle = handle.clone();
        Callback::new(move |carrier: &C| {
            let event = carrier.borrow();
            if handle.should_receive(event) { call(event) } else { Ok(()) }
        })
    };
    let reporting = handle.clone();
    let callback = callback.on_failure(move |failure| report(&reporting, failure));
    let attachment = hub.attach_at(from, callback);
    Box::new(move || drop(attachment))
}

/// Awaits a handler for each event of `source`, one at a time, to the end.
pub(super) async fn run(handle: SubscriptionHandle, call: AsyncCall, mut source: impl EventSource) {
    while let Some(next) = poll_fn(|cx| source.poll_next(cx)).await {
        match next {
            Ok(event) => {
                if let Err(failure) = guarded(&call, event).await {
                    report(&handle, &failure);
                }
            }
            Err(lagged) => {
                handle.count_missed(lagged.missed);
                warn!(subscription = %handle.id(), missed = lagged.missed, "handler too slow");
            }
        }
    }
}

/// Awaits a handler for one event; a panic becomes a failure.
async fn guarded(call: &AsyncCall, event: Event) -> Result<(), Failure> {
    let caught = |panic: Box<dyn Any + Send>| Err(Failure::from_panic(&*panic));
    let mut future = match catch_unwind(AssertUnwindSafe(|| call(event))) {
        Ok(future) => future,
        Err(panic) => return caught(panic),
    };
    poll_fn(|cx| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) {
        Ok(Poll::Pending) => Poll::Pending,
        Ok(Poll::Ready(done)) => Poll::Ready(done.map_err(Failure::Error)),
        Err(panic) => Poll::Ready(caught(panic)),
    })
    .await
}

fn report(handle: &SubscriptionHandle, failure: &Failure) {
    match failure {
        Failure::Lagged { missed } => handle.count_missed(*missed),
        Failure::Error(_) | Failure::Panic { .. } => handle.count_handler_failure(),
    }
    warn!(subscription = %handle.id(), %failure, "handler failed");
}
