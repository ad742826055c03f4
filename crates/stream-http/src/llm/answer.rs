//! A provider's answer that is no stream, handed through.

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use http::StatusCode;
use http::header::{
    CONNECTION, CONTENT_LENGTH, HeaderName, SET_COOKIE, TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
};
use llm_stream::filter::{ContentFilter, PatternSet};
use llm_stream::{EventBody, Metadata, ProcessError, Processor, RawEvent, RawJson, StreamEvent};
use stream_model::ErrorClass;
use stream_protocol::Problem;

use crate::client::read_some;
use crate::limits::FILTERED_ANSWER_BYTES;
use crate::reject::Reject;

/// Headers that concern the provider's own connection (RFC 9110, 7.6.1), and its own cookies.
const KEPT_BACK: [HeaderName; 6] =
    [CONNECTION, TRANSFER_ENCODING, TE, TRAILER, UPGRADE, SET_COOKIE];

/// A provider's answer as the client gets it: as it came, or without what `filter` keeps out.
///
/// What a filter has no room to read is refused, and so is what a pattern blocks.
pub(super) async fn hand_through(
    mut response: Response,
    filter: Option<&PatternSet>,
) -> Result<Response, Reject> {
    for name in KEPT_BACK {
        response.headers_mut().remove(name);
    }
    response.headers_mut().remove("keep-alive");
    let Some(patterns) = filter else { return Ok(response) };
    let (mut head, body) = response.into_parts();
    let read = read_some(body, FILTERED_ANSWER_BYTES + 1).await;
    if read.len() > FILTERED_ANSWER_BYTES {
        return Err(refuse(format!(
            "expected at most {FILTERED_ANSWER_BYTES} bytes, which is what can be filtered"
        )));
    }
    let filtered = filtered(patterns, &read).map_err(|error| refuse(error.to_string()))?;
    // The length is another, and whatever else described the bytes.
    for name in [CONTENT_LENGTH, http::header::ETAG, HeaderName::from_static("digest")] {
        head.headers.remove(name);
    }
    Ok(Response::from_parts(head, Body::from(filtered)))
}

/// JSON with its strings filtered, or any other text filtered as a whole.
fn filtered(patterns: &PatternSet, body: &[u8]) -> Result<Bytes, ProcessError> {
    let text = String::from_utf8_lossy(body);
    let json = serde_json::from_str::<RawJson>(&text).ok();
    let event = match json {
        Some(raw) => StreamEvent::from(Metadata::Raw(RawEvent { event: None, raw })),
        None => StreamEvent::delta(text),
    };
    let mut filter = ContentFilter::new(patterns);
    let mut passed = Vec::new();
    filter.process(event, &mut passed)?;
    filter.flush(&mut passed)?;
    Ok(passed.iter().map(said).collect::<String>().into())
}

fn said(event: &StreamEvent) -> &str {
    match &event.body {
        EventBody::Metadata(metadata) => match &**metadata {
            Metadata::Raw(own) => own.raw.as_str(),
            _ => "",
        },
        _ => event.delta_text(),
    }
}

/// Words of a provider without what `filter` keeps out.
pub(super) fn quote(words: &str, filter: Option<&PatternSet>) -> String {
    let Some(patterns) = filter else { return words.to_owned() };
    match filtered(patterns, words.as_bytes()) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(error) => error.to_string(),
    }
}

fn refuse(detail: String) -> Reject {
    let title = "The provider's answer may not be handed through";
    let problem = Problem::new(ErrorClass::Unavailable, "answer-filtered", title);
    Reject(problem.with_status(StatusCode::BAD_GATEWAY).detail(detail))
}

#[cfg(test)]
mod tests {
    use llm_stream::filter::{Action, Pattern};

    use super::*;

    fn check(body: &str, want: &str) {
        let patterns = PatternSet::new([
            Pattern::literal("secret"),
            Pattern::literal("never").action(Action::Block),
        ]);
        let found = filtered(&patterns.unwrap(), body.as_bytes());
        let found =
            found.map_or("refused".into(), |bytes| String::from_utf8(bytes.to_vec()).unwrap());
        assert_eq!(found, want);
    }

    #[test]
    fn strings_of_json_and_plain_text_are_filtered() {
        check(r#"{"a": ["no s\u0065cret", 1]}"#, r#"{"a":["no [FILTERED]",1]}"#);
        check("a Secret.", "a [FILTERED].");
        check("", "");
        check(r#"{"a": 1}"#, r#"{"a":1}"#);
        check(r#"{"a": "never"}"#, "refused");
        check("never", "refused");
    }
}
