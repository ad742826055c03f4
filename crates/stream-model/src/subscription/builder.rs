//! How a subscription comes about.

use std::fmt;

use time::OffsetDateTime;

use super::handle::{Filter, Interest};
use super::{Subscription, SubscriptionHandle, SubscriptionId};
use crate::handler::FilterOutput;
use crate::{Event, Handler, Selector, now};

/// Makes a [`Subscription`]; what is not set selects every event.
#[derive(Default)]
pub struct SubscriptionBuilder {
    id: Option<SubscriptionId>,
    selector: Selector,
    filter: Option<Filter>,
    handler: Option<Handler>,
    created_at: Option<OffsetDateTime>,
}

impl SubscriptionBuilder {
    /// Sets the id; a fresh one otherwise.
    #[must_use]
    pub fn id(mut self, id: SubscriptionId) -> Self {
        self.id = Some(id);
        self
    }

    /// Sets what it is about: a name, `*` for all, or a [`TopicFilter`](crate::TopicFilter).
    #[must_use]
    pub fn topic(mut self, topic: impl Into<Selector>) -> Self {
        self.selector = topic.into();
        self
    }

    /// Takes only the events for which `filter` returns `true`.
    ///
    /// It runs for each event that the topic selects; one that returns an error or panics takes
    /// nothing, and is counted.
    #[must_use]
    pub fn filter<F, O>(mut self, filter: F) -> Self
    where
        F: Fn(&Event) -> O + Send + Sync + 'static,
        O: FilterOutput,
    {
        self.filter = Some(Box::new(move |event| filter(event).into_result()));
        self
    }

    /// Gives the events to a handler, instead of to whoever reads the subscription.
    #[must_use]
    pub fn handler(mut self, handler: Handler) -> Self {
        self.handler = Some(handler);
        self
    }

    /// Sets when it was made; the present otherwise.
    #[must_use]
    pub fn created_at(mut self, created_at: OffsetDateTime) -> Self {
        self.created_at = Some(created_at);
        self
    }

    /// What it is about.
    pub fn selector(&self) -> &Selector {
        &self.selector
    }

    /// The subscription; no stream knows it yet.
    pub fn build(self) -> Subscription {
        let Self { id, selector, filter, handler, created_at } = self;
        Subscription::new(SubscriptionHandle::new(Interest {
            id: id.unwrap_or_else(SubscriptionId::new),
            selector,
            filter,
            handler,
            created_at: created_at.unwrap_or_else(now::now),
        }))
    }
}

impl fmt::Debug for SubscriptionBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SubscriptionBuilder")
            .field("id", &self.id)
            .field("topic", &self.selector)
            .field("filtered", &self.filter.is_some())
            .field("handler", &self.handler)
            .field("created_at", &self.created_at)
            .finish()
    }
}
