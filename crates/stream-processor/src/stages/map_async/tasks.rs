//! The futures of a stage that were not ready at once, each in a task of its own.

use std::collections::HashMap;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use stream_core::Failure;
use tokio::runtime::Handle;
use tokio::task::{Id, JoinSet};
use tokio::time::timeout;

use super::Settle;
use crate::Cause;

/// Tasks by their numbers; dropping it aborts them.
pub(super) struct Tasks<U> {
    set: JoinSet<Result<U, Cause>>,
    known: HashMap<Id, u64>,
}

impl<U: 'static> Default for Tasks<U> {
    fn default() -> Self {
        Self { set: JoinSet::new(), known: HashMap::new() }
    }
}

impl<U: Send + 'static> Tasks<U> {
    /// Starts a task with this number.
    pub(super) fn spawn<Fut, R>(
        &mut self,
        mut slot: Pin<Box<Option<Fut>>>,
        number: u64,
        limit: Option<Duration>,
    ) -> Result<(), Cause>
    where
        Fut: Future<Output: Send> + Send + 'static,
        R: Settle<Fut::Output, Out = U>,
    {
        let runtime = Handle::try_current().map_err(|error| Cause::Error(error.into()))?;
        let future = std::future::poll_fn(move |cx| match slot.as_mut().as_pin_mut() {
            Some(future) => future.poll(cx),
            None => Poll::Pending,
        });
        let task = async move {
            let output = match limit {
                None => future.await,
                Some(after) => {
                    timeout(after, future).await.map_err(|_| Cause::TimedOut { after })?
                }
            };
            R::settle(output).map_err(Cause::Error)
        };
        let id = self.set.spawn_on(task, &runtime).id();
        self.known.insert(id, number);
        Ok(())
    }

    /// One that is done; the waker is woken when another may be.
    pub(super) fn poll_done(&mut self, waker: &Waker) -> Option<(u64, Result<U, Cause>)> {
        let joined = self.set.poll_join_next_with_id(&mut Context::from_waker(waker));
        let Poll::Ready(Some(joined)) = joined else { return None };
        let (id, result) = match joined {
            Ok((id, result)) => (id, result),
            Err(error) => (error.id(), Err(from_join_error(error))),
        };
        let number = self.known.remove(&id)?;
        Some((number, result))
    }
}

fn from_join_error(error: tokio::task::JoinError) -> Cause {
    match error.try_into_panic() {
        Ok(payload) => Cause::from_panic(&*payload),
        Err(error) => Cause::Error(error.into()),
    }
}

impl Cause {
    /// What a caught panic said.
    pub(crate) fn from_panic(payload: &(dyn std::any::Any + Send)) -> Self {
        match Failure::from_panic(payload) {
            Failure::Panic { message } => Self::Panic { message },
            other => Self::Error(other.to_string().into()),
        }
    }
}
