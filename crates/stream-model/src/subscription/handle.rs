//! The end of a subscription that its stream keeps.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use time::OffsetDateTime;

use super::SubscriptionId;
use crate::{BoxError, Event, Handler, Selector};

pub(super) type Filter = Box<dyn Fn(&Event) -> Result<bool, BoxError> + Send + Sync>;
type Hook = Box<dyn FnOnce() + Send>;

/// What a stream knows of a subscription; cloning shares it.
#[derive(Clone)]
pub struct SubscriptionHandle(Arc<State>);

/// What never changes.
pub(super) struct Interest {
    pub(super) id: SubscriptionId,
    pub(super) selector: Selector,
    pub(super) filter: Option<Filter>,
    pub(super) handler: Option<Handler>,
    pub(super) created_at: OffsetDateTime,
}

struct State {
    interest: Interest,
    active: AtomicBool,
    on_cancel: Mutex<Option<Hook>>,
    missed: AtomicU64,
    filter_failures: AtomicU64,
    handler_failures: AtomicU64,
}

/// What went wrong with a subscription so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SubscriptionCounts {
    /// Events that were gone before they were read.
    pub missed: u64,
    /// Events for which the filter failed or panicked.
    pub filter_failures: u64,
    /// Events for which the handler failed or panicked.
    pub handler_failures: u64,
}

impl SubscriptionHandle {
    pub(super) fn new(interest: Interest) -> Self {
        Self(Arc::new(State {
            interest,
            active: AtomicBool::new(true),
            on_cancel: Mutex::default(),
            missed: AtomicU64::new(0),
            filter_failures: AtomicU64::new(0),
            handler_failures: AtomicU64::new(0),
        }))
    }

    /// What the subscription is called.
    pub fn id(&self) -> SubscriptionId {
        self.0.interest.id
    }

    /// Which topics it is about.
    pub fn selector(&self) -> &Selector {
        &self.0.interest.selector
    }

    /// What gets the events, if the subscriber does not read them.
    pub fn handler(&self) -> Option<&Handler> {
        self.0.interest.handler.as_ref()
    }

    /// When it was made.
    pub fn created_at(&self) -> OffsetDateTime {
        self.0.interest.created_at
    }

    /// Whether it was not cancelled.
    pub fn is_active(&self) -> bool {
        self.0.active.load(Ordering::Acquire)
    }

    /// Whether it takes every event, so that a stream need not ask for each.
    pub fn is_unconditional(&self) -> bool {
        self.0.interest.filter.is_none() && self.0.interest.selector == Selector::All
    }

    /// Whether the subscription is active and its topic and filter take `event`.
    pub fn should_receive(&self, event: &Event) -> bool {
        self.is_active() && self.accepts(event)
    }

    /// Whether its topic and filter take `event`, be it active or not.
    ///
    /// A filter that fails or panics takes nothing, and is counted.
    pub fn accepts(&self, event: &Event) -> bool {
        let Interest { selector, filter, .. } = &self.0.interest;
        if !selector.takes(event) {
            return false;
        }
        let Some(filter) = filter else { return true };
        let verdict = catch_unwind(AssertUnwindSafe(|| filter(event)));
        verdict.ok().and_then(Result::ok).unwrap_or_else(|| {
            self.0.filter_failures.fetch_add(1, Ordering::Relaxed);
            false
        })
    }

    /// Ends the subscription and returns whether it was active; doing it again does nothing.
    pub fn cancel(&self) -> bool {
        let was_active = self.0.active.swap(false, Ordering::AcqRel);
        if was_active {
            let hook = self.hook().take();
            // Without the lock: the hook is the stream's.
            if let Some(hook) = hook {
                hook();
            }
        }
        was_active
    }

    /// Runs `hook` once when the subscription ends, or now if it has ended; the last one set counts.
    ///
    /// It is how a stream learns that the subscriber is gone; it must not wait for anything.
    pub fn on_cancel(&self, hook: impl FnOnce() + Send + 'static) {
        let replaced = self.hook().replace(Box::new(hook));
        drop(replaced);
        if !self.is_active() {
            let hook = self.hook().take();
            if let Some(hook) = hook {
                hook();
            }
        }
    }

    fn hook(&self) -> MutexGuard<'_, Option<Hook>> {
        self.0.on_cancel.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What went wrong so far.
    pub fn counts(&self) -> SubscriptionCounts {
        SubscriptionCounts {
            missed: self.0.missed.load(Ordering::Relaxed),
            filter_failures: self.0.filter_failures.load(Ordering::Relaxed),
            handler_failures: self.0.handler_failures.load(Ordering::Relaxed),
        }
    }

    /// Counts events that were gone before they were read.
    pub fn count_missed(&self, missed: u64) {
        self.0.missed.fetch_add(missed, Ordering::Relaxed);
    }

    /// Counts an event for which the handler failed or panicked.
    pub fn count_handler_failure(&self) {
        self.0.handler_failures.fetch_add(1, Ordering::Relaxed);
    }
}

impl fmt::Debug for SubscriptionHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription")
            .field("id", &self.id())
            .field("topic", &self.selector().as_str())
            .field("filtered", &self.0.interest.filter.is_some())
            .field("handler", &self.handler())
            .field("active", &self.is_active())
            .field("created_at", &self.created_at())
            .field("counts", &self.counts())
            .finish()
    }
}
