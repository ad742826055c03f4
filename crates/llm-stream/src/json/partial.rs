//! One JSON document that can be read while it arrives.

mod options;

use serde::Deserialize;
use serde_json::Value;

use super::{
    error::{JsonError, JsonErrorKind},
    event::{EventQueue, JsonEvent},
    node::JsonNode,
    scanner::JsonScanner,
    tree::{JsonState, NodeId, Tree},
    typed::{Partial, ReadError},
    utf8::{Utf8Carry, Utf8Piece},
};

pub use options::PartialJsonOptions;

/// One JSON document that can be read while it arrives.
///
/// Feed it text cut anywhere; at any moment the value so far can be looked at
/// ([`root`](Self::root)), taken as a [`Value`] ([`to_value`](Self::to_value)) or as a type of
/// your own ([`read`](Self::read)), and what changed can be followed as path and delta
/// ([`next_event`](Self::next_event)).
///
/// In the value so far, open strings, arrays and objects are closed;
/// a key without a value, an unfinished number or literal is left out;
/// an unfinished escape is dropped.
///
/// # Cost and limits
///
/// A delta costs time in proportion to its own length, however long the document is.
/// Memory is at most the text without its syntax, 32 bytes for each value, and 16 bytes for
/// each event that is not read, of which there are at most three for each value; twice that
/// while the memory for it grows.
/// Depth and length have limits, see [`PartialJsonOptions`].
///
/// # After an error
///
/// What came before the error stays readable.
/// Every further push gives the same error, until [`reset`](Self::reset).
///
/// # Examples
///
/// ```
/// use llm_stream::json::{JsonEventKind, PartialJson};
/// use serde_json::json;
///
/// let mut json = PartialJson::default();
/// json.push(r#"{"items": [{"text": "Hel"#)?;
/// assert_eq!(json.to_value(), Some(json!({"items": [{"text": "Hel"}]})));
///
/// let mut log = Vec::new();
/// for chunk in ["lo wor", r#"ld"}], "n": 12"#, "}"] {
///     json.push(chunk)?;
///     while let Some(event) = json.next_event() {
///         match event.kind {
///             JsonEventKind::StringDelta(text) => log.push(format!("{} += {text}", event.path)),
///             JsonEventKind::Completed(node) if node.as_number().is_some() => {
///                 log.push(format!("{} = {}", event.path, node.to_value().unwrap_or_default()));
///             }
///             _ => {}
///         }
///     }
/// }
/// assert_eq!(log, ["$.items[0].text += Hello wor", "$.items[0].text += ld", "$.n = 12"]);
/// json.finish()?;
/// # Ok::<(), llm_stream::json::JsonError>(())
/// ```
#[derive(Debug, Clone)]
pub struct PartialJson {
    scanner: JsonScanner,
    tree: Tree,
    events: EventQueue,
    carry: Utf8Carry,
    /// How many bytes more the document may have.
    room_bytes: usize,
    failed: Option<JsonError>,
    document_bytes_max: usize,
}

impl Default for PartialJson {
    fn default() -> Self {
        PartialJsonOptions::default().build()
    }
}

impl PartialJson {
    fn new(options: &PartialJsonOptions) -> Self {
        Self {
            scanner: JsonScanner::new(options.dialect, options.depth_max),
            tree: Tree::new(options.duplicate_keys),
            events: EventQueue::new(options.events),
            carry: Utf8Carry::default(),
            room_bytes: options.document_bytes_max,
            failed: None,
            document_bytes_max: options.document_bytes_max,
        }
    }

    /// Takes in the next piece of text.
    ///
    /// # Errors
    ///
    /// The text is not JSON in this dialect, something follows the document, or a limit is
    /// reached; see [`JsonErrorKind`].
    /// What comes before the error is taken in.
    pub fn push(&mut self, chunk: &str) -> Result<(), JsonError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        if self.carry.len() > 0 {
            // Text that breaks into a character cut in two cannot complete it.
            return self.push_bytes(chunk.as_bytes());
        }
        let result = self.scan(chunk);
        self.tree.tell_text(&mut self.events);
        result.map_err(|error| self.fail(error))
    }

    /// Takes in the next piece of text as bytes, which may end inside a character.
    ///
    /// # Errors
    ///
    /// As [`push`](Self::push), and [`JsonErrorKind::InvalidUtf8`].
    pub fn push_bytes(&mut self, mut chunk: &[u8]) -> Result<(), JsonError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        let mut result = Ok(());
        while result.is_ok()
            && let Some(piece) = self.carry.next_piece(&mut chunk)
        {
            result = match piece {
                Utf8Piece::Text(text) => self.scan(text),
                Utf8Piece::Char(char) => self.scan(char.encode_utf8(&mut [0; 4])),
                Utf8Piece::Invalid(_) => Err(JsonErrorKind::InvalidUtf8.at(self.scanner.offset())),
            };
        }
        self.tree.tell_text(&mut self.events);
        result.map_err(|error| self.fail(error))
    }

    /// Tells that the text is over; a number that ends with it is complete now.
    ///
    /// # Errors
    ///
    /// [`JsonErrorKind::UnexpectedEnd`] if the document is not complete or never began, or the
    /// error that an earlier push gave.
    /// The tree stays readable.
    pub fn finish(&mut self) -> Result<(), JsonError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        if self.carry.len() > 0 {
            return Err(self.fail(JsonErrorKind::InvalidUtf8.at(self.scanner.offset())));
        }
        let last = self.scanner.finish().map_err(|error| self.fail(error))?;
        let Some(token) = last else { return Ok(()) };
        let offset = self.scanner.offset();
        let applied = self.tree.apply(&token, &mut self.events);
        applied.map_err(|kind| self.fail(kind.at(offset)))
    }

    /// Forgets the document, and is as new, but keeps its memory for the next one.
    pub fn reset(&mut self) {
        self.scanner.reset();
        self.tree.clear();
        self.events.clear();
        self.carry = Utf8Carry::default();
        self.room_bytes = self.document_bytes_max;
        self.failed = None;
    }

    /// The next event that was not read, oldest first.
    pub fn next_event(&mut self) -> Option<JsonEvent<'_>> {
        self.events.pop(&self.tree)
    }

    /// The document as far as it is known; its state is pending before its first character.
    pub fn root(&self) -> JsonNode<'_> {
        JsonNode::new(&self.tree, NodeId::ROOT)
    }

    /// How much of the document is known.
    pub fn state(&self) -> JsonState {
        self.root().state()
    }

    /// The value at a JSON Pointer (RFC 6901), such as `/items/3/text`.
    pub fn pointer(&self, pointer: &str) -> Option<JsonNode<'_>> {
        self.root().pointer(pointer)
    }

    /// The document so far as a value of its own; `None` while there is nothing to show.
    ///
    /// Takes time in proportion to the document; to follow it delta by delta, read the events.
    pub fn to_value(&self) -> Option<Value> {
        self.root().to_value()
    }

    /// The document so far as a type of your own.
    ///
    /// See [`Partial`] for how an unfinished document is told from a wrong one.
    ///
    /// # Errors
    ///
    /// The document does not fit the type, and nothing that may still come could change that.
    pub fn read<'a, T: Deserialize<'a>>(&'a self) -> Result<Partial<T>, ReadError> {
        self.root().read()
    }

    /// The error that ended the document.
    pub fn error(&self) -> Option<JsonError> {
        self.failed
    }

    fn scan(&mut self, chunk: &str) -> Result<(), JsonError> {
        let allowed = chunk.floor_char_boundary(self.room_bytes);
        let (mut input, over) = chunk.split_at_checked(allowed).unwrap_or((chunk, ""));
        self.room_bytes = self.room_bytes.saturating_sub(allowed);
        loop {
            // Most of what comes is text, which goes into the tree as it is.
            if let Some(text) = self.scanner.plain_text(&mut input) {
                self.tree.add_text(text);
                if input.is_empty() {
                    break;
                }
            }
            let Some(token) = &self.scanner.advance(&mut input) else { break };
            let offset = self.scanner.offset();
            self.tree.apply(token, &mut self.events).map_err(|kind| kind.at(offset))?;
        }
        if let Some(error) = self.scanner.error() {
            return Err(error);
        }
        if over.is_empty() {
            return Ok(());
        }
        self.room_bytes = 0;
        let limit_bytes = self.document_bytes_max;
        Err(JsonErrorKind::TooLarge { limit_bytes }.at(self.scanner.offset()))
    }

    fn fail(&mut self, error: JsonError) -> JsonError {
        self.failed = Some(error);
        error
    }
}

#[cfg(test)]
mod tests;
