//! A queue of its own for a subscriber that would rather miss new events than old ones.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use parking_lot::Mutex;
use stream_model::{Lagged, SubscriptionHandle};

use super::Release;
use crate::{Callback, Carrier, Hub};

struct Mailbox<C> {
    state: Mutex<State<C>>,
    events_max: usize,
}

struct State<C> {
    letters: VecDeque<Letter<C>>,
    events: usize,
    closed: bool,
    waker: Option<Waker>,
}

enum Letter<C> {
    Event(C),
    /// So many did not fit in here.
    Gap(u64),
}

/// The end of a mailbox that is read.
pub(super) struct Reader<C>(Arc<Mailbox<C>>);

/// Joins a mailbox to `hub`; the second closes it.
pub(super) fn open<C: Carrier>(
    hub: &Hub<C>,
    from: u64,
    events_max: usize,
    handle: &SubscriptionHandle,
) -> (Reader<C>, Release) {
    let state = State { letters: VecDeque::new(), events: 0, closed: false, waker: None };
    let mailbox = Arc::new(Mailbox { state: Mutex::new(state), events_max });
    let (writer, handle) = (Arc::clone(&mailbox), handle.clone());
    let attachment = hub.attach_at(
        from,
        Callback::new(move |carrier: &C| {
            if handle.should_receive(carrier.borrow()) {
                writer.deliver(carrier);
            }
        }),
    );
    let closing = Arc::clone(&mailbox);
    let release = move || {
        drop(attachment);
        closing.change(|state| state.closed = true);
    };
    (Reader(mailbox), Box::new(release))
}

impl<C: Clone> Mailbox<C> {
    fn deliver(&self, carrier: &C) {
        self.change(|state| {
            if state.events < self.events_max {
                state.events += 1;
                state.letters.push_back(Letter::Event(carrier.clone()));
            } else if let Some(Letter::Gap(missed)) = state.letters.back_mut() {
                *missed += 1;
            } else {
                state.letters.push_back(Letter::Gap(1));
            }
        });
    }

    /// Changes something that the reader may wait for.
    fn change(&self, change: impl FnOnce(&mut State<C>)) {
        let mut state = self.state.lock();
        change(&mut state);
        let waker = state.waker.take();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl<C> Reader<C> {
    pub(super) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<C, Lagged>>> {
        let mut state = self.0.state.lock();
        match state.letters.pop_front() {
            Some(Letter::Event(event)) => {
                state.events -= 1;
                Poll::Ready(Some(Ok(event)))
            }
            Some(Letter::Gap(missed)) => Poll::Ready(Some(Err(Lagged { missed }))),
            None if state.closed => Poll::Ready(None),
            None => {
                state.waker = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}
