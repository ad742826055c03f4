//! What one reader's connection is told beside the events.
//!
//! A [`Session`] is a pure machine, the same for every transport, and for readers of one log and
//! of many.
//! The driver reads the logs, writes the records' frames itself, and knows where the reader
//! stands; it tells the session what happened, and writes what the session says at once, with
//! the reader's position as it then is.
//!
//! - A greeting comes first and carries the reader's position, so that a connection that drops
//!   before its first event loses nothing.
//! - A gap is told before anything that comes after it.
//! - A heartbeat comes when nothing was sent for a while; it moves no position.
//! - The last thing says why the connection ends, where the reader stands, and whether to come
//!   back.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use stream_model::{Epoch, Offset, StreamPosition, Topic};

use crate::CloseCode;

/// How a session behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionOptions {
    heartbeat: Duration,
    announce_end: bool,
    expires: Option<Instant>,
}

impl Default for SessionOptions {
    fn default() -> Self {
        Self { heartbeat: Duration::from_secs(30), announce_end: true, expires: None }
    }
}

impl SessionOptions {
    /// Sends a heartbeat after this time without any other frame; 30 s otherwise.
    #[must_use]
    pub fn heartbeat(mut self, idle: Duration) -> Self {
        self.heartbeat = idle;
        self
    }

    /// Whether the end of the stream is a frame of its own; not needed where the last event says
    /// it already.
    #[must_use]
    pub fn announce_end(mut self, announce: bool) -> Self {
        self.announce_end = announce;
        self
    }

    /// Ends the connection then, because the reader's token does; never otherwise.
    #[must_use]
    pub fn expires(mut self, at: Option<Instant>) -> Self {
        self.expires = at;
        self
    }
}

/// Which of a connection's logs something happened to.
pub trait Source {
    /// The topic, if the connection has several logs; a connection of one log need not say.
    fn topic(&self) -> Option<&Topic>;
}

/// The only log of its connection.
impl Source for () {
    fn topic(&self) -> Option<&Topic> {
        None
    }
}

impl Source for Topic {
    fn topic(&self) -> Option<&Topic> {
        Some(self)
    }
}

/// What a reader cannot be given any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gap {
    /// Records were trimmed; reading goes on at `to`.
    Trimmed {
        /// The record that was to come next.
        from: Offset,
        /// The oldest that is left.
        to: Offset,
    },
    /// Records cannot be read any more, because the storage is damaged; reading goes on at `to`.
    Damaged {
        /// The record that was to come next.
        from: Offset,
        /// The next that can be read, or may be.
        to: Offset,
    },
    /// The reader was too slow, and does not want what it is behind with; reading goes on at `to`.
    Lagged {
        /// The record that was to come next.
        from: Offset,
        /// The oldest that is still in memory.
        to: Offset,
    },
    /// The reader's position is of another life of the log; reading starts at `earliest`.
    EpochChanged {
        /// The life that the reader knew.
        asked: Epoch,
        /// The oldest record of the present life.
        earliest: StreamPosition,
    },
}

impl Gap {
    /// The event's name.
    pub const fn event_name(&self) -> &'static str {
        match self {
            Self::Trimmed { .. } => "trimmed",
            Self::Damaged { .. } => "damaged",
            Self::Lagged { .. } => "lagged",
            Self::EpochChanged { .. } => "epoch-changed",
        }
    }

    fn data(&self) -> Value {
        match self {
            Self::Trimmed { from, to } | Self::Damaged { from, to } | Self::Lagged { from, to } => {
                json!({"from": from, "to": to, "missed": to.since(*from)})
            }
            Self::EpochChanged { asked, earliest: StreamPosition { epoch, offset } } => {
                json!({"from": asked, "to": epoch, "offset": offset})
            }
        }
    }
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input<S = ()> {
    /// Records were written to the connection.
    Delivered,
    /// A log has a gap where the reader stands.
    Gap(S, Gap),
    /// One of several logs was deleted; what comes of its name is another.
    Deleted(S),
    /// The stream is over, or cannot be read on.
    Ended(CloseCode),
}

/// What the driver must do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output<S = ()> {
    /// Write this.
    Send(Notice<S>),
    /// Write nothing more and close the connection.
    Close(CloseCode),
}

/// A frame of the server's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice<S = ()> {
    /// The first frame: nothing but the position.
    Hello,
    /// Nothing happened, and the connection is alive.
    Heartbeat,
    /// The reader has missed something.
    Gap(S, Gap),
    /// One of the topics is gone.
    Deleted(S),
    /// The connection ends.
    Disconnect(CloseCode),
}

impl<S: Source> Notice<S> {
    /// The event's name; the greeting has none.
    pub const fn event_name(&self) -> Option<&'static str> {
        match self {
            Self::Hello => None,
            Self::Heartbeat => Some("heartbeat"),
            Self::Gap(_, gap) => Some(gap.event_name()),
            Self::Deleted(_) => Some("deleted"),
            Self::Disconnect(_) => Some("disconnect"),
        }
    }

    /// The event's data; the greeting has none.
    pub fn data(&self) -> Option<Value> {
        match self {
            Self::Hello => None,
            Self::Heartbeat => Some(json!({})),
            Self::Gap(source, gap) => Some(with_topic(gap.data(), source)),
            Self::Deleted(source) => Some(with_topic(json!({}), source)),
            Self::Disconnect(code) => Some(json!({
                "code": code.code(), "reason": code.reason(), "reconnect": code.may_reconnect(),
            })),
        }
    }

    /// Whether the frame carries the reader's position as its id.
    pub const fn has_position(&self) -> bool {
        !matches!(self, Self::Heartbeat)
    }
}

fn with_topic(mut data: Value, source: &impl Source) -> Value {
    if let (Some(topic), Value::Object(data)) = (source.topic(), &mut data) {
        data.insert("topic".to_owned(), json!(topic));
    }
    data
}

/// One reader's connection.
#[derive(Debug)]
pub struct Session<S = ()> {
    options: SessionOptions,
    deadline: Instant,
    outputs: VecDeque<Output<S>>,
    ended: bool,
}

impl<S> Session<S> {
    /// A connection opened at `now`.
    pub fn new(options: SessionOptions, now: Instant) -> Self {
        let outputs = VecDeque::from([Output::Send(Notice::Hello)]);
        Self { options, deadline: now + options.heartbeat, outputs, ended: false }
    }

    /// Takes what happened at `now`; after the end it does nothing.
    pub fn handle_input(&mut self, now: Instant, input: Input<S>) {
        if self.ended {
            return;
        }
        match input {
            Input::Delivered => {}
            Input::Gap(source, gap) => self.send(Notice::Gap(source, gap)),
            Input::Deleted(source) => self.send(Notice::Deleted(source)),
            Input::Ended(code) => {
                if self.options.announce_end || code != CloseCode::Ended {
                    self.send(Notice::Disconnect(code));
                }
                self.outputs.push_back(Output::Close(code));
                self.ended = true;
            }
        }
        self.deadline = now + self.options.heartbeat;
        self.expire(now);
    }

    /// A reader that always has something to read is never waited for.
    fn expire(&mut self, now: Instant) {
        if !self.ended && self.options.expires.is_some_and(|at| now >= at) {
            self.handle_input(now, Input::Ended(CloseCode::TokenExpired));
        }
    }

    /// Does what is due at `now`: ends a connection whose token has expired, or sends a heartbeat.
    ///
    /// Early calls do nothing.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.expire(now);
        if !self.ended && now >= self.deadline {
            self.send(Notice::Heartbeat);
            self.deadline = now + self.options.heartbeat;
        }
    }

    /// What to do next; ask until there is nothing.
    pub fn poll_output(&mut self) -> Option<Output<S>> {
        self.outputs.pop_front()
    }

    /// When [`handle_timeout`](Self::handle_timeout) must be called.
    pub fn poll_timeout(&self) -> Instant {
        self.options.expires.map_or(self.deadline, |expires| expires.min(self.deadline))
    }

    fn send(&mut self, notice: Notice<S>) {
        self.outputs.push_back(Output::Send(notice));
    }
}

#[cfg(test)]
mod tests;
