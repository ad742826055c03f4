//! One JSON value a line.

use memchr::memchr;

use super::Frame;

/// Cuts bytes into lines.
#[derive(Debug)]
pub(crate) struct LineFramer {
    /// The beginning of a line whose end has not come.
    partial: Vec<u8>,
    /// Whether the rest of the current line is to be thrown away.
    skipping: bool,
    bytes_max: usize,
}

impl LineFramer {
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self { partial: Vec::new(), skipping: false, bytes_max }
    }

    /// Calls `each` for every line that ends in `chunk`, without its line end.
    pub(crate) fn push(&mut self, mut chunk: &[u8], mut each: impl FnMut(Frame<'_>)) {
        while let Some(at) = memchr(b'\n', chunk) {
            let (line, after) = chunk.split_at(at);
            self.end_line(line, &mut each);
            chunk = after.get(1..).unwrap_or_default();
        }
        self.keep(chunk, &mut each);
    }

    /// The last line, if the input ends without a line end.
    pub(crate) fn finish(&mut self) -> Option<Vec<u8>> {
        Some(std::mem::take(&mut self.partial)).filter(|line| !line.is_empty())
    }

    fn end_line(&mut self, line: &[u8], each: &mut impl FnMut(Frame<'_>)) {
        if self.partial.is_empty() && !self.skipping && line.len() <= self.bytes_max {
            each(Frame::Payload(line));
            return;
        }
        self.keep(line, each);
        if !self.skipping {
            each(Frame::Payload(&self.partial));
        }
        self.partial.clear();
        self.skipping = false;
    }

    fn keep(&mut self, piece: &[u8], each: &mut impl FnMut(Frame<'_>)) {
        if self.skipping {
            return;
        }
        if self.partial.len() + piece.len() > self.bytes_max {
            self.partial = Vec::new();
            self.skipping = true;
            each(Frame::TooLong);
            return;
        }
        self.partial.extend_from_slice(piece);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(input: &str, want: &[&str], last: Option<&str>) {
        for cut in 0..=input.len() {
            let (head, tail) = input.as_bytes().split_at(cut);
            let mut framer = LineFramer::new(8);
            let mut got = Vec::new();
            for chunk in [head, tail] {
                framer.push(chunk, |frame| match frame {
                    Frame::Payload(line) => got.push(String::from_utf8(line.to_vec()).unwrap()),
                    Frame::TooLong => got.push("TOO LONG".to_owned()),
                });
            }
            assert_eq!(got, want, "cut at byte {cut}");
            let rest = framer.finish().map(|line| String::from_utf8(line).unwrap());
            assert_eq!(rest.as_deref(), last, "cut at byte {cut}");
        }
    }

    #[test]
    fn lines() {
        check("", &[], None);
        check("a\nbc\n", &["a", "bc"], None);
        check("a\r\n\nb", &["a\r", ""], Some("b"));
    }

    #[test]
    fn at_the_limit_and_past_it() {
        check("12345678\nx\n", &["12345678", "x"], None);
        check("123456789\nx\n", &["TOO LONG", "x"], None);
        check("123456789", &["TOO LONG"], None);
    }
}
