//! A queue of its own for a subscriber that would rather miss new events than old ones.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use parking_lot::Mutex;
use stream_model::{Event, EventSource, Lagged, SubscriptionHandle};

use super::Release;
use crate::{Callback, Hub};

struct Mailbox {
    state: Mutex<State>,
    events_max: usize,
}

#[derive(Default)]
struct State {
    letters: VecDeque<Letter>,
    events: usize,
    closed: bool,
    waker: Option<Waker>,
}

enum Letter {
    Event(Event),
    /// So many did not fit in here.
    Gap(u64),
}

/// The end of a mailbox that is read.
struct Reader(Arc<Mailbox>);

/// Joins a mailbox to `hub`; the second closes it.
pub(super) fn open(
    hub: &Hub<Event>,
    from: u64,
    events_max: usize,
    handle: &SubscriptionHandle,
) -> (Box<dyn EventSource>, Release) {
    let mailbox = Arc::new(Mailbox { state: Mutex::default(), events_max });
    let (writer, handle) = (Arc::clone(&mailbox), handle.clone());
    let attachment = hub.attach_at(
        from,
        Callback::new(move |event: &Event| {
            if handle.should_receive(event) {
                writer.deliver(event);
            }
        }),
    );
    let closing = Arc::clone(&mailbox);
    let release = move || {
        drop(attachment);
        closing.change(|state| state.closed = true);
    };
    (Box::new(Reader(mailbox)), Box::new(release))
}

impl Mailbox {
    fn deliver(&self, event: &Event) {
        self.change(|state| {
            if state.events < self.events_max {
                state.events += 1;
                state.letters.push_back(Letter::Event(event.clone()));
            } else if let Some(Letter::Gap(missed)) = state.letters.back_mut() {
                *missed += 1;
            } else {
                state.letters.push_back(Letter::Gap(1));
            }
        });
    }

    /// Changes something that the reader may wait for.
    fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.state.lock();
        change(&mut state);
        let waker = state.waker.take();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl EventSource for Reader {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Event, Lagged>>> {
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
