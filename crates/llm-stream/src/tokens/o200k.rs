//! Counts tokens as the o200k tokenizer does, exactly, however the text is cut.

use std::fmt;

use tiktoken::CoreBpe;

use super::cut::last_cut;
use super::limits::{BATCH_BYTES, TOKEN_PIECE_BYTES_MAX, TOKEN_TEXTS_MAX};
use super::{TokenCounter, TokenSource};
use crate::event::Delta;

/// Counts tokens as `o200k_base` does, the tokenizer of OpenAI's models since GPT-4o.
///
/// Each part of each choice is a text of its own. The count of a text is that of the whole,
/// however it was cut into deltas, and costs about as much as counting it once.
/// For models of other providers it is an estimate. What providers bill also holds tokens that are
/// in no text, such as the frames of messages and calls.
///
/// # Examples
/// ```
/// use llm_stream::{Delta, O200kCounter, TokenCounter};
///
/// let mut counter = O200kCounter::new();
/// for text in ["Hel", "lo wo", "rld"] {
///     counter.push(&Delta { text: text.into(), ..Delta::default() });
/// }
/// assert_eq!(counter.tokens(), 2);
/// ```
#[derive(Clone)]
pub struct O200kCounter {
    vocabulary: &'static CoreBpe,
    /// Tokens of what is no longer held.
    tokens: u64,
    /// The texts that go on, the one that was longest quiet first.
    texts: Vec<Text>,
}

/// The end of a text that is not counted yet.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Text {
    key: (u32, u32),
    rest: String,
    /// Bytes of `rest` in front of which there is no place to cut.
    searched: usize,
}

impl O200kCounter {
    /// A counter at 0.
    ///
    /// The first one of a process unpacks the vocabulary, which takes a quarter of a second: make
    /// one before it is needed.
    pub fn new() -> Self {
        #[expect(clippy::expect_used, reason = "this crate's feature compiles the vocabulary in")]
        let vocabulary = tiktoken::get_encoding("o200k_base").expect("the vocabulary is there");
        Self { vocabulary, tokens: 0, texts: Vec::new() }
    }

    fn count(&self, text: &str) -> u64 {
        u64::try_from(self.vocabulary.count(text)).unwrap_or(u64::MAX)
    }

    /// Takes out the text of `key`, or begins it.
    fn take(&mut self, key: (u32, u32)) -> Text {
        if let Some(place) = self.texts.iter().rposition(|text| text.key == key) {
            return self.texts.remove(place);
        }
        if self.texts.len() >= TOKEN_TEXTS_MAX {
            let quiet = self.texts.remove(0);
            self.tokens += self.count(&quiet.rest);
        }
        Text { key, rest: String::new(), searched: 0 }
    }

    /// Counts as much of a text as its going on cannot change.
    fn settle(&mut self, text: &mut Text) {
        let cut = match last_cut(&text.rest, text.searched) {
            Some(cut) => cut,
            None if text.rest.len() >= TOKEN_PIECE_BYTES_MAX => text.rest.len(),
            None => {
                text.searched = text.rest.len();
                return;
            }
        };
        let (settled, _) = text.rest.split_at_checked(cut).unwrap_or_default();
        self.tokens += self.count(settled);
        text.rest.drain(..cut);
        // Between the cut and the end there is none.
        text.searched = text.rest.len();
    }
}

impl Default for O200kCounter {
    fn default() -> Self {
        Self::new()
    }
}

impl TokenCounter for O200kCounter {
    fn push(&mut self, delta: &Delta) {
        let key = (delta.choice, delta.part);
        if let Some(text) = self.texts.last_mut()
            && text.key == key
            && text.rest.len() + delta.text.len() < BATCH_BYTES
        {
            text.rest.push_str(&delta.text);
            return;
        }
        let mut text = self.take(key);
        text.rest.push_str(&delta.text);
        if text.rest.len() >= BATCH_BYTES {
            self.settle(&mut text);
        }
        self.texts.push(text);
    }

    fn tokens(&self) -> u64 {
        self.texts.iter().fold(self.tokens, |tokens, text| tokens + self.count(&text.rest))
    }

    fn source(&self) -> TokenSource {
        TokenSource::Tokenizer
    }

    fn reset(&mut self) {
        self.tokens = 0;
        self.texts.clear();
    }
}

impl fmt::Debug for O200kCounter {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("O200kCounter")
            .field("tokens", &self.tokens)
            .field("texts", &self.texts)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn delta(choice: u32, part: u32, text: &str) -> Delta {
        Delta { choice, part, text: text.to_owned(), ..Delta::default() }
    }

    fn whole(text: &str) -> u64 {
        O200kCounter::new().count(text)
    }

    /// Counts `text` in pieces of `bytes` bytes or a little more.
    fn in_pieces(text: &str, bytes: usize) -> u64 {
        let mut counter = O200kCounter::new();
        let mut rest = text;
        while !rest.is_empty() {
            let (piece, behind) = rest.split_at(rest.ceil_char_boundary(bytes));
            counter.push(&delta(0, 0, piece));
            rest = behind;
        }
        counter.tokens()
    }

    #[test]
    fn long_texts_count_as_when_whole() {
        let texts = [
            "The quick brown fox doesn't jump; 12345 dogs' it's WE'RE x'rE.\n\n".repeat(99),
            "流式处理，逐字输出。大きな犬が、走る！Größe ÄÖÜ e\u{301}x\u{3000} ".repeat(99),
            "fn main() {\n\tlet x = \"a\\nb\";\r\n    if x {\n\n  \n/// y\n}\n".repeat(99),
            "x".repeat(5_000),
            " ".repeat(5_000),
            "\n \n".repeat(2_000),
            "1234567890".repeat(500),
            "-=-".repeat(2_000),
            "😀👨‍👩‍👧".repeat(500),
        ];
        for text in &texts {
            for bytes in [1, 3, 64, 1000, 5000] {
                let head = text.chars().take(10).collect::<String>();
                assert_eq!(in_pieces(text, bytes), whole(text), "{head:?} by {bytes}");
            }
        }
    }

    #[test]
    fn texts_of_choices_and_parts_do_not_mix() {
        let mut counter = O200kCounter::new();
        for piece in ["Hel", "lo wo", "rld"] {
            counter.push(&delta(0, 0, piece));
            counter.push(&delta(1, 0, piece));
            counter.push(&delta(0, 1, piece));
        }
        assert_eq!(counter.tokens(), 3 * whole("Hello world"));
    }

    #[test]
    fn what_cannot_be_cut_is_bounded() {
        let mut counter = O200kCounter::new();
        let text = "x".repeat(TOKEN_PIECE_BYTES_MAX - 1);
        counter.push(&delta(0, 0, &text));
        assert_eq!(counter.texts[0].rest.len(), TOKEN_PIECE_BYTES_MAX - 1);
        counter.push(&delta(0, 0, "x"));
        assert_eq!(counter.texts[0].rest.len(), 0);
        assert_eq!(counter.tokens(), whole(&(text + "x")));
    }

    #[test]
    fn the_number_of_texts_is_bounded() {
        let mut counter = O200kCounter::new();
        let parts = u32::try_from(TOKEN_TEXTS_MAX).unwrap() + 1;
        (0..parts).for_each(|part| counter.push(&delta(0, part, "Hello world")));
        assert_eq!(counter.texts.len(), TOKEN_TEXTS_MAX);
        assert_eq!(counter.tokens(), u64::from(parts) * 2);
    }

    #[test]
    fn a_reset_counter_is_as_new() {
        let mut counter = O200kCounter::new();
        counter.push(&delta(0, 0, "Hello"));
        counter.reset();
        assert_eq!(counter.tokens(), 0);
    }

    /// Text in which the borders of words, numbers, punctuation and white space meet.
    fn text() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            r"[ \n\r\t'/.,a-zA-Z0-9]{0,8}",
            r"[ \n'rReEvVlLsSdDtT]{0,6}",
            r"[\u{3001}-\u{3011}\u{4E00}-\u{4E20}ぁ-んァ-ン가-각！？0-9a ]{0,6}",
            r"[\s\S]{0,4}",
            r"[\u{85}\u{A0}\u{2028}\u{300}\u{301}ſK₂²①Ⅷ’…—\u{200D}]{0,4}",
        ];
        proptest::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn a_cut_changes_no_count(text in text(), from in 0..40usize) {
            if let Some(cut) = last_cut(&text, from) {
                let (head, tail) = text.split_at(cut);
                prop_assert_eq!(whole(head) + whole(tail), whole(&text), "{:?} + {:?}", head, tail);
            }
        }

        #[test]
        fn the_count_does_not_depend_on_the_pieces(text in text(), times in 1..20usize, bytes in 1..90usize) {
            let text = text.repeat(times);
            prop_assert_eq!(in_pieces(&text, bytes), whole(&text));
        }
    }
}
