//! One JSON value a line.

use memchr::memchr;

use super::Frame;
use super::unfinished::Unfinished;

/// Cuts bytes into lines.
#[derive(Debug)]
pub(crate) struct LineFramer {
    line: Unfinished,
}

impl LineFramer {
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self { line: Unfinished::new(bytes_max) }
    }

    /// Calls `each` for every line that ends in `chunk`, without its line end.
    pub(crate) fn push(&mut self, mut chunk: &[u8], mut each: impl FnMut(Frame<'_>)) {
        while let Some(at) = memchr(b'\n', chunk) {
            let (line, after) = chunk.split_at(at);
            if self.line.may_pass(line) {
                each(Frame::Payload(line));
            } else {
                self.line.keep(line, &mut each);
                self.line.end(&mut each);
            }
            chunk = after.get(1..).unwrap_or_default();
        }
        self.line.keep(chunk, &mut each);
    }

    /// The last line, if the input ends without a line end.
    pub(crate) fn finish(&mut self) -> Option<Vec<u8>> {
        self.line.take()
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
