//! What one reader's connection is told beside the events.
//!
//! A [`Session`] is a pure machine, the same for every transport.
//! The driver reads the log and writes the records' frames itself; it tells the session what it
//! delivered and what happened, and writes what the session says.
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
use stream_model::{Epoch, Offset, StreamPosition};

use crate::{CloseCode, ResumeToken};

/// How a session behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionOptions {
    heartbeat: Duration,
    announce_end: bool,
}

impl Default for SessionOptions {
    fn default() -> Self {
        Self { heartbeat: Duration::from_secs(30), announce_end: true }
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
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Input {
    /// Records before `next` were written to the connection.
    Delivered {
        /// The record that comes next.
        next: Offset,
    },
    /// Records cannot be given any more; reading goes on at `to`.
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
    /// The reader's position is of another life of the stream; reading starts at `earliest`.
    EpochChanged {
        /// The life that the reader knew.
        asked: Epoch,
        /// The oldest record of the present life.
        earliest: StreamPosition,
    },
    /// The stream is over, or cannot be read on.
    Ended(CloseCode),
}

/// What the driver must do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    /// Write this.
    Send(Notice),
    /// Write nothing more and close the connection.
    Close(CloseCode),
}

/// A frame of the server's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notice {
    /// The first frame: nothing but the position.
    Hello {
        /// Where the reader stands.
        token: ResumeToken,
    },
    /// Nothing happened, and the connection is alive.
    Heartbeat,
    /// Records are gone that the reader has not seen.
    Trimmed {
        /// The first that is gone.
        from: Offset,
        /// Where it goes on.
        token: ResumeToken,
    },
    /// Records are damaged that the reader has not seen.
    Damaged {
        /// The first of them.
        from: Offset,
        /// Where it goes on.
        token: ResumeToken,
    },
    /// The stream was lost and made anew.
    EpochChanged {
        /// The life that the reader knew.
        asked: Epoch,
        /// Where it goes on.
        token: ResumeToken,
    },
    /// The connection ends.
    Disconnect {
        /// Why, and whether to come back.
        code: CloseCode,
        /// Where the reader stands.
        token: ResumeToken,
    },
}

impl Notice {
    /// The event's name; the greeting has none.
    pub const fn event_name(&self) -> Option<&'static str> {
        match self {
            Self::Hello { .. } => None,
            Self::Heartbeat => Some("heartbeat"),
            Self::Trimmed { .. } => Some("trimmed"),
            Self::Damaged { .. } => Some("damaged"),
            Self::EpochChanged { .. } => Some("epoch-changed"),
            Self::Disconnect { .. } => Some("disconnect"),
        }
    }

    /// The event's data; the greeting has none.
    pub fn data(&self) -> Option<Value> {
        match self {
            Self::Hello { .. } => None,
            Self::Heartbeat => Some(json!({})),
            Self::Trimmed { from, token } | Self::Damaged { from, token } => {
                let to = token.offset();
                Some(json!({"from": from, "to": to, "missed": to.since(*from)}))
            }
            Self::EpochChanged { asked, token } => {
                let StreamPosition { epoch, offset } = token.position();
                Some(json!({"from": asked, "to": epoch, "offset": offset}))
            }
            Self::Disconnect { code, .. } => Some(json!({
                "code": code.code(), "reason": code.reason(), "reconnect": code.may_reconnect(),
            })),
        }
    }

    /// The id, where the frame moves or repeats the reader's position.
    pub const fn token(&self) -> Option<ResumeToken> {
        match self {
            Self::Heartbeat => None,
            Self::Hello { token }
            | Self::Trimmed { token, .. }
            | Self::Damaged { token, .. }
            | Self::EpochChanged { token, .. }
            | Self::Disconnect { token, .. } => Some(*token),
        }
    }
}

/// One reader's connection.
#[derive(Debug)]
pub struct Session {
    options: SessionOptions,
    position: StreamPosition,
    deadline: Instant,
    outputs: VecDeque<Output>,
    ended: bool,
}

impl Session {
    /// A connection opened at `now` whose reader stands at `position`.
    pub fn new(options: SessionOptions, position: StreamPosition, now: Instant) -> Self {
        let hello = Notice::Hello { token: ResumeToken::at(position) };
        let outputs = VecDeque::from([Output::Send(hello)]);
        Self { options, position, deadline: now + options.heartbeat, outputs, ended: false }
    }

    /// Takes what happened at `now`; after the end it does nothing.
    pub fn handle_input(&mut self, now: Instant, input: Input) {
        if self.ended {
            return;
        }
        match input {
            Input::Delivered { next } => self.position.offset = next,
            Input::Trimmed { from, to } => {
                self.position.offset = to;
                self.send(Notice::Trimmed { from, token: self.token() });
            }
            Input::Damaged { from, to } => {
                self.position.offset = to;
                self.send(Notice::Damaged { from, token: self.token() });
            }
            Input::EpochChanged { asked, earliest } => {
                self.position = earliest;
                self.send(Notice::EpochChanged { asked, token: self.token() });
            }
            Input::Ended(code) => {
                if self.options.announce_end || code != CloseCode::Ended {
                    self.send(Notice::Disconnect { code, token: self.token() });
                }
                self.outputs.push_back(Output::Close(code));
                self.ended = true;
            }
        }
        self.deadline = now + self.options.heartbeat;
    }

    /// Sends a heartbeat if one is due at `now`; early calls do nothing.
    pub fn handle_timeout(&mut self, now: Instant) {
        if !self.ended && now >= self.deadline {
            self.send(Notice::Heartbeat);
            self.deadline = now + self.options.heartbeat;
        }
    }

    /// What to do next; ask until there is nothing.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When [`handle_timeout`](Self::handle_timeout) must be called.
    pub fn poll_timeout(&self) -> Instant {
        self.deadline
    }

    /// Where the reader stands.
    pub fn token(&self) -> ResumeToken {
        ResumeToken::at(self.position)
    }

    fn send(&mut self, notice: Notice) {
        self.outputs.push_back(Output::Send(notice));
    }
}

#[cfg(test)]
mod tests;
