//! The walk over one chunk: finds lines and blocks and borrows what lies whole in the chunk.

use memchr::memchr2;

use super::block::Block;
use super::event::{Damage, Decoded};
use super::gate::Gate;
use super::line::Line;

/// One thing found; what is not borrowed from the chunk lies in the block.
#[derive(Debug, Clone, Copy)]
pub(super) enum Step<'c> {
    Event { event_type: Option<&'c [u8]>, data: Option<&'c [u8]> },
    Comment(&'c [u8]),
    KeptComment { len: usize },
    Damage(Damage),
}

/// What a walk leaves for the next one.
#[derive(Debug)]
pub(super) struct State {
    pub(super) gate: Gate,
    pub(super) block: Block,
    pub(super) wants_comments: bool,
}

impl State {
    /// Drops the block; the rest of it is skipped from the end of the line that was read.
    #[cold]
    pub(super) fn damage(&mut self, damage: Damage) -> Step<'static> {
        self.block.clear();
        self.gate.skip_from_line_end();
        Step::Damage(damage)
    }

    /// Reads the kept line, which is now complete.
    pub(super) fn read_kept_line(&mut self) -> Option<Step<'static>> {
        match self.block.read_kept_line(self.wants_comments) {
            Ok(comment) => comment.map(|len| Step::KeptComment { len }),
            Err(damage) => Some(self.damage(damage)),
        }
    }

    /// Turns a step into what the caller sees.
    #[inline]
    pub(super) fn present<'a>(&'a self, step: Step<'a>) -> Decoded<'a> {
        match step {
            Step::Event { event_type, data } => Decoded::Event(self.block.event(event_type, data)),
            Step::Comment(text) => Decoded::Comment(text),
            Step::KeptComment { len } => Decoded::Comment(self.block.comment(len)),
            Step::Damage(damage) => Decoded::Damage(damage),
        }
    }
}

/// A position in a chunk, and what the block it lies in has borrowed from the chunk.
///
/// While `data` or `event_type` is borrowed, the block keeps no data and no line.
#[derive(Debug)]
pub(super) struct Scan<'c> {
    rest: &'c [u8],
    event_type: Option<&'c [u8]>,
    data: Option<&'c [u8]>,
}

impl<'c> Scan<'c> {
    #[inline]
    pub(super) fn new(chunk: &'c [u8]) -> Self {
        Self { rest: chunk, event_type: None, data: None }
    }

    /// Goes on to the next item, or keeps the unfinished block at the end of the chunk.
    pub(super) fn step(&mut self, state: &mut State) -> Option<Step<'c>> {
        state.block.settle();
        if !state.gate.is_open() {
            self.pass_gate(state);
        }
        if state.block.in_line()
            && let Some(step) = self.end_kept_line(state)
        {
            return Some(step);
        }
        while let Some((&first, tail)) = self.rest.split_first() {
            if first == b'\n' {
                self.rest = tail;
                if let Some(event) = self.end_block(state) {
                    return Some(event);
                }
                continue;
            }
            let Some(end) = memchr2(b'\n', b'\r', self.rest) else {
                return self.keep_rest(state);
            };
            let line = self.take_line(state, end);
            if let Some(step) = self.read_line(state, line) {
                return Some(step);
            }
        }
        self.keep_block(state);
        None
    }

    pub(super) fn rest_len(&self) -> usize {
        self.rest.len()
    }

    /// Whether nothing of the chunk is needed any more.
    #[inline]
    pub(super) fn is_done(&self) -> bool {
        self.rest.is_empty() && self.data.is_none() && self.event_type.is_none()
    }

    /// Takes all that was not read.
    pub(super) fn take_rest(&mut self) -> &'c [u8] {
        std::mem::take(&mut self.rest)
    }

    /// Copies what the unfinished block borrows, because the chunk goes away.
    #[inline]
    pub(super) fn keep_block(&mut self, state: &mut State) {
        if let Some(event_type) = self.event_type.take() {
            state.block.keep_type(event_type);
        }
        if let Some(data) = self.data.take() {
            state.block.keep_data(data);
        }
    }

    /// Swallows what is no line, up to the end of a damaged block.
    #[cold]
    fn pass_gate(&mut self, state: &mut State) {
        let (rest, held) = state.gate.enter(self.rest);
        self.rest = rest;
        state.block.keep_line(held);
        while state.gate.is_skipping() && !self.rest.is_empty() {
            if let Some(end) = memchr2(b'\n', b'\r', self.rest) {
                state.gate.skip_line(end == 0);
                self.take_line(state, end);
            } else {
                state.gate.skip_from_within_line();
                self.rest = &[];
            }
        }
    }

    /// Keeps the last line of the chunk, which has no end yet.
    #[inline]
    fn keep_rest(&mut self, state: &mut State) -> Option<Step<'c>> {
        self.keep_block(state);
        let piece = self.take_rest();
        if let Err(damage) = state.block.check_kept_line(piece.len()) {
            let step = state.damage(damage);
            state.gate.skip_from_within_line();
            return Some(step);
        }
        state.block.keep_line(piece);
        None
    }

    /// Goes on with the line whose start is kept.
    #[inline]
    fn end_kept_line(&mut self, state: &mut State) -> Option<Step<'c>> {
        let Some(end) = memchr2(b'\n', b'\r', self.rest) else {
            return self.keep_rest(state);
        };
        let tail = self.take_line(state, end);
        if let Err(damage) = state.block.check_kept_line(tail.len()) {
            return Some(state.damage(damage));
        }
        state.block.keep_line(tail);
        state.read_kept_line()
    }

    /// Takes the line that ends at `end`, and its line end.
    #[inline]
    fn take_line(&mut self, state: &mut State, end: usize) -> &'c [u8] {
        let (line, tail) = self.rest.split_at_checked(end).unwrap_or((self.rest, &[]));
        self.rest = match tail {
            [b'\r'] => {
                state.gate.expect_line_feed();
                &[]
            }
            [b'\r', b'\n', rest @ ..] | [_, rest @ ..] => rest,
            [] => &[],
        };
        line
    }

    /// Reads a line that lies whole in the chunk.
    #[inline]
    fn read_line(&mut self, state: &mut State, line: &'c [u8]) -> Option<Step<'c>> {
        if line.is_empty() {
            return self.end_block(state);
        }
        if let Err(damage) = state.block.check_line(line.len()) {
            return Some(self.damage(state, damage));
        }
        match Line::parse(line) {
            Line::Data(value) => {
                if let Err(damage) = self.add_data(state, value) {
                    return Some(self.damage(state, damage));
                }
            }
            Line::Event(value) => self.event_type = Some(value),
            Line::Id(value) => state.block.set_id(value),
            Line::Retry(time) => state.block.set_retry(time),
            Line::Comment(text) if state.wants_comments => return Some(Step::Comment(text)),
            Line::Comment(_) | Line::Ignored => {}
        }
        None
    }

    /// Borrows the first line of data, and keeps it as soon as a second one follows.
    #[inline]
    fn add_data(&mut self, state: &mut State, value: &'c [u8]) -> Result<(), Damage> {
        if let Some(first) = self.data.take() {
            state.block.keep_data(first);
        } else if !state.block.has_kept_data() {
            state.block.check_event(value.len())?;
            self.data = Some(value);
            return Ok(());
        }
        state.block.join_data(value)
    }

    /// Ends the block at a blank line.
    #[inline]
    fn end_block(&mut self, state: &mut State) -> Option<Step<'c>> {
        let (event_type, data) = (self.event_type.take(), self.data.take());
        state.block.end(data.is_some()).then_some(Step::Event { event_type, data })
    }

    fn damage(&mut self, state: &mut State, damage: Damage) -> Step<'c> {
        self.event_type = None;
        self.data = None;
        state.damage(damage)
    }
}
