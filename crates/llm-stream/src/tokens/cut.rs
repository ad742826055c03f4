//! Where a text can be cut so that its pieces have as many tokens as the whole.
//!
//! The o200k tokenizer first splits a text with a regular expression and then encodes each part
//! by itself, so a cut at a border between two parts changes nothing, provided that the parts
//! before it come out the same when the text ends there. The expression is
//!
//! ```text
//! [^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?
//! [^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?
//! \p{N}{1,3}
//!  ?[^\s\p{L}\p{N}]+[\r\n/]*
//! \s*[\r\n]+
//! \s+(?!\S)
//! \s+
//! ```
//!
//! It looks at nothing before a part, and beyond its end only after white space. So two
//! neighbouring characters that no alternative can match side by side are a border in every text
//! that holds them, and a place to cut if the first of them is no white space that the last two
//! alternatives could match.

/// The last place in `text`, at byte `from` or later, where it can be cut.
///
/// The ends of the text are no such places: what comes next is not known.
pub(super) fn last_cut(text: &str, from: usize) -> Option<usize> {
    let mut after: Option<(usize, char)> = None;
    for (at, before) in text.char_indices().rev() {
        if let Some((cut, after)) = after {
            if cut < from {
                return None;
            }
            if is_cut(before, after) {
                return Some(cut);
            }
        }
        after = Some((at, before));
    }
    None
}

/// Whether no part of a split text holds `before` and `after` side by side, whatever is around.
fn is_cut(before: char, after: char) -> bool {
    if after.is_whitespace() && !is_line_break(after) {
        // Such white space stands at the beginning of a part, or behind other white space.
        return !before.is_whitespace();
    }
    if is_line_break(before) {
        // What begins with a line break goes on with white space or a slash only.
        return !after.is_whitespace() && after != '/';
    }
    if before.is_whitespace() {
        return false;
    }
    // Numbers stand beside nothing else; in other words, punctuation stands only in front, but
    // for the apostrophe.
    (before.is_ascii() && after.is_ascii() && before.is_ascii_digit() != after.is_ascii_digit())
        || (is_surely_word(before) && is_surely_punctuation(after))
}

fn is_line_break(character: char) -> bool {
    matches!(character, '\r' | '\n')
}

/// Whether a character is a letter or a number, and one of the common ones.
fn is_surely_word(character: char) -> bool {
    character.is_ascii_alphanumeric()
        || matches!(character,
            'ぁ'..='ゖ' | 'ァ'..='ヺ' | '\u{3400}'..='\u{4DBF}' | '一'..='\u{9FFF}' | '가'..='힣')
}

/// Whether a character is no letter, number, mark, white space or apostrophe, and a common one.
fn is_surely_punctuation(character: char) -> bool {
    (character.is_ascii_punctuation() && character != '\'')
        || matches!(character, '、'..='〃' | '〈'..='】' | '！'..='／' | '：'..='＠' | '—' | '…')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, cut: Option<&str>) {
        let got = last_cut(text, 0).and_then(|at| text.get(..at));
        assert_eq!(got, cut, "{text:?}");
    }

    #[test]
    fn a_text_is_cut_before_a_space() {
        check("Hello big wor", Some("Hello big"));
        check("Hello   wor", Some("Hello"));
        check("Hello", None);
        check("  Hello", None);
        check("", None);
    }

    #[test]
    fn a_text_is_cut_after_a_line_break() {
        check("a\nb", Some("a\n"));
        check("a\n\n#", Some("a\n\n"));
        check("a\n  \nb", Some("a\n  \n"));
        check("!\n/", None);
        check("a\n  b", None);
    }

    #[test]
    fn a_text_is_cut_before_punctuation_and_around_numbers() {
        check("don't", None);
        check("end.", Some("end"));
        check("语言，很", Some("语言"));
        check("abc123", Some("abc"));
        check("123abc", Some("123"));
        check("+5", Some("+"));
        check("  5", None);
        check("e\u{301}.", None);
    }

    #[test]
    fn places_before_the_given_one_are_not_found_again() {
        assert_eq!(last_cut("a b", 1), Some(1));
        assert_eq!(last_cut("a b", 2), None);
    }
}
