//! Bytes of the fuzzer, read from the front as numbers and choices.

/// The most lengths that an input says its pieces have.
const LENGTHS_MAX: u8 = 8;

/// What the fuzzer made up; it gives zeros when it is used up.
#[derive(Debug, Clone, Copy)]
pub struct Input<'a> {
    rest: &'a [u8],
}

impl<'a> Input<'a> {
    /// All of `bytes`.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// The next byte.
    pub fn byte(&mut self) -> u8 {
        self.rest.split_off_first().copied().unwrap_or_default()
    }

    /// A number of two bytes.
    pub fn short(&mut self) -> usize {
        usize::from(u16::from_be_bytes([self.byte(), self.byte()]))
    }

    /// A number below `end`, which is not 0.
    pub fn below(&mut self, end: usize) -> usize {
        self.short() % end
    }

    /// The next bytes, as many as the byte before them says.
    pub fn bytes(&mut self) -> &'a [u8] {
        let count = usize::from(self.byte()).min(self.rest.len());
        let (taken, rest) = self.rest.split_at(count);
        self.rest = rest;
        taken
    }

    /// The next bytes as text, as many as the byte before them says.
    pub fn text(&mut self) -> String {
        String::from_utf8_lossy(self.bytes()).into_owned()
    }

    /// Whether everything was read.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Everything that is left.
    #[must_use]
    pub fn rest(self) -> &'a [u8] {
        self.rest
    }

    /// How something is to be cut: lengths of its pieces, over and over.
    pub fn lengths(&mut self) -> Vec<usize> {
        let count = 1 + self.byte() % LENGTHS_MAX;
        (0..count).map(|_| usize::from(self.byte())).collect()
    }
}

/// Cuts `bytes` into pieces of `lengths`; where all of these are 0, it stays whole.
#[must_use]
pub fn cut<'b>(bytes: &'b [u8], lengths: &[usize]) -> Vec<&'b [u8]> {
    let mut pieces = Vec::new();
    let mut rest = bytes;
    if lengths.iter().any(|length| *length > 0) {
        for length in lengths.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (piece, after) = rest.split_at(rest.len().min(*length));
            pieces.push(piece);
            rest = after;
        }
    }
    pieces.push(rest);
    pieces
}

/// Cuts `text` into pieces of `lengths` or a few bytes more, so that no character is cut.
#[must_use]
pub fn cut_text<'b>(text: &'b str, lengths: &[usize]) -> Vec<&'b str> {
    let mut pieces = Vec::new();
    let mut rest = text;
    if lengths.iter().any(|length| *length > 0) {
        for length in lengths.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (piece, after) = rest.split_at(rest.ceil_char_boundary(*length));
            pieces.push(piece);
            rest = after;
        }
    }
    pieces.push(rest);
    pieces
}
