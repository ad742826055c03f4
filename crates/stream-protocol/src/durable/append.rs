//! Appending to a stream and closing it (5.2, 5.3).

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};
use stream_model::Producer;

use super::answer::Answer;
use super::content;
use super::create::content_type_differs;
use super::headers::{STREAM_SEQ, closes};
use super::lifetime::text;
use super::limits::SEQ_BYTES_MAX;
use super::refusal::Refusal;
use super::{ContentType, StreamOffset};
use crate::publish;

/// What a `POST` asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Append {
    content_type: Option<ContentType>,
    seq: Option<Bytes>,
    producer: Option<Producer>,
    close: bool,
    body: Bytes,
}

/// What is to be appended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// What the append adds; none if it only closes.
    pub piece: Option<Bytes>,
    /// Who appends, and which append it is.
    pub producer: Option<Producer>,
    /// Whether the stream is closed with it.
    pub close: bool,
}

impl Append {
    /// Reads the request.
    ///
    /// # Errors
    /// A refusal with status 400 if a header is malformed, or there is neither a body nor
    /// `Stream-Closed: true`.
    pub fn parse(headers: &HeaderMap, body: Bytes) -> Result<Self, Refusal> {
        let close = closes(headers);
        // A client may send its usual content type with an empty body, and it means nothing.
        let content_type = if body.is_empty() { None } else { Some(body_type(headers)?) };
        if body.is_empty() && !close {
            let detail = "expected bytes to append, or Stream-Closed: true";
            return Err(Refusal::invalid("body-empty", "The body is empty", detail));
        }
        let seq = headers.get(STREAM_SEQ).map(|seq| Bytes::copy_from_slice(seq.as_bytes()));
        if seq.as_ref().is_some_and(|seq| seq.len() > SEQ_BYTES_MAX) {
            let detail = format!("expected a Stream-Seq of at most {SEQ_BYTES_MAX} bytes");
            return Err(Refusal::invalid("seq-too-long", "The sequence is too long", detail));
        }
        Ok(Self { content_type, seq, producer: publish::producer(headers)?, close, body })
    }

    /// The writer's own sequence.
    pub fn seq(&self) -> Option<&Bytes> {
        self.seq.as_ref()
    }

    /// Who appends.
    pub fn producer(&self) -> Option<&Producer> {
        self.producer.as_ref()
    }

    /// Whether the request closes the stream and adds nothing, and so may be repeated by anybody.
    pub fn only_closes(&self) -> bool {
        self.body.is_empty() && self.producer.is_none()
    }

    /// What is to be appended to a stream of this type; `closed_at` is where the stream was
    /// closed, if it was.
    ///
    /// That a stream is closed is told before anything else is found wrong (5.2); whether a
    /// producer's append to it is the repetition of an old one, only its log knows.
    ///
    /// # Errors
    /// A refusal with status 409 if the stream is closed or has another content type, with 400
    /// if the body is not JSON where it has to be, or an array without messages.
    pub fn plan(
        &self,
        of_stream: &ContentType,
        closed_at: Option<StreamOffset>,
    ) -> Result<Plan, Refusal> {
        let plan = |piece| Plan { piece, producer: self.producer.clone(), close: self.close };
        if let Some(tail) = closed_at {
            if self.producer.is_none() && !self.only_closes() {
                return Err(Refusal::closed(tail));
            }
            return Ok(plan(Some(self.body.clone()).filter(|body| !body.is_empty())));
        }
        let Some(content_type) = &self.content_type else { return Ok(plan(None)) };
        if content_type != of_stream {
            return Err(content_type_differs(of_stream));
        }
        match content::piece(of_stream, self.body.clone())? {
            Some(piece) => Ok(plan(Some(piece))),
            None => {
                let detail = "expected at least one message in the array";
                Err(Refusal::invalid("body-empty", "The array is empty", detail))
            }
        }
    }

    /// Checks the writer's own sequence against the newest one of the stream (12.6).
    ///
    /// # Errors
    /// A refusal with status 409 if it is not later, byte by byte.
    pub fn check_seq(&self, newest: Option<&Bytes>) -> Result<(), Refusal> {
        match (&self.seq, newest) {
            (Some(seq), Some(newest)) if seq <= newest => {
                let detail = format!(
                    "expected a Stream-Seq after {}, in the order of bytes",
                    newest.escape_ascii()
                );
                Err(Refusal::conflict("seq-regressed", "The sequence does not go on", detail))
            }
            _ => Ok(()),
        }
    }
}

fn body_type(headers: &HeaderMap) -> Result<ContentType, Refusal> {
    let invalid = |detail: String| {
        Refusal::invalid("content-type-invalid", "The content type is not understood", detail)
    };
    match text(headers, &CONTENT_TYPE)? {
        Some(given) => ContentType::parse(given).map_err(|error| invalid(error.to_string())),
        None => Err(invalid("expected the stream's content type with the body".to_owned())),
    }
}

/// What an append did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appended {
    /// The stream's tail after it.
    pub tail: StreamOffset,
    /// Whether it had been appended before, and nothing was appended now.
    pub duplicate: bool,
    /// Whether the stream is closed now.
    pub closed: bool,
    /// The highest sequence that the producer has appended in its newest epoch.
    pub producer_seq: Option<u64>,
}

impl Append {
    /// The answer to an append that was carried out.
    pub fn answer(&self, appended: Appended) -> Answer {
        // A producer is told by the status whether its append was new (5.2.1).
        let new = self.producer.is_some() && !appended.duplicate && !self.body.is_empty();
        let status = if new { StatusCode::OK } else { StatusCode::NO_CONTENT };
        let mut answer = Answer::new(status).next(appended.tail).closed(appended.closed);
        if let Some(producer) = &self.producer {
            let seq = appended.producer_seq.unwrap_or(producer.seq);
            answer = answer
                .header(publish::PRODUCER_EPOCH, &producer.epoch.to_string())
                .header(publish::PRODUCER_SEQ, &seq.to_string());
        }
        answer
    }
}

#[cfg(test)]
mod tests;
