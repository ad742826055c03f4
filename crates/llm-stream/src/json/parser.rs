//! Finds complete JSON values in a stream of text.

mod options;

use std::collections::VecDeque;

use memchr::{memchr, memchr2};
use serde_json::Value;

use super::{
    error::{JsonError, JsonErrorKind},
    event::EventQueue,
    limits,
    node::JsonNode,
    scanner::{JsonDialect, JsonScanner, JsonToken},
    skip::Skipper,
    tree::{JsonKind, JsonState, NodeId, Tree},
    utf8::{Utf8Carry, Utf8Piece},
};

pub use options::{JsonExtract, JsonStreamOptions};

/// Where in the stream the parser is.
#[derive(Debug, Clone, Copy)]
enum Place {
    /// Between values.
    Outside,
    /// In a value.
    Inside,
    /// Right after a top-level scalar, which counts only if a delimiter follows.
    AfterScalar,
    /// In a value that is malformed or too large.
    Skipping(Skipper),
}

#[derive(Debug, Clone)]
struct Found {
    value: Value,
    source_bytes: usize,
}

/// Finds complete JSON values in a stream of text, with prose and code fences around them.
///
/// Feed it text cut anywhere; take the objects when they are complete.
/// What it finds does not depend on how the text was cut.
/// [`JsonExtract`] says what it looks for: objects, arrays, elements of arrays, or a bare
/// sequence of values.
///
/// # Malformed text and limits
///
/// Nothing is dropped in silence: an object that is malformed, too deep, too large, or has no
/// room left to wait in, becomes a [`JsonError`] with its position
/// ([`next_error`](Self::next_error)), and parsing goes on after its balanced close.
/// Text outside of objects is not kept.
/// Time is linear in the text; memory is bounded by the limits of [`JsonStreamOptions`],
/// where an open object takes at most its text and 32 bytes for each of its values, twice that
/// while the memory for it grows.
///
/// # Examples
///
/// ```
/// use llm_stream::json::JsonStreamParser;
/// use serde_json::json;
///
/// let mut parser = JsonStreamParser::default();
/// parser.feed("Sure, here it is:\n```json\n{\"city\": \"Par");
/// assert!(!parser.has_complete_objects());
/// parser.feed("is\"}\n```\nand a broken one: {oops} {\"n\": 1}");
/// assert_eq!(parser.get_objects(), [json!({"city": "Paris"}), json!({"n": 1})]);
/// let error = parser.next_error().unwrap();
/// assert_eq!(error.to_string(), "expected a key or '}', found 'o' at byte 67");
/// ```
#[doc(alias = "JSONStreamParser")]
#[derive(Debug, Clone)]
pub struct JsonStreamParser {
    options: JsonStreamOptions,
    scanner: JsonScanner,
    tree: Tree,
    place: Place,
    carry: Utf8Carry,
    /// Bytes of the stream used so far.
    offset: u64,
    /// Where in the stream the scanner was started.
    scanner_base: u64,
    /// Where in the stream the open value began.
    value_start: u64,
    events: EventQueue,
    objects: VecDeque<Found>,
    objects_bytes: usize,
    errors: VecDeque<JsonError>,
    errors_count: u64,
}

impl Default for JsonStreamParser {
    fn default() -> Self {
        JsonStreamOptions::default().build()
    }
}

impl JsonStreamParser {
    fn new(options: JsonStreamOptions) -> Self {
        Self {
            scanner: JsonScanner::new(options.dialect, options.depth_max),
            tree: Tree::new(options.duplicate_keys),
            options,
            place: Place::Outside,
            carry: Utf8Carry::default(),
            offset: 0,
            scanner_base: 0,
            value_start: 0,
            events: EventQueue::new(false),
            objects: VecDeque::new(),
            objects_bytes: 0,
            errors: VecDeque::new(),
            errors_count: 0,
        }
    }

    /// Takes in the next piece of text.
    pub fn feed(&mut self, chunk: &str) {
        if self.carry.len() > 0 {
            self.feed_bytes(chunk.as_bytes());
        } else {
            self.feed_text(chunk);
        }
    }

    /// Takes in the next piece of text as bytes, which may end inside a character.
    ///
    /// Bytes that are not UTF-8 are an error inside a value, and prose outside.
    pub fn feed_bytes(&mut self, mut chunk: &[u8]) {
        while let Some(piece) = self.carry.next_piece(&mut chunk) {
            match piece {
                Utf8Piece::Text(text) => self.feed_text(text),
                Utf8Piece::Char(char) => self.feed_text(char.encode_utf8(&mut [0; 4])),
                Utf8Piece::Invalid(len) => self.feed_damage(len),
            }
        }
    }

    /// Tells that the text is over, and readies the parser for a new one.
    ///
    /// A last number or literal of [`JsonExtract::Values`] is complete now.
    /// Objects and errors that wait stay.
    ///
    /// # Errors
    ///
    /// [`JsonErrorKind::UnexpectedEnd`] if the text ended inside a value.
    /// It is returned only, not kept for [`next_error`](Self::next_error).
    pub fn finish(&mut self) -> Result<(), JsonError> {
        if self.carry.len() > 0 {
            self.feed_damage(self.carry.len());
        }
        if matches!(self.place, Place::Inside)
            && let Ok(Some(token)) = self.scanner.finish()
        {
            self.apply(&token);
        }
        if matches!(self.place, Place::AfterScalar) {
            self.place = Place::Outside;
            self.emit();
        }
        let is_open = self.is_incomplete();
        let end = self.offset;
        self.start_over();
        if is_open { Err(JsonErrorKind::UnexpectedEnd.at(end)) } else { Ok(()) }
    }

    /// Forgets the text, the objects and the errors, and is as new.
    pub fn reset(&mut self) {
        self.start_over();
        self.objects.clear();
        self.objects_bytes = 0;
        self.errors.clear();
        self.errors_count = 0;
    }

    /// Whether an object waits to be taken.
    pub fn has_complete_objects(&self) -> bool {
        !self.objects.is_empty()
    }

    /// Takes the oldest object that waits.
    pub fn next_object(&mut self) -> Option<Value> {
        let found = self.objects.pop_front()?;
        self.objects_bytes = self.objects_bytes.saturating_sub(found.source_bytes);
        Some(found.value)
    }

    /// Takes all objects that wait, oldest first.
    pub fn get_objects(&mut self) -> Vec<Value> {
        self.objects_bytes = 0;
        self.objects.drain(..).map(|found| found.value).collect()
    }

    /// Takes the oldest error that waits.
    ///
    /// At most [`limits::PENDING_ERRORS_MAX`] wait; later ones are counted only.
    pub fn next_error(&mut self) -> Option<JsonError> {
        self.errors.pop_front()
    }

    /// How many errors there were since the parser was made or reset, taken or not.
    pub fn errors_count(&self) -> u64 {
        self.errors_count
    }

    /// Whether the text so far ends inside a value, malformed ones included.
    pub fn is_incomplete(&self) -> bool {
        match self.place {
            Place::Outside => false,
            Place::Inside => !self.scanner.is_idle(),
            Place::AfterScalar | Place::Skipping(_) => true,
        }
    }

    /// The value that is open, as far as it is known.
    pub fn partial(&self) -> Option<JsonNode<'_>> {
        let root = JsonNode::new(&self.tree, NodeId::ROOT);
        (root.state() != JsonState::Pending).then_some(root)
    }

    fn feed_text(&mut self, text: &str) {
        let mut input = text;
        while !input.is_empty() {
            let before = input.len();
            match self.place {
                Place::Outside => self.seek(&mut input),
                Place::Inside => self.scan(&mut input),
                Place::AfterScalar => self.settle(input),
                Place::Skipping(skipper) => self.skip(skipper, &mut input),
            }
            self.offset = self.offset.saturating_add(wide(before - input.len()));
        }
    }

    fn feed_damage(&mut self, len: usize) {
        let is_prose = match self.place {
            Place::Outside => self.options.extract != JsonExtract::Values,
            Place::Inside | Place::AfterScalar => false,
            Place::Skipping(_) => true,
        };
        if !is_prose {
            self.refuse(JsonErrorKind::InvalidUtf8.at(self.offset));
        }
        self.offset = self.offset.saturating_add(wide(len));
    }

    /// Passes over prose to where the next value may begin.
    fn seek(&mut self, input: &mut &str) {
        let bytes = input.as_bytes();
        let found = match self.options.extract {
            JsonExtract::Objects => memchr(b'{', bytes),
            JsonExtract::Containers => memchr2(b'{', b'[', bytes),
            JsonExtract::Elements => memchr(b'[', bytes),
            JsonExtract::Values => bytes.iter().position(|byte| !is_blank(*byte)),
        };
        let at = found.unwrap_or(bytes.len());
        *input = input.get(at..).unwrap_or_default();
        if found.is_some() {
            self.place = Place::Inside;
            self.scanner.reset();
            self.scanner_base = self.offset.saturating_add(wide(at));
            self.value_start = self.scanner_base;
        }
    }

    /// Reads on in the open value, but no further than its limit allows.
    fn scan(&mut self, input: &mut &str) {
        let used = self.scanner_offset().saturating_sub(self.value_start);
        let limit_bytes = self.options.object_bytes_max;
        let room = limit_bytes.saturating_sub(usize::try_from(used).unwrap_or(usize::MAX));
        let allowed = input.floor_char_boundary(room);
        let (mut window, over) = input.split_at_checked(allowed).unwrap_or((*input, ""));
        let counts_anew = self.scan_window(&mut window);
        *input = input.get(allowed - window.len()..).unwrap_or_default();
        if !counts_anew && !over.is_empty() {
            self.refuse(JsonErrorKind::TooLarge { limit_bytes }.at(self.scanner_offset()));
        }
    }

    /// Returns whether the limit counts anew from here; if not, all of `window` is used.
    fn scan_window(&mut self, window: &mut &str) -> bool {
        while let Some(token) = &self.scanner.advance(window) {
            if self.apply(token) {
                return true;
            }
        }
        let Some(error) = self.scanner.error() else { return false };
        self.refuse(error.shifted(self.scanner_base));
        true
    }

    /// Returns whether the limit counts anew from here, since a value ended, well or badly.
    fn apply(&mut self, token: &JsonToken<'_>) -> bool {
        if self.options.extract == JsonExtract::Elements {
            match (token, self.scanner.depth()) {
                (JsonToken::ArrayStart, 1) => {
                    self.value_start = self.scanner_offset();
                    return true;
                }
                (JsonToken::ArrayEnd, 0) => {
                    self.place = Place::Outside;
                    return true;
                }
                _ => {}
            }
        }
        if let Err(kind) = self.tree.apply(token, &mut self.events) {
            self.refuse(kind.at(self.scanner_offset()));
            return true;
        }
        if !self.tree.is_complete() {
            return false;
        }
        if self.scanner.depth() == 0 {
            self.place = Place::Outside;
        }
        if self.options.extract == JsonExtract::Values && self.ends_at_delimiter() {
            self.place = Place::AfterScalar;
        } else {
            self.emit();
        }
        true
    }

    fn ends_at_delimiter(&self) -> bool {
        let kind = JsonNode::new(&self.tree, NodeId::ROOT).kind();
        matches!(kind, Some(JsonKind::Null | JsonKind::Bool | JsonKind::Number))
    }

    /// Decides by the next character whether `12` was a value or the beginning of `12px`.
    fn settle(&mut self, input: &str) {
        let found = input.chars().next().unwrap_or_default();
        let is_tolerant = self.options.dialect == JsonDialect::Tolerant;
        match found {
            ' ' | '\n' | '\r' | '\t' | '"' | '[' | '{' => self.place = Place::Outside,
            '\'' | '/' if is_tolerant => self.place = Place::Outside,
            _ => {
                let expected = "whitespace";
                self.refuse(JsonErrorKind::Unexpected { found, expected }.at(self.offset));
                return;
            }
        }
        self.emit();
    }

    fn skip(&mut self, mut skipper: Skipper, input: &mut &str) {
        let (used, is_over) = skipper.skip(input.as_bytes());
        *input = input.get(used..).unwrap_or_default();
        self.place = if is_over { Place::Outside } else { Place::Skipping(skipper) };
    }

    /// Hands the complete value over to those who wait for it.
    fn emit(&mut self) {
        let end = self.scanner_offset();
        let source_bytes =
            usize::try_from(end.saturating_sub(self.value_start)).unwrap_or(usize::MAX);
        let bytes = self.objects_bytes.saturating_add(source_bytes);
        let has_room = self.objects.is_empty()
            || (self.objects.len() < self.options.pending_objects_max
                && bytes <= self.options.pending_bytes_max);
        if !has_room {
            self.report(JsonErrorKind::PendingFull.at(end));
        } else if let Some(value) = self.partial().and_then(JsonNode::to_value) {
            self.objects.push_back(Found { value, source_bytes });
            self.objects_bytes = bytes;
        }
        self.tree.clear();
        self.value_start = end;
    }

    fn refuse(&mut self, error: JsonError) {
        self.report(error);
        self.place = Place::Skipping(Skipper::resume(&self.scanner));
        self.scanner.reset();
        self.tree.clear();
    }

    fn report(&mut self, error: JsonError) {
        self.errors_count = self.errors_count.saturating_add(1);
        if self.errors.len() < limits::PENDING_ERRORS_MAX {
            self.errors.push_back(error);
        }
    }

    fn start_over(&mut self) {
        self.scanner.reset();
        self.tree.clear();
        self.place = Place::Outside;
        self.carry = Utf8Carry::default();
        self.offset = 0;
        self.scanner_base = 0;
        self.value_start = 0;
    }

    /// The place of the scanner in the stream.
    fn scanner_offset(&self) -> u64 {
        self.scanner_base.saturating_add(self.scanner.offset())
    }
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\n' | b'\r' | b'\t')
}

fn wide(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
