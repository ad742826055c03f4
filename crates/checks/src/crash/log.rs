//! The logs that are written and read, and how HTTP says it.

use anyhow::Context;
use serde_json::Value;

use super::mark::Mark;
use crate::wire::request;

/// Events on a page.
pub(super) const PAGE: usize = 500;

/// One log of the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Target {
    /// A topic; each record is an event.
    Topic(String),
    /// A durable stream of text; each record is a line.
    Stream(String),
}

/// What makes the repetition of an append harmless.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Retry {
    /// `Producer-Id`, `Producer-Epoch` and `Producer-Seq`.
    Producer,
    /// `Idempotency-Key`.
    Key,
}

/// How the server acknowledged an append.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Acknowledged {
    /// Where the first record is; durable streams do not say it.
    pub(super) offset: Option<u64>,
    /// Whether it had happened before.
    pub(super) duplicate: bool,
}

impl Target {
    pub(super) fn path(&self) -> String {
        match self {
            Self::Topic(name) => format!("/topics/{name}"),
            Self::Stream(name) => format!("/v1/stream/{name}"),
        }
    }

    /// The request that makes the log, where it is not made by its first append.
    pub(super) fn create(&self) -> Option<Vec<u8>> {
        let text = [("content-type", "text/plain")];
        matches!(self, Self::Stream(_)).then(|| request("PUT", &self.path(), &text, b""))
    }

    /// The request of one append.
    pub(super) fn append(&self, writer: u32, append: u32, retry: Retry) -> Vec<u8> {
        let (id, number) = (format!("writer-{writer}"), append.to_string());
        let key = format!("{id}-{number}");
        let producer = [("producer-id", &*id), ("producer-epoch", "0"), ("producer-seq", &*number)];
        let keyed = [("idempotency-key", &*key)];
        let who = match retry {
            Retry::Producer => &producer[..],
            Retry::Key => &keyed[..],
        };
        let (content_type, quote) = match self {
            Self::Topic(_) => ("application/x-ndjson", "\""),
            Self::Stream(_) => ("text/plain", ""),
        };
        let mut body = String::new();
        for mark in Mark::of_append(writer, append) {
            body.extend([quote, &mark.to_text(), quote, "\n"]);
        }
        let headers = [&[("content-type", content_type)], who].concat();
        request("POST", &self.path(), &headers, body.as_bytes())
    }

    /// Reads the answer to an append; `None` if it was refused.
    pub(super) fn acknowledged(&self, status: u16, body: &[u8]) -> Option<Acknowledged> {
        match (self, status) {
            (Self::Stream(_), 200) => Some(Acknowledged { offset: None, duplicate: false }),
            (Self::Stream(_), 204) => Some(Acknowledged { offset: None, duplicate: true }),
            (Self::Topic(_), 200 | 201) => {
                let answer: Value = serde_json::from_slice(body).ok()?;
                let offset = Some(answer.get("offset")?.as_u64()?);
                Some(Acknowledged { offset, duplicate: answer.get("duplicate")?.as_bool()? })
            }
            _ => None,
        }
    }

    /// What the answer to an append says that it survives; durable streams do not say it.
    pub(super) fn claimed(&self, body: &[u8]) -> Option<String> {
        let Self::Topic(_) = self else { return None };
        let answer: Value = serde_json::from_slice(body).ok()?;
        Some(answer.get("durability")?.as_str()?.to_owned())
    }
}

/// The record that an event's JSON holds.
pub(super) fn mark_of_event(data: &Value) -> anyhow::Result<Mark> {
    let text = data.as_str().context("expected an event of text")?;
    Mark::parse(text).with_context(|| format!("nobody wrote {text:?}"))
}

/// The records that the lines of a durable stream hold.
pub(super) fn marks_of_lines(text: &str) -> anyhow::Result<Vec<Mark>> {
    let parse = |line| Mark::parse(line).with_context(|| format!("nobody wrote {line:?}"));
    text.split_terminator('\n').map(parse).collect()
}
