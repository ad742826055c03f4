//! The tokens of JSON text, and the dialects that decide what they are.

/// Which texts count as JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum JsonDialect {
    /// Exactly RFC 8259; lone surrogates are refused, since no Rust string can hold them.
    #[default]
    Strict,
    /// RFC 8259 and the slips that language models make.
    ///
    /// Also accepted: one comma before a closing bracket; strings and keys in single quotes;
    /// keys without quotes, made of ASCII letters, digits, `_`, `$`, `-` and anything
    /// beyond ASCII; `//` and `/* */` comments; `True`, `False` and `None`; raw control
    /// characters in strings; `\` before any character, which then stands for itself; a lone
    /// surrogate, read as U+FFFD; a byte order mark before the value.
    ///
    /// Not accepted: `NaN`, `Infinity`, `undefined`, hexadecimal numbers, a leading `+` or
    /// `.`, missing commas.
    Tolerant,
}

/// The smallest meaningful piece of a JSON text.
///
/// Text comes in as many pieces as the chunks and escapes make of it:
/// the content of a string is everything between its start and its end, put together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum JsonToken<'a> {
    /// `{`
    ObjectStart,
    /// `}`
    ObjectEnd,
    /// `[`
    ArrayStart,
    /// `]`
    ArrayEnd,
    /// The opening quote of a key.
    KeyStart,
    /// The closing quote of a key.
    KeyEnd,
    /// The opening quote of a string value.
    StringStart,
    /// The closing quote of a string value.
    StringEnd,
    /// A piece of the key or string that is open.
    Text(&'a str),
    /// A piece of the key or string that is open, from an escape.
    Char(char),
    /// A piece of a number as it is written.
    Number(&'a str),
    /// What follows belongs to the number no longer.
    NumberEnd,
    /// `true` or `false`
    Bool(bool),
    /// `null`
    Null,
}
