//! Which events a request's body holds, and what makes a retry of it harmless.

mod cloud;

use bytes::Bytes;
use http::HeaderMap;
use http::header::{CONTENT_TYPE, HeaderName};
use stream_model::{Data, ErrorClass, Event, Producer, ProducerId, Topic};

use crate::trace::{TRACEPARENT, TRACESTATE, TraceContext};
use crate::{EVENTS_PER_REQUEST_MAX, Problem};

/// Names a request, so that sending it again publishes nothing more.
pub const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// The producer triple of the Durable Streams Protocol.
pub const PRODUCER_ID: HeaderName = HeaderName::from_static("producer-id");
/// See [`PRODUCER_ID`].
pub const PRODUCER_EPOCH: HeaderName = HeaderName::from_static("producer-epoch");
/// See [`PRODUCER_ID`].
pub const PRODUCER_SEQ: HeaderName = HeaderName::from_static("producer-seq");

/// What `curl -d` calls whatever it sends.
const FORM: &str = "application/x-www-form-urlencoded";

/// What is to be published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publish {
    /// Each event, in order; at least one.
    pub events: Vec<Draft>,
    /// Who publishes, if the request said so.
    pub producer: Option<Producer>,
    /// The trace that the request belongs to, if it said so.
    pub trace: Option<TraceContext>,
}

impl Publish {
    /// The events on `topic`; those that name no trace get the request's, as the metadata that the
    /// [extension for tracing] names.
    ///
    /// [extension for tracing]: https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/extensions/distributed-tracing.md
    pub fn on(&self, topic: &Topic) -> Vec<Event> {
        let events = self.events.iter().map(|draft| draft.on(topic));
        let Some(trace) = &self.trace else { return events.collect() };
        let traced = events.map(|event| {
            if event.metadata().get(TRACEPARENT.as_str()).is_some() {
                return event;
            }
            let builder = event.to_builder().meta(TRACEPARENT.as_str(), trace.traceparent());
            let state = trace.tracestate().into_iter();
            state.fold(builder, |builder, text| builder.meta(TRACESTATE.as_str(), text)).build()
        });
        traced.collect()
    }
}

/// An event that has no topic yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Draft {
    /// Data alone: its id is made, and its time is when it is published.
    Data(Data),
    /// An event that was named and dated where it happened.
    Event(Event),
}

impl Draft {
    /// What it says.
    pub fn data(&self) -> &Data {
        match self {
            Self::Data(data) => data,
            Self::Event(event) => event.data(),
        }
    }

    /// The event on `topic`; one that came with another topic, or subject, keeps that as the
    /// metadata's `subject`.
    pub fn on(&self, topic: &Topic) -> Event {
        match self {
            Self::Data(data) => Event::builder().data(data.clone()).topic(topic).build(),
            Self::Event(event) => {
                let subject = event.topic().filter(|subject| *subject != topic.as_str());
                let builder = match subject {
                    Some(subject) => event.to_builder().meta("subject", subject),
                    None => event.to_builder(),
                };
                builder.topic(topic).build()
            }
        }
    }
}

/// Reads a request's body by its content type.
///
/// | content type | events |
/// |---|---|
/// | `application/json`, `*+json` | one of JSON |
/// | `application/x-ndjson` | one of JSON for each line that is not empty |
/// | `text/*` | one of text |
/// | `application/x-www-form-urlencoded` (what `curl -d` sends) or none | JSON if it is valid JSON, else text, else bytes |
/// | `application/cloudevents+json`, `application/cloudevents-batch+json` | [CloudEvents] in the structured and the batched mode |
/// | any, with headers that begin with `ce-` | one in the binary mode, its data read by the same rules |
/// | `multipart/*` | refused |
/// | any other | one of bytes |
///
/// [CloudEvents]: https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md
///
/// # Errors
/// [`PublishError`]; nothing may be published then, not even the lines before a broken one.
pub fn parse(headers: &HeaderMap, body: Bytes) -> Result<Publish, PublishError> {
    let events = match cloud::parse(headers, &body)? {
        Some(events) => events,
        None if body.is_empty() => return Err(PublishError::Empty),
        None => {
            let data = parse_body(media_type(headers).as_deref(), body)?;
            data.into_iter().map(Draft::Data).collect()
        }
    };
    Ok(Publish { events, producer: producer(headers)?, trace: TraceContext::from_headers(headers) })
}

fn parse_body(media_type: Option<&str>, body: Bytes) -> Result<Vec<Data>, PublishError> {
    match media_type {
        Some("application/x-ndjson" | "application/jsonl") => parse_lines(&body),
        Some(json) if json == "application/json" || json.ends_with("+json") => Data::json(body)
            .map(|data| vec![data])
            .map_err(|error| PublishError::Json { reason: reason(&error), line: None }),
        Some(text) if text.starts_with("text/") => {
            let text = String::from_utf8(body.into()).map_err(|_| PublishError::Utf8)?;
            Ok(vec![Data::text(text)])
        }
        Some(multipart) if multipart.starts_with("multipart/") => {
            Err(PublishError::MediaType { found: multipart.to_owned() })
        }
        None | Some(FORM) => Ok(vec![guess(body)]),
        Some(_) => Ok(vec![Data::binary(body)]),
    }
}

fn parse_lines(body: &Bytes) -> Result<Vec<Data>, PublishError> {
    let mut events = Vec::new();
    for (line, number) in body.split(|byte| *byte == b'\n').zip(1_usize..) {
        if line.trim_ascii().is_empty() {
            continue;
        }
        if events.len() == EVENTS_PER_REQUEST_MAX {
            return Err(PublishError::TooMany);
        }
        let data = Data::json(body.slice_ref(line))
            .map_err(|error| PublishError::Json { reason: reason(&error), line: Some(number) })?;
        events.push(data);
    }
    if events.is_empty() { Err(PublishError::Empty) } else { Ok(events) }
}

/// What a body without a telling content type is.
fn guess(body: Bytes) -> Data {
    if let Ok(data) = Data::json(body.clone()) {
        return data;
    }
    match String::from_utf8(body.into()) {
        Ok(text) => Data::text(text),
        Err(error) => Data::binary(error.into_bytes()),
    }
}

/// The media type in lower case, without its parameters (RFC 9110, 8.3.1).
fn media_type(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    let media_type = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    (!media_type.is_empty()).then_some(media_type)
}

/// The innermost words of an error: the ones that say where JSON breaks.
fn reason(error: &dyn std::error::Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

/// Who publishes: the producer triple, or an idempotency key as a producer of one append.
///
/// # Errors
/// [`PublishError::Producer`] if the headers are incomplete, malformed, or both forms at once.
pub fn producer(headers: &HeaderMap) -> Result<Option<Producer>, PublishError> {
    let field = |name: &HeaderName| match headers.get(name) {
        None => Ok(None),
        Some(value) => value.to_str().map(Some).map_err(|_| bad_producer("visible ASCII only")),
    };
    let triple = (field(&PRODUCER_ID)?, field(&PRODUCER_EPOCH)?, field(&PRODUCER_SEQ)?);
    match (triple, field(&IDEMPOTENCY_KEY)?) {
        ((None, None, None), None) => Ok(None),
        ((None, None, None), Some(key)) => keyed(key).map(Some),
        ((Some(id), Some(epoch), Some(seq)), None) => Ok(Some(Producer {
            id: producer_id(id)?,
            epoch: producer_number(epoch)?,
            seq: producer_number(seq)?,
        })),
        ((Some(_), Some(_), Some(_)), Some(_)) => {
            Err(bad_producer("either the producer triple or an idempotency key, not both"))
        }
        _ => Err(bad_producer("Producer-Id, Producer-Epoch and Producer-Seq together")),
    }
}

/// The producer of the one request that has this idempotency key.
///
/// # Errors
/// [`PublishError::Producer`] if the key is too long or holds a control character.
pub fn keyed(key: &str) -> Result<Producer, PublishError> {
    let id = producer_id(&format!("idempotency-key:{key}"))?;
    Ok(Producer { id, epoch: 0, seq: 0 })
}

fn producer_id(text: &str) -> Result<ProducerId, PublishError> {
    ProducerId::new(text).map_err(|error| PublishError::Producer { reason: error.to_string() })
}

fn producer_number(text: &str) -> Result<u64, PublishError> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = digits.then(|| text.parse().ok()).flatten();
    number.ok_or_else(|| bad_producer("epoch and sequence in decimal digits"))
}

fn bad_producer(expected: &str) -> PublishError {
    PublishError::Producer { reason: format!("expected {expected}") }
}

/// Why a request's body cannot be published; nothing was.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PublishError {
    /// There is no body, or only empty lines.
    #[error("expected a body with the event's data")]
    Empty,
    /// The content type says JSON, and the body is none.
    #[error("expected valid JSON{}: {reason}", line.map(|n| format!(" on line {n}")).unwrap_or_default())]
    Json {
        /// What is wrong and where.
        reason: String,
        /// The line of NDJSON, from 1.
        line: Option<usize>,
    },
    /// The content type says text, and the body is not UTF-8.
    #[error("expected text in UTF-8")]
    Utf8,
    /// More lines than one request may hold.
    #[error("expected at most {EVENTS_PER_REQUEST_MAX} events in one request")]
    TooMany,
    /// What should be a `CloudEvent` is none.
    #[error("expected CloudEvents 1.0: {reason}")]
    CloudEvent {
        /// What is missing or wrong.
        reason: String,
    },
    /// A content type that has no meaning here.
    #[error("expected JSON, NDJSON, CloudEvents in JSON, text or bytes, found {found}")]
    MediaType {
        /// The content type.
        found: String,
    },
    /// The producer headers do not fit together.
    #[error("{reason}")]
    Producer {
        /// What was expected.
        reason: String,
    },
}

impl From<PublishError> for Problem {
    fn from(error: PublishError) -> Self {
        use ErrorClass::{Invalid, TooLarge, Unsupported};
        let problem = match &error {
            PublishError::Empty => Self::new(Invalid, "body-empty", "The body is empty"),
            PublishError::Json { line, .. } => {
                let problem = Self::new(Invalid, "json-invalid", "The body is not valid JSON");
                line.iter().fold(problem, |problem, line| problem.with("line", *line))
            }
            PublishError::Utf8 => Self::new(Invalid, "utf8-invalid", "The text is not UTF-8"),
            PublishError::TooMany => Self::new(TooLarge, "events-too-many", "Too many events")
                .with("limit", EVENTS_PER_REQUEST_MAX),
            PublishError::CloudEvent { .. } => {
                Self::new(Invalid, "cloud-event-invalid", "The body is no CloudEvent")
            }
            PublishError::MediaType { .. } => {
                Self::new(Unsupported, "media-type-unsupported", "The content type is not taken")
            }
            PublishError::Producer { .. } => {
                Self::new(Invalid, "producer-invalid", "The producer headers do not fit")
            }
        };
        problem.detail(error.to_string())
    }
}

#[cfg(test)]
mod tests;
