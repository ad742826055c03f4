//! A provider's answer that is no stream, handed through.

use axum::body::Body;
use axum::response::Response;
use http::StatusCode;
use http::header::{
    CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, HeaderName, SET_COOKIE, TE, TRAILER,
    TRANSFER_ENCODING, UPGRADE,
};
use http_body_util::{BodyExt, Limited};
use llm_stream::filter::{ContentFilter, PatternSet};
use llm_stream::{EventBody, Metadata, ProcessError, Processor, RawEvent, RawJson, StreamEvent};
use stream_model::ErrorClass;
use stream_protocol::Problem;

use crate::limits::FILTERED_ANSWER_BYTES;
use crate::reject::Reject;

/// Headers that concern the provider's own connection (RFC 9110, 7.6.1), and its own cookies.
const KEPT_BACK: [HeaderName; 6] =
    [CONNECTION, TRANSFER_ENCODING, TE, TRAILER, UPGRADE, SET_COOKIE];

/// A provider's answer as the client gets it: as it came, or without what `filter` keeps out.
///
/// What a filter cannot read is refused: an answer that is too long, broken off, compressed or no
/// text; and so is what a pattern blocks.
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
    if head.headers.contains_key(CONTENT_ENCODING) {
        return Err(refuse(
            "expected an answer that is not compressed, so that it can be filtered",
        ));
    }
    let read = Limited::new(body, FILTERED_ANSWER_BYTES).collect().await;
    let read = read.map_err(|error| {
        refuse(format!("expected a whole answer of at most {FILTERED_ANSWER_BYTES} bytes: {error}"))
    })?;
    let bytes = read.to_bytes();
    let text = str::from_utf8(&bytes)
        .map_err(|error| refuse(format!("expected text, which can be filtered: {error}")))?;
    let filtered = filtered(patterns, text).map_err(|error| refuse(error.to_string()))?;
    // The length is another, and whatever else described the bytes.
    for name in [CONTENT_LENGTH, http::header::ETAG, HeaderName::from_static("digest")] {
        head.headers.remove(name);
    }
    Ok(Response::from_parts(head, Body::from(filtered)))
}

/// JSON with its strings filtered, or any other text filtered as a whole.
fn filtered(patterns: &PatternSet, text: &str) -> Result<String, ProcessError> {
    let json = serde_json::from_str::<RawJson>(text).ok();
    let event = match json {
        Some(raw) => StreamEvent::from(Metadata::Raw(RawEvent { event: None, raw })),
        None => StreamEvent::delta(text),
    };
    let mut filter = ContentFilter::new(patterns);
    let mut passed = Vec::new();
    filter.process(event, &mut passed)?;
    filter.flush(&mut passed)?;
    Ok(passed.iter().map(said).collect())
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
    filtered(patterns, words).unwrap_or_else(|error| error.to_string())
}

fn refuse(detail: impl Into<String>) -> Reject {
    let title = "The provider's answer may not be handed through";
    let problem = Problem::new(ErrorClass::Unavailable, "answer-filtered", title);
    Reject(problem.with_status(StatusCode::BAD_GATEWAY).detail(detail))
}

#[cfg(test)]
mod tests {
    use llm_stream::filter::{Action, Pattern};

    use super::*;

    fn patterns() -> PatternSet {
        let blocked = Pattern::literal("never").action(Action::Block);
        PatternSet::new([Pattern::literal("secret"), blocked]).unwrap()
    }

    fn check(body: &str, want: &str) {
        assert_eq!(filtered(&patterns(), body).unwrap_or("refused".to_owned()), want);
    }

    /// Whether an answer is handed through with a filter.
    async fn passes(response: Response) -> bool {
        hand_through(response, Some(&patterns())).await.is_ok()
    }

    #[tokio::test]
    async fn what_cannot_be_read_is_refused_and_never_cut() {
        assert!(passes(Response::new(Body::empty())).await);
        assert!(passes(Response::new(Body::from("whole"))).await);
        let broken = [Ok("half"), Err(std::io::Error::other("reset"))];
        let broken = Body::from_stream(futures_util::stream::iter(broken));
        assert!(!passes(Response::new(broken)).await);
        assert!(!passes(Response::new(Body::from(vec![b'a'; FILTERED_ANSWER_BYTES + 1]))).await);
        assert!(!passes(Response::new(Body::from(vec![0xff]))).await);
        let mut packed = Response::new(Body::from("packed"));
        packed.headers_mut().insert(CONTENT_ENCODING, http::HeaderValue::from_static("gzip"));
        assert!(!passes(packed).await);
    }

    #[test]
    fn strings_of_json_and_plain_text_are_filtered() {
        check(r#"{"a": ["no s\u0065cret", 1]}"#, r#"{"a": ["no [FILTERED]", 1]}"#);
        check("a Secret.", "a [FILTERED].");
        check("", "");
        check(r#"{"a": 1}"#, r#"{"a": 1}"#);
        check(r#"{"a": "never"}"#, "refused");
        check("never", "refused");
    }
}
