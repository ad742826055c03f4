//! The filter of a tool's arguments: JSON text whose strings are filtered as what they mean.

use memchr::memchr2;

use super::limits::BARE_WORD_BYTES_MAX;
use super::pattern::Blocked;
use super::scan::{Scan, Tools};

/// Filters JSON text that arrives in pieces, and leaves it valid.
///
/// Each string is a text of its own, keys too: it is unescaped, filtered and escaped again.
/// A number or literal that has a match becomes a string. From the place where the text ceases to
/// be JSON, or from its beginning if it never was, it is filtered as plain text.
#[derive(Debug)]
pub(super) struct Arguments {
    scan: Scan,
    state: State,
    /// Objects and arrays that are open.
    depth: usize,
    /// Bytes that came in.
    taken: u64,
    /// As many of them as had come in when last nothing was held.
    clean: u64,
}

/// Where in the JSON text the filter is.
#[derive(Debug)]
enum State {
    /// Outside strings and words; after a value there must be punctuation first.
    Between { after_value: bool },
    /// In a number or literal, or in the blanks behind it, until it is clear that it is one.
    Word(String),
    /// In a string.
    Quoted(Escape),
    /// The text is not JSON.
    Plain,
}

/// What of an escape sequence has come in.
#[derive(Debug, Default)]
struct Escape {
    /// The sequence as far as it has come, from the backslash on.
    raw: String,
    /// The first half of a character that is written as two sequences.
    high: Option<u32>,
}

impl Arguments {
    pub(super) fn new(tools: &Tools) -> Self {
        let state = State::Between { after_value: false };
        Self { scan: Scan::new(tools.set()), state, depth: 0, taken: 0, clean: 0 }
    }

    /// Filters JSON text that is complete.
    pub(super) fn filter(tools: &mut Tools, text: &str) -> Result<String, Blocked> {
        let mut arguments = Self::new(tools);
        let mut out = String::with_capacity(text.len());
        arguments.push(tools, text, &mut out)?;
        arguments.finish(tools, &mut out)?;
        Ok(out)
    }

    /// Bytes that came in.
    pub(super) fn taken_bytes(&self) -> u64 {
        self.taken
    }

    /// Bytes that came in and of which nothing is held.
    pub(super) fn released_bytes(&self) -> u64 {
        self.clean
    }

    /// Takes in a piece of the text and appends to `out` what may go.
    pub(super) fn push(
        &mut self,
        tools: &mut Tools,
        text: &str,
        out: &mut String,
    ) -> Result<(), Blocked> {
        let mut rest = text;
        while !rest.is_empty() {
            rest = self.step(tools, rest, out)?;
        }
        self.taken = self.taken.saturating_add(u64::try_from(text.len()).unwrap_or(u64::MAX));
        if !self.holds() {
            self.clean = self.taken;
        }
        Ok(())
    }

    fn holds(&self) -> bool {
        self.scan.held_bytes() > 0
            || match &self.state {
                State::Word(_) => true,
                State::Quoted(escape) => !escape.raw.is_empty() || escape.high.is_some(),
                State::Between { .. } | State::Plain => false,
            }
    }

    /// Reads the first token, or what there is of it, and returns the rest.
    fn step<'a>(
        &mut self,
        tools: &mut Tools,
        text: &'a str,
        out: &mut String,
    ) -> Result<&'a str, Blocked> {
        match &mut self.state {
            State::Between { .. } => Ok(self.outside(text, out)),
            State::Word(_) => self.word(tools, text, out),
            State::Quoted(_) => self.quoted(tools, text, out),
            State::Plain => {
                self.scan.push(tools, text, out)?;
                Ok("")
            }
        }
    }

    /// Passes blanks and punctuation, up to where something else begins.
    fn outside<'a>(&mut self, text: &'a str, out: &mut String) -> &'a str {
        for (index, letter) in text.char_indices() {
            let State::Between { after_value } = &mut self.state else { break };
            match (letter, *after_value) {
                (' ' | '\t' | '\n' | '\r', _) => {}
                ('{' | '[', false) => self.depth += 1,
                ('}' | ']', _) if self.depth > 0 => {
                    self.depth -= 1;
                    *after_value = true;
                }
                (',' | ':', true) if self.depth > 0 => *after_value = false,
                ('"', false) => {
                    self.state = State::Quoted(Escape::default());
                    return split_off(text, index + 1, out);
                }
                ('-' | '0'..='9' | 't' | 'f' | 'n', false) => {
                    self.state = State::Word(String::new());
                    return split_off(text, index, out);
                }
                _ => {
                    self.state = State::Plain;
                    return split_off(text, index, out);
                }
            }
        }
        out.push_str(text);
        ""
    }

    /// Reads on in a number or literal, until punctuation shows that it was one.
    fn word<'a>(
        &mut self,
        tools: &mut Tools,
        text: &'a str,
        out: &mut String,
    ) -> Result<&'a str, Blocked> {
        let State::Word(word) = &mut self.state else { return Ok(text) };
        for (index, letter) in text.char_indices() {
            if matches!(letter, ',' | ':' | '}' | ']') && self.depth > 0 {
                let word = std::mem::take(word);
                self.state = State::Between { after_value: true };
                self.emit_word(tools, &word, out)?;
                return Ok(text.get(index..).unwrap_or_default());
            }
            let ended = word.ends_with(is_blank);
            word.push(letter);
            let is_word = is_blank(letter) || (!ended && begins_word(word));
            if !is_word || word.len() > BARE_WORD_BYTES_MAX {
                let plain = std::mem::take(word);
                self.state = State::Plain;
                self.scan.push(tools, &plain, out)?;
                return Ok(text.get(index + letter.len_utf8()..).unwrap_or_default());
            }
        }
        Ok("")
    }

    /// Emits a number or literal: as it is, or as a string if it has a match.
    fn emit_word(
        &mut self,
        tools: &mut Tools,
        word: &str,
        out: &mut String,
    ) -> Result<(), Blocked> {
        let value = word.trim_end();
        let mut filtered = String::new();
        self.scan.push(tools, value, &mut filtered)?;
        self.scan.finish(tools, &mut filtered)?;
        if filtered == value {
            out.push_str(value);
        } else {
            out.push('"');
            push_escaped(&filtered, out);
            out.push('"');
        }
        out.push_str(word.get(value.len()..).unwrap_or_default());
        Ok(())
    }

    /// Reads on in a string: a run of plain characters, a part of an escape, or the end.
    fn quoted<'a>(
        &mut self,
        tools: &mut Tools,
        text: &'a str,
        out: &mut String,
    ) -> Result<&'a str, Blocked> {
        let State::Quoted(escape) = &mut self.state else { return Ok(text) };
        let mut plain = String::new();
        if !escape.raw.is_empty() {
            let rest = escape.read(text, &mut plain);
            self.push_plain(tools, &plain, out)?;
            return Ok(rest);
        }
        let run = memchr2(b'"', b'\\', text.as_bytes()).unwrap_or(text.len());
        let (head, tail) = text.split_at_checked(run).unwrap_or((text, ""));
        if !head.is_empty() {
            escape.end_pair(&mut plain);
            plain.push_str(head);
            self.push_plain(tools, &plain, out)?;
            return Ok(tail);
        }
        if let Some(rest) = tail.strip_prefix('"') {
            escape.end_pair(&mut plain);
            self.push_plain(tools, &plain, out)?;
            self.finish_plain(tools, out)?;
            out.push('"');
            self.state = State::Between { after_value: true };
            return Ok(rest);
        }
        escape.raw.push('\\');
        Ok(tail.get(1..).unwrap_or_default())
    }

    /// Filters a piece of a string's meaning.
    fn push_plain(
        &mut self,
        tools: &mut Tools,
        plain: &str,
        out: &mut String,
    ) -> Result<(), Blocked> {
        let mut filtered = String::new();
        let pushed = self.scan.push(tools, plain, &mut filtered);
        push_escaped(&filtered, out);
        pushed
    }

    fn finish_plain(&mut self, tools: &mut Tools, out: &mut String) -> Result<(), Blocked> {
        let mut filtered = String::new();
        let finished = self.scan.finish(tools, &mut filtered);
        push_escaped(&filtered, out);
        finished
    }

    /// Takes the text as complete and appends the rest of it to `out`.
    pub(super) fn finish(&mut self, tools: &mut Tools, out: &mut String) -> Result<(), Blocked> {
        match std::mem::replace(&mut self.state, State::Between { after_value: false }) {
            State::Between { .. } => {}
            State::Word(word) => self.emit_word(tools, &word, out)?,
            State::Plain => self.scan.finish(tools, out)?,
            State::Quoted(mut escape) => {
                let mut plain = String::new();
                escape.end_pair(&mut plain);
                self.push_plain(tools, &plain, out)?;
                self.finish_plain(tools, out)?;
                out.push_str(&escape.raw);
            }
        }
        (self.depth, self.taken, self.clean) = (0, 0, 0);
        Ok(())
    }
}

impl Escape {
    /// Reads on in an escape sequence and appends to `plain` what it means once it is whole.
    fn read<'a>(&mut self, text: &'a str, plain: &mut String) -> &'a str {
        let mut rest = text.chars();
        let Some(letter) = rest.next() else { return text };
        let unicode = self.raw.len() > 1 || letter == 'u';
        if unicode && self.raw.len() > 1 && !letter.is_ascii_hexdigit() {
            // No escape after all: it stands for itself, and the character is read anew.
            self.end_pair(plain);
            plain.push_str(&std::mem::take(&mut self.raw));
            return text;
        }
        self.raw.push(letter);
        if unicode {
            if let Some(digits) = self.raw.get(2..6) {
                let unit = u32::from_str_radix(digits, 16).unwrap_or(0xFFFD);
                self.raw.clear();
                self.take_unit(unit, plain);
            }
            return rest.as_str();
        }
        self.end_pair(plain);
        match letter {
            '"' | '\\' | '/' => plain.push(letter),
            'b' => plain.push('\u{8}'),
            'f' => plain.push('\u{c}'),
            'n' => plain.push('\n'),
            'r' => plain.push('\r'),
            't' => plain.push('\t'),
            // No escape of JSON: it stands for itself.
            _ => plain.push_str(&self.raw),
        }
        self.raw.clear();
        rest.as_str()
    }

    /// Takes the number of a `\u` sequence, which may be half of a character.
    fn take_unit(&mut self, unit: u32, plain: &mut String) {
        if let (Some(high), 0xDC00..=0xDFFF) = (self.high, unit) {
            self.high = None;
            let code = 0x1_0000 + ((high - 0xD800) << 10) + (unit - 0xDC00);
            plain.push(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
            return;
        }
        self.end_pair(plain);
        if (0xD800..0xDC00).contains(&unit) {
            self.high = Some(unit);
        } else {
            plain.push(char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER));
        }
    }

    /// Gives up waiting for the second half of a character.
    fn end_pair(&mut self, plain: &mut String) {
        if self.high.take().is_some() {
            plain.push(char::REPLACEMENT_CHARACTER);
        }
    }
}

/// Appends the first `at` bytes of `text` to `out` and returns the rest.
fn split_off<'a>(text: &'a str, at: usize, out: &mut String) -> &'a str {
    let (head, tail) = text.split_at_checked(at).unwrap_or((text, ""));
    out.push_str(head);
    tail
}

fn is_blank(letter: char) -> bool {
    matches!(letter, ' ' | '\t' | '\n' | '\r')
}

/// Whether a number or a literal of JSON may begin like this.
fn begins_word(word: &str) -> bool {
    ["true", "false", "null"].iter().any(|literal| literal.starts_with(word))
        || word.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E'))
}

/// Appends `plain` as the inside of a JSON string.
fn push_escaped(plain: &str, out: &mut String) {
    let mut done = 0;
    for (index, byte) in plain.bytes().enumerate() {
        if byte >= 0x20 && byte != b'"' && byte != b'\\' {
            continue;
        }
        out.push_str(plain.get(done..index).unwrap_or_default());
        done = index + 1;
        match byte {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            _ => {
                let digits = [byte >> 4, byte & 15].map(|digit| char::from_digit(digit.into(), 16));
                out.push_str("\\u00");
                out.extend(digits.into_iter().flatten());
            }
        }
    }
    out.push_str(plain.get(done..).unwrap_or_default());
}
