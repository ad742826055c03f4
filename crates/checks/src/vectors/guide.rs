//! The guide's streams of data, events and messages.
//!
//! Every case runs with handlers that are called and with handlers that are awaited; both must
//! agree.

mod kinds;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{anyhow, ensure};
use millstream::asynchronous::{DataStream, EventStream, ItemHandler, MessageStream};
use serde::Deserialize;
use serde_json::{Value, json};

use self::kinds::Kind;
use super::parse;
use super::streams::ops::block_on;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GuideInput {
    kind: KindName,
    /// Basic and advanced streams are one type here.
    #[serde(default, rename = "advanced")]
    _advanced: bool,
    ops: Vec<Op>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum KindName {
    Data,
    Event,
    Message,
}

#[derive(Deserialize)]
#[serde(tag = "op", rename_all = "snake_case", deny_unknown_fields)]
enum Op {
    #[serde(alias = "emit", alias = "send")]
    Put {
        #[serde(default, alias = "content")]
        data: Value,
        #[serde(default, alias = "type", alias = "receiver")]
        route: String,
    },
    Get {
        timeout: Option<f64>,
    },
    Sub {
        name: String,
        #[serde(default, alias = "type", alias = "receiver")]
        route: String,
        mode: Option<Mode>,
    },
    Unsub {
        name: String,
        #[serde(default, rename = "type", alias = "receiver")]
        _route: String,
    },
    UnsubUnknown,
    Filter {
        gt: f64,
    },
    Transform {
        mul: i64,
    },
    Middleware {
        add: Value,
    },
    OnError {
        #[serde(rename = "for")]
        route: String,
    },
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Mode {
    Fail,
}

/// Operations to `{returns, received}`.
pub(super) fn guide_streams(input: &Value) -> anyhow::Result<Value> {
    let GuideInput { kind, ops, .. } = parse(input)?;
    match kind {
        KindName::Data => both_ways(&ops, DataStream::new),
        KindName::Event => both_ways(&ops, EventStream::new),
        KindName::Message => both_ways(&ops, MessageStream::new),
    }
}

fn both_ways<K: Kind>(ops: &[Op], make: impl Fn() -> K) -> anyhow::Result<Value> {
    let found = block_on(run(&make(), ops, false))?;
    let awaited = block_on(run(&make(), ops, true))?;
    ensure!(found == awaited, "depends on the way: {found} called, {awaited} awaited");
    Ok(found)
}

/// What each handler has received, by name.
#[derive(Clone, Default)]
struct Received(Arc<Mutex<BTreeMap<String, Vec<Value>>>>);

impl Received {
    fn of(&self, name: &str, note: impl FnOnce(&mut Vec<Value>)) {
        let mut received = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        note(received.entry(name.to_owned()).or_default());
    }
}

async fn run<K: Kind>(stream: &K, ops: &[Op], is_async: bool) -> anyhow::Result<Value> {
    let (received, mut handlers, mut returns) = (Received::default(), BTreeMap::new(), Vec::new());
    for op in ops {
        let mut returned = Value::Null;
        match op {
            Op::Sub { name, route, mode } => {
                received.of(name, |_| {});
                let handler = handler(name, received.clone(), mode.is_some(), is_async);
                handlers.insert(name, stream.enter(route, handler)?);
            }
            Op::Unsub { name, .. } => {
                let id = handlers.get(name).ok_or_else(|| anyhow!("unknown handler"))?;
                ensure!(stream.leave(*id), "{name} was not there");
            }
            Op::UnsubUnknown => {
                let id = stream.enter("", ItemHandler::new(|_: &K::Item| {}))?;
                ensure!(stream.leave(id) && !stream.leave(id), "left twice");
            }
            Op::OnError { route } => {
                let (name, received) = (format!("err:{route}"), received.clone());
                received.of(&name, |_| {});
                stream.on_error(route, move |item| {
                    received.of(&name, |received| received.push(K::data(item).clone()));
                })?;
            }
            Op::Put { data, route } => stream.put(route, data.clone()).await?,
            Op::Get { timeout } => returned = stream.get(*timeout).await?,
            Op::Filter { gt } => stream.filter(*gt)?,
            Op::Transform { mul } => {
                let mul = *mul;
                stream.change(move |data| json!(data.as_i64().map(|data| data * mul)))?;
            }
            Op::Middleware { add } => {
                let add = add.clone();
                stream.change(move |data| sum(&data, &add))?;
            }
        }
        returns.push(returned);
    }
    stream.close().await;
    let received = received.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
    Ok(json!({ "returns": returns, "received": received }))
}

fn handler<T: kinds::Carries>(
    name: &str,
    received: Received,
    fails: bool,
    is_async: bool,
) -> ItemHandler<T> {
    let name = name.to_owned();
    let collect = Arc::new(move |item: &T| {
        received.of(&name, |received| received.push(item.data().clone()));
        if fails { Err("a handler fails") } else { Ok(()) }
    });
    if !is_async {
        return ItemHandler::new(move |item: &T| collect(item));
    }
    ItemHandler::asynchronous(move |item: T| {
        let collect = Arc::clone(&collect);
        async move { collect(&item) }
    })
}

/// The sum of numbers, or texts one after the other.
fn sum(data: &Value, add: &Value) -> Value {
    match (data, add) {
        (Value::String(data), Value::String(add)) => json!(format!("{data}{add}")),
        _ => json!(data.as_i64().zip(add.as_i64()).map(|(data, add)| data + add)),
    }
}
