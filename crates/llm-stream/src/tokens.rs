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
        let words = u64::try_from(delta.text.split_whitespace().count()).unwrap_or(u64::MAX);
        self.words = self.words.saturating_add(words);
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
