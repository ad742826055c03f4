//! Streams in memory: operations one after another, and what each subscriber received.
//!
//! Every case runs with handlers that are called, with handlers that are awaited, and with queues
//! that are read; all must agree.

pub(super) mod ops;
mod subscribers;

use anyhow::{Context, bail, ensure};
use millstream::core::{InMemoryStream, Stream, TopicStream, broadcast};
use millstream::model::{Event, Topic};
use serde::Deserialize;
use serde_json::{Value, json};

use self::ops::{Publish, Subscribing, block_on};
use self::subscribers::{Subscribers, Way};
use super::parse;

/// Events that a stream remembers by default, and more than any case publishes.
const MANY: usize = 1000;

#[derive(Deserialize)]
#[serde(untagged, deny_unknown_fields)]
enum InMemoryInput {
    Many { publish_n: u64, recent: usize },
    Ops { capacity: Option<usize>, ops: Vec<Op> },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TopicInput {
    ops: Vec<Op>,
}

#[derive(Deserialize)]
#[serde(tag = "op", rename_all = "lowercase", deny_unknown_fields)]
enum Op {
    Pub(Publish),
    Sub(Subscribing),
    Unsub { name: String },
    Cancel { name: String },
    Recent { count: Option<usize>, topic: Option<String> },
    List,
    Touch { topic: String },
}

/// What is particular to a kind of stream.
trait Kind: Stream {
    /// What is written down of an event.
    fn note(event: &Event) -> Value;
    /// An operation that not every stream has.
    fn look(&self, op: &Op) -> anyhow::Result<Value>;
    /// Ends the stream, and waits for its handlers.
    async fn end(&self);
}

impl Kind for InMemoryStream {
    fn note(event: &Event) -> Value {
        ops::data(event)
    }

    fn look(&self, op: &Op) -> anyhow::Result<Value> {
        let Op::Recent { count: Some(count), topic: None } = op else {
            bail!("not an operation of this stream")
        };
        Ok(self.recent(*count).iter().map(Self::note).collect())
    }

    async fn end(&self) {
        self.close().await;
    }
}

impl Kind for TopicStream {
    fn note(event: &Event) -> Value {
        json!([event.topic(), ops::data(event)])
    }

    fn look(&self, op: &Op) -> anyhow::Result<Value> {
        match op {
            Op::List => Ok(json!(self.topics())),
            Op::Recent { count, topic: Some(topic) } => {
                let recent = self.recent(&Topic::new(topic)?, count.unwrap_or(MANY));
                Ok(recent.iter().map(Self::note).collect())
            }
            Op::Touch { topic } => {
                self.topic(&Topic::new(topic)?)?;
                Ok(Value::Null)
            }
            _ => bail!("not an operation of this stream"),
        }
    }

    async fn end(&self) {
        self.close().await;
    }
}

/// Operations to `{returns, received}`, or how many to publish to `{len, first, last}`.
pub(super) fn in_memory(input: &Value) -> anyhow::Result<Value> {
    match parse(input)? {
        InMemoryInput::Many { publish_n, recent } => publish_many(publish_n, recent),
        InMemoryInput::Ops { capacity, ops } => every_way(&ops, || {
            capacity.map_or_else(InMemoryStream::new, InMemoryStream::with_capacity)
        }),
    }
}

/// Operations to `{returns, received}`.
pub(super) fn topic_stream(input: &Value) -> anyhow::Result<Value> {
    let TopicInput { ops } = parse(input)?;
    every_way(&ops, TopicStream::new)
}

fn publish_many(count: u64, recent: usize) -> anyhow::Result<Value> {
    let stream = InMemoryStream::new();
    for number in 0..count {
        stream.try_publish(Event::new(json!(number)))?;
    }
    let recent: Vec<Value> = stream.recent(recent).iter().map(ops::data).collect();
    Ok(json!({ "len": recent.len(), "first": recent.first(), "last": recent.last() }))
}

fn every_way<S: Kind>(ops: &[Op], make: impl Fn() -> S) -> anyhow::Result<Value> {
    let run = |way| block_on(run(&make(), ops, way));
    let found = run(Way::Handler)?;
    for way in [Way::AsyncHandler, Way::Queue] {
        let other = run(way)?;
        ensure!(other == found, "depends on the way: {found} by handlers, {other} by {way:?}");
    }
    Ok(found)
}

async fn run<S: Kind>(stream: &S, ops: &[Op], way: Way) -> anyhow::Result<Value> {
    let mut subscribers = Subscribers::new(way, S::note);
    let mut returns = Vec::new();
    for op in ops {
        returns.push(match op {
            Op::Pub(publish) => match stream.publish(publish.event()).await {
                Ok(_) => json!("ok"),
                Err(error) => json!(format!("error: {error}")),
            },
            Op::Sub(subscribing) => {
                let request = subscribers.request(subscribing);
                subscribers.enter(subscribing, stream.subscribe(request).await?);
                Value::Null
            }
            Op::Unsub { name } => json!(stream.unsubscribe(subscribers.get(name)?.id()).await),
            Op::Cancel { name } => {
                subscribers.get(name)?.cancel();
                Value::Null
            }
            other => stream.look(other)?,
        });
    }
    stream.end().await;
    Ok(json!({ "returns": returns, "received": subscribers.finish().await }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BroadcastInput {
    streams: Vec<Health>,
}

#[derive(Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Health {
    Ok,
    Fail,
}

/// Streams to `{recent, result}`; one that fails is closed.
pub(super) fn broadcasts(input: &Value) -> anyhow::Result<Value> {
    let BroadcastInput { streams: healths } = parse(input)?;
    block_on(async {
        let mut streams = Vec::new();
        for health in &healths {
            let stream = InMemoryStream::new();
            if *health == Health::Fail {
                stream.close().await;
            }
            streams.push(stream);
        }
        let targets: Vec<&dyn Stream> = streams.iter().map(|stream| stream as _).collect();
        let report = broadcast(&targets, Event::new(json!(7))).await;
        let failures: Vec<usize> = report.failures().map(|(index, _)| index).collect();
        let failing = healths.iter().enumerate().filter(|(_, health)| **health == Health::Fail);
        let failing: Vec<usize> = failing.map(|(index, _)| index).collect();
        ensure!(failures == failing, "wrong streams are reported: {failures:?}");
        let recent = |stream: &InMemoryStream| -> Value {
            stream.recent(MANY).iter().map(ops::data).collect()
        };
        let recent: Vec<Value> = streams.iter().map(recent).collect();
        Ok(json!({ "recent": recent, "result": if report.is_ok() { "ok" } else { "error" } }))
    })
    .context("broadcast")
}
