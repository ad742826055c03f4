//! Creating a stream (5.1), or a fork of one (4.2).

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};

use super::answer::Answer;
use super::content;
use super::headers::{STREAM_FORK_OFFSET, STREAM_FORK_SUB_OFFSET, STREAM_FORKED_FROM, closes};
use super::lifetime::{decimal, text};
use super::limits::FORK_DEPTH_MAX;
use super::record::{Description, Fork};
use super::refusal::Refusal;
use super::{ContentType, Lifetime, StreamOffset, StreamPath};

/// What a `PUT` asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Create {
    content_type: Option<ContentType>,
    lifetime: Lifetime,
    closed: bool,
    fork: Option<ForkRequest>,
    body: Bytes,
}

/// Where a fork is to leave its source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForkRequest {
    /// The source.
    pub source: StreamPath,
    /// The position; the source's tail if the request does not say.
    pub offset: Option<StreamOffset>,
    /// How many bytes or messages after it are taken too.
    pub sub_offset: u64,
}

/// A stream to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Creation {
    /// The first record of its log.
    pub description: Description,
    /// What its first appends hold, in order.
    pub pieces: Vec<Bytes>,
    /// Whether nothing may follow.
    pub closed: bool,
}

impl Create {
    /// Reads the request; `root` is the URL path below which streams lie, with a slash at both
    /// ends.
    ///
    /// # Errors
    /// A refusal with status 400 if a header is malformed.
    pub fn parse(headers: &HeaderMap, body: Bytes, root: &str) -> Result<Self, Refusal> {
        let content_type = match text(headers, &CONTENT_TYPE)? {
            None => None,
            Some(given) => Some(ContentType::parse(given).map_err(|error| invalid(&error))?),
        };
        Ok(Self {
            content_type,
            lifetime: Lifetime::parse(headers)?,
            closed: closes(headers),
            fork: ForkRequest::parse(headers, root)?,
            body,
        })
    }

    /// The fork that it asks for, if it does.
    pub fn fork(&self) -> Option<&ForkRequest> {
        self.fork.as_ref()
    }

    /// What is to be made of a stream that has no source, in this `life`.
    ///
    /// # Errors
    /// A refusal with status 400 if the body is not what the content type says.
    pub fn plain(self, life: u64) -> Result<Creation, Refusal> {
        let content_type = self.content_type.unwrap_or_default();
        let pieces = first_piece(&content_type, self.body)?.into_iter().collect();
        let description =
            Description { content_type, lifetime: self.lifetime, life, epoch: None, fork: None };
        Ok(Creation { description, pieces, closed: self.closed })
    }

    /// What is to be made of a fork that leaves `source` at `offset`; `next` is the source's
    /// append right after that.
    ///
    /// The fork's life is `life`, or a later one if the source's is not earlier.
    ///
    /// # Errors
    /// A refusal with status 400 if the next append is shorter than the sub-offset or the body is
    /// not what the content type says; with 409 if the source has another content type, or too
    /// many sources of its own.
    pub fn forked(
        self,
        request: &ForkRequest,
        source: &Description,
        offset: StreamOffset,
        next: Option<&Bytes>,
        life: u64,
    ) -> Result<Creation, Refusal> {
        let content_type = self.content_type.as_ref();
        let content_type = content_type.unwrap_or(&source.content_type).clone();
        if content_type != source.content_type {
            return Err(content_type_differs(&source.content_type));
        }
        let depth = source.fork.as_ref().map_or(1, |fork| fork.depth.saturating_add(1));
        if depth > FORK_DEPTH_MAX {
            let detail = format!("expected a fork of at most {FORK_DEPTH_MAX} sources in a row");
            return Err(Refusal::conflict(
                "fork-too-deep",
                "The source is a fork too deep",
                detail,
            ));
        }
        let taken = match request.sub_offset {
            0 => None,
            count => Some(
                next.and_then(|next| content::prefix(&content_type, next, count))
                    .ok_or_else(overshoot)?,
            ),
        };
        let body = first_piece(&content_type, self.body)?;
        let fork = Fork {
            source: request.source.as_str().to_owned(),
            source_life: source.life,
            at: offset.number(),
            sub_offset: request.sub_offset,
            depth,
        };
        let description = Description {
            content_type,
            lifetime: self.lifetime.or_of_source(source.lifetime),
            life: life.max(source.life.saturating_add(1)),
            epoch: None,
            fork: Some(fork),
        };
        let pieces = taken.into_iter().chain(body).collect();
        Ok(Creation { description, pieces, closed: self.closed })
    }

    /// What to answer if there is a stream at the path already: it is as good as made now if it
    /// is what the request asks for.
    ///
    /// # Errors
    /// A refusal with status 409 if it is something else.
    pub fn matches(&self, existing: &Description, closed: bool) -> Result<(), Refusal> {
        let content_type = match &self.content_type {
            // A fork that names no type has its source's, whatever that is.
            None if self.fork.is_some() => true,
            None => existing.content_type == ContentType::default(),
            Some(asked) => *asked == existing.content_type,
        };
        let fork = match (&self.fork, &existing.fork) {
            (None, None) => true,
            (Some(asked), Some(fork)) => asked.matches(fork),
            _ => false,
        };
        // A fork that names no lifetime has its source's.
        let lifetime = self.lifetime == existing.lifetime
            || (self.fork.is_some() && self.lifetime == Lifetime::Unlimited);
        for (same, what) in [
            (content_type, "content type"),
            (lifetime, "time to live"),
            (closed == self.closed, "closed or open state"),
            (fork, "source"),
        ] {
            if !same {
                let detail = format!("a stream with another {what} stands at this path");
                return Err(Refusal::conflict("stream-exists", "The stream exists", detail));
            }
        }
        Ok(())
    }
}

impl ForkRequest {
    fn parse(headers: &HeaderMap, root: &str) -> Result<Option<Self>, Refusal> {
        let source = text(headers, &STREAM_FORKED_FROM)?;
        let offset = text(headers, &STREAM_FORK_OFFSET)?;
        let sub_offset = text(headers, &STREAM_FORK_SUB_OFFSET)?;
        let Some(source) = source else {
            return match (offset, sub_offset) {
                (None, None) => Ok(None),
                _ => Err(invalid(&"expected Stream-Forked-From with a fork's offset")),
            };
        };
        let source = StreamPath::from_url_path(source, root).map_err(|error| invalid(&error))?;
        let offset = match offset {
            None => None,
            Some(offset) => Some(offset.parse().map_err(|error| invalid(&error))?),
        };
        let sub_offset = match sub_offset {
            None => 0,
            Some(count) => decimal(count).ok_or_else(|| {
                invalid(&"expected Stream-Fork-Sub-Offset as a whole number in decimal digits")
            })?,
        };
        if sub_offset > 0 && offset.is_none() {
            return Err(invalid(&"expected Stream-Fork-Offset with Stream-Fork-Sub-Offset"));
        }
        Ok(Some(Self { source, offset, sub_offset }))
    }

    /// Whether `fork` is what this asks for; a request that names no offset means whatever the
    /// tail was when the fork was made.
    fn matches(&self, fork: &Fork) -> bool {
        let offset = self.offset.is_none_or(|offset| offset.number() == fork.at);
        self.source.as_str() == fork.source && offset && self.sub_offset == fork.sub_offset
    }
}

/// The answer to a `PUT` that made the stream at `url`, or found it made.
pub fn answer(
    created: bool,
    url: &str,
    description: &Description,
    tail: StreamOffset,
    closed: bool,
) -> Answer {
    let status = if created { StatusCode::CREATED } else { StatusCode::OK };
    let answer = Answer::new(status).content_type(&description.content_type).next(tail);
    let answer = if created { answer.location(url) } else { answer };
    answer.closed(closed)
}

/// What a body adds to a new stream: it may be missing, whatever the content type.
fn first_piece(content_type: &ContentType, body: Bytes) -> Result<Option<Bytes>, Refusal> {
    if body.is_empty() { Ok(None) } else { content::piece(content_type, body) }
}

fn invalid(error: &dyn std::fmt::Display) -> Refusal {
    Refusal::invalid("header-invalid", "A header is not understood", error.to_string())
}

fn overshoot() -> Refusal {
    let detail = "the append after the fork's offset holds less than Stream-Fork-Sub-Offset says";
    Refusal::invalid("sub-offset-invalid", "There is no such sub-offset", detail)
}

/// The content type is not the stream's.
pub(super) fn content_type_differs(of_stream: &ContentType) -> Refusal {
    let detail = format!("expected the stream's content type, {}", of_stream.as_str());
    Refusal::conflict("content-type-differs", "The content type is not the stream's", detail)
}

#[cfg(test)]
mod tests;
