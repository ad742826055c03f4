//! A log read page by page, each from where the one before ended.

use anyhow::{Context, ensure};
use serde::Deserialize;
use serde_json::Value;

use super::link::{Link, Reply};
use super::log::{PAGE, Target, mark_of_event, marks_of_lines};
use super::mark::Mark;
use super::stage::Stage;
use crate::wire::request;

/// A log, and how far it was read.
#[derive(Debug)]
pub(super) struct Pages {
    target: Target,
    link: Link,
    marks: Vec<Mark>,
    /// Where a durable stream goes on.
    offset: String,
    /// The life of the topic's log, which nothing may end.
    epoch: Option<String>,
}

/// One page of a topic's history.
#[derive(Deserialize)]
struct Page {
    epoch: String,
    next: u64,
    events: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    offset: u64,
    data: Value,
}

impl Pages {
    pub(super) fn new(stage: Stage, target: Target) -> Self {
        let link = Link::new(stage);
        Self { target, link, marks: Vec::new(), offset: "-1".to_owned(), epoch: None }
    }

    pub(super) fn marks(&self) -> &[Mark] {
        &self.marks
    }

    pub(super) fn into_marks(self) -> Vec<Mark> {
        self.marks
    }

    /// Takes the next page and says how many records it had.
    pub(super) async fn next(&mut self, is_long_poll: bool) -> anyhow::Result<usize> {
        let known = self.marks.len();
        let reply = self.link.insist(&self.request(is_long_poll)).await?;
        match self.target {
            Target::Topic(_) => self.take_events(&reply)?,
            Target::Stream(_) => self.take_lines(&reply)?,
        }
        Ok(self.marks.len() - known)
    }

    /// Asks for the next page and hangs up after `bytes` bytes of it.
    pub(super) async fn cut(&mut self, is_long_poll: bool, bytes: usize) -> anyhow::Result<()> {
        self.link.cut(&self.request(is_long_poll), bytes).await
    }

    fn request(&self, is_long_poll: bool) -> Vec<u8> {
        let path = self.target.path();
        match &self.target {
            Target::Topic(_) => {
                let path = format!("{path}?from={}&limit={PAGE}", self.marks.len());
                request("GET", &path, &[("accept", "application/json")], b"")
            }
            Target::Stream(_) => {
                let live = if is_long_poll { "&live=long-poll" } else { "" };
                request("GET", &format!("{path}?offset={}{live}", self.offset), &[], b"")
            }
        }
    }

    fn take_events(&mut self, reply: &Reply) -> anyhow::Result<()> {
        // A topic is made by its first append.
        if reply.status == 404 && self.marks.is_empty() {
            return Ok(());
        }
        ensure!(reply.status == 200, "answered {}: {}", reply.status, reply.text()?);
        let page: Page = serde_json::from_slice(&reply.body)?;
        let epoch = self.epoch.get_or_insert_with(|| page.epoch.clone());
        ensure!(*epoch == page.epoch, "epoch {epoch} became {}", page.epoch);
        for entry in &page.events {
            let next = self.marks.len() as u64;
            ensure!(entry.offset == next, "expected offset {next}, found {}", entry.offset);
            self.marks.push(mark_of_event(&entry.data)?);
        }
        ensure!(page.next == self.marks.len() as u64, "the page goes on at {}", page.next);
        Ok(())
    }

    fn take_lines(&mut self, reply: &Reply) -> anyhow::Result<()> {
        let is_answer = matches!(reply.status, 200 | 204);
        ensure!(is_answer, "answered {}: {}", reply.status, reply.text()?);
        self.marks.extend(marks_of_lines(reply.text()?)?);
        self.offset = reply.next_offset.clone().context("the page says no next offset")?;
        Ok(())
    }
}
