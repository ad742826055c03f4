//! Streams with heartbeats, in virtual time: operations one after another beside consumers.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Context, bail};
use futures_util::FutureExt as _;
use futures_util::stream::{BoxStream, StreamExt as _};
use millstream::asynchronous::{AsyncStream, AsyncStreamOptions};
use millstream::core::{PublishError, Stream, Subscribe};
use millstream::model::{Event, Lagged, Subscription, SubscriptionHandle, SubscriptionId};
use millstream::sse::{SseDelivery, SseStream};
use serde::Deserialize;
use serde_json::{Map, Value, json};
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
#[serde(deny_unknown_fields)]
struct AsyncInput {
    new: AsyncOptions,
    ops: Vec<Op>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AsyncOptions {
    buffer_size: Option<usize>,
    #[serde(default = "yes")]
    enable_backpressure: bool,
}

fn yes() -> bool {
    true
}

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
    PubMany { n: u64 },
    Queued { name: String },
    Start,
    Stop,
}

/// What is particular to a kind of stream.
trait Kind: Stream {
    /// A subscription, and its reader: `[type, data]` of each event.
    fn open(&self, request: Subscribe) -> anyhow::Result<(SubscriptionHandle, Reader)>;
    /// Publishes, and says how that went.
    async fn answer(&self, event: Event, clock: Clock) -> Value;
    /// Starts it, if that is something it does.
    fn start(&self) -> anyhow::Result<()>;
    /// Stops it, if that is something it does.
    async fn stop(&self) -> anyhow::Result<()>;
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

    fn start(&self) -> anyhow::Result<()> {
        bail!("not an operation of this stream")
    }

    async fn stop(&self) -> anyhow::Result<()> {
        bail!("not an operation of this stream")
    }
}

impl Kind for AsyncStream {
    fn open(&self, request: Subscribe) -> anyhow::Result<(SubscriptionHandle, Reader)> {
        let subscription = self.subscribe(request).now_or_never();
        let subscription = subscription.context("subscribing waits")??;
        let handle = subscription.handle().clone();
        let noted = self.consume(subscription).map(|next| match next {
            Ok(event) => noted(&event),
            Err(Lagged { missed }) => (MISSED, json!(missed)),
        });
        Ok((handle, noted.boxed()))
    }

    async fn answer(&self, event: Event, clock: Clock) -> Value {
        let is_published = match self.publish(event).await {
            Ok(_) => true,
            Err(PublishError::TimedOut { .. }) => false,
            Err(error) => return json!(format!("error: {error}")),
        };
        json!([is_published, clock.seconds()])
    }

    fn start(&self) -> anyhow::Result<()> {
        AsyncStream::start(self);
        Ok(())
    }

    async fn stop(&self) -> anyhow::Result<()> {
        AsyncStream::stop(self).await;
        Ok(())
    }
}

/// What stands for a gap, in the place of an event's type.
const MISSED: &str = "missed";

fn noted(event: &Event) -> (&'static str, Value) {
    (event.event_type().as_str(), ops::data(event))
}

/// Operations to `{returns, received, consumers_finished}`.
pub(super) fn sse_stream(input: &Value) -> anyhow::Result<Value> {
    let SseInput { new: Defaults {}, ops } = parse(input)?;
    block_on(async { Case::new(SseStream::default()).run(&ops).await })
}

/// Operations to `{returns, received, consumers_finished, dropped}`.
pub(super) fn async_stream(input: &Value) -> anyhow::Result<Value> {
    let AsyncInput { new, ops } = parse(input)?;
    let mut options = AsyncStreamOptions::default().backpressure(new.enable_backpressure);
    if let Some(events) = new.buffer_size {
        options = options.buffer(events);
    }
    block_on(async { Case::new(AsyncStream::with_options(options)?).run(&ops).await })
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
        let missed = |(name, subscriber): (&String, &Subscriber)| {
            let missed = subscriber.handle.counts().missed;
            (missed > 0).then(|| (name.clone(), json!(missed)))
        };
        let dropped: Map<String, Value> = self.subscribers.iter().filter_map(missed).collect();
        Ok(json!({
            "dropped": dropped,
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
            Op::PubMany { n } => return self.publish_many(*n).await,
            Op::Queued { name } => return self.queued(name),
            Op::Start => self.stream.start()?,
            Op::Stop => self.stream.stop().await?,
        }
        Ok(Value::Null)
    }

    /// Publishes so many events, and counts those that were taken.
    async fn publish_many(&self, count: u64) -> anyhow::Result<Value> {
        let mut taken = 0;
        for number in 0..count {
            let is_taken = self.stream.publish(Event::new(json!(number))).await.is_ok();
            taken += u64::from(is_taken);
        }
        Ok(json!(taken))
    }

    /// Takes what waits for a subscriber, and counts the events.
    fn queued(&mut self, name: &str) -> anyhow::Result<Value> {
        let reader = self.subscriber(name)?.reader.as_mut().context("somebody consumes it")?;
        let mut events = 0;
        while let Some(Some((event_type, _))) = reader.next().now_or_never() {
            events += u64::from(event_type != MISSED);
        }
        Ok(json!(events))
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
