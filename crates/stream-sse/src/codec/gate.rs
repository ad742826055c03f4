//! What stands between a chunk and its lines: byte order mark, second half of a line end, damage.

/// The byte order mark, stripped once from the front of a stream.
const BOM: [u8; 3] = [0xEF, 0xBB, 0xBF];

/// Swallows the bytes that are no lines to be read.
#[derive(Debug)]
pub(super) struct Gate {
    entry: Entry,
    skip: Skip,
}

/// What the next byte may be, other than the start or middle of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Entry {
    /// A byte order mark of which so many bytes have come.
    Bom(u8),
    /// The line feed of a carriage return that has ended its line already.
    LineFeed,
    Plain,
}

/// Whether a damaged block is being skipped, and where in its lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Skip {
    No,
    LineStart,
    InLine,
}

impl Gate {
    /// A gate at the start of a stream.
    pub(super) fn new() -> Self {
        Self { entry: Entry::Bom(0), skip: Skip::No }
    }

    /// Whether the next bytes are lines to be read.
    #[inline]
    pub(super) fn is_open(&self) -> bool {
        self.entry == Entry::Plain && self.skip == Skip::No
    }

    /// A carriage return was the last byte of a chunk.
    pub(super) fn expect_line_feed(&mut self) {
        self.entry = Entry::LineFeed;
    }

    /// Swallows a mark or a line feed; returns what is left of the chunk.
    ///
    /// What looked like a mark and was not one is returned second: it starts the first line.
    #[cold]
    pub(super) fn enter<'c>(&mut self, chunk: &'c [u8]) -> (&'c [u8], &'static [u8]) {
        let mut rest = chunk;
        while let Some((&byte, tail)) = rest.split_first() {
            match self.entry {
                Entry::Plain => break,
                Entry::LineFeed => {
                    self.entry = Entry::Plain;
                    if byte == b'\n' {
                        rest = tail;
                    }
                }
                Entry::Bom(seen) if BOM.get(usize::from(seen)) == Some(&byte) => {
                    rest = tail;
                    let is_whole = usize::from(seen) + 1 == BOM.len();
                    self.entry = if is_whole { Entry::Plain } else { Entry::Bom(seen + 1) };
                }
                Entry::Bom(seen) => {
                    self.entry = Entry::Plain;
                    return (rest, BOM.get(..usize::from(seen)).unwrap_or_default());
                }
            }
        }
        (rest, &[])
    }

    #[inline]
    pub(super) fn is_skipping(&self) -> bool {
        self.skip != Skip::No
    }

    /// Skips from here, the end of a line, to the next blank line.
    pub(super) fn skip_from_line_end(&mut self) {
        self.skip = Skip::LineStart;
    }

    /// Skips from here, the middle of a line, to the next blank line.
    pub(super) fn skip_from_within_line(&mut self) {
        self.skip = Skip::InLine;
    }

    /// A skipped line has ended; a blank one ends the block.
    pub(super) fn skip_line(&mut self, is_empty: bool) {
        let is_blank = is_empty && self.skip == Skip::LineStart;
        self.skip = if is_blank { Skip::No } else { Skip::LineStart };
    }
}
