//! Reading a stream: what is asked (5.6 to 5.8), and what is answered at once.

use bytes::Bytes;
use http::header::{CACHE_CONTROL, ETAG, IF_NONE_MATCH};
use http::{HeaderMap, StatusCode};
use time::OffsetDateTime;

use super::answer::Answer;
use super::headers::{STREAM_CURSOR, STREAM_UP_TO_DATE};
use super::record::Description;
use super::refusal::Refusal;
use super::{StreamOffset, content};

/// Where a read starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadStart {
    /// At the first append.
    Beginning,
    /// After the last one.
    Now,
    /// Here.
    At(StreamOffset),
}

/// How long a reader stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// It takes what is there.
    CatchUp,
    /// It waits for something to be there.
    LongPoll,
    /// It is sent what comes, as server-sent events.
    Sse,
}

/// What a `GET` asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Read {
    /// Where it starts.
    pub start: ReadStart,
    /// How long it stays.
    pub mode: Mode,
    /// The cursor of the answer before.
    pub cursor: Option<String>,
    /// The entity tags that the client has.
    if_none_match: Option<String>,
}

impl Read {
    /// Reads the request; `query` holds the decoded pairs, and those that have no meaning here
    /// are passed over.
    ///
    /// # Errors
    /// A refusal with status 400 if a value is malformed, comes twice, or is missing.
    pub fn parse(query: &[(String, String)], headers: &HeaderMap) -> Result<Self, Refusal> {
        let offset = once(query, "offset")?;
        let mode = match once(query, "live")? {
            None => Mode::CatchUp,
            Some("long-poll") => Mode::LongPoll,
            Some("sse") => Mode::Sse,
            Some(_) => return Err(invalid("expected live to be long-poll or sse")),
        };
        let start = match offset {
            None if mode == Mode::CatchUp => ReadStart::Beginning,
            None => return Err(invalid("expected an offset with live; -1 is the beginning")),
            Some("-1") => ReadStart::Beginning,
            Some("now") => ReadStart::Now,
            Some(token) => match token.parse() {
                Ok(offset) => ReadStart::At(offset),
                Err(error) => return Err(invalid(error)),
            },
        };
        let tags = headers.get(IF_NONE_MATCH).and_then(|value| value.to_str().ok());
        Ok(Self {
            start,
            mode,
            cursor: once(query, "cursor")?.map(str::to_owned),
            if_none_match: tags.map(str::to_owned),
        })
    }

    /// Whether the client has the answer with this tag already (RFC 9110, 13.1.2).
    fn has(&self, tag: &str) -> bool {
        let Some(tags) = &self.if_none_match else { return false };
        let same = |given: &str| given == "*" || given.trim_start_matches("W/") == tag;
        tags.split(',').map(str::trim).any(same)
    }
}

fn once<'a>(query: &'a [(String, String)], name: &str) -> Result<Option<&'a str>, Refusal> {
    let mut values = query.iter().filter(|(key, _)| key == name).map(|(_, value)| value.as_str());
    match (values.next(), values.next()) {
        (value, None) => Ok(value),
        (_, Some(_)) => Err(invalid(format!("expected {name} once"))),
    }
}

fn invalid(detail: impl std::fmt::Display) -> Refusal {
    Refusal::invalid("query-invalid", "The query is not understood", detail.to_string())
}

/// Consecutive appends, and how the stream stood when they were read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Where it starts.
    pub start: StreamOffset,
    /// Where the next one starts.
    pub next: StreamOffset,
    /// What the appends hold, in order.
    pub pieces: Vec<Bytes>,
    /// Whether nothing came after it yet.
    pub up_to_date: bool,
    /// Whether nothing will ever come after it.
    pub closed: bool,
}

impl Page {
    /// Whether there is something to be sent.
    pub fn has_data(&self) -> bool {
        self.pieces.iter().any(|piece| !piece.is_empty())
    }

    /// The body that carries it.
    pub fn body(&self, description: &Description) -> Bytes {
        content::body(&description.content_type, &self.pieces)
    }

    /// What caches know the page by: where it starts and ends in which life, and whether the end
    /// is final, so that nobody who has the page misses the closing (10.1).
    fn tag(&self) -> String {
        let closed = if self.closed { ":c" } else { "" };
        let Self { start, next, .. } = self;
        format!("\"{start}:{next}{closed}\"")
    }

    /// The answer to a read that does not wait, or whose data is there: head and body.
    ///
    /// `cursor` is for live readers.
    pub fn answer(
        &self,
        read: &Read,
        description: &Description,
        now: OffsetDateTime,
        cursor: Option<u64>,
    ) -> (Answer, Bytes) {
        let tag = self.tag();
        let from_now = read.start == ReadStart::Now;
        let mut answer = Answer::new(StatusCode::OK).next(self.next).closed(self.closed);
        if self.up_to_date {
            answer = answer.header(STREAM_UP_TO_DATE, "true");
        }
        if let Some(cursor) = cursor {
            answer = answer.header(STREAM_CURSOR, &cursor.to_string());
        }
        if from_now {
            // The tail is elsewhere a moment later: no cache may keep this.
            answer = answer.header(CACHE_CONTROL, "no-store");
        } else {
            answer = answer
                .header(ETAG, &tag)
                .header(CACHE_CONTROL, &description.lifetime.cache_control(now));
            if read.has(&tag) {
                answer.status = StatusCode::NOT_MODIFIED;
                return (answer, Bytes::new());
            }
        }
        (answer.content_type(&description.content_type), self.body(description))
    }

    /// The answer to a long poll that waited in vain, or has nothing to wait for (5.7).
    pub fn answer_nothing(&self, cursor: u64) -> Answer {
        let answer = Answer::new(StatusCode::NO_CONTENT)
            .next(self.next)
            .closed(self.closed)
            .header(STREAM_UP_TO_DATE, "true")
            .header(CACHE_CONTROL, "no-store");
        // Who has everything of a closed stream does not come back.
        if self.closed { answer } else { answer.header(STREAM_CURSOR, &cursor.to_string()) }
    }
}

#[cfg(test)]
mod tests;
