//! The event log: appends, queries, compaction, projections and replays.
//!
//! The cases count from 1, as the original did, and the log from 0; the runner translates.

use std::sync::Arc;

use anyhow::{Context, bail};
use millstream::log::events::{
    Counter, EventLog, EventQuery, Fold, GroupBy, LatestPerKey, LoggedEvent, Replay, RunningSum,
    differences,
};
use millstream::log::{LogConfig, MemoryLog};
use millstream::model::{Event, Offset};
use serde::Deserialize;
use serde_json::{Value, json};

use super::parse;
use super::streams::ops::{self, block_on};

#[derive(Deserialize)]
#[serde(untagged, deny_unknown_fields)]
enum EventLogInput {
    Ops { ops: Vec<Vec<Value>> },
    Diff { diff: (Vec<Value>, Vec<Value>) },
}

/// Events of one page: more than any case has.
const PAGE: usize = 100;

/// Operations to what each returned, or two sequences to the places where they differ.
pub(super) fn event_log(input: &Value) -> anyhow::Result<Value> {
    match parse(input)? {
        EventLogInput::Diff { diff: (left, right) } => Ok(json!(differences(&left, &right))),
        EventLogInput::Ops { ops } => block_on(async {
            let log = EventLog::new(Arc::new(MemoryLog::new(LogConfig::default())));
            let mut returns = Vec::new();
            for op in &ops {
                let (name, args) = op.split_first().context("an operation without a name")?;
                returns.push(run(&log, name.as_str().unwrap_or_default(), Args(args)).await?);
            }
            Ok(json!({ "returns": returns }))
        }),
    }
}

/// What follows an operation's name.
struct Args<'a>(&'a [Value]);

impl Args<'_> {
    fn text(&self, place: usize) -> Option<&str> {
        self.0.get(place)?.as_str()
    }

    fn number(&self, place: usize) -> Option<u64> {
        self.0.get(place)?.as_u64()
    }

    /// Numbered from 1 to an offset.
    fn offset(&self, place: usize) -> Option<Offset> {
        self.number(place)?.checked_sub(1).map(Offset::new)
    }

    /// `from` and an inclusive `to` that is the latest if it is 0.
    fn range(&self) -> EventQuery {
        match (self.offset(0), self.offset(1)) {
            (Some(from), Some(to)) => EventQuery::all().offsets(from..=to),
            (Some(from), None) => EventQuery::all().offsets(from..),
            _ => EventQuery::all(),
        }
    }

    /// The topic that comes first; every topic without one.
    fn topic(&self) -> EventQuery {
        self.text(0).map_or_else(EventQuery::all, |topic| EventQuery::all().topic(topic))
    }
}

async fn run(log: &EventLog, name: &str, args: Args<'_>) -> anyhow::Result<Value> {
    Ok(match name {
        "append" => json!(log.append(&event(&args)?).await?.next),
        "count" => json!(log.count().await?),
        "latest" => json!(log.latest().await?.map_or(0, sequence)),
        "topics" => json!(log.topics().await?),
        "compact" => json!(log.compact(args.offset(0).context("no sequence")?).await?),
        "read" => rows(&log.read(&args.range(), PAGE).await?.events),
        "topic" => match args.number(1) {
            Some(limit) => rows(&log.newest(&args.topic(), usize::try_from(limit)?).await?),
            None => rows(&log.read(&args.topic(), PAGE).await?.events),
        },
        "replay_x10" => {
            let topic = args.text(2).context("no topic")?;
            let replay = Replay::new(|logged: &LoggedEvent| {
                let is_handled = logged.event.topic() == Some(topic);
                is_handled.then(|| number(&logged.event)).flatten().map(|number| number * 10.0)
            });
            let replay = log.project(args.range(), replay).await?;
            json!([replay.events(), replay.outputs()])
        }
        _ => project(log, name, args.topic()).await?,
    })
}

async fn project(log: &EventLog, name: &str, query: EventQuery) -> anyhow::Result<Value> {
    Ok(match name {
        "counter" => json!(log.project(query, Counter::default()).await?.count()),
        "running_sum" => json!(log.project(query, RunningSum::new(number)).await?.totals()),
        "fold_sum" => {
            let add = |sum: &mut f64, logged: &LoggedEvent| {
                *sum += number(&logged.event).unwrap_or_default();
            };
            json!(log.project(query, Fold::new(0.0, add)).await?.into_state())
        }
        "latest_per_source" => {
            let latest = log.project(query, LatestPerKey::new(source)).await?.into_events();
            latest.into_iter().map(|(key, logged)| (key, ops::data(&logged.event))).collect()
        }
        "group_by_source" => {
            let groups = log.project(query, GroupBy::new(source)).await?.into_groups();
            groups.into_iter().map(|(key, events)| (key, rows(&events))).collect()
        }
        _ => bail!("unknown operation {name:?}"),
    })
}

/// `topic, data, source?`
fn event(args: &Args<'_>) -> anyhow::Result<Event> {
    let data = args.0.get(1).context("no data")?.clone();
    let event = Event::builder().data(data).meta("topic", args.text(0).context("no topic")?);
    Ok(match args.text(2) {
        Some(source) => event.meta("source", source).build(),
        None => event.build(),
    })
}

fn sequence(offset: Offset) -> u64 {
    offset.get() + 1
}

fn number(event: &Event) -> Option<f64> {
    event.data().parse().ok()
}

fn source(event: &Event) -> Option<String> {
    event.metadata().get_str("source").map(str::to_owned)
}

fn rows(events: &[LoggedEvent]) -> Value {
    let row = |LoggedEvent { offset, event }: &LoggedEvent| {
        json!([sequence(*offset), event.topic(), ops::data(event)])
    };
    events.iter().map(row).collect()
}
