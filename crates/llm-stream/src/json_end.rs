//! Finds the byte at which a JSON object or array closes, in pieces and in linear time.

/// Watches JSON text that comes in pieces for the end of its outermost object or array.
///
/// It follows nesting and strings only: whether the text is valid is for a parser to say.
#[derive(Debug, Clone, Default)]
pub(crate) struct JsonEnd {
    depth: u32,
    in_string: bool,
    escaped: bool,
    closed: bool,
    scalar: bool,
}

impl JsonEnd {
    /// Looks at the next piece and returns whether the value closes in it.
    pub(crate) fn push(&mut self, piece: &str) -> bool {
        let was_closed = self.closed;
        for &byte in piece.as_bytes() {
            if self.closed || self.scalar {
                break;
            }
            self.step(byte);
        }
        self.closed && !was_closed
    }

    fn step(&mut self, byte: u8) {
        if self.in_string {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' => self.escaped = true,
                b'"' => self.in_string = false,
                _ => {}
            }
            return;
        }
        match byte {
            b'{' | b'[' => self.depth = self.depth.saturating_add(1),
            b'}' | b']' => {
                self.depth = self.depth.saturating_sub(1);
                self.closed = self.depth == 0;
            }
            b'"' if self.depth > 0 => self.in_string = true,
            b' ' | b'\t' | b'\n' | b'\r' => {}
            _ => self.scalar = self.depth == 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Feeds `text` cut in two at every character; it must close with the last one and not before.
    #[track_caller]
    fn closes(text: &str) {
        let cuts = text.char_indices().map(|(at, _)| at);
        for cut in cuts {
            let (head, tail) = text.split_at(cut);
            let mut end = JsonEnd::default();
            assert!(!end.push(head), "too early in {text:?} at {cut}");
            assert!(end.push(tail), "not closed in {text:?} at {cut}");
        }
    }

    #[test]
    fn objects_and_arrays_close() {
        for text in [
            "{}",
            " \n{ }",
            "[]",
            r#"{"a":{"b":[1,{}]}}"#,
            r#"{"a":"}"}"#,
            r#"{"a":"\"}"}"#,
            r#"{"a":"\\"}"#,
            r#"{"a":"\ud83d\ude00"}"#,
        ] {
            closes(text);
        }
    }

    #[test]
    fn scalars_never_close() {
        for text in ["12", "\"{}\"", "null", "", "  "] {
            assert!(!JsonEnd::default().push(text), "{text:?}");
        }
    }
}
