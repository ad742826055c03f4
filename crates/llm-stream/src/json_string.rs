//! The characters of a JSON string: where they end, and what they stand for.

use wide::u8x16;

/// Bytes that one step looks at.
const BLOCK: usize = 16;

/// How many bytes come before the first quote, backslash or control character, if there is one.
#[inline]
pub(crate) fn plain_len(bytes: &[u8]) -> Option<usize> {
    match bytes.split_first_chunk() {
        Some((block, rest)) => match first_special(*block) {
            None => plain_len_of_long(rest).map(|at| BLOCK + at),
            found => found,
        },
        None => plain_len_of_short(bytes),
    }
}

/// As [`plain_len`], for what mostly does not end in its first block.
fn plain_len_of_long(bytes: &[u8]) -> Option<usize> {
    let (blocks, tail) = bytes.as_chunks();
    let mut found = blocks.iter().map(|block| first_special(*block)).zip(0..);
    match found.find_map(|(found, before)| Some(before * BLOCK + found?)) {
        None => plain_len_of_short(tail).map(|at| bytes.len() - tail.len() + at),
        found => found,
    }
}

/// As [`plain_len`], for less than a block.
fn plain_len_of_short(bytes: &[u8]) -> Option<usize> {
    let mut block = [b' '; BLOCK];
    block.get_mut(..bytes.len())?.copy_from_slice(bytes);
    first_special(block)
}

/// Where the first byte is that ends the plain part of a JSON string, or may not be in one.
#[inline]
fn first_special(block: [u8; BLOCK]) -> Option<usize> {
    let block = u8x16::new(block);
    let quotes = block.simd_eq(u8x16::splat(b'"'));
    let backslashes = block.simd_eq(u8x16::splat(b'\\'));
    let controls = block.simd_eq(block.min(u8x16::splat(0x1f)));
    let found = (quotes | backslashes | controls).to_bitmask();
    if found == 0 { None } else { usize::try_from(found.trailing_zeros()).ok() }
}

/// What the characters between the quotes of a JSON string stand for.
///
/// Nothing if an escape is none, if a surrogate is alone, or if there is a quote or a control
/// character.
pub(crate) fn unescape(escaped: &str) -> Option<String> {
    let mut text = String::with_capacity(escaped.len());
    let mut rest = escaped;
    while let Some(at) = plain_len(rest.as_bytes()) {
        let (plain, escape) = rest.split_at_checked(at)?;
        text.push_str(plain);
        let (character, after) = unescape_one(escape.strip_prefix('\\')?)?;
        text.push(character);
        rest = after;
    }
    text.push_str(rest);
    Some(text)
}

/// The character that an escape, without its backslash, stands for, and what follows it.
fn unescape_one(escape: &str) -> Option<(char, &str)> {
    let (kind, after) = escape.split_at_checked(1)?;
    let character = match kind {
        "\"" => '"',
        "\\" => '\\',
        "/" => '/',
        "b" => '\u{8}',
        "f" => '\u{c}',
        "n" => '\n',
        "r" => '\r',
        "t" => '\t',
        "u" => return unescape_unicode(after),
        _ => return None,
    };
    Some((character, after))
}

/// The character of one code unit, or of a pair of surrogates.
fn unescape_unicode(digits: &str) -> Option<(char, &str)> {
    let (unit, after) = code_unit(digits)?;
    if let Some(character) = char::from_u32(unit) {
        return Some((character, after));
    }
    let (low, after) = code_unit(after.strip_prefix("\\u")?)?;
    let high = unit.checked_sub(0xD800).filter(|high| *high < 0x400)?;
    let low = low.checked_sub(0xDC00).filter(|low| *low < 0x400)?;
    Some((char::from_u32(0x1_0000 + high * 0x400 + low)?, after))
}

/// The number that four hexadecimal digits are, and what follows them.
fn code_unit(digits: &str) -> Option<(u32, &str)> {
    let (unit, after) = digits.split_at_checked(4)?;
    let is_hex = unit.bytes().all(|digit| digit.is_ascii_hexdigit());
    Some((u32::from_str_radix(unit, 16).ok().filter(|_| is_hex)?, after))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_first_special_byte_ends_it() {
        let plain = "abcdefghijklmnopqrstuvwx\u{ff}\u{80} !#[]".repeat(7);
        assert_eq!(plain_len(plain.as_bytes()), None);
        for at in 0..plain.len() {
            for byte in [b'"', b'\\', 0, 0x1f] {
                let mut bytes = plain.as_bytes().to_vec();
                bytes[at] = byte;
                bytes.push(b'"');
                assert_eq!(plain_len(&bytes), Some(at));
                assert_eq!(plain_len(&bytes[at..]), Some(0));
            }
        }
    }

    /// Whether and how a string is understood must be as `serde_json` has it.
    #[track_caller]
    fn check(escaped: &str) {
        let want: Option<String> = serde_json::from_str(&format!("\"{escaped}\"")).ok();
        assert_eq!(unescape(escaped), want, "{escaped:?}");
    }

    #[test]
    fn escapes() {
        for escaped in
            ["", "plain", "ünï 😀", r#"a\"b\\c\/d\b\f\n\r\te"#, r"\\n", "\\", r"\x", r"\ü"]
        {
            check(escaped);
        }
        for escaped in ["\"", "a\tb", "a\"b"] {
            check(escaped);
        }
    }

    #[test]
    fn code_units() {
        for escaped in [
            r"\u00e9",
            r"\u00E9\u6c34\u0000",
            r"\ud83d\ude00",
            r"\uD83D\uDE00x",
            r"\ud83d",
            r"\ude00",
            r"\ude00\ud83d",
            r"\ud83d\ud83d",
            r"\ud83dx",
            r"\ud83d\n",
            r"\ud83d\u0041",
            r"\u00e",
            r"\u+0e9",
            r"\u00g9",
            r"\u00é",
        ] {
            check(escaped);
        }
    }

    proptest! {
        #[test]
        fn any_string(escaped in r#"([a-zé😀"]|\\.|\\u[dD][89a-fA-F][0-9]{2}|\\u[0-9a-f]{4}){0,12}"#) {
            check(&escaped);
        }
    }
}
