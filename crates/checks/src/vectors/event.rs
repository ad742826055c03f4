//! Events as dictionaries, and which of them a subscription receives.

use millstream::create_event;
use millstream::model::{Event, EventType, Metadata, Subscription};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::parse;

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum EventInput {
    Dict(Value),
    Create(Created),
}

/// Arguments of `create_event`; what has another name is metadata.
#[derive(Deserialize)]
struct Created {
    #[serde(default)]
    data: Value,
    #[serde(default, rename = "type", alias = "event_type")]
    event_type: EventType,
    #[serde(default)]
    metadata: Map<String, Value>,
    #[serde(flatten)]
    names: Map<String, Value>,
}

/// A dictionary to `{dict}` or `{error}`, arguments to the keys of the dictionary.
pub(super) fn event_dict(input: &Value) -> anyhow::Result<Value> {
    match parse(input)? {
        EventInput::Dict(dict) => Ok(match Event::from_dict(&dict) {
            Ok(event) => json!({ "dict": event.to_dict()? }),
            Err(error) => json!({ "error": error.to_string() }),
        }),
        EventInput::Create(Created { data, event_type, metadata, names }) => {
            let metadata: Metadata = metadata.into_iter().chain(names).collect();
            Ok(create_event(data, event_type, metadata).to_dict()?)
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Receipt {
    active: bool,
    topic: String,
    event_topic: Option<String>,
    filter: Filter,
    #[serde(default)]
    cancel: usize,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Filter {
    None,
    True,
    False,
}

/// A subscription and an event to whether the one receives the other.
pub(super) fn should_receive(input: &Value) -> anyhow::Result<Value> {
    let Receipt { active, topic, event_topic, filter, cancel } = parse(input)?;
    let builder = Subscription::builder().topic(topic);
    let subscription = match filter {
        Filter::None => builder.build(),
        Filter::True => builder.filter(|_: &Event| true).build(),
        Filter::False => builder.filter(|_: &Event| false).build(),
    };
    for _ in 0..cancel + usize::from(!active) {
        subscription.cancel();
    }
    let event = match event_topic {
        Some(topic) => Event::builder().meta("topic", topic),
        None => Event::builder(),
    };
    Ok(subscription.should_receive(&event.build()).into())
}
