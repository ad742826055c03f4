//! Turns JSON text, cut anywhere, into tokens that borrow from it.

mod number;
mod string;
mod token;
mod word;

use super::{
    error::{JsonError, JsonErrorKind},
    limits,
};
use number::NumberPart;
use string::Escape;
use word::{Comment, Word};

pub use token::{JsonDialect, JsonToken};

/// Array or object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Container {
    Array,
    Object,
}

/// What may stand at a place between two tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expect {
    /// The one value of the text.
    Document,
    /// After `[`.
    FirstElement,
    /// After `,` in an array.
    Element,
    /// After `{`.
    FirstKey,
    /// After `,` in an object.
    Key,
    /// After a key.
    Colon,
    /// After `:`.
    Member,
    /// After a value in an array or object.
    Next,
    /// After the one value of the text.
    End,
}

impl Expect {
    fn in_words(self) -> &'static str {
        match self {
            Self::Document | Self::Element | Self::Member => "a value",
            Self::FirstElement => "a value or ']'",
            Self::FirstKey => "a key or '}'",
            Self::Key => "a key",
            Self::Colon => "':'",
            Self::Next => "',' or a closing bracket",
            Self::End => "end of text",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Between(Expect),
    Text,
    Escape(Escape),
    Name,
    Number(NumberPart),
    Word(Word, usize),
    Comment(Comment, Expect),
}

/// A token, or nothing because text was passed over or refused.
type Step<'a> = Option<JsonToken<'a>>;

/// A resumable JSON tokenizer: feed it text cut anywhere, even inside an escape.
///
/// It keeps one byte per open array or object and copies no text.
/// After an error it gives the same error again, until [`reset`](Self::reset).
///
/// # Examples
///
/// ```
/// use llm_stream::json::{JsonScanner, JsonToken};
///
/// let mut scanner = JsonScanner::default();
/// let mut text = String::new();
/// for mut chunk in [r#"["caf\u00"#, r#"e9 cr"#, r#"eme"]"#] {
///     while let Some(token) = scanner.next_token(&mut chunk)? {
///         match token {
///             JsonToken::Text(piece) => text.push_str(piece),
///             JsonToken::Char(char) => text.push(char),
///             _ => {}
///         }
///     }
/// }
/// assert_eq!(text, "café creme");
/// assert!(scanner.is_complete());
/// # Ok::<(), llm_stream::json::JsonError>(())
/// ```
#[derive(Debug, Clone)]
pub struct JsonScanner {
    dialect: JsonDialect,
    depth_max: usize,
    state: State,
    open: Vec<Container>,
    offset: u64,
    quote: u8,
    in_key: bool,
    high_surrogate: Option<u32>,
    error: Option<JsonError>,
}

impl Default for JsonScanner {
    fn default() -> Self {
        Self::new(JsonDialect::default(), limits::DEPTH_MAX)
    }
}

impl JsonScanner {
    /// Makes a scanner that accepts at most `depth_max` arrays and objects inside each other.
    pub fn new(dialect: JsonDialect, depth_max: usize) -> Self {
        Self {
            dialect,
            depth_max,
            state: State::Between(Expect::Document),
            open: Vec::new(),
            offset: 0,
            quote: b'"',
            in_key: false,
            high_surrogate: None,
            error: None,
        }
    }

    /// Takes the next token off the front of `input`, or uses it up and returns `None`.
    ///
    /// A number is only known to end when the byte after it is seen, or by
    /// [`finish`](Self::finish).
    ///
    /// # Errors
    ///
    /// The text is not JSON in this dialect, or is nested too deep.
    pub fn next_token<'a>(
        &mut self,
        input: &mut &'a str,
    ) -> Result<Option<JsonToken<'a>>, JsonError> {
        let token = self.advance(input);
        self.error.map_or(Ok(token), Err)
    }

    /// As [`next_token`](Self::next_token), with the error left in [`error`](Self::error).
    pub(super) fn advance<'a>(&mut self, input: &mut &'a str) -> Option<JsonToken<'a>> {
        while !input.is_empty() && self.error.is_none() {
            let step = match self.state {
                State::Text => self.text(input),
                State::Between(expect) => self.between(expect, input),
                State::Number(part) => self.number(part, input),
                State::Escape(escape) => self.escape(escape, input),
                State::Word(word, matched) => self.word(word, matched, input),
                State::Name => Some(self.name(input)),
                State::Comment(comment, resume) => self.comment(comment, resume, input),
            };
            if step.is_some() {
                return step;
            }
        }
        match self.state {
            // The second half of a broken pair needs no further input.
            State::Escape(escape @ Escape::Owed(_)) => self.escape(escape, input),
            _ => None,
        }
    }

    /// Takes text inside a string off the front of `input`, as far as it stands for itself: what a
    /// token of text would have.
    #[inline]
    pub(super) fn plain_text<'a>(&mut self, input: &mut &'a str) -> Option<&'a str> {
        if self.state != State::Text || self.error.is_some() {
            return None;
        }
        let plain = string::plain_len(input.as_bytes(), self.quote);
        (plain > 0).then(|| self.take(input, plain))
    }

    /// Tells that the text is over; a number that ends with it yields its last token.
    ///
    /// # Errors
    ///
    /// [`JsonErrorKind::UnexpectedEnd`] when the value is not complete, or never began;
    /// the error of [`next_token`](Self::next_token) if there was one.
    pub fn finish(&mut self) -> Result<Option<JsonToken<'static>>, JsonError> {
        if let Some(error) = self.error {
            return Err(error);
        }
        match self.state {
            _ if self.is_complete() => Ok(None),
            State::Number(part) if part.is_whole() && self.open.is_empty() => {
                self.state = State::Between(Expect::End);
                Ok(Some(JsonToken::NumberEnd))
            }
            _ => Err(JsonErrorKind::UnexpectedEnd.at(self.offset)),
        }
    }

    /// Whether the value is complete; only whitespace may follow.
    pub fn is_complete(&self) -> bool {
        matches!(
            self.state,
            State::Between(Expect::End) | State::Comment(Comment::Line, Expect::End)
        )
    }

    /// Whether the value has not begun.
    pub fn is_idle(&self) -> bool {
        matches!(
            self.state,
            State::Between(Expect::Document) | State::Comment(Comment::Line, Expect::Document)
        )
    }

    /// The number of arrays and objects that are open.
    pub fn depth(&self) -> usize {
        self.open.len()
    }

    /// The number of bytes used so far; right after an error, where it is.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// The error that stopped the scanner.
    pub fn error(&self) -> Option<JsonError> {
        self.error
    }

    /// Forgets the text so far, and is as new.
    pub fn reset(&mut self) {
        self.state = State::Between(Expect::Document);
        self.open.clear();
        self.offset = 0;
        self.high_surrogate = None;
        self.error = None;
    }

    /// The outermost container that is open.
    pub(super) fn outermost(&self) -> Option<Container> {
        self.open.first().copied()
    }

    /// How many containers of this kind are open.
    pub(super) fn depth_of(&self, container: Container) -> usize {
        self.open.iter().filter(|open| **open == container).count()
    }

    /// The quote that ends the string that is open, if one is.
    pub(super) fn open_quote(&self) -> Option<u8> {
        matches!(self.state, State::Text | State::Escape(_)).then_some(self.quote)
    }

    /// Whether the next character belongs to a backslash just seen.
    pub(super) fn is_after_backslash(&self) -> bool {
        matches!(self.state, State::Escape(Escape::Start | Escape::LowStart))
    }

    fn is_tolerant(&self) -> bool {
        self.dialect == JsonDialect::Tolerant
    }

    fn take<'a>(&mut self, input: &mut &'a str, len: usize) -> &'a str {
        let (head, tail) = input.split_at_checked(len).unwrap_or((input, ""));
        *input = tail;
        self.offset += u64::try_from(head.len()).unwrap_or(u64::MAX);
        head
    }

    fn fail<'a>(&mut self, kind: JsonErrorKind) -> Step<'a> {
        self.error = Some(kind.at(self.offset));
        None
    }

    fn refuse<'a>(&mut self, input: &str, expected: &'static str) -> Step<'a> {
        let found = input.chars().next().unwrap_or_default();
        self.fail(JsonErrorKind::Unexpected { found, expected })
    }

    fn between<'a>(&mut self, expect: Expect, input: &mut &'a str) -> Step<'a> {
        let blanks = blank_len(input.as_bytes());
        if blanks > 0 {
            self.take(input, blanks);
        }
        let byte = *input.as_bytes().first()?;
        match (expect, byte) {
            (Expect::FirstKey | Expect::Key, b'"') => Some(self.open_string(true, input)),
            // What follows is mostly here already, and then needs no look at the state.
            (Expect::Colon, b':') => match self.pass(Expect::Member, input)? {
                byte @ (b'"' | b'{' | b'[' | b'-' | b'0'..=b'9' | b't' | b'f' | b'n') => {
                    self.value(byte, input)
                }
                _ => None,
            },
            (Expect::Next, b',') if self.open.last() == Some(&Container::Object) => {
                match self.pass(Expect::Key, input)? {
                    b'"' => Some(self.open_string(true, input)),
                    _ => None,
                }
            }
            (Expect::Next, b',') => {
                self.pass(Expect::Element, input);
                None
            }
            (Expect::Next | Expect::FirstKey, b'}') => self.close(Container::Object, input),
            (Expect::Next | Expect::FirstElement, b']') => self.close(Container::Array, input),
            (
                Expect::Document | Expect::FirstElement | Expect::Element | Expect::Member,
                b'"' | b'{' | b'[' | b'-' | b'0'..=b'9' | b't' | b'f' | b'n',
            ) => self.value(byte, input),
            _ if self.is_tolerant() => self.tolerated(expect, byte, input),
            _ => self.refuse(input, expect.in_words()),
        }
    }

    fn value<'a>(&mut self, byte: u8, input: &mut &'a str) -> Step<'a> {
        match byte {
            b'"' | b'\'' => Some(self.open_string(false, input)),
            b'{' => self.open(Container::Object, input),
            b'[' => self.open(Container::Array, input),
            b'-' | b'0'..=b'9' => self.number(NumberPart::Start, input),
            _ => match Word::starting_with(byte, self.dialect) {
                Some(word) => self.word(word, 0, input),
                None => self.refuse(input, Expect::Member.in_words()),
            },
        }
    }

    /// What only [`JsonDialect::Tolerant`] accepts between tokens.
    fn tolerated<'a>(&mut self, expect: Expect, byte: u8, input: &mut &'a str) -> Step<'a> {
        match (expect, byte) {
            (_, b'/') => {
                self.take(input, 1);
                self.state = State::Comment(Comment::Slash, expect);
                None
            }
            (Expect::Key, b'}') => self.close(Container::Object, input),
            (Expect::Element, b']') => self.close(Container::Array, input),
            (Expect::FirstKey | Expect::Key, b'\'') => Some(self.open_string(true, input)),
            (Expect::FirstKey | Expect::Key, _) if string::is_name_byte(byte) => {
                self.state = State::Name;
                Some(JsonToken::KeyStart)
            }
            (Expect::Document, _) if self.offset == 0 && input.starts_with('\u{FEFF}') => {
                self.take(input, '\u{FEFF}'.len_utf8());
                None
            }
            (
                Expect::Document | Expect::FirstElement | Expect::Element | Expect::Member,
                b'\'' | b'T' | b'F' | b'N',
            ) => self.value(byte, input),
            _ => self.refuse(input, expect.in_words()),
        }
    }

    /// Passes over one byte and the blanks after it, and returns the byte that follows.
    fn pass(&mut self, expect: Expect, input: &mut &str) -> Option<u8> {
        self.state = State::Between(expect);
        let blanks = blank_len(input.as_bytes().get(1..).unwrap_or_default());
        self.take(input, 1 + blanks);
        input.as_bytes().first().copied()
    }

    fn open<'a>(&mut self, container: Container, input: &mut &'a str) -> Step<'a> {
        if self.open.len() >= self.depth_max {
            return self.fail(JsonErrorKind::DepthLimit { limit: self.depth_max });
        }
        self.take(input, 1);
        self.open.push(container);
        let (expect, token) = match container {
            Container::Array => (Expect::FirstElement, JsonToken::ArrayStart),
            Container::Object => (Expect::FirstKey, JsonToken::ObjectStart),
        };
        self.state = State::Between(expect);
        Some(token)
    }

    fn close<'a>(&mut self, container: Container, input: &mut &'a str) -> Step<'a> {
        if self.open.last() != Some(&container) {
            return self.refuse(input, Expect::Next.in_words());
        }
        self.take(input, 1);
        self.open.pop();
        self.after_value();
        Some(match container {
            Container::Array => JsonToken::ArrayEnd,
            Container::Object => JsonToken::ObjectEnd,
        })
    }

    fn after_value(&mut self) {
        let expect = if self.open.is_empty() { Expect::End } else { Expect::Next };
        self.state = State::Between(expect);
    }
}

fn blank_len(bytes: &[u8]) -> usize {
    bytes.iter().take_while(|byte| matches!(byte, b' ' | b'\n' | b'\r' | b'\t')).count()
}

#[cfg(test)]
mod tests;
