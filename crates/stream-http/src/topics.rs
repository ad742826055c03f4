//! The routes of topics: publish, subscribe, history, list.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use stream_log::{
    AppendBatch, AppendError, AppendReceipt, Log, LogName, LogReader, Namespace, ReadFrom,
    ReadLimit, StoreError,
};
use stream_model::now::now;
use stream_model::{ErrorClass, Event, EventId, Offset, Topic};
use stream_protocol::Problem;
use stream_protocol::publish::{self, Publish};
use stream_protocol::subscribe::{self, Form, StartAt, Subscribe};

use crate::app::{App, topic_log_name};
use crate::body;
use crate::connection::{Connection, event_stream_headers};
use crate::extract::{Asked, Name};
use crate::metrics::Kind;
use crate::page::Page;
use crate::reject::Reject;
use crate::rendition::AsFrames;
use crate::start::{has_everything, read_from};

/// What a reader's query may hold.
#[derive(Debug, Deserialize)]
pub(crate) struct ReadQuery {
    pub(crate) from: Option<String>,
    pub(crate) limit: Option<String>,
    #[serde(rename = "lastEventId")]
    pub(crate) last_event_id: Option<String>,
}

impl ReadQuery {
    pub(crate) fn parse(&self, headers: &HeaderMap) -> Result<Subscribe, Reject> {
        let Self { from, limit, last_event_id } = self;
        let parsed =
            subscribe::parse(headers, from.as_deref(), last_event_id.as_deref(), limit.as_deref());
        Ok(parsed?)
    }
}

/// `POST /topics/{topic}`
pub(crate) async fn post(
    State(app): State<App>,
    Name(topic): Name,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Reject> {
    let topic = parse_topic(&topic)?;
    if topic.is_reserved() {
        let problem =
            Problem::new(ErrorClass::Forbidden, "topic-reserved", "The topic is reserved");
        return Err(problem.detail("topics that start with `$` are written by the server").into());
    }
    let body = body::read(body, app.body_bytes_max()).await?;
    let publish = publish::parse(&headers, body)?;
    let events = events(&topic, &publish);
    let (log, receipt) = append(&app, &topic, &publish, &events).await?;
    app.metrics().published(events.len(), receipt.duplicate);
    let (status, ids) = if receipt.duplicate {
        (StatusCode::OK, published_ids(&*log, &receipt).await)
    } else {
        (StatusCode::CREATED, events.iter().map(|event| event.id().clone()).collect())
    };
    Ok((status, Json(answer(&topic, &receipt, &ids))).into_response())
}

fn parse_topic(name: &str) -> Result<Topic, Reject> {
    Topic::new(name).map_err(Reject::topic)
}

fn events(topic: &Topic, publish: &Publish) -> Vec<Event> {
    let event = |data| Event::builder().data(data).topic(topic).build();
    publish.events.iter().cloned().map(event).collect()
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

/// `GET /topics/{topic}`
pub(crate) async fn get(
    State(app): State<App>,
    Name(topic): Name,
    Asked(query): Asked<ReadQuery>,
    headers: HeaderMap,
) -> Result<Response, Reject> {
    let topic = parse_topic(&topic)?;
    let asked = query.parse(&headers)?;
    match asked.form {
        Form::JsonPage => page(&app, &topic, asked).await,
        Form::EventStream => live(&app, &topic, asked.start).await,
    }
}

async fn page(app: &App, topic: &Topic, asked: Subscribe) -> Result<Response, Reject> {
    let log = app.store().get(&topic_log_name(topic)).await.map_err(|e| Reject::store(&e))?;
    let log = log.ok_or_else(|| Reject::not_found("The topic has no events"))?;
    let from = read_from(asked.start, ReadFrom::Earliest);
    let batch = log.read(from, ReadLimit::records(asked.limit)).await;
    Ok(Json(Page::new(batch.map_err(|error| Reject::read(&error))?)).into_response())
}

/// A reader may come before the first event, so the topic is made if there is none.
async fn live(app: &App, topic: &Topic, start: StartAt) -> Result<Response, Reject> {
    let name = topic_log_name(topic);
    let log = app.topic_log(topic).await.map_err(|error| Reject::store(&error))?;
    let live = app.topics().follow(&name, log).await.map_err(|error| Reject::read(&error))?;
    let state = live.state();
    if has_everything(start, &state) {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    if state.next == Offset::ZERO {
        app.note_unborn(name);
    }
    let from = read_from(start, ReadFrom::Latest);
    let reader = LogReader::open(live, from).map_err(|error| Reject::read(&error))?;
    let connection = Connection::new(app, reader, AsFrames, app.session_options(), Kind::Topic);
    Ok(connection.into_response(event_stream_headers()))
}

/// What the query of a list may hold.
#[derive(Debug, Deserialize)]
pub(crate) struct ListQuery {
    after: Option<String>,
    limit: Option<String>,
}

#[derive(Debug, Serialize)]
struct TopicEntry {
    topic: String,
    earliest: Offset,
    tail: Offset,
    readers: usize,
}

/// `GET /topics`
pub(crate) async fn list(
    State(app): State<App>,
    Asked(query): Asked<ListQuery>,
) -> Result<Json<Value>, Reject> {
    let after = match &query.after {
        Some(after) => Some(topic_log_name(&parse_topic(after)?)),
        None => None,
    };
    let limit = subscribe::page_limit(query.limit.as_deref())?;
    let names = app.store().list(Namespace::Topic, after.as_ref(), limit).await;
    let names = names.map_err(|error| Reject::store(&error))?;
    let readers: std::collections::HashMap<_, _> = app.topics().readers().into_iter().collect();
    let mut topics = Vec::with_capacity(names.len());
    for name in &names {
        let count = readers.get(name).copied().unwrap_or_default();
        topics.extend(entry(&app, name, count).await.map_err(|error| Reject::store(&error))?);
    }
    let next = (names.len() == limit).then(|| names.last().map(LogName::name)).flatten();
    Ok(Json(json!({"topics": topics, "after": next})))
}

/// `None` for a topic that was let go of meanwhile.
async fn entry(
    app: &App,
    name: &LogName,
    readers: usize,
) -> Result<Option<TopicEntry>, StoreError> {
    let Some(log) = app.store().get(name).await? else { return Ok(None) };
    let Ok(tail) = log.tail().await else { return Ok(None) };
    let (earliest, tail) = (tail.state.earliest, tail.state.next);
    Ok(Some(TopicEntry { topic: name.name().to_owned(), earliest, tail, readers }))
}
