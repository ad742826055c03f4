//! `CloudEvents` in a request: all three modes of the
//! [HTTP binding](https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md).

use std::error::Error;

use bytes::Bytes;
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use stream_model::Event;
use stream_model::cloud_event::{
    CloudEventError, ContentMode, decode_header, from_binary, from_json, from_json_batch,
};

use super::{Draft, FORM, PublishError, guess, media_type};
use crate::EVENTS_PER_REQUEST_MAX;

/// What stands before an attribute's name in a header (section 3.1.3.1).
const PREFIX: &str = "ce-";

/// Reads the events; `None` for a request that is no message of `CloudEvents`.
///
/// # Errors
/// [`PublishError::CloudEvent`], [`PublishError::TooMany`], [`PublishError::Empty`] for a batch of
/// none, and [`PublishError::MediaType`] for a form that is not JSON.
pub(super) fn parse(headers: &HeaderMap, body: &Bytes) -> Result<Option<Vec<Draft>>, PublishError> {
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let events = match ContentMode::of(content_type.unwrap_or_default()) {
        Some(ContentMode::Structured) => vec![from_json(body).map_err(|error| refused(&error))?],
        Some(ContentMode::Batch) => from_json_batch(body).map_err(|error| refused(&error))?,
        Some(ContentMode::Binary) if headers.keys().any(is_attribute) => {
            vec![binary(headers, content_type, body)?]
        }
        Some(ContentMode::Binary) => return Ok(None),
        None => {
            let found = content_type.unwrap_or_default().to_owned();
            return Err(PublishError::MediaType { found });
        }
    };
    match events.len() {
        0 => Err(PublishError::Empty),
        1..=EVENTS_PER_REQUEST_MAX => Ok(Some(events.into_iter().map(Draft::Event).collect())),
        _ => Err(PublishError::TooMany),
    }
}

fn is_attribute(name: &http::HeaderName) -> bool {
    name.as_str().starts_with(PREFIX)
}

/// The binary mode: the attributes are headers, and the body is the data.
fn binary(
    headers: &HeaderMap,
    content_type: Option<&str>,
    body: &Bytes,
) -> Result<Event, PublishError> {
    let mut attributes = Vec::new();
    for (name, value) in headers.iter().filter(|(name, _)| is_attribute(name)) {
        let name = name.as_str().trim_start_matches(PREFIX);
        let value = decode_header(value.as_bytes()).ok_or_else(|| PublishError::CloudEvent {
            reason: format!("header {PREFIX}{name} is no percent-encoded UTF-8"),
        })?;
        attributes.push((name, value));
    }
    let pairs = attributes.iter().map(|(name, value)| (*name, value.as_str()));
    // Whoever sends what `curl -d` sends says nothing of the data.
    let is_form = media_type(headers).as_deref() == Some(FORM);
    let content_type = content_type.filter(|_| !is_form);
    let event = from_binary(pairs, content_type, body.clone()).map_err(|error| refused(&error))?;
    if content_type.is_none() && !body.is_empty() {
        return Ok(event.to_builder().data(guess(body.clone())).build());
    }
    Ok(event)
}

/// The error with what it comes from.
fn refused(error: &CloudEventError) -> PublishError {
    let reason = match error.source() {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    };
    PublishError::CloudEvent { reason }
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};
    use stream_model::{Data, DataKind, Topic};

    use super::super::parse;
    use super::*;

    const STRUCTURED: (&str, &str) = ("content-type", "application/cloudevents+json");
    const BATCH: (&str, &str) = ("content-type", "application/cloudevents-batch+json");
    const BINARY: [(&str, &str); 4] =
        [("ce-specversion", "1.0"), ("ce-id", "e1"), ("ce-source", "/s"), ("ce-type", "t")];

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pair = |(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value));
        pairs.iter().copied().map(pair).collect()
    }

    /// The events on the topic `orders`.
    #[track_caller]
    fn events(pairs: &[(&'static str, &'static str)], body: &'static str) -> Vec<Event> {
        let publish = parse(&headers(pairs), Bytes::from_static(body.as_bytes())).unwrap();
        let topic = Topic::new("orders").unwrap();
        publish.events.iter().map(|draft| draft.on(&topic)).collect()
    }

    #[track_caller]
    fn check_refused(pairs: &[(&'static str, &'static str)], body: &'static str, want: &str) {
        let refused = parse(&headers(pairs), Bytes::from_static(body.as_bytes())).unwrap_err();
        assert!(refused.to_string().contains(want), "{refused}");
    }

    #[test]
    fn an_event_keeps_its_id_time_and_attributes() {
        let body = r#"{"specversion":"1.0","id":"e1","source":"/s","type":"com.x","subject":"orders",
            "time":"2026-02-03T04:05:06Z","traceparent":"00-1-2-03","data":{"n":7}}"#;
        let [event] = &events(&[STRUCTURED], body)[..] else { panic!("expected one") };
        assert_eq!(event.id().to_string(), "e1");
        assert_eq!(event.timestamp().unix_timestamp(), 1_770_091_506);
        assert_eq!(event.data(), &Data::json(r#"{"n":7}"#).unwrap());
        let text = |name| event.metadata().get_str(name);
        assert_eq!((text("type"), text("traceparent")), (Some("com.x"), Some("00-1-2-03")));
        assert_eq!((text("topic"), text("subject")), (Some("orders"), None));
    }

    #[test]
    fn a_subject_that_is_not_the_topic_is_kept() {
        let body = r#"{"specversion":"1.0","id":"e","source":"/s","type":"t","subject":"no. 7"}"#;
        let [event] = &events(&[STRUCTURED], body)[..] else { panic!("expected one") };
        assert_eq!(event.topic(), Some("orders"));
        assert_eq!(event.metadata().get_str("subject"), Some("no. 7"));
    }

    #[test]
    fn a_batch_is_taken_whole_or_not_at_all() {
        let two = r#"[{"specversion":"1.0","id":"1","source":"/s","type":"t"},
            {"specversion":"1.0","id":"2","source":"/s","type":"t"}]"#;
        let ids: Vec<_> =
            events(&[BATCH], two).iter().map(|event| event.id().to_string()).collect();
        assert_eq!(ids, ["1", "2"]);
        let bad = r#"[{"specversion":"1.0","id":"1","source":"/s","type":"t"},{"id":"2"}]"#;
        check_refused(&[BATCH], bad, "`specversion`");
        check_refused(&[BATCH], "[]", "expected a body");
        let many = |count: usize| {
            let one = r#"{"specversion":"1.0","id":"1","source":"/s","type":"t"}"#;
            let body = format!("[{}]", vec![one; count].join(","));
            parse(&headers(&[BATCH]), body.into())
        };
        assert_eq!(many(EVENTS_PER_REQUEST_MAX).unwrap().events.len(), EVENTS_PER_REQUEST_MAX);
        assert_eq!(many(EVENTS_PER_REQUEST_MAX + 1), Err(PublishError::TooMany));
    }

    #[test]
    fn attributes_may_be_headers() {
        let with = |content_type| {
            let mut pairs = BINARY.to_vec();
            pairs.extend([("ce-subject", "caf%C3%A9"), content_type]);
            pairs
        };
        let [event] = &events(&with(("content-type", "text/plain")), "hi")[..] else { panic!() };
        assert_eq!((event.id().to_string().as_str(), event.data()), ("e1", &Data::text("hi")));
        assert_eq!(event.metadata().get_str("subject"), Some("caf\u{e9}"));
        let form = with(("content-type", FORM));
        assert_eq!(events(&form, "{\"n\":1}")[0].data().kind(), DataKind::Json);
        assert_eq!(events(&form, "plain")[0].data(), &Data::text("plain"));
        assert_eq!(events(&BINARY, "")[0].data(), &Data::null(), "an event needs no data");
    }

    #[test]
    fn what_is_no_cloud_event_says_why() {
        check_refused(&[STRUCTURED], "", "JSON object: EOF");
        check_refused(&[STRUCTURED], "{}", "expected the attribute `specversion`");
        check_refused(&BINARY[1..], "1", "expected the attribute `specversion`");
        check_refused(&[BINARY[0], BINARY[1], BINARY[2], ("ce-type", "%ff")], "1", "ce-type");
        check_refused(&[("content-type", "application/cloudevents+avro")], "x", "avro");
        let twice = [BINARY[0], BINARY[1], BINARY[1], BINARY[2], BINARY[3]];
        let mut map = HeaderMap::new();
        for (name, value) in twice {
            map.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        assert!(parse(&map, Bytes::new()).unwrap_err().to_string().contains("came twice"));
    }
}
