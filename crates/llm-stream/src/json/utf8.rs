//! Turns bytes, cut anywhere, into valid text without copying more than one character.

/// Keeps the bytes of a character that a chunk border has cut.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Utf8Carry {
    bytes: [u8; 4],
    len: usize,
}

/// The next thing found in the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Utf8Piece<'a> {
    /// Valid text, borrowed from the chunk.
    Text(&'a str),
    /// A character whose bytes lay in more than one chunk.
    Char(char),
    /// A sequence of this many bytes that no continuation can make valid.
    Invalid(usize),
}

impl Utf8Carry {
    /// Takes the next piece off the front of `input`; `None` when all of it is used or kept.
    pub(super) fn next_piece<'a>(&mut self, input: &mut &'a [u8]) -> Option<Utf8Piece<'a>> {
        if self.len > 0 {
            return self.complete(input);
        }
        if input.is_empty() {
            return None;
        }
        let (valid, bad_len) = match std::str::from_utf8(input) {
            Ok(text) => {
                *input = &[];
                return Some(Utf8Piece::Text(text));
            }
            Err(error) => (error.valid_up_to(), error.error_len()),
        };
        if valid > 0 {
            let (head, tail) = input.split_at_checked(valid)?;
            *input = tail;
            return std::str::from_utf8(head).ok().map(Utf8Piece::Text);
        }
        if let Some(bad_len) = bad_len {
            *input = input.get(bad_len..).unwrap_or(&[]);
            return Some(Utf8Piece::Invalid(bad_len));
        }
        self.keep(input);
        *input = &[];
        None
    }

    /// The number of bytes kept because their character is not complete.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    fn keep(&mut self, bytes: &[u8]) {
        for (slot, byte) in self.bytes.iter_mut().zip(bytes) {
            *slot = *byte;
        }
        self.len = bytes.len().min(self.bytes.len());
    }

    fn complete<'a>(&mut self, input: &mut &'a [u8]) -> Option<Utf8Piece<'a>> {
        while let Some((&byte, rest)) = input.split_first() {
            let kept = self.len;
            if let Some(slot) = self.bytes.get_mut(kept) {
                *slot = byte;
            }
            let so_far = self.bytes.get(..=kept).unwrap_or(&self.bytes);
            match std::str::from_utf8(so_far) {
                Ok(text) => {
                    *input = rest;
                    self.len = 0;
                    return text.chars().next().map(Utf8Piece::Char);
                }
                // The byte is not the culprit's: it is looked at again, on its own.
                Err(error) if error.error_len().is_some() => {
                    self.len = 0;
                    return Some(Utf8Piece::Invalid(kept));
                }
                Err(_) => {
                    *input = rest;
                    self.len = kept + 1;
                }
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::{Utf8Carry, Utf8Piece};

    /// Rebuilds `String::from_utf8_lossy` from the pieces, cut at every place.
    #[track_caller]
    fn check(input: &[u8]) {
        let want = String::from_utf8_lossy(input);
        for cut in 0..=input.len() {
            let (head, tail) = input.split_at(cut);
            let mut carry = Utf8Carry::default();
            let mut got = String::new();
            for mut chunk in [head, tail] {
                while let Some(piece) = carry.next_piece(&mut chunk) {
                    match piece {
                        Utf8Piece::Text(text) => got.push_str(text),
                        Utf8Piece::Char(char) => got.push(char),
                        Utf8Piece::Invalid(_) => got.push('\u{FFFD}'),
                    }
                }
            }
            if carry.len() > 0 {
                got.push('\u{FFFD}');
            }
            assert_eq!(got, want, "cut at byte {cut} of {input:?}");
        }
    }

    #[test]
    fn text_survives_any_cut() {
        check(b"");
        check(b"plain");
        check("a\u{e9}\u{20ac}\u{1f600}z".as_bytes());
    }

    #[test]
    fn damage_is_reported_once_a_sequence() {
        check(b"a\xffb");
        check(b"\xe2\x82");
        check(b"\xe2\x28\xa1");
        check(b"\xf0\x9f\x98");
        check(b"\xf0\x9f\x98\xf0\x9f\x98\x80");
        check(b"\xed\xa0\x80");
        check(b"\xc0\x80\xf8");
    }
}
