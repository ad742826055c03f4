//! WebSocket clients, over sockets that write down what is sent, or fail.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use anyhow::bail;
use millstream::asynchronous::{Frame, Transport, WebSocketStream};
use millstream::core::Stream;
use millstream::model::{BoxError, Event};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::{Duration, sleep};

use super::parse;
use super::streams::ops::block_on;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WebSocketInput {
    ops: Vec<Op>,
}

#[derive(Deserialize)]
#[serde(tag = "op", rename_all = "snake_case", deny_unknown_fields)]
enum Op {
    /// With a kind, sending fails.
    Connect {
        id: String,
        kind: Option<String>,
    },
    Disconnect {
        id: String,
    },
    SendTo {
        id: String,
        data: Value,
    },
    Broadcast {
        data: Value,
    },
    Clients,
    Settle,
}

/// Operations to `{returns, sent}`.
pub(super) fn websocket(input: &Value) -> anyhow::Result<Value> {
    let WebSocketInput { ops } = parse(input)?;
    block_on(async {
        let (stream, sent) = (WebSocketStream::new(), Sent::default());
        let mut returns = Vec::new();
        for op in &ops {
            returns.push(step(&stream, &sent, op).await?);
        }
        Ok(json!({ "returns": returns, "sent": sent.data()? }))
    })
}

async fn step(stream: &WebSocketStream, sent: &Sent, op: &Op) -> anyhow::Result<Value> {
    match op {
        Op::Connect { id, kind } => {
            let socket = Socket { id: id.clone(), failure: kind.clone(), sent: sent.clone() };
            sent.texts(|sent| {
                sent.entry(id.clone()).or_default();
            });
            stream.connect(id, socket)?;
        }
        Op::Disconnect { id } => {
            stream.disconnect(id);
        }
        Op::SendTo { id, data } => {
            return Ok(json!(stream.send_to(id, Event::new(data.clone())).await));
        }
        Op::Broadcast { data } => {
            stream.publish(Event::new(data.clone())).await?;
        }
        Op::Clients => {
            return Ok(stream.clients().iter().map(|id| Value::from(&**id)).collect());
        }
        Op::Settle => sleep(Duration::from_millis(1)).await,
    }
    Ok(Value::Null)
}

/// What was sent to each client.
#[derive(Clone, Default)]
struct Sent(Arc<Mutex<BTreeMap<String, VecDeque<Arc<str>>>>>);

impl Sent {
    fn texts<O>(&self, look: impl FnOnce(&mut BTreeMap<String, VecDeque<Arc<str>>>) -> O) -> O {
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The data of the events, each of which is a message.
    fn data(&self) -> anyhow::Result<Value> {
        let sent = self.texts(|sent| sent.clone());
        let mut data = BTreeMap::new();
        for (id, texts) in sent {
            let mut events = Vec::new();
            for text in texts {
                let dict: Value = serde_json::from_str(&text)?;
                if Event::from_dict(&dict).is_err() {
                    bail!("not an event: {text}");
                }
                events.push(dict["data"].clone());
            }
            data.insert(id, events);
        }
        Ok(json!(data))
    }
}

/// A connection whose other side says nothing.
struct Socket {
    id: String,
    failure: Option<String>,
    sent: Sent,
}

impl Transport for Socket {
    fn poll_receive(&mut self, _: &mut Context<'_>) -> Poll<Option<Result<Frame, BoxError>>> {
        Poll::Pending
    }

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn start_send(&mut self, frame: Frame) -> Result<(), BoxError> {
        if let Some(failure) = &self.failure {
            return Err(failure.clone().into());
        }
        if let Frame::Text(text) = frame {
            self.sent.texts(|sent| sent.entry(self.id.clone()).or_default().push_back(text));
        }
        Ok(())
    }

    fn poll_flush(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }
}
