//! Literals, and the comments of the tolerant dialect.

use super::{Expect, JsonDialect, JsonScanner, JsonToken, State, Step};

/// A literal, as the text spells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Word {
    True,
    False,
    Null,
    PythonTrue,
    PythonFalse,
    PythonNone,
}

impl Word {
    pub(super) fn starting_with(byte: u8, dialect: JsonDialect) -> Option<Self> {
        let tolerant = dialect == JsonDialect::Tolerant;
        match byte {
            b't' => Some(Self::True),
            b'f' => Some(Self::False),
            b'n' => Some(Self::Null),
            b'T' if tolerant => Some(Self::PythonTrue),
            b'F' if tolerant => Some(Self::PythonFalse),
            b'N' if tolerant => Some(Self::PythonNone),
            _ => None,
        }
    }

    fn spelling(self) -> &'static str {
        match self {
            Self::True => "true",
            Self::False => "false",
            Self::Null => "null",
            Self::PythonTrue => "True",
            Self::PythonFalse => "False",
            Self::PythonNone => "None",
        }
    }

    fn token(self) -> JsonToken<'static> {
        match self {
            Self::True | Self::PythonTrue => JsonToken::Bool(true),
            Self::False | Self::PythonFalse => JsonToken::Bool(false),
            Self::Null | Self::PythonNone => JsonToken::Null,
        }
    }
}

/// How far into a comment the text has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comment {
    /// One `/` seen.
    Slash,
    /// To the end of the line.
    Line,
    /// To `*/`.
    Block,
    /// In a block, after `*`.
    BlockStar,
}

impl JsonScanner {
    pub(super) fn word<'a>(&mut self, word: Word, matched: usize, input: &mut &'a str) -> Step<'a> {
        let rest = word.spelling().as_bytes().iter().skip(matched);
        let len = rest.zip(input.bytes()).take_while(|(want, got)| *want == got).count();
        self.take(input, len);
        if matched + len == word.spelling().len() {
            self.after_value();
            return Some(word.token());
        }
        self.state = State::Word(word, matched + len);
        if input.is_empty() { None } else { self.refuse(input, word.spelling()) }
    }

    pub(super) fn comment<'a>(
        &mut self,
        comment: Comment,
        resume: Expect,
        input: &mut &'a str,
    ) -> Step<'a> {
        let byte = input.as_bytes().first().copied().unwrap_or_default();
        let next = match (comment, byte) {
            (Comment::Slash, b'/') => Some(Comment::Line),
            (Comment::Slash, b'*') => Some(Comment::Block),
            (Comment::Slash, _) => return self.refuse(input, "'/' or '*'"),
            (Comment::Line, b'\n') | (Comment::BlockStar, b'/') => None,
            (Comment::Line, _) => Some(Comment::Line),
            (Comment::Block | Comment::BlockStar, b'*') => Some(Comment::BlockStar),
            (Comment::Block | Comment::BlockStar, _) => Some(Comment::Block),
        };
        let len = input.chars().next().map_or(0, char::len_utf8);
        self.take(input, len);
        self.state = match next {
            Some(comment) => State::Comment(comment, resume),
            None => State::Between(resume),
        };
        None
    }
}
