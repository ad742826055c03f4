//! The subscribers of a case, and what they received.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context;
use millstream::core::Subscribe;
use millstream::model::{Event, Handler, Subscription};
use serde_json::{Value, json};

use super::ops::{Doing, Subscribing};

/// How subscribers get their events.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Way {
    Handler,
    AsyncHandler,
    Queue,
}

/// What each has received, by name.
#[derive(Debug, Clone, Default)]
struct Received(Arc<Mutex<BTreeMap<String, Vec<Value>>>>);

impl Received {
    fn of(&self, name: &str, note: impl FnOnce(&mut Vec<Value>)) {
        let mut received = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        note(received.entry(name.to_owned()).or_default());
    }
}

pub(super) struct Subscribers {
    way: Way,
    note: fn(&Event) -> Value,
    received: Received,
    subscriptions: BTreeMap<String, (Subscription, Doing)>,
}

impl Subscribers {
    pub(super) fn new(way: Way, note: fn(&Event) -> Value) -> Self {
        Self { way, note, received: Received::default(), subscriptions: BTreeMap::new() }
    }

    /// The request for a subscription that notes what it gets.
    pub(super) fn request(&self, subscribing: &Subscribing) -> Subscribe {
        let (request, doing) = (subscribing.request(), subscribing.handler);
        self.received.of(&subscribing.name, |_| {});
        if doing == Doing::Nothing || self.way == Way::Queue {
            return request;
        }
        let (received, note) = (self.received.clone(), self.note);
        let name = subscribing.name.clone();
        let collect = Arc::new(move |event: &Event| {
            received.of(&name, |received| received.push(note(event)));
            doing.done()
        });
        request.with(match self.way {
            Way::AsyncHandler => Handler::asynchronous(move |event| {
                let collect = Arc::clone(&collect);
                async move { collect(&event) }
            }),
            Way::Handler | Way::Queue => Handler::new(move |event: &Event| collect(event)),
        })
    }

    pub(super) fn enter(&mut self, subscribing: &Subscribing, subscription: Subscription) {
        let entry = (subscription, subscribing.handler);
        self.subscriptions.insert(subscribing.name.clone(), entry);
    }

    pub(super) fn get(&self, name: &str) -> anyhow::Result<&Subscription> {
        let (subscription, _) = self.subscriptions.get(name).context("unknown subscriber")?;
        Ok(subscription)
    }

    /// What each has received when all is done.
    pub(super) async fn finish(mut self) -> Value {
        for (name, (subscription, doing)) in &mut self.subscriptions {
            if *doing == Doing::Nothing {
                continue;
            }
            while let Some(next) = subscription.next().await {
                let noted = match next {
                    Ok(event) => (self.note)(&event),
                    Err(lagged) => json!(lagged.to_string()),
                };
                self.received.of(name, |received| received.push(noted));
            }
        }
        json!(*self.received.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
