//! Streams with heartbeats, in virtual time: operations one after another beside consumers.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Context;
use futures_util::stream::{BoxStream, StreamExt as _};
use millstream::core::{Stream, Subscribe};
use millstream::model::{Event, Subscription, SubscriptionHandle, SubscriptionId};
use millstream::sse::{SseDelivery, SseStream};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio::time::{Duration, Instant, sleep};

use super::parse;
use super::streams::ops::{self, Publish, Subscribing, block_on};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SseInput {
    new: Defaults,
    ops: Vec<Op>,
}

/// No options.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Defaults {}

#[derive(Deserialize)]
#[serde(tag = "op", rename_all = "snake_case", deny_unknown_fields)]
enum Op {
    Sub(Subscribing),
    Consume { name: String },
    ConsumeUnknown,
    Pub(Publish),
    Sleep { s: f64 },
    Unsub { name: String },
    UnsubUnknown,
    Cancel { name: String },
}

/// What is particular to a kind of stream.
trait Kind: Stream {
    /// A subscription, and its reader: `[type, data]` of each event.
    fn open(&self, request: Subscribe) -> anyhow::Result<(SubscriptionHandle, Reader)>;
    /// Publishes, and says how that went.
    async fn answer(&self, event: Event, clock: Clock) -> Value;
}

type Reader = BoxStream<'static, (&'static str, Value)>;

/// Seconds of virtual time since the case began.
#[derive(Clone, Copy)]
struct Clock(Instant);

impl Clock {
    fn seconds(self) -> f64 {
        self.0.elapsed().as_secs_f64()
    }
}

impl Kind for SseStream {
    fn open(&self, request: Subscribe) -> anyhow::Result<(SubscriptionHandle, Reader)> {
        let subscription = SseStream::open(self, request)?;
        let handle = subscription.handle().clone();
        let noted = subscription.events().map(|delivery| match delivery {
            SseDelivery::Event(event) => noted(&event),
            SseDelivery::Heartbeat => ("heartbeat", Value::Null),
            other => ("other", json!(format!("{other:?}"))),
        });
        Ok((handle, noted.boxed()))
    }

    async fn answer(&self, event: Event, _: Clock) -> Value {
        match self.publish(event).await {
            Ok(_) => json!("ok"),
            Err(error) => json!(format!("error: {error}")),
        }
    }
}

fn noted(event: &Event) -> (&'static str, Value) {
    (event.event_type().as_str(), ops::data(event))
}

/// Operations to `{returns, received, consumers_finished}`.
pub(super) fn sse_stream(input: &Value) -> anyhow::Result<Value> {
    let SseInput { new: Defaults {}, ops } = parse(input)?;
    block_on(async { Case::new(SseStream::default()).run(&ops).await })
}

/// A case under way.
struct Case<S> {
    stream: S,
    clock: Clock,
    subscribers: BTreeMap<String, Subscriber>,
    consumers: Vec<JoinHandle<()>>,
    received: Received,
}

struct Subscriber {
    handle: SubscriptionHandle,
    /// Until somebody consumes it.
    reader: Option<Reader>,
}

/// `[time, type, data]` of what each consumer has seen, by name.
#[derive(Clone, Default)]
struct Received(Arc<Mutex<BTreeMap<String, Vec<Value>>>>);

impl Received {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Vec<Value>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: Kind> Case<S> {
    fn new(stream: S) -> Self {
        Self {
            stream,
            clock: Clock(Instant::now()),
            subscribers: BTreeMap::new(),
            consumers: Vec::new(),
            received: Received::default(),
        }
    }

    async fn run(mut self, ops: &[Op]) -> anyhow::Result<Value> {
        let mut returns = Vec::new();
        for op in ops {
            returns.push(self.step(op).await?);
        }
        let finished: Vec<bool> = self.consumers.iter().map(JoinHandle::is_finished).collect();
        Ok(json!({
            "returns": returns,
            "received": *self.received.lock(),
            "consumers_finished": finished,
        }))
    }

    async fn step(&mut self, op: &Op) -> anyhow::Result<Value> {
        match op {
            Op::Pub(publish) => return Ok(self.stream.answer(publish.event(), self.clock).await),
            Op::Unsub { name } => {
                let id = self.subscriber(name)?.handle.id();
                return Ok(json!(self.stream.unsubscribe(id).await));
            }
            Op::UnsubUnknown => {
                return Ok(json!(self.stream.unsubscribe(SubscriptionId::new()).await));
            }
            Op::ConsumeUnknown => {
                let unknown = Subscription::builder().build();
                let events = unknown.map(|next| next.map(|event| ops::data(&event)).ok());
                return Ok(json!(events.collect::<Vec<_>>().await));
            }
            Op::Sub(subscribing) => {
                let (handle, reader) = self.stream.open(subscribing.request())?;
                let subscriber = Subscriber { handle, reader: Some(reader) };
                self.subscribers.insert(subscribing.name.clone(), subscriber);
            }
            Op::Consume { name } => self.consume(name)?,
            Op::Sleep { s } => sleep(Duration::from_secs_f64(*s)).await,
            Op::Cancel { name } => {
                self.subscriber(name)?.handle.cancel();
            }
        }
        Ok(Value::Null)
    }

    fn subscriber(&mut self, name: &str) -> anyhow::Result<&mut Subscriber> {
        self.subscribers.get_mut(name).context("unknown subscriber")
    }

    /// Starts a task that notes what comes, and when.
    fn consume(&mut self, name: &str) -> anyhow::Result<()> {
        let reader = self.subscriber(name)?.reader.take();
        let mut reader = reader.context("consumed twice")?;
        let (name, clock, received) = (name.to_owned(), self.clock, self.received.clone());
        received.lock().insert(name.clone(), Vec::new());
        self.consumers.push(tokio::spawn(async move {
            while let Some((event_type, data)) = reader.next().await {
                let noted = json!([clock.seconds(), event_type, data]);
                received.lock().entry(name.clone()).or_default().push(noted);
            }
        }));
        Ok(())
    }
}
