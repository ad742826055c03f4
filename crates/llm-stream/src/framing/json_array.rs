//! One JSON array whose elements arrive over time.

use memchr::memchr2;

use super::Frame;
use super::unfinished::Unfinished;

/// Cuts the elements out of a JSON array.
///
/// Elements are objects or arrays; scalars between them are skipped. Objects that stand without
/// an array around them are elements too, so an error body in place of the array is seen.
#[derive(Debug)]
pub(crate) struct ArrayFramer {
    element: Unfinished,
    depth: usize,
    place: Place,
    /// Whether the bracket around the elements has been seen.
    in_array: bool,
}

/// Where in an element the last byte was.
#[derive(Debug, Clone, Copy)]
enum Place {
    Tokens,
    InString,
    /// Just after a backslash in a string.
    InEscape,
}

impl ArrayFramer {
    pub(crate) fn new(bytes_max: usize) -> Self {
        let element = Unfinished::new(bytes_max);
        Self { element, depth: 0, place: Place::Tokens, in_array: false }
    }

    /// Calls `each` for every element that ends in `chunk`.
    pub(crate) fn push(&mut self, chunk: &[u8], mut each: impl FnMut(Frame<'_>)) {
        let mut rest = chunk;
        while !rest.is_empty() {
            rest = if self.depth == 0 {
                self.between(rest, &mut each)
            } else {
                self.within(rest, &mut each)
            };
        }
    }

    /// The last element, if the input ends inside it.
    pub(crate) fn finish(&mut self) -> Option<Vec<u8>> {
        self.element.take()
    }

    /// Skips to the next element and returns what follows its first byte's place.
    fn between<'a>(&mut self, rest: &'a [u8], each: &mut impl FnMut(Frame<'_>)) -> &'a [u8] {
        let Some(at) = memchr2(b'{', b'[', rest) else { return &[] };
        let (_, from) = rest.split_at(at);
        if from.first() == Some(&b'[') && !self.in_array {
            self.in_array = true;
            return from.get(1..).unwrap_or_default();
        }
        self.depth = 1;
        let (bracket, after) = from.split_at(1);
        self.element.keep(bracket, each);
        after
    }

    /// Follows the element to its end, or to the end of the chunk, and returns what is after.
    fn within<'a>(&mut self, rest: &'a [u8], each: &mut impl FnMut(Frame<'_>)) -> &'a [u8] {
        let end = rest.iter().position(|&byte| self.step(byte));
        let (piece, after) = rest.split_at(end.map_or(rest.len(), |at| at + 1));
        self.element.keep(piece, each);
        if end.is_some() {
            self.element.end(each);
        }
        after
    }

    /// Takes the next byte of an element and returns whether it is the last.
    fn step(&mut self, byte: u8) -> bool {
        self.place = match (self.place, byte) {
            (Place::InString, b'\\') => Place::InEscape,
            (Place::InString, b'"') => Place::Tokens,
            (Place::InString | Place::InEscape, _) | (Place::Tokens, b'"') => Place::InString,
            (Place::Tokens, _) => Place::Tokens,
        };
        if let Place::Tokens = self.place {
            self.depth += usize::from(matches!(byte, b'{' | b'['));
            self.depth -= usize::from(matches!(byte, b'}' | b']'));
        }
        self.depth == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(input: &str, want: &[&str], last: Option<&str>) {
        for cut in 0..=input.len() {
            let (head, tail) = input.as_bytes().split_at(cut);
            let mut framer = ArrayFramer::new(16);
            let mut got = Vec::new();
            for chunk in [head, tail] {
                framer.push(chunk, |frame| match frame {
                    Frame::Payload(element) => {
                        got.push(String::from_utf8(element.to_vec()).unwrap());
                    }
                    Frame::TooLong => got.push("TOO LONG".to_owned()),
                });
            }
            assert_eq!(got, want, "cut at byte {cut}");
            let rest = framer.finish().map(|element| String::from_utf8(element).unwrap());
            assert_eq!(rest.as_deref(), last, "cut at byte {cut}");
        }
    }

    #[test]
    fn elements() {
        check("[]", &[], None);
        check("[{}]", &["{}"], None);
        check("[{\"a\":[1]}\n, {\"b\":\"}\"}\n]\n", &["{\"a\":[1]}", "{\"b\":\"}\"}"], None);
        check("[{\"a\":\"\\\"}\"}]", &["{\"a\":\"\\\"}\"}"], None);
        check("[[1], {}]", &["[1]", "{}"], None);
    }

    #[test]
    fn an_object_alone_is_an_element() {
        check("{\"e\":1}", &["{\"e\":1}"], None);
    }

    #[test]
    fn an_unfinished_element_is_kept() {
        check("[{}, {\"a\":", &["{}"], Some("{\"a\":"));
    }

    #[test]
    fn at_the_limit_and_past_it() {
        check("[{\"a\":\"12345678\"},{}]", &["{\"a\":\"12345678\"}", "{}"], None);
        check("[{\"a\":\"123456789\"},{}]", &["TOO LONG", "{}"], None);
    }
}
