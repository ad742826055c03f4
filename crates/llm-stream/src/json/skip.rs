//! Finds the end of a value that turned out not to be JSON, in constant memory.

use super::scanner::{Container, JsonScanner};

/// Reads on to the balanced close of a value, or past a malformed scalar.
///
/// Only brackets of the value's own kind count, and none inside quotes:
/// a stray `]` cannot hide the end of an object.
#[derive(Debug, Clone, Copy)]
pub(super) struct Skipper {
    container: Option<Container>,
    depth: usize,
    quote: Option<u8>,
    escaped: bool,
}

impl Skipper {
    /// Starts where `scanner` has given up.
    pub(super) fn resume(scanner: &JsonScanner) -> Self {
        let container = scanner.outermost();
        Self {
            container,
            depth: container.map_or(0, |container| scanner.depth_of(container)),
            quote: scanner.open_quote(),
            escaped: scanner.is_after_backslash(),
        }
    }

    /// The number of bytes of `input` that still belong to the value, and whether it ends there.
    pub(super) fn skip(&mut self, input: &[u8]) -> (usize, bool) {
        let (open, close) = match self.container {
            Some(Container::Object) => (b'{', b'}'),
            Some(Container::Array) => (b'[', b']'),
            None => return self.skip_scalar(input),
        };
        for (at, &byte) in input.iter().enumerate() {
            if self.is_quoted(byte) {
                continue;
            }
            if byte == open {
                self.depth += 1;
            } else if byte == close {
                self.depth = self.depth.saturating_sub(1);
            }
            if self.depth == 0 {
                return (at + 1, true);
            }
        }
        (input.len(), false)
    }

    /// A scalar ends at a blank or an opening bracket, which is left.
    fn skip_scalar(&mut self, input: &[u8]) -> (usize, bool) {
        for (at, &byte) in input.iter().enumerate() {
            if !self.is_quoted(byte) && matches!(byte, b' ' | b'\n' | b'\r' | b'\t' | b'{' | b'[') {
                return (at, true);
            }
        }
        (input.len(), false)
    }

    /// Whether `byte` is in quotes, or is one.
    fn is_quoted(&mut self, byte: u8) -> bool {
        let Some(quote) = self.quote else {
            if byte == b'"' {
                self.quote = Some(byte);
            }
            return byte == b'"';
        };
        if self.escaped {
            self.escaped = false;
        } else if byte == b'\\' {
            self.escaped = true;
        } else if byte == quote {
            self.quote = None;
        }
        true
    }
}
