//! Counts tokens of text that arrives in pieces.

#[cfg(feature = "tiktoken")]
mod cut;
#[cfg(feature = "tiktoken")]
mod limits;
#[cfg(feature = "tiktoken")]
mod o200k;

#[cfg(feature = "tiktoken")]
pub use limits::{TOKEN_PIECE_BYTES_MAX, TOKEN_TEXTS_MAX};
#[cfg(feature = "tiktoken")]
pub use o200k::O200kCounter;

use crate::event::Delta;
use crate::names::wire_names;

/// Who counted tokens, the most trustworthy last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[non_exhaustive]
pub enum TokenSource {
    /// Words between white space were counted, which is 10 to 50 % too few in prose, and no count
    /// at all in languages that write no spaces.
    #[default]
    Words,
    /// A tokenizer counted, if not necessarily that of the model.
    Tokenizer,
    /// The provider counted.
    Provider,
}

wire_names!(TokenSource {
    Words = "words",
    Tokenizer = "tokenizer",
    Provider = "provider",
});

/// Counts the tokens of a stream's deltas, of all choices and channels.
pub trait TokenCounter: std::fmt::Debug + Send + Sync {
    /// Takes the next delta.
    fn push(&mut self, delta: &Delta);

    /// How many tokens there are, if every text ended here.
    fn tokens(&self) -> u64;

    /// What kind of count this is.
    fn source(&self) -> TokenSource {
        TokenSource::Tokenizer
    }

    /// Begins again at 0.
    fn reset(&mut self);
}

/// Counts words between white space, delta by delta: a word cut in two counts twice.
///
/// It is the count of those who have nothing better, and good for no more than a rough picture.
#[doc(alias = "WhitespaceCounter")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct WordCounter {
    words: u64,
}

impl TokenCounter for WordCounter {
    fn push(&mut self, delta: &Delta) {
        self.words = self.words.saturating_add(count_words(&delta.text));
    }

    fn tokens(&self) -> u64 {
        self.words
    }

    fn source(&self) -> TokenSource {
        TokenSource::Words
    }

    fn reset(&mut self) {
        self.words = 0;
    }
}

/// How many runs of other characters than white space there are.
fn count_words(text: &str) -> u64 {
    if !text.is_ascii() {
        return u64::try_from(text.split_whitespace().count()).unwrap_or(u64::MAX);
    }
    // Most deltas are a few ASCII bytes, for which decoding characters costs more than counting.
    let mut in_word = false;
    text.bytes().fold(0, |words, byte| {
        let was_in_word = std::mem::replace(&mut in_word, !is_white_space(byte));
        words + u64::from(in_word && !was_in_word)
    })
}

/// Whether an ASCII byte is white space, as [`char::is_whitespace`] has it.
fn is_white_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn words_are_those_of_the_standard_library(text in r"[ab \x00-\x20\u{85}\u{A0}\u{3000}é]{0,12}") {
            let words = u64::try_from(text.split_whitespace().count()).unwrap();
            prop_assert_eq!(count_words(&text), words);
        }
    }
}
