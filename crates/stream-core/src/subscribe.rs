//! What a subscriber asks for.

use stream_model::{Event, FilterOutput, Handler, HandlerOutput, Selector, SubscriptionBuilder};

use crate::limits::QUEUE_EVENTS;

/// A request for a subscription.
///
/// With a handler the stream calls it; without one the subscriber reads the subscription.
///
/// # Examples
///
/// ```
/// use stream_core::{Overflow, Subscribe};
/// use stream_model::{Event, EventType, TopicFilter};
///
/// let errors = Subscribe::to("orders")
///     .filter(|event: &Event| event.event_type() == EventType::Error)
///     .handler(|event: &Event| println!("{event:?}"));
/// let paid = Subscribe::to("orders.*.paid".parse::<TopicFilter>()?)
///     .queue(100)
///     .overflow(Overflow::Wait);
/// # drop((errors, paid));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Default)]
#[must_use]
pub struct Subscribe {
    subscription: SubscriptionBuilder,
    queue: Option<usize>,
    overflow: Option<Overflow>,
    replay: usize,
}

/// What waits for a subscriber, and what happens when too much does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Queue {
    pub(crate) events: usize,
    pub(crate) overflow: Overflow,
}

/// What happens to an event for a subscriber whose queue is full.
///
/// The subscriber is always told what it missed, in its place between the events.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Overflow {
    /// The oldest event in the queue is dropped.
    #[default]
    DropOldest,
    /// The new event is dropped.
    DropNewest,
    /// The publisher waits, and with it all others.
    Wait,
    /// The subscription ends.
    Disconnect,
}

impl Subscribe {
    /// To every event.
    pub fn all() -> Self {
        Self::default()
    }

    /// To a topic by its name, `*` for all, or a [`TopicFilter`](stream_model::TopicFilter).
    pub fn to(topic: impl Into<Selector>) -> Self {
        Self { subscription: SubscriptionBuilder::default().topic(topic), ..Self::default() }
    }

    /// Takes only the events for which `filter` returns `true`, or `Ok(true)`.
    ///
    /// One that fails or panics takes nothing, and is counted.
    pub fn filter<F, O>(mut self, filter: F) -> Self
    where
        F: Fn(&Event) -> O + Send + Sync + 'static,
        O: FilterOutput,
    {
        self.subscription = self.subscription.filter(filter);
        self
    }

    /// Calls `handler` for each event, where it is published; it should be quick.
    ///
    /// It has no queue of its own: it is called for every event, in order.
    pub fn handler<F, O>(self, handler: F) -> Self
    where
        F: Fn(&Event) -> O + Send + Sync + 'static,
        O: HandlerOutput,
    {
        self.with(Handler::new(handler))
    }

    /// Awaits `handler` for each event, one at a time, in a task of its own that takes them from
    /// the queue.
    pub fn async_handler<F, O>(self, handler: F) -> Self
    where
        F: Fn(Event) -> O + Send + Sync + 'static,
        O: Future<Output: HandlerOutput> + Send + 'static,
    {
        self.with(Handler::asynchronous(handler))
    }

    /// Gives the events to `handler`.
    pub fn with(mut self, handler: Handler) -> Self {
        self.subscription = self.subscription.handler(handler);
        self
    }

    /// Lets at most `events` wait; as many as the stream sees fit otherwise, [`QUEUE_EVENTS`] if
    /// it does not say.
    pub fn queue(mut self, events: usize) -> Self {
        self.queue = Some(events);
        self
    }

    /// Says what happens when more wait; otherwise the stream does, and the oldest go if it does
    /// not say.
    pub fn overflow(mut self, overflow: Overflow) -> Self {
        self.overflow = Some(overflow);
        self
    }

    /// Lets at most `events` wait, unless the subscriber said how many; for streams.
    pub fn or_queue(mut self, events: usize) -> Self {
        self.queue.get_or_insert(events);
        self
    }

    /// Says what happens when more wait, unless the subscriber did; for streams.
    pub fn or_overflow(mut self, overflow: Overflow) -> Self {
        self.overflow.get_or_insert(overflow);
        self
    }

    /// Starts with up to `events` events that the stream remembers; with none otherwise.
    pub fn replay(mut self, events: usize) -> Self {
        self.replay = events;
        self
    }

    /// Which topics it is about.
    pub fn selector(&self) -> &Selector {
        self.subscription.selector()
    }

    /// How many events may wait, and what happens when more do, as far as that was said; for
    /// streams.
    pub fn bounds(&self) -> (Option<usize>, Option<Overflow>) {
        (self.queue, self.overflow)
    }

    /// How many events of the past it starts with.
    pub fn replayed(&self) -> usize {
        self.replay
    }

    pub(crate) fn into_parts(self) -> (SubscriptionBuilder, Queue) {
        let events = self.queue.unwrap_or(QUEUE_EVENTS);
        (self.subscription, Queue { events, overflow: self.overflow.unwrap_or_default() })
    }
}
