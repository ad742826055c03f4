//! Finds the byte at which a JSON object or array closes, in pieces and in linear time.

/// Watches JSON text that comes in pieces for the end of its outermost object or array.
///
/// It follows nesting and strings only: whether the text is valid is for a parser to say.
#[derive(Debug, Clone, Default)]
pub(crate) struct JsonEnd {
    depth: u32,
    place: Place,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Place {
    /// Before or between the tokens.
    #[default]
    Tokens,
    InString,
    /// Just after a backslash in a string.
    InEscape,
    /// The object or array has closed.
    Closed,
    /// The value is no object or array, so only a parser can tell its end.
    Scalar,
}

impl JsonEnd {
    /// Looks at the next piece and returns whether the value closes in it.
    pub(crate) fn push(&mut self, piece: &str) -> bool {
        for &byte in piece.as_bytes() {
            match self.place {
                Place::Closed | Place::Scalar => return false,
                place => self.place = self.after(place, byte),
            }
            if self.place == Place::Closed {
                return true;
            }
        }
        false
    }

    fn after(&mut self, place: Place, byte: u8) -> Place {
        match (place, byte) {
            (Place::InString, b'\\') => Place::InEscape,
            (Place::InString, b'"') => Place::Tokens,
            (Place::InString | Place::InEscape, _) => Place::InString,
            (_, b'{' | b'[') => {
                self.depth = self.depth.saturating_add(1);
                Place::Tokens
            }
            (_, b'}' | b']') => {
                self.depth = self.depth.saturating_sub(1);
                if self.depth == 0 { Place::Closed } else { Place::Tokens }
            }
            (_, b'"') if self.depth > 0 => Place::InString,
            (_, b' ' | b'\t' | b'\n' | b'\r') => Place::Tokens,
            _ if self.depth == 0 => Place::Scalar,
            _ => Place::Tokens,
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
