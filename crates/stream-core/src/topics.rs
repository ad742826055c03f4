//! A stream of streams: one for each topic.
//!
//! # Order
//!
//! The events of a topic have one order for all its subscribers, and so have the events of several
//! topics for those who subscribe to `*` or to a pattern.
//!
//! # Limits
//!
//! A topic comes into being when something is published to it or somebody subscribes to it by
//! name, up to [`TOPICS_MAX`] of them, or as many as it is told; more are refused.
//! Each remembers its newest events, [`RECENT_EVENTS`] or as many as it is told.
//! Looking something up makes no topic; [`TopicStream::remove`] and [`TopicStream::reclaim`] take
//! topics away.
//!
//! # Lag
//!
//! As in an [`InMemoryStream`](crate::InMemoryStream): each subscription has its own queue.
//!
//! # Closing
//!
//! [`TopicStream::close`] ends every subscription, and waits until asynchronous handlers have had
//! what was published before.
//! A topic that is removed ends the subscriptions to its name; those to `*` and patterns go on.
//!
//! # Drop
//!
//! When the last handle is gone, readers get what was published before, and then the end;
//! asynchronous handlers are aborted.

mod patterns;
mod table;

use std::sync::Arc;

use async_trait::async_trait;
use parking_lot::Mutex;
use stream_model::{
    Event, Offset, Selector, StreamPosition, Subscription, SubscriptionId, Topic, now,
};

use self::patterns::{Pattern, Patterns};
use self::table::{Entry, Table};
use crate::limits::{RECENT_EVENTS, TOPICS_MAX};
use crate::{
    Capacity, Hub, PublishError, Receipt, Refused, SendError, Stream, Subscribe, SubscribeError,
    Subscribers, Together,
};

/// A [`Stream`] that keeps the events of each topic by themselves.
///
/// An event is published to the topic in its metadata; one without a topic reaches only those who
/// subscribe to `*`.
/// A clone is another handle to the same stream.
///
/// # Examples
///
/// ```
/// use stream_core::{StreamExt, TopicStream};
/// use stream_model::{Event, Topic, TopicFilter};
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let stream = TopicStream::new();
/// let mut paid = stream.listen("orders.*.paid".parse::<TopicFilter>()?).await?;
/// let topic = Topic::new("orders.eu.paid")?;
/// stream.publish_in(&topic, Event::text("7 EUR")).await?;
/// let event = paid.next().await.expect("the stream is open")?;
/// assert_eq!(event.topic(), Some("orders.eu.paid"));
/// assert_eq!(stream.topics(), [topic.clone()]);
/// assert_eq!(stream.recent(&topic, 10), [event]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct TopicStream(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    table: Table,
    /// Every event, for those who subscribe to `*`.
    all: Entry,
    patterns: Arc<Patterns>,
    subscribers: Subscribers,
    options: TopicOptions,
}

/// How much a [`TopicStream`] keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TopicOptions {
    remembered: usize,
    topics: usize,
}

impl Default for TopicOptions {
    fn default() -> Self {
        Self { remembered: RECENT_EVENTS, topics: TOPICS_MAX }
    }
}

impl TopicOptions {
    /// Remembers this many events of each topic; [`RECENT_EVENTS`] otherwise.
    #[must_use]
    pub fn remembered(mut self, events: usize) -> Self {
        self.remembered = events;
        self
    }

    /// Keeps at most this many topics; [`TOPICS_MAX`] otherwise.
    #[must_use]
    pub fn topics(mut self, topics: usize) -> Self {
        self.topics = topics;
        self
    }
}

impl TopicStream {
    /// A stream without topics.
    pub fn new() -> Self {
        Self::with_options(TopicOptions::default())
    }

    /// A stream without topics that keeps as much as `options` say.
    pub fn with_options(options: TopicOptions) -> Self {
        let hub = Hub::new(Capacity::items(1));
        Self(Arc::new(Inner {
            table: Table::new(options.topics),
            all: Entry::new(hub),
            patterns: Arc::default(),
            subscribers: Subscribers::default(),
            options,
        }))
    }

    /// Publishes `event` to `topic`, whatever topic is in its metadata; what is delivered has
    /// `topic` there.
    ///
    /// # Errors
    /// As [`Stream::publish`].
    ///
    /// # Cancel safety
    /// As [`Stream::publish`].
    pub async fn publish_in(&self, topic: &Topic, event: Event) -> Result<Receipt, PublishError> {
        if event.topic() == Some(topic.as_str()) {
            return self.send(topic, event).await;
        }
        self.send(topic, event.to_builder().topic(topic).build()).await
    }

    /// Publishes without waiting.
    ///
    /// What a handler uses that is not asynchronous: the event comes after the one it is called
    /// for.
    ///
    /// # Errors
    /// [`PublishError::Full`] where [`publish`](Stream::publish) would wait, and otherwise as that.
    pub fn try_publish(&self, event: Event) -> Result<Receipt, PublishError> {
        let Some(name) = event.topic() else {
            let number = publish_now(&Together::new(&self.0.all.hub, []), &event)?;
            return Ok(self.0.all.receipt(number));
        };
        let topic = Topic::new(name)?;
        let entry = self.open(&topic)?;
        let patterns = self.0.patterns.matching(topic.as_str());
        let number = publish_now(&self.hubs(&entry, &patterns), &event)?;
        Ok(entry.receipt(number))
    }

    /// The topics, in the order in which they came into being.
    #[doc(alias = "list_topics")]
    pub fn topics(&self) -> Vec<Topic> {
        self.0.table.topics()
    }

    /// A topic as a stream of its own, which comes into being if it is not there.
    ///
    /// # Errors
    /// [`PublishError::TooManyTopics`] or [`PublishError::Closed`].
    pub fn topic(&self, topic: &Topic) -> Result<TopicHandle, PublishError> {
        self.open(topic)?;
        Ok(TopicHandle { stream: self.clone(), topic: topic.clone() })
    }

    /// The newest `count` events of a topic, oldest first; none if there is no such topic.
    pub fn recent(&self, topic: &Topic, count: usize) -> Vec<Event> {
        let entry = self.0.table.get(topic);
        entry.map_or_else(Vec::new, |entry| entry.hub.recent(count.min(self.0.options.remembered)))
    }

    /// Takes a topic away, with what it remembers and the subscriptions to its name; returns
    /// whether it was there.
    ///
    /// What is published to it later makes a new one, in another epoch.
    pub fn remove(&self, topic: &Topic) -> bool {
        let removed = self.0.table.remove(topic);
        removed.inspect(|entry| self.end(entry)).is_some()
    }

    /// Takes every topic away to whose name nobody subscribes, and returns how many there were.
    pub fn reclaim(&self) -> usize {
        let removed = self.0.table.reclaim();
        for entry in &removed {
            self.end(entry);
        }
        removed.len()
    }

    /// How many subscriptions there are.
    pub fn subscriptions(&self) -> usize {
        self.0.subscribers.len()
    }

    /// Ends the stream and every subscription, and waits until asynchronous handlers have had what
    /// was published before.
    ///
    /// Not to be waited for by such a handler, which would wait for itself.
    ///
    /// # Cancel safety
    /// The stream is closed in any case; asynchronous handlers that are not done are aborted.
    pub async fn close(&self) {
        for entry in self.0.table.close() {
            entry.hub.close();
        }
        self.0.all.hub.close();
        self.0.subscribers.cancel_all();
        self.0.subscribers.finished().await;
    }

    /// Whether it was closed.
    pub fn is_closed(&self) -> bool {
        self.0.all.hub.is_closed()
    }

    fn open(&self, topic: &Topic) -> Result<Arc<Entry>, PublishError> {
        let capacity = Capacity::items(self.0.options.remembered);
        self.0.table.open(topic, || Entry::new(Hub::new(capacity)))
    }

    /// Publishes an event that has `topic` in its metadata.
    async fn send(&self, topic: &Topic, mut event: Event) -> Result<Receipt, PublishError> {
        loop {
            let entry = self.open(topic)?;
            let patterns = self.0.patterns.matching(topic.as_str());
            match self.send_to(&entry, &patterns, event).await {
                Ok(number) => return Ok(entry.receipt(number)),
                // The topic was removed meanwhile, and comes into being anew.
                Err(SendError(back)) => event = back,
            }
        }
    }

    async fn send_to(
        &self,
        entry: &Entry,
        patterns: &[Pattern],
        event: Event,
    ) -> Result<u64, SendError<Event>> {
        let weight = weight(&event);
        if patterns.is_empty() && self.0.all.hub.is_idle() {
            return entry.hub.send(event, weight).await;
        }
        self.hubs(entry, patterns).send(event, weight).await
    }

    /// Every hub that an event goes to.
    fn hubs<'a>(&'a self, entry: &'a Entry, patterns: &'a [Pattern]) -> Together<'a, Event> {
        let all = Some(&self.0.all.hub).filter(|all| !all.is_idle());
        Together::new(&entry.hub, patterns.iter().map(Pattern::hub).chain(all))
    }

    fn subscribe_to(
        &self,
        topic: &Topic,
        request: Subscribe,
    ) -> Result<Subscription, SubscribeError> {
        let entry = self.open(topic).map_err(refused)?;
        let remembered = request.replayed().min(self.0.options.remembered);
        let from = entry.hub.recall(remembered);
        let subscription = self.0.subscribers.join(&entry.hub, from, request)?;
        entry.enter(subscription.id(), |id| self.0.subscribers.get(id).is_some());
        // The topic may have been removed meanwhile, by one who did not see the subscription.
        if entry.hub.is_closed() {
            subscription.cancel();
        }
        Ok(subscription)
    }

    /// Ends a topic that was taken away.
    fn end(&self, entry: &Entry) {
        entry.hub.close();
        let subscriptions = std::mem::take(&mut *entry.subscriptions.lock());
        for subscription in subscriptions {
            self.0.subscribers.cancel(subscription);
        }
    }
}

fn publish_now(hubs: &Together<'_, Event>, event: &Event) -> Result<u64, PublishError> {
    hubs.try_publish(event.clone(), weight(event)).map_err(|refused| match refused {
        Refused::Full(_) => PublishError::Full,
        Refused::Closed(_) => PublishError::Closed,
    })
}

fn weight(event: &Event) -> usize {
    event.data().as_bytes().len()
}

/// Why a topic could not be opened, as the answer to a subscriber.
fn refused(error: PublishError) -> SubscribeError {
    match error {
        PublishError::TooManyTopics { limit } => SubscribeError::TooManyTopics { limit },
        PublishError::Topic(error) => SubscribeError::Topic(error),
        _ => SubscribeError::Closed,
    }
}

impl Entry {
    fn new(hub: Hub<Event>) -> Self {
        Self { hub, epoch: now::new_epoch(), subscriptions: Mutex::default() }
    }

    fn receipt(&self, number: u64) -> Receipt {
        Receipt::new(StreamPosition { epoch: self.epoch, offset: Offset::new(number) })
    }
}

/// The text of a subscription's topic must be a valid [`Topic`]; a pattern and `*` start with what
/// is published next, as they have no memory of their own.
#[async_trait]
impl Stream for TopicStream {
    async fn publish(&self, event: Event) -> Result<Receipt, PublishError> {
        if let Some(name) = event.topic() {
            let topic = Topic::new(name)?;
            return self.send(&topic, event).await;
        }
        let weight = weight(&event);
        let sent = self.0.all.hub.send(event, weight).await;
        sent.map(|number| self.0.all.receipt(number)).map_err(|_| PublishError::Closed)
    }

    async fn subscribe(&self, request: Subscribe) -> Result<Subscription, SubscribeError> {
        if self.is_closed() {
            return Err(SubscribeError::Closed);
        }
        let filter = match request.selector() {
            Selector::Name(name) => return self.subscribe_to(&Topic::new(name)?, request),
            _ if request.replayed() > 0 => return Err(SubscribeError::NoReplay),
            Selector::Filter(filter) => filter.clone(),
            _ => {
                let hub = &self.0.all.hub;
                return self.0.subscribers.join(hub, hub.next(), request);
            }
        };
        let pattern = self.0.patterns.enter(&filter);
        let hub = pattern.hub().clone();
        let patterns = Arc::downgrade(&self.0.patterns);
        self.0.subscribers.join_until(&hub, hub.next(), request, move || {
            if let Some(patterns) = patterns.upgrade() {
                patterns.leave(&pattern);
            }
        })
    }

    async fn unsubscribe(&self, id: SubscriptionId) -> bool {
        self.0.subscribers.cancel(id)
    }
}

impl Default for TopicStream {
    fn default() -> Self {
        Self::new()
    }
}

/// One topic of a [`TopicStream`], as a stream of its own.
///
/// What is published to it also reaches those who subscribe to `*` and to patterns.
#[derive(Debug, Clone)]
pub struct TopicHandle {
    stream: TopicStream,
    topic: Topic,
}

impl TopicHandle {
    /// The topic's name.
    pub fn name(&self) -> &Topic {
        &self.topic
    }

    /// The newest `count` events, oldest first.
    pub fn recent(&self, count: usize) -> Vec<Event> {
        self.stream.recent(&self.topic, count)
    }
}

/// What is published gets this topic, and whoever subscribes gets this topic's events.
#[async_trait]
impl Stream for TopicHandle {
    async fn publish(&self, event: Event) -> Result<Receipt, PublishError> {
        self.stream.publish_in(&self.topic, event).await
    }

    async fn subscribe(&self, request: Subscribe) -> Result<Subscription, SubscribeError> {
        self.stream.subscribe_to(&self.topic, request)
    }

    async fn unsubscribe(&self, id: SubscriptionId) -> bool {
        self.stream.unsubscribe(id).await
    }
}
