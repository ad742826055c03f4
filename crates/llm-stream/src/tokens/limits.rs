//! Every bound of the tokenizer's counting: its name, its value, and what happens there.

/// Bytes of text without a place where it can be cut, that a counter holds back.
///
/// Ordinary text has such a place every few words. Where there is none for so long, the text is
/// counted as if it ended there, and the count may then be a few tokens too high.
pub const TOKEN_PIECE_BYTES_MAX: usize = 16 * 1024;

/// Texts, that is parts of choices, that a counter follows at a time.
///
/// When one more begins, the one that has been quiet longest is counted as if it had ended; should
/// it go on, the count may be a few tokens too high.
pub const TOKEN_TEXTS_MAX: usize = 32;

/// Bytes of a text that are gathered before they are counted.
///
/// One delta at a time would cost more than it has to, and much more would make asking dear.
pub(super) const BATCH_BYTES: usize = 1024;
