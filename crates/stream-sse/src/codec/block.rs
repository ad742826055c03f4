//! The block being read: what must be kept of it between chunks, and what outlives it.

use std::mem;
use std::time::Duration;

use super::event::{Damage, EventRef, decode};
use super::field::LastEventId;
use super::line::Line;
use crate::limits::DecoderLimits;

/// The lines since the last blank one, as far as they could not stay borrowed from a chunk.
#[derive(Debug)]
pub(super) struct Block {
    limits: DecoderLimits,
    lent: Lent,
    /// First the data of this block, if it had to be kept, then the line that has no end yet.
    carry: Vec<u8>,
    /// Where the unfinished line starts in `carry`, which is also where kept data ends.
    line_start: usize,
    /// Where kept data starts in `carry`; `None` while this block has none there.
    data_start: Option<usize>,
    /// The type of this block, if it had to be kept.
    event_type: Vec<u8>,
    id: String,
    /// What `id` becomes at the end of this block, if `sets_id`.
    next_id: String,
    sets_id: bool,
    /// The reconnection time that this block has brought.
    own_retry: Option<Duration>,
    retry: Option<Duration>,
}

/// What the last item borrows from a block, to be given up when the next one is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lent {
    Nothing,
    Block,
    Line,
}

impl Block {
    pub(super) fn new(limits: DecoderLimits) -> Self {
        Self {
            limits,
            lent: Lent::Nothing,
            carry: Vec::new(),
            line_start: 0,
            data_start: None,
            event_type: Vec::new(),
            id: String::new(),
            next_id: String::new(),
            sets_id: false,
            own_retry: None,
            retry: None,
        }
    }

    pub(super) fn resume_from(&mut self, last_event_id: &LastEventId<'_>) {
        last_event_id.as_str().clone_into(&mut self.id);
    }

    pub(super) fn limits(&self) -> DecoderLimits {
        self.limits
    }

    pub(super) fn last_event_id(&self) -> &str {
        &self.id
    }

    pub(super) fn retry(&self) -> Option<Duration> {
        self.retry
    }

    /// How many bytes of data and line are kept for later.
    pub(super) fn kept_bytes(&self) -> usize {
        if self.lent == Lent::Block { 0 } else { self.carry.len() }
    }

    /// Gives up what the last item borrowed.
    #[inline]
    pub(super) fn settle(&mut self) {
        match self.lent {
            Lent::Nothing => return,
            Lent::Block => self.clear(),
            Lent::Line => self.carry.truncate(self.line_start),
        }
        self.lent = Lent::Nothing;
    }

    /// Forgets the block, but for what outlives it.
    pub(super) fn clear(&mut self) {
        self.lent = Lent::Nothing;
        self.carry.clear();
        self.line_start = 0;
        self.data_start = None;
        self.event_type.clear();
        self.sets_id = false;
        self.own_retry = None;
    }

    /// Whether the start of a line is kept.
    #[inline]
    pub(super) fn in_line(&self) -> bool {
        self.carry.len() > self.line_start
    }

    #[inline]
    pub(super) fn has_kept_data(&self) -> bool {
        self.data_start.is_some()
    }

    /// Refuses a line of `len` bytes, if it is over the limit.
    #[inline]
    pub(super) fn check_line(&self, len: usize) -> Result<(), Damage> {
        let limit = self.limits.line_bytes;
        if len <= limit { Ok(()) } else { Err(Damage::LineTooLong { limit }) }
    }

    /// Refuses a line of which a start is kept and `more` bytes follow, if it is over the limit.
    #[inline]
    pub(super) fn check_kept_line(&self, more: usize) -> Result<(), Damage> {
        self.check_line(self.carry.len() - self.line_start + more)
    }

    /// Refuses data of `size` bytes, if it is over the limit.
    #[inline]
    pub(super) fn check_event(&self, size: usize) -> Result<(), Damage> {
        let limit = self.limits.event_bytes;
        if size <= limit { Ok(()) } else { Err(Damage::EventTooLong { limit, size }) }
    }

    /// Keeps a piece of a line that has no end yet.
    #[inline]
    pub(super) fn keep_line(&mut self, piece: &[u8]) {
        self.carry.extend_from_slice(piece);
    }

    /// Keeps the first line of data; nothing else is in the buffer then.
    pub(super) fn keep_data(&mut self, data: &[u8]) {
        self.carry.extend_from_slice(data);
        self.data_start = Some(0);
        self.line_start = self.carry.len();
    }

    /// Appends a further line to kept data.
    pub(super) fn join_data(&mut self, value: &[u8]) -> Result<(), Damage> {
        self.check_event(self.kept_data().len() + 1 + value.len())?;
        self.carry.push(b'\n');
        self.carry.extend_from_slice(value);
        self.line_start = self.carry.len();
        Ok(())
    }

    pub(super) fn keep_type(&mut self, event_type: &[u8]) {
        replace(&mut self.event_type, event_type);
    }

    pub(super) fn set_id(&mut self, id: &[u8]) {
        replace_text(&mut self.next_id, id);
        self.sets_id = true;
    }

    pub(super) fn set_retry(&mut self, retry: Duration) {
        self.own_retry = Some(retry);
        self.retry = Some(retry);
    }

    /// Keeps a comment so that it can be lent.
    pub(super) fn lend_comment(&mut self, text: &[u8]) {
        self.carry.extend_from_slice(text);
        self.lent = Lent::Line;
    }

    /// Reads the kept line, which is now complete.
    ///
    /// A comment is lent and its length returned, if it is wanted.
    pub(super) fn read_kept_line(&mut self, wants_comments: bool) -> Result<Option<usize>, Damage> {
        let line = self.carry.get(self.line_start..).unwrap_or_default();
        match Line::parse(line) {
            Line::Data(value) => {
                let value_len = value.len();
                return self.keep_line_as_data(value_len).map(|()| None);
            }
            Line::Comment(text) if wants_comments => {
                self.lent = Lent::Line;
                return Ok(Some(text.len()));
            }
            Line::Event(value) => replace(&mut self.event_type, value),
            Line::Id(value) => {
                replace_text(&mut self.next_id, value);
                self.sets_id = true;
            }
            Line::Retry(time) => self.set_retry(time),
            Line::Comment(_) | Line::Ignored => {}
        }
        self.carry.truncate(self.line_start);
        Ok(None)
    }

    /// Makes the last `value_len` bytes of the kept line data, in place.
    fn keep_line_as_data(&mut self, value_len: usize) -> Result<(), Damage> {
        let value_start = self.carry.len() - value_len;
        let Some(data_start) = self.data_start else {
            self.check_event(value_len)?;
            self.data_start = Some(value_start);
            self.line_start = self.carry.len();
            return Ok(());
        };
        self.check_event(self.line_start - data_start + 1 + value_len)?;
        // The line feed takes the place of the field's name, which is longer.
        if let Some(name) = self.carry.get_mut(self.line_start) {
            *name = b'\n';
        }
        self.carry.copy_within(value_start.., self.line_start + 1);
        self.carry.truncate(self.line_start + 1 + value_len);
        self.line_start = self.carry.len();
        Ok(())
    }

    /// Ends the block at a blank line and says whether it is an event, given data not kept here.
    ///
    /// An event is lent, so the block is forgotten only at the next step.
    #[inline]
    pub(super) fn end(&mut self, has_data: bool) -> bool {
        if self.sets_id {
            mem::swap(&mut self.id, &mut self.next_id);
        }
        if has_data || self.data_start.is_some() {
            self.lent = Lent::Block;
            return true;
        }
        self.clear();
        false
    }

    /// The event that has ended; what is not given was kept here.
    #[inline]
    pub(super) fn event<'a>(
        &'a self,
        event_type: Option<&'a [u8]>,
        data: Option<&'a [u8]>,
    ) -> EventRef<'a> {
        EventRef {
            event_type: event_type.unwrap_or(&self.event_type),
            data: data.unwrap_or_else(|| self.kept_data()),
            last_event_id: &self.id,
            sets_id: self.sets_id,
            retry: self.own_retry,
        }
    }

    /// The lent comment, which is the last `len` bytes of the buffer.
    pub(super) fn comment(&self, len: usize) -> &[u8] {
        let start = self.carry.len().saturating_sub(len);
        self.carry.get(start..).unwrap_or_default()
    }

    fn kept_data(&self) -> &[u8] {
        let start = self.data_start.unwrap_or(self.line_start);
        self.carry.get(start..self.line_start).unwrap_or_default()
    }
}

fn replace(buffer: &mut Vec<u8>, bytes: &[u8]) {
    buffer.clear();
    buffer.extend_from_slice(bytes);
}

fn replace_text(buffer: &mut String, bytes: &[u8]) {
    buffer.clear();
    buffer.push_str(&decode(bytes));
}
