//! Readers that are cut at random, and go on where they were.

use std::time::Duration;

use anyhow::{Context, bail, ensure};
use serde_json::Value;
use tokio::time::{sleep, timeout};

use super::log::{Target, mark_of_event, marks_of_lines};
use super::mark::Mark;
use super::pages::Pages;
use super::stage::Stage;
use super::web_socket;
use crate::reader::{Reader, Refused, Seen};

/// Bytes after which a connection is cut at the latest, but for an event that is longer.
const CUT_BYTES_MAX: usize = 64 << 10;

/// How much further than that a connection may go whose events are longer.
const PATIENCE_MAX: usize = 64;

/// Silence after which a live reader looks whether it has all.
pub(super) const SILENCE: Duration = Duration::from_millis(300);

/// How long a reader at the end waits before it asks again.
pub(super) const PAUSE: Duration = Duration::from_millis(20);

/// One in so many requests for a page is cut.
const CUT_ONE_IN: u32 = 8;

/// How a log is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// Server-sent events.
    Sse,
    /// A WebSocket.
    WebSocket,
    /// Long polls of a durable stream.
    LongPoll,
    /// Pages of history, asked for again and again.
    CatchUp,
}

/// What a reader has read.
#[derive(Debug, Default)]
pub(super) struct Read {
    pub(super) marks: Vec<Mark>,
    /// How often it was cut.
    pub(super) cuts: u64,
}

/// Reads all of `target` from its beginning, cut at random by `seed`.
pub(super) async fn read(
    stage: Stage,
    target: Target,
    way: Way,
    seed: u64,
) -> anyhow::Result<Read> {
    let random = fastrand::Rng::with_seed(seed);
    match way {
        Way::Sse => live(stage, &target, random).await,
        Way::WebSocket => web_socket::read(stage, &target, random).await,
        Way::LongPoll => pages(stage, target, true, random).await,
        Way::CatchUp => pages(stage, target, false, random).await,
    }
}

/// Reads `target` once, from its beginning to its present tail.
pub(super) async fn read_to_tail(stage: Stage, target: Target) -> anyhow::Result<Vec<Mark>> {
    let mut pages = Pages::new(stage, target);
    while pages.next(false).await? > 0 {}
    Ok(pages.into_marks())
}

/// Pages, some of which are cut and asked for again.
async fn pages(
    stage: Stage,
    target: Target,
    is_long_poll: bool,
    mut random: fastrand::Rng,
) -> anyhow::Result<Read> {
    let path = target.path();
    let mut pages = Pages::new(stage.clone(), target);
    let mut cuts = 0;
    while !stage.is_all(&path, pages.marks().len()) {
        if random.u32(..CUT_ONE_IN) == 0 {
            pages.cut(is_long_poll, cut_bytes(&mut random)).await?;
            cuts += 1;
        }
        if pages.next(is_long_poll).await? == 0 && !is_long_poll {
            sleep(PAUSE).await;
        }
    }
    Ok(Read { marks: pages.into_marks(), cuts })
}

/// Server-sent events: a connection is read for a random number of bytes, then dropped.
async fn live(stage: Stage, target: &Target, mut random: fastrand::Rng) -> anyhow::Result<Read> {
    let mut read = Read::default();
    let mut position = Position::start(target);
    let mut patience = 1;
    while !stage.is_all(&target.path(), read.marks.len()) {
        let address = stage.address().await?;
        let (url, id) = position.request(&format!("http://{address}{}", target.path()));
        let mut reader = match timeout(stage.answer_timeout(), Reader::open(&url, id)).await {
            Ok(Ok(Some(reader))) => reader,
            Ok(Ok(None)) => bail!("{url} has an end"),
            Ok(Err(error)) if is_refusal(&error) => return Err(error),
            _ => {
                sleep(PAUSE).await;
                continue;
            }
        };
        let bytes = cut_bytes(&mut random).saturating_mul(patience);
        // What came before the silence, or before the connection broke, counts.
        let seen = match timeout(SILENCE, reader.read_bytes(bytes)).await {
            Ok(Ok(seen)) => seen,
            _ => reader.take(),
        };
        let before = read.marks.len();
        position.advance(&seen, reader.last_event_id(), &mut read.marks)?;
        // An event longer than every cut would never arrive.
        let has_come = read.marks.len() > before;
        patience = if has_come { 1 } else { (patience * 2).min(PATIENCE_MAX) };
        read.cuts += 1;
    }
    Ok(read)
}

/// A number of bytes, as often of each magnitude as of any other.
fn cut_bytes(random: &mut fastrand::Rng) -> usize {
    let magnitude = random.u32(4..CUT_BYTES_MAX.ilog2());
    random.usize(1 << magnitude..2 << magnitude)
}

/// Where a reader of server-sent events goes on.
enum Position {
    /// The last event's id.
    Topic(Option<String>),
    /// What the last control event said.
    Stream(String),
}

impl Position {
    fn start(target: &Target) -> Self {
        match target {
            Target::Topic(_) => Self::Topic(None),
            Target::Stream(_) => Self::Stream("-1".to_owned()),
        }
    }

    fn request(&self, url: &str) -> (String, Option<&str>) {
        match self {
            Self::Topic(id) => (format!("{url}?from=earliest"), id.as_deref()),
            Self::Stream(offset) => (format!("{url}?offset={offset}&live=sse"), None),
        }
    }

    /// Takes what a connection brought, up to the last place from which one can go on.
    fn advance(
        &mut self,
        seen: &[Seen],
        last_event_id: &str,
        marks: &mut Vec<Mark>,
    ) -> anyhow::Result<()> {
        match self {
            Self::Topic(id) => {
                for Seen { event, data, .. } in seen {
                    ensure!(event == "message", "expected a message, got {event}: {data}");
                    marks.push(mark_of_event(&serde_json::from_str(data)?)?);
                }
                if !last_event_id.is_empty() {
                    *id = Some(last_event_id.to_owned());
                }
            }
            Self::Stream(offset) => {
                let mut unconfirmed = Vec::new();
                for Seen { event, data, .. } in seen {
                    if event == "data" {
                        unconfirmed.extend(marks_of_lines(data)?);
                        continue;
                    }
                    ensure!(event == "control", "expected data or control, got {event}: {data}");
                    let control: Value = serde_json::from_str(data)?;
                    let next = control.get("streamNextOffset").and_then(Value::as_str);
                    next.context("a control event without an offset")?.clone_into(offset);
                    marks.append(&mut unconfirmed);
                }
            }
        }
        Ok(())
    }
}

/// Whether the server understood and said no, which no later attempt changes.
fn is_refusal(error: &anyhow::Error) -> bool {
    error.downcast_ref::<Refused>().is_some_and(|refused| refused.status.is_client_error())
}
