//! Pipelines from a stream through stages into sinks.
//!
//! The stages are known at run time only, so their types are forgotten.

use std::collections::BTreeMap;

use millstream::model::Metadata;
use millstream::{Event, EventType, InMemoryStream, Stream as _, StreamProcessor};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Map, Value, json};

use super::parse;
use super::streams::ops::{self, block_on};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ProcessorInput {
    chain: Vec<Link>,
    publish: Vec<Publish>,
}

/// A call on the pipeline.
#[derive(Deserialize, Clone)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Link {
    Filter(Predicate),
    Map(Change),
    Sink(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Publish {
    data: Value,
    #[serde(default, rename = "type")]
    event_type: EventType,
    #[serde(default)]
    metadata: Map<String, Value>,
}

#[derive(Deserialize, Clone)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Predicate {
    Always(bool),
    DataGt(f64),
    DataKeyEq(String, Value),
    TypeIs(EventType),
    /// Fails by a panic, as what the original raised.
    Fail(String),
}

#[derive(Deserialize, Clone)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Change {
    DataAdd(i64),
    DataMul(i64),
    DataMerge(Map<String, Value>),
    TypeSet(EventType),
    MetaSet(String, Value),
    Drop(IgnoredAny),
}

/// A chain and events to what each sink got.
pub(super) fn processor(input: &Value) -> anyhow::Result<Value> {
    let ProcessorInput { chain, publish } = parse(input)?;
    block_on(run(chain, publish))
}

async fn run(chain: Vec<Link>, publish: Vec<Publish>) -> anyhow::Result<Value> {
    let (source, mut sinks) = (InMemoryStream::new(), BTreeMap::new());
    let mut processor = StreamProcessor::new(source.clone()).boxed();
    for link in chain {
        processor = match link {
            Link::Filter(asked) => {
                processor.filter(move |event: &Event| asked.holds(event)).boxed()
            }
            Link::Map(change) => processor.filter_map(move |event| change.apply(&event)).boxed(),
            Link::Sink(name) => {
                let sink: &mut InMemoryStream = sinks.entry(name).or_default();
                processor.sink(sink.clone())
            }
        };
    }
    let running = processor.start().await?;
    for event in publish {
        source.publish(event.event()).await?;
    }
    running.drain().await?;
    let got = |stream: &InMemoryStream| -> Value {
        stream.recent(stream.capacity()).iter().map(shown).collect()
    };
    let sinks: Map<String, Value> =
        sinks.iter().map(|(name, sink)| (name.clone(), got(sink))).collect();
    Ok(json!({ "sinks": sinks }))
}

fn shown(event: &Event) -> Value {
    let metadata: Map<String, Value> =
        event.metadata().iter().map(|(name, value)| (name.to_owned(), value.clone())).collect();
    json!({ "data": ops::data(event), "type": event.event_type(), "metadata": metadata })
}

impl Publish {
    fn event(self) -> Event {
        let metadata: Metadata = self.metadata.into_iter().collect();
        millstream::create_event(self.data, self.event_type, metadata)
    }
}

impl Predicate {
    fn holds(&self, event: &Event) -> bool {
        let data = || ops::data(event);
        match self {
            Self::Always(verdict) => *verdict,
            Self::DataGt(bound) => data().as_f64().is_some_and(|data| data > *bound),
            Self::DataKeyEq(key, value) => data().get(key) == Some(value),
            Self::TypeIs(event_type) => event.event_type() == *event_type,
            // A panic as any other, but one that no hook writes about.
            Self::Fail(kind) => std::panic::resume_unwind(Box::new(kind.clone())),
        }
    }
}

impl Change {
    fn apply(&self, event: &Event) -> Option<Event> {
        let (changed, mut data) = (event.to_builder(), ops::data(event));
        let changed = match self {
            Self::DataAdd(n) => changed.data(json!(data.as_i64()? + n)),
            Self::DataMul(n) => changed.data(json!(data.as_i64()? * n)),
            Self::DataMerge(more) => {
                data.as_object_mut()?.extend(more.clone());
                changed.data(data)
            }
            Self::TypeSet(event_type) => changed.event_type(*event_type),
            Self::MetaSet(name, value) => changed.meta(name, value.clone()),
            Self::Drop(_) => return None,
        };
        Some(changed.build())
    }
}
