//! A reader over a WebSocket, cut at random, that goes on where it was on whichever server answers.

use anyhow::{Context, bail, ensure};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, client_async};

use super::log::{Target, mark_of_event};
use super::reader::{PAUSE, Read, SILENCE};
use super::stage::Stage;

/// Events after which a connection is cut at the latest.
const CUT_EVENTS_MAX: usize = 500;

/// Reads all of a topic from its beginning.
pub(super) async fn read(
    stage: Stage,
    target: &Target,
    mut random: fastrand::Rng,
) -> anyhow::Result<Read> {
    let Target::Topic(topic) = target else { bail!("expected a topic, found {target:?}") };
    let (mut read, mut last) = (Read::default(), None::<String>);
    while !stage.is_all(&target.path(), read.marks.len()) {
        let opened = timeout(stage.answer_timeout(), open(&stage, topic, last.as_deref())).await;
        let Ok(Ok(mut socket)) = opened else {
            sleep(PAUSE).await;
            continue;
        };
        for _ in 0..random.usize(1..CUT_EVENTS_MAX) {
            // Silence or the end of the connection: whether there is more is to be looked at.
            let Ok(Some(Ok(message))) = timeout(SILENCE, socket.next()).await else { break };
            let Message::Text(text) = message else { continue };
            let message: Value = serde_json::from_str(&text)?;
            if is_outage(&message) {
                break;
            }
            let refused = message.get("error").or(message.get("gap"));
            ensure!(refused.is_none(), "expected an event, got {message}");
            if let Some(event) = message.get("event") {
                read.marks
                    .push(mark_of_event(event.get("data").context("an event without data")?)?);
                let resume = message.get("resume").and_then(Value::as_str);
                last = Some(resume.context("an event without a token")?.to_owned());
            }
        }
        read.cuts += 1;
    }
    Ok(read)
}

async fn open(
    stage: &Stage,
    topic: &str,
    last: Option<&str>,
) -> anyhow::Result<WebSocketStream<TcpStream>> {
    let address = stage.address().await?;
    let tcp = TcpStream::connect(address).await?;
    let (mut socket, _) = client_async(format!("ws://{address}/ws"), tcp).await?;
    let mut subscribe = json!({"id": "s", "topics": [topic]});
    let (how, from) = last.map_or(("from", "earliest"), |last| ("resume", last));
    if let Some(fields) = subscribe.as_object_mut() {
        fields.insert(how.to_owned(), json!(from));
    }
    let command = json!({ "subscribe": subscribe }).to_string();
    socket.send(Message::text(command)).await?;
    Ok(socket)
}

/// Whether the server says that it cannot do it now.
fn is_outage(message: &Value) -> bool {
    let status = message.pointer("/error/problem/status").and_then(Value::as_u64);
    status.is_some_and(|status| status >= 500)
}
