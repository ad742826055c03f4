//! Where a reader starts, and in which form it is answered.

use std::str::FromStr;

use http::HeaderMap;
use http::header::{ACCEPT, HeaderName};
use stream_model::{ErrorClass, Offset};

use crate::{PAGE_RECORDS, PAGE_RECORDS_MAX, Problem, ResumeToken, ResumeTokenError};

/// What `EventSource` sends when it comes back (WHATWG HTML 9.2.4).
pub const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// Where a reader starts; `T` is the resume token of one topic, or of many
/// ([`Positions`](crate::Positions)).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StartAt<T = ResumeToken> {
    /// The request does not say: the live end of a topic, the beginning of an LLM stream.
    Unsaid,
    /// The oldest record that is left.
    Earliest,
    /// The live end.
    Latest,
    /// This record.
    Offset(Offset),
    /// Where the reader left.
    Token(T),
}

/// The form of the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Server-sent events, live.
    EventStream,
    /// One page of history as a JSON object.
    JsonPage,
    /// Lines of JSON: history, then live.
    Lines,
}

/// What becomes of a reader that was live and is too slow for what is published.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SlowPolicy {
    /// It reads the log, and misses nothing that is kept.
    #[default]
    CatchUp,
    /// It goes on with what is still in memory, and is told by `lagged` how much it missed.
    DropOldest,
    /// It is sent away with its position.
    Disconnect,
}

/// Reads the value of `slow`, if there is one.
///
/// # Errors
/// [`SubscribeError::Slow`] if it is no policy.
pub fn slow_policy(slow: Option<&str>) -> Result<SlowPolicy, SubscribeError> {
    match slow {
        None | Some("catch-up") => Ok(SlowPolicy::CatchUp),
        Some("drop-oldest") => Ok(SlowPolicy::DropOldest),
        Some("disconnect") => Ok(SlowPolicy::Disconnect),
        Some(other) => Err(SubscribeError::Slow { found: other.to_owned() }),
    }
}

/// What a reader asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subscribe<T = ResumeToken> {
    /// Where it starts.
    pub start: StartAt<T>,
    /// What it gets.
    pub form: Form,
    /// Records on a page.
    pub limit: usize,
}

/// Reads a reader's query and headers.
///
/// `from` and `limit` are the query's values, if it has them, and `last_event_id` its value of
/// `lastEventId`, for clients that cannot set a header.
/// A resume token goes before `from`: a browser that comes back repeats the query of its first
/// request.
///
/// # Errors
/// [`SubscribeError`] names the value that has another form.
pub fn parse<T: FromStr<Err = ResumeTokenError>>(
    headers: &HeaderMap,
    from: Option<&str>,
    last_event_id: Option<&str>,
    limit: Option<&str>,
) -> Result<Subscribe<T>, SubscribeError> {
    Ok(Subscribe {
        start: start(headers, from, last_event_id)?,
        form: form(headers)?,
        limit: page_limit(limit)?,
    })
}

fn start<T: FromStr<Err = ResumeTokenError>>(
    headers: &HeaderMap,
    from: Option<&str>,
    last_event_id: Option<&str>,
) -> Result<StartAt<T>, SubscribeError> {
    let header = match headers.get(LAST_EVENT_ID) {
        None => None,
        Some(value) => Some(value.to_str().map_err(|_| SubscribeError::Token(ResumeTokenError))?),
    };
    // An empty id is how a client says that it has none.
    if let Some(token) = header.or(last_event_id).filter(|id| !id.is_empty()) {
        return Ok(StartAt::Token(token.parse()?));
    }
    start_from(from)
}

/// Where a reader without a token starts.
///
/// # Errors
/// [`SubscribeError::From`] if `from` is neither `earliest`, nor `latest`, nor an offset.
pub fn start_from<T>(from: Option<&str>) -> Result<StartAt<T>, SubscribeError> {
    match from {
        None => Ok(StartAt::Unsaid),
        Some("earliest") => Ok(StartAt::Earliest),
        Some("latest") => Ok(StartAt::Latest),
        Some(offset) => match offset.parse() {
            Ok(offset) => Ok(StartAt::Offset(offset)),
            Err(_) => Err(SubscribeError::From { found: offset.to_owned() }),
        },
    }
}

/// The first form of ours that `Accept` names (RFC 9110, 12.5.1); anything goes means SSE.
fn form(headers: &HeaderMap) -> Result<Form, SubscribeError> {
    let mut asked =
        headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok()).peekable();
    if asked.peek().is_none() {
        return Ok(Form::EventStream);
    }
    let ranges = asked.flat_map(|value| value.split(','));
    let mut forms = ranges.filter_map(|range| {
        let media_type = range.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        match media_type.as_str() {
            "text/event-stream" | "text/*" | "*/*" => Some(Form::EventStream),
            "application/json" | "application/*" => Some(Form::JsonPage),
            "application/x-ndjson" | "application/jsonl" => Some(Form::Lines),
            _ => None,
        }
    });
    forms.next().ok_or(SubscribeError::Accept)
}

/// How many entries a page of a list or of history has, from the query's `limit`.
///
/// # Errors
/// [`SubscribeError::Limit`] if it is no number from 1.
pub fn page_limit(limit: Option<&str>) -> Result<usize, SubscribeError> {
    let Some(text) = limit else { return Ok(PAGE_RECORDS) };
    match text.parse::<usize>() {
        Ok(limit) if limit > 0 => Ok(limit.min(PAGE_RECORDS_MAX)),
        _ => Err(SubscribeError::Limit { found: text.to_owned() }),
    }
}

/// Why a reader cannot be answered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SubscribeError {
    /// `from` has another form.
    #[error("expected `from` to be earliest, latest or an offset, found {found:?}")]
    From {
        /// What it was.
        found: String,
    },
    /// The last event id is none of ours.
    #[error(transparent)]
    Token(#[from] ResumeTokenError),
    /// `limit` has another form.
    #[error("expected `limit` to be a number from 1, found {found:?}")]
    Limit {
        /// What it was.
        found: String,
    },
    /// `slow` has another form.
    #[error("expected `slow` to be catch-up, drop-oldest or disconnect, found {found:?}")]
    Slow {
        /// What it was.
        found: String,
    },
    /// No form of ours is acceptable.
    #[error("expected to accept text/event-stream, application/x-ndjson or application/json")]
    Accept,
}

impl<T> StartAt<T> {
    /// The same start with another kind of token.
    ///
    /// # Errors
    /// What `convert` says of the token.
    pub fn try_map_token<U, E>(
        self,
        convert: impl FnOnce(T) -> Result<U, E>,
    ) -> Result<StartAt<U>, E> {
        Ok(match self {
            Self::Unsaid => StartAt::Unsaid,
            Self::Earliest => StartAt::Earliest,
            Self::Latest => StartAt::Latest,
            Self::Offset(offset) => StartAt::Offset(offset),
            Self::Token(token) => StartAt::Token(convert(token)?),
        })
    }
}

impl From<SubscribeError> for Problem {
    fn from(error: SubscribeError) -> Self {
        use ErrorClass::Invalid;
        let problem = match &error {
            SubscribeError::From { .. } => {
                Self::new(Invalid, "from-invalid", "The start is no position")
            }
            SubscribeError::Token(_) => {
                Self::new(Invalid, "resume-token-invalid", "The last event id is no resume token")
            }
            SubscribeError::Limit { .. } => {
                Self::new(Invalid, "limit-invalid", "The limit is no number")
            }
            SubscribeError::Slow { .. } => {
                Self::new(Invalid, "slow-invalid", "There is no such policy for slow readers")
            }
            SubscribeError::Accept => {
                Self::new(Invalid, "not-acceptable", "No form of the answer is acceptable")
                    .with_status(http::StatusCode::NOT_ACCEPTABLE)
            }
        };
        problem.detail(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pair = |(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value));
        pairs.iter().copied().map(pair).collect()
    }

    #[track_caller]
    fn check_start(last: &'static str, from: Option<&str>, want: &Result<StartAt, SubscribeError>) {
        let headers = headers(&[("last-event-id", last)]);
        assert_eq!(&start(&headers, from, None), want);
        assert_eq!(&start(&HeaderMap::new(), from, Some(last)), want);
    }

    #[test]
    fn the_token_goes_before_from() {
        let token = StartAt::Token("a.5".parse().unwrap());
        check_start("a.5", Some("earliest"), &Ok(token));
        check_start("", Some("earliest"), &Ok(StartAt::Earliest));
        check_start("", Some("latest"), &Ok(StartAt::Latest));
        check_start("", Some("17"), &Ok(StartAt::Offset(Offset::new(17))));
        check_start("", None, &Ok(StartAt::Unsaid));
        let found = "-1".to_owned();
        check_start("", Some("-1"), &Err(SubscribeError::From { found }));
        check_start("nonsense", None, &Err(SubscribeError::Token(ResumeTokenError)));
    }

    #[track_caller]
    fn check_form(accept: &'static str, want: &Result<Form, SubscribeError>) {
        assert_eq!(&form(&headers(&[("accept", accept)])), want, "{accept}");
    }

    #[test]
    fn the_accept_header_decides() {
        check_form("text/event-stream", &Ok(Form::EventStream));
        check_form("*/*", &Ok(Form::EventStream));
        check_form("application/json", &Ok(Form::JsonPage));
        check_form("application/x-ndjson", &Ok(Form::Lines));
        check_form("text/html, Application/JSON;q=0.9, */*;q=0.8", &Ok(Form::JsonPage));
        check_form("image/png", &Err(SubscribeError::Accept));
        assert_eq!(form(&HeaderMap::new()), Ok(Form::EventStream));
    }

    #[test]
    fn a_slow_reader_catches_up_unless_it_says_otherwise() {
        assert_eq!(slow_policy(None), Ok(SlowPolicy::CatchUp));
        assert_eq!(slow_policy(Some("drop-oldest")), Ok(SlowPolicy::DropOldest));
        assert_eq!(slow_policy(Some("disconnect")), Ok(SlowPolicy::Disconnect));
        assert!(slow_policy(Some("")).is_err());
    }

    #[test]
    fn a_page_is_bounded() {
        assert_eq!(page_limit(None), Ok(PAGE_RECORDS));
        assert_eq!(page_limit(Some("1000000")), Ok(PAGE_RECORDS_MAX));
        for bad in ["0", "-1", "x", ""] {
            assert!(page_limit(Some(bad)).is_err(), "{bad}");
        }
    }
}
