//! Publishing to topics, and their list.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode};
use serde::Serialize;
use serde_json::{Value, json};
use stream_log::{
    AppendBatch, AppendError, AppendReceipt, Log, LogName, Namespace, ReadFrom, ReadLimit,
    StoreError,
};
use stream_model::now::now;
use stream_model::{ErrorClass, Event, EventId, Offset, Topic, TopicFilter};
use stream_protocol::publish::{self, Publish};
use stream_protocol::{Action, Problem};

use crate::app::{App, topic_log_name};
use crate::body;
use crate::caller::Caller;
use crate::connection::present;
use crate::extract::{Asked, Name};
use crate::names::{ListQuery, Names};
use crate::reject::Reject;

/// `POST /topics/{topic}`
pub(crate) async fn post(
    State(app): State<App>,
    caller: Caller,
    Name(topic): Name,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Reject> {
    let topic = parse_topic(&topic)?;
    caller.check(Action::Publish(&topic))?;
    let body = body::read(body, app.body_bytes_max()).await?;
    let published = publish(&app, &topic, &publish::parse(&headers, body)?).await?;
    let status = if published.repeated { StatusCode::OK } else { StatusCode::CREATED };
    Ok((status, Json(published.answer)).into_response())
}

/// What came of a publish.
pub(crate) struct Published {
    /// Whether it had been carried out before.
    pub(crate) repeated: bool,
    /// Ids, offset, epoch and durability, as every transport tells them.
    pub(crate) answer: Value,
}

/// Publishes to a topic.
pub(crate) async fn publish(
    app: &App,
    topic: &Topic,
    publish: &Publish,
) -> Result<Published, Reject> {
    if topic.is_reserved() {
        let problem =
            Problem::new(ErrorClass::Forbidden, "topic-reserved", "The topic is reserved");
        return Err(problem.detail("topics that start with `$` are written by the server").into());
    }
    let events = publish.on(topic);
    let (log, receipt) = append(app, topic, publish, &events).await?;
    app.metrics().published(events.len(), receipt.duplicate);
    if !receipt.duplicate {
        app.rates().note(&topic_log_name(topic), events.len(), present());
    }
    let ids = if receipt.duplicate {
        published_ids(&*log, &receipt).await
    } else {
        events.iter().map(|event| event.id().clone()).collect()
    };
    Ok(Published { repeated: receipt.duplicate, answer: answer(topic, &receipt, &ids) })
}

pub(crate) fn parse_topic(name: &str) -> Result<Topic, Reject> {
    Topic::new(name).map_err(Reject::topic)
}

/// Appends to the topic's log; one that was let go of in this very moment is made anew.
async fn append(
    app: &App,
    topic: &Topic,
    publish: &Publish,
    events: &[Event],
) -> Result<(Arc<dyn Log>, AppendReceipt), Reject> {
    loop {
        let log = app.topic_log(topic).await.map_err(|error| Reject::store(&error))?;
        let mut batch = AppendBatch::new(now()).records(events.iter().map(Event::encode));
        batch.producer.clone_from(&publish.producer);
        match log.append(batch).await {
            Ok(receipt) => return Ok((log, receipt)),
            Err(AppendError::Deleted) => {}
            Err(error) => return Err(Reject::append(&error)),
        }
    }
}

/// The ids that a repeated request got when it was new; those that were trimmed are left out.
async fn published_ids(log: &dyn Log, receipt: &AppendReceipt) -> Vec<EventId> {
    let count = usize::try_from(receipt.next.since(receipt.first)).unwrap_or(usize::MAX);
    let limit = ReadLimit { records_max: count, bytes_max: usize::MAX };
    let Ok(batch) = log.read(ReadFrom::Offset(receipt.first), limit).await else {
        return Vec::new();
    };
    let events = batch.records.iter().filter_map(|record| Event::decode(&record.payload).ok());
    events.map(|event| event.id().clone()).collect()
}

fn answer(topic: &Topic, receipt: &AppendReceipt, ids: &[EventId]) -> Value {
    let mut answer = json!({
        "topic": topic,
        "id": ids.first(),
        "offset": receipt.first,
        "epoch": receipt.epoch,
        "durability": receipt.durability.as_str(),
        "duplicate": receipt.duplicate,
    });
    if receipt.next.since(receipt.first) > 1 {
        answer["ids"] = json!(ids);
        answer["next"] = json!(receipt.next);
    }
    answer
}

#[derive(Debug, Serialize)]
struct TopicEntry {
    topic: String,
    earliest: Offset,
    tail: Offset,
    /// Events a second that came through this server lately.
    rate: f64,
    readers: usize,
    /// Events that the slowest of them has still to be given.
    lag: u64,
}

/// `GET /topics`
pub(crate) async fn list(
    State(app): State<App>,
    caller: Caller,
    Asked(query): Asked<ListQuery>,
) -> Result<Json<Value>, Reject> {
    caller.check_known()?;
    let after = match &query.after {
        Some(after) => Some(topic_log_name(&parse_topic(after)?)),
        None => None,
    };
    let page = Names::list(&app, Namespace::Topic, after.as_ref(), &query).await?;
    let mut topics = Vec::with_capacity(page.names.len());
    let may_read = |name: &&LogName| {
        let filter = TopicFilter::new(name.name());
        filter.is_ok_and(|filter| caller.allows(Action::Subscribe(&filter)))
    };
    for name in page.names.iter().filter(may_read) {
        let entry = entry(&app, name).await.map_err(|error| Reject::store(&error))?;
        topics.extend(entry.map(|entry| json!(entry)));
    }
    Ok(Json(page.page("topics", topics)))
}

/// `None` for a topic that was let go of meanwhile.
async fn entry(app: &App, name: &LogName) -> Result<Option<TopicEntry>, StoreError> {
    let Some(log) = app.store().get(name).await? else { return Ok(None) };
    let Ok(tail) = log.tail().await else { return Ok(None) };
    let (earliest, tail) = (tail.state.earliest, tail.state.next);
    let rate = app.rates().of(name, present());
    let live = app.topics().get(name);
    let (readers, lag) = live.map_or((0, 0), |live| (live.readers(), live.lag()));
    Ok(Some(TopicEntry { topic: name.name().to_owned(), earliest, tail, rate, readers, lag }))
}
