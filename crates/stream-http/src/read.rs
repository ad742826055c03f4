//! Reading topics: live, as history, one of them or many.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use stream_log::{LogReader, ReadFrom, ReadLimit};
use stream_model::{ErrorClass, Offset, Topic, TopicFilter};
use stream_protocol::session::Notice;
use stream_protocol::subscribe::{self, Form, SlowPolicy, StartAt, Subscribe, SubscribeError};
use stream_protocol::{Action, AnyToken, Interest, Problem, ResumeToken};

use crate::app::{App, topic_log_name};
use crate::caller::Caller;
use crate::connection::{Connection, event_stream_headers, lines_headers, unbuffered};
use crate::extract::{Asked, Name};
use crate::feed::{Feed, LogFeed, behind, session_gap};
use crate::frame::notice_frame;
use crate::item::TopicItem;
use crate::live::{Ending, MaybeTicket, Seat, Ticket, TopicSource};
use crate::many::{ManyFeed, ManyForm, ManyReader};
use crate::metrics::Kind;
use crate::page::Page;
use crate::reject::Reject;
use crate::rendition::{TopicFrames, TopicLines};
use crate::start::{has_everything, read_from};
use crate::topics::parse_topic;

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

/// A query as it came: keys may come more than once.
type Pairs = Vec<(String, String)>;

/// `GET /topics/{topic}`, where the topic may be a pattern.
pub(crate) async fn topic(
    State(app): State<App>,
    caller: Caller,
    MaybeTicket(ticket): MaybeTicket,
    Name(topic): Name,
    Asked(query): Asked<Pairs>,
    headers: HeaderMap,
) -> Result<Response, Reject> {
    if query.iter().any(|(key, _)| key == "topic") {
        return Err(invalid("topic-twice", "the topic is in the path; many are read at /events"));
    }
    let conditions = values(&query, "filter");
    if conditions.is_empty() && !topic.contains(['*', '>']) {
        let topic = parse_topic(&topic)?;
        caller.check(Action::Subscribe(&TopicFilter::from(&topic)))?;
        return Reading { app, caller, query, headers }.one(&topic, ticket).await;
    }
    let interest = Interest::parse([topic], conditions)?;
    Reading { app, caller, query, headers }.many(interest).await
}

/// `GET /events?topic=…&topic=…&filter=…`
pub(crate) async fn events(
    State(app): State<App>,
    caller: Caller,
    Asked(query): Asked<Pairs>,
    headers: HeaderMap,
) -> Result<Response, Reject> {
    let interest = Interest::parse(values(&query, "topic"), values(&query, "filter"))?;
    Reading { app, caller, query, headers }.many(interest).await
}

/// All values of a key.
fn values<'a>(query: &'a Pairs, key: &str) -> Vec<&'a str> {
    let of_key = query.iter().filter(|(found, _)| found == key);
    of_key.map(|(_, value)| value.as_str()).collect()
}

/// The value of a key that may come once.
fn value<'a>(query: &'a Pairs, key: &str) -> Result<Option<&'a str>, Reject> {
    match values(query, key).as_slice() {
        [] => Ok(None),
        [only] => Ok(Some(only)),
        [..] => Err(invalid("query-invalid", &format!("expected `{key}` once, found it again"))),
    }
}

fn invalid(name: &str, detail: &str) -> Reject {
    Problem::new(ErrorClass::Invalid, name, "The request cannot be understood")
        .detail(detail)
        .into()
}

/// A request to read, whatever it reads.
struct Reading {
    app: App,
    caller: Caller,
    query: Pairs,
    headers: HeaderMap,
}

impl Reading {
    async fn one(&self, topic: &Topic, ticket: Option<Ticket>) -> Result<Response, Reject> {
        let (from, last) = (value(&self.query, "from")?, value(&self.query, "lastEventId")?);
        let limit = value(&self.query, "limit")?;
        let Subscribe { start, form, limit } = subscribe::parse(&self.headers, from, last, limit)?;
        let token = |token: AnyToken| token.for_topic(topic).map_err(SubscribeError::from);
        let asked = Subscribe { start: start.try_map_token(token)?, form, limit };
        match asked.form {
            Form::JsonPage => self.page(topic, asked).await,
            Form::EventStream => {
                let from = read_from(asked.start, ReadFrom::Latest);
                let headers = event_stream_headers();
                // Readers outside the library catch up.
                let ticket =
                    ticket.filter(|_| self.slow().is_ok_and(|slow| slow == SlowPolicy::CatchUp));
                match (self.open(topic, asked.start, from).await?, ticket) {
                    (None, _) => Ok(StatusCode::NO_CONTENT.into_response()),
                    (Some(reader), Some(ticket)) => Ok(self.seat(reader, &ticket, headers)),
                    (Some(reader), None) => {
                        Ok(self.connect(LogFeed::new(reader, TopicFrames), headers))
                    }
                }
            }
            Form::Lines => {
                let from = read_from(asked.start, ReadFrom::Earliest);
                Ok(match self.open(topic, asked.start, from).await? {
                    None => StatusCode::NO_CONTENT.into_response(),
                    Some(reader) => self.connect(LogFeed::new(reader, TopicLines), lines_headers()),
                })
            }
        }
    }

    async fn page(&self, topic: &Topic, asked: Subscribe) -> Result<Response, Reject> {
        let log = self.app.store().get(&topic_log_name(topic)).await;
        let log = log.map_err(|error| Reject::store(&error))?;
        let log = log.ok_or_else(|| Reject::not_found("The topic has no events"))?;
        let from = read_from(asked.start, ReadFrom::Earliest);
        let batch = log.read(from, ReadLimit::records(asked.limit)).await;
        Ok(Json(Page::new(batch.map_err(|error| Reject::read(&error))?)).into_response())
    }

    /// A reader of a topic, which may come before the first event, so that the topic is made if
    /// there is none; nobody if it has everything of a topic that is over.
    async fn open(
        &self,
        topic: &Topic,
        start: StartAt,
        from: ReadFrom,
    ) -> Result<Option<LogReader<TopicItem>>, Reject> {
        let name = topic_log_name(topic);
        let log = self.app.topic_log(topic).await.map_err(|error| Reject::store(&error))?;
        let live = self.app.topics().follow(&name, log).await;
        let live = live.map_err(|error| Reject::read(&error))?;
        let state = live.state();
        if has_everything(start, &state) {
            return Ok(None);
        }
        if state.next == Offset::ZERO {
            self.app.note_unborn(name);
        }
        let reader = LogReader::open(live, from).map_err(|error| Reject::read(&error))?;
        Ok(Some(reader.when_behind(behind(self.slow()?))))
    }

    /// What becomes of the reader if it is too slow.
    fn slow(&self) -> Result<SlowPolicy, Reject> {
        Ok(subscribe::slow_policy(value(&self.query, "slow")?)?)
    }

    /// Lets a reader leave the HTTP library: it is greeted here as a session would, and then gets
    /// what the others of its topic get.
    fn seat(
        &self,
        mut reader: LogReader<TopicItem>,
        ticket: &Ticket,
        headers: HeaderMap,
    ) -> Response {
        let token = ResumeToken::at(reader.position());
        let mut greeting = notice_frame(&Notice::<()>::Hello, &token).to_vec();
        if let Some(gap) = reader.take_gap().map(session_gap) {
            self.app.metrics().gap(Kind::Topic, &gap);
            greeting.extend_from_slice(&notice_frame(&Notice::Gap((), gap), &token));
        }
        ticket.give(Seat {
            source: Arc::new(TopicSource(Arc::clone(reader.live()))),
            kind: Kind::Topic,
            greeting,
            next: reader.position().offset.get(),
            ends: self.caller.expires().map(|at| (at, Ending::Expired)),
            cursor: None,
            counted: reader.live().count_reader(),
        });
        (unbuffered(), headers).into_response()
    }

    /// Topics that do not exist yet are read from their first event on.
    async fn many(&self, interest: Interest) -> Result<Response, Reject> {
        self.caller.check_interest(&interest)?;
        let (from, last) = (value(&self.query, "from")?, value(&self.query, "lastEventId")?);
        let asked = subscribe::parse(&self.headers, from, last, None)?;
        let token = |token: AnyToken| token.for_interest(&interest).map_err(SubscribeError::from);
        let (form, unsaid, headers) = match asked.form {
            Form::EventStream => (ManyForm::Frames, StartAt::Latest, event_stream_headers()),
            Form::Lines => (ManyForm::Lines, StartAt::Earliest, lines_headers()),
            Form::JsonPage => {
                let detail = "history comes in pages for one topic without a filter; ask for \
                              application/x-ndjson or text/event-stream, with from=earliest";
                return Err(invalid("page-of-many", detail));
            }
        };
        let start = match asked.start.try_map_token(token)? {
            StartAt::Unsaid => unsaid,
            StartAt::Offset(_) => {
                let detail = "an offset belongs to one topic; expected from=earliest, from=latest \
                              or a resume token";
                return Err(invalid("from-invalid", detail));
            }
            start => start,
        };
        let reader = ManyReader::open(&self.app, interest, &start, self.slow()?).await;
        let reader = reader.map_err(|error| Reject::open(&error))?;
        Ok(self.connect(ManyFeed::new(reader, form), headers))
    }

    fn connect(&self, feed: impl Feed, headers: HeaderMap) -> Response {
        let options = self.app.session_options().expires(self.caller.expires());
        Connection::new(&self.app, feed, options, Kind::Topic).into_response(headers)
    }
}
