//! What one client reads, under the names that it gave.

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::select_all;
use serde_json::{Value, json};
use stream_model::{ErrorClass, Topic};
use stream_protocol::session::{Input, Notice, Source};
use stream_protocol::ws::Refusal;
use stream_protocol::{CloseCode, Problem, SUBSCRIPTIONS_MAX};

use super::outbox::Outbox;
use crate::limits::TOPICS_PER_READER;
use crate::many::{ManyReader, Seen};
use crate::metrics::{Kind, Metrics, ReaderMeter};

/// Which subscription something happened to, and which of its topics.
#[derive(Debug, Clone)]
pub(super) struct Place {
    subscription: Arc<str>,
    topic: Option<Topic>,
}

impl Source for Place {
    fn topic(&self) -> Option<&Topic> {
        self.topic.as_ref()
    }
}

/// One subscription.
struct Subscription {
    id: Arc<str>,
    reader: ManyReader,
    /// Where the client stands.
    token: String,
    meter: ReaderMeter,
}

/// All subscriptions of a client.
pub(super) struct Subscriptions {
    metrics: Arc<Metrics>,
    all: Vec<Subscription>,
    /// Which one is looked at first, so that a busy one does not starve the others.
    first: usize,
}

impl Subscriptions {
    pub(super) fn new(metrics: &Arc<Metrics>) -> Self {
        Self { metrics: Arc::clone(metrics), all: Vec::new(), first: 0 }
    }

    /// Whether a subscription of this name can be added.
    ///
    /// # Errors
    /// There is one of this name, or there are too many.
    pub(super) fn check(&self, id: &str) -> Result<(), Problem> {
        let (class, name, title) = if self.find(id).is_some() {
            (ErrorClass::Conflict, "subscription-exists", "There is a subscription of this id")
        } else if self.all.len() >= SUBSCRIPTIONS_MAX {
            (ErrorClass::TooLarge, "too-many-subscriptions", "Too many subscriptions")
        } else {
            return Ok(());
        };
        Err(Problem::new(class, name, title).with("limit", SUBSCRIPTIONS_MAX))
    }

    /// Adds a subscription, and answers where it stands.
    pub(super) fn add(&mut self, id: String, reader: ManyReader) -> Value {
        let token = reader.token().unwrap_or_default();
        let answer = json!({"subscribed": {"id": id}, "resume": token});
        let meter = self.metrics.reader(Kind::Topic);
        self.all.push(Subscription { id: id.into(), reader, token, meter });
        answer
    }

    /// Ends a subscription, and answers where it stood.
    ///
    /// # Errors
    /// There is none of this name.
    pub(super) fn remove(&mut self, id: &str) -> Result<Value, Refusal> {
        let Some(index) = self.find(id) else {
            let title = "There is no subscription of this id";
            let problem = Problem::new(ErrorClass::NotFound, "subscription-unknown", title);
            return Err(Refusal { id: Some(id.to_owned()), problem });
        };
        let ended = self.all.remove(index);
        Ok(json!({"unsubscribed": {"id": id}, "resume": ended.token}))
    }

    /// Topics that are followed, one that two subscriptions take counted twice.
    pub(super) fn topics(&self) -> usize {
        self.all.iter().map(|subscription| subscription.reader.topics()).sum()
    }

    fn find(&self, id: &str) -> Option<usize> {
        self.all.iter().position(|subscription| &*subscription.id == id)
    }

    /// Takes what is there, without waiting.
    pub(super) fn try_next(&mut self) -> Option<(Place, Seen)> {
        let count = self.all.len();
        for index in (0..count).map(|step| (self.first + step) % count) {
            let subscription = &mut self.all[index];
            if let Some(seen) = subscription.reader.try_next() {
                self.first = index + 1;
                return Some((subscription.place(&seen), seen));
            }
        }
        None
    }

    /// Takes what is next, waiting for it; for ever if there is no subscription.
    ///
    /// Dropping the future loses nothing.
    pub(super) async fn next(&mut self) -> (Place, Seen) {
        if self.all.is_empty() {
            return std::future::pending().await;
        }
        let nexts = self.all.iter_mut().map(|subscription| subscription.reader.next().boxed());
        let (seen, index, _) = select_all(nexts).await;
        (self.all[index].place(&seen), seen)
    }

    /// Writes an event; says what the session must hear.
    pub(super) fn handle(
        &mut self,
        place: Place,
        seen: Seen,
        outbox: &mut Outbox,
    ) -> Option<Input<Place>> {
        let index = self.find(&place.subscription)?;
        let code = match (seen, self.all[index].reader.token()) {
            // A topic may have been made.
            (Seen::Nothing, _) if self.topics() > TOPICS_PER_READER => CloseCode::TooManyTopics,
            (Seen::Nothing, _) => return None,
            (Seen::End(code), _) => code,
            (_, None) => CloseCode::TooManyTopics,
            (seen, Some(token)) => {
                let subscription = &mut self.all[index];
                subscription.token = token;
                return subscription.take(place, seen, outbox);
            }
        };
        let ended = self.all.remove(index);
        ended.say(&Notice::Disconnect(code), outbox);
        Some(Input::Delivered)
    }

    /// Writes what the server itself says: of one subscription, or of all.
    pub(super) fn notice(&self, notice: &Notice<Place>, outbox: &mut Outbox) {
        match notice {
            Notice::Gap(place, _) | Notice::Deleted(place) => {
                if let Some(concerned) = self.all.iter().find(|one| one.id == place.subscription) {
                    concerned.say(notice, outbox);
                }
            }
            // Every subscription hears where it stands.
            Notice::Disconnect(_) if !self.all.is_empty() => {
                self.all.iter().for_each(|subscription| subscription.say(notice, outbox));
            }
            Notice::Hello | Notice::Heartbeat | Notice::Disconnect(_) => {
                outbox.notice(notice, None);
            }
        }
    }

    pub(super) fn begin_drain(&mut self) {
        self.all.iter_mut().for_each(|subscription| subscription.reader.begin_drain());
    }

    pub(super) fn are_drained(&self) -> bool {
        self.all.iter().all(|subscription| subscription.reader.is_drained())
    }
}

impl Subscription {
    fn place(&self, seen: &Seen) -> Place {
        let topic = match seen {
            Seen::Gap(topic, _) | Seen::Deleted(topic) => Some(topic.clone()),
            Seen::Event(_) | Seen::Nothing | Seen::End(_) => None,
        };
        Place { subscription: Arc::clone(&self.id), topic }
    }

    fn take(&mut self, place: Place, seen: Seen, outbox: &mut Outbox) -> Option<Input<Place>> {
        match seen {
            Seen::Event(item) => {
                self.meter.delivered();
                self.meter.flush();
                outbox.event(&item, &self.id, &self.token);
                Some(Input::Delivered)
            }
            Seen::Gap(_, gap) => {
                self.meter.gap(&gap);
                Some(Input::Gap(place, gap))
            }
            Seen::Deleted(_) => Some(Input::Deleted(place)),
            Seen::Nothing | Seen::End(_) => None,
        }
    }

    fn say(&self, notice: &Notice<Place>, outbox: &mut Outbox) {
        outbox.notice(notice, Some((&self.id, &self.token)));
    }
}
