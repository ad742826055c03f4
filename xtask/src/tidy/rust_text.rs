//! A Rust file as the rules see it: code, comments and literals apart, tests and library apart.

use std::ops::Range;

use crate::tidy::TextFile;

/// The views of one file.
///
/// Each view has the length and the lines of the file; what does not belong to it is spaces.
#[derive(Debug)]
pub(crate) struct RustText<'a> {
    pub(crate) path: &'a str,
    pub(crate) text: &'a str,
    /// Without comments and without the contents of literals.
    pub(crate) code: String,
    /// Comments alone, documentation included.
    pub(crate) comments: String,
    /// The part of `code` that is not compiled for tests only.
    pub(crate) library: String,
    /// The part of `code` that is compiled for tests only.
    pub(crate) tests: String,
    /// The same part, with the contents of its literals.
    pub(crate) tests_with_literals: String,
}

/// What a stretch of a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Code,
    Comment,
    Literal,
}

impl<'a> RustText<'a> {
    /// Splits `file` into its views.
    pub(crate) fn parse(file: &'a TextFile) -> Self {
        let TextFile { path, text } = file;
        let spans = spans(text);
        let view = |kinds: &[Kind]| {
            let wanted = spans.iter().filter(|(kind, _)| kinds.contains(kind));
            only(text, wanted.map(|(_, span)| span.clone()))
        };
        let code = view(&[Kind::Code]);
        let tests = test_ranges(path, &code);
        Self {
            path,
            text,
            comments: view(&[Kind::Comment]),
            library: only(&code, gaps(&tests, code.len())),
            tests: only(&code, tests.iter().cloned()),
            tests_with_literals: only(&view(&[Kind::Code, Kind::Literal]), tests),
            code,
        }
    }
}

/// The lines of `view`, counted from one, on which `needle` stands.
pub(crate) fn lines_with(view: &str, needle: &str) -> Vec<usize> {
    view.lines().zip(1..).filter(|(line, _)| line.contains(needle)).map(|(_, n)| n).collect()
}

/// Whether the whole file is compiled for tests only.
fn is_test_file(path: &str) -> bool {
    path.contains("/tests/") || path.ends_with("/tests.rs")
}

/// `text` with everything outside `spans` replaced by spaces; lines stay.
fn only(text: &str, spans: impl IntoIterator<Item = Range<usize>>) -> String {
    let mut kept: Vec<u8> =
        text.bytes().map(|byte| if byte == b'\n' { byte } else { b' ' }).collect();
    for span in spans {
        kept[span.clone()].copy_from_slice(&text.as_bytes()[span]);
    }
    String::from_utf8_lossy(&kept).into_owned()
}

/// What lies between `ranges`, which are in order and apart.
fn gaps(ranges: &[Range<usize>], end: usize) -> Vec<Range<usize>> {
    let starts = std::iter::once(0).chain(ranges.iter().map(|range| range.end));
    let ends = ranges.iter().map(|range| range.start).chain([end]);
    starts.zip(ends).map(|(start, end)| start..end).collect()
}

/// The items of `code` under `#[cfg(test)]`, attribute included; all of it in a file of tests.
fn test_ranges(path: &str, code: &str) -> Vec<Range<usize>> {
    let mut ranges: Vec<Range<usize>> = Vec::new();
    if is_test_file(path) {
        ranges.push(0..code.len());
    }
    for (start, _) in code.match_indices("#[cfg(test)]") {
        if ranges.last().is_none_or(|last| last.end <= start) {
            ranges.push(start..item_end(code, start));
        }
    }
    ranges
}

/// Where the item that starts at `start` ends: after its block, or after its semicolon.
fn item_end(code: &str, start: usize) -> usize {
    let mut depth = 0_usize;
    for (offset, byte) in code.bytes().enumerate().skip(start) {
        match byte {
            b'{' => depth += 1,
            b'}' if depth <= 1 => return offset + 1,
            b'}' => depth -= 1,
            b';' if depth == 0 => return offset + 1,
            _ => {}
        }
    }
    code.len()
}

/// Cuts `text` into stretches of one kind.
fn spans(text: &str) -> Vec<(Kind, Range<usize>)> {
    let mut spans = Vec::new();
    let mut at = 0;
    let mut code_from = 0;
    while at < text.len() {
        let previous = text[..at].chars().next_back();
        match foreign(&text[at..], previous) {
            Some((kind, length)) => {
                spans.push((Kind::Code, code_from..at));
                spans.push((kind, at..at + length));
                at += length;
                code_from = at;
            }
            None => at += text[at..].chars().next().map_or(1, char::len_utf8),
        }
    }
    spans.push((Kind::Code, code_from..text.len()));
    spans
}

/// The comment or literal that `rest` starts with, if it does; `previous` stands before it.
fn foreign(rest: &str, previous: Option<char>) -> Option<(Kind, usize)> {
    if rest.starts_with("//") {
        return Some((Kind::Comment, rest.find('\n').unwrap_or(rest.len())));
    }
    if rest.starts_with("/*") {
        return Some((Kind::Comment, block_comment(rest)));
    }
    let length = match rest.as_bytes().first()? {
        b'"' => quoted(rest, '"'),
        b'\'' => character(rest)?,
        b'r' if !previous.is_some_and(continues_a_name) => raw_string(rest)?,
        _ => return None,
    };
    Some((Kind::Literal, length))
}

/// Whether an `r` after `previous` is the end of a name; `br"` and `cr"` begin raw strings too.
fn continues_a_name(previous: char) -> bool {
    (previous.is_alphanumeric() && !"bc".contains(previous)) || previous == '_'
}

/// The length of a block comment, which may hold others.
fn block_comment(rest: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while at < rest.len() {
        match &rest.as_bytes()[at..] {
            [b'/', b'*', ..] => (depth, at) = (depth + 1, at + 2),
            [b'*', b'/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
    rest.len()
}

/// The length of a literal between two `quote`s, in which `\` protects the next character.
fn quoted(rest: &str, quote: char) -> usize {
    let mut protected = false;
    for (offset, letter) in rest.char_indices().skip(1) {
        match letter {
            _ if protected => protected = false,
            '\\' => protected = true,
            _ if letter == quote => return offset + 1,
            _ => {}
        }
    }
    rest.len()
}

/// The length of a character literal; none if it is a lifetime.
fn character(rest: &str) -> Option<usize> {
    let mut letters = rest.chars().skip(1);
    let first = letters.next()?;
    (first == '\\' || letters.next() == Some('\'')).then(|| quoted(rest, '\''))
}

/// The length of a raw string; none if the `r` begins a name.
fn raw_string(rest: &str) -> Option<usize> {
    let hashes = rest[1..].bytes().take_while(|byte| *byte == b'#').count();
    let body = rest[1 + hashes..].strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    let opening = 1 + hashes + 1;
    Some(body.find(&end).map_or(rest.len(), |at| opening + at + end.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks what is left of `text` as code, spaces squeezed.
    #[track_caller]
    fn check_code(text: &str, want: &str) {
        let file = TextFile { path: "src/a.rs".to_owned(), text: text.to_owned() };
        let parsed = RustText::parse(&file);
        assert_eq!(parsed.code.len(), text.len());
        assert_eq!(squeezed(&parsed.code), want);
    }

    fn squeezed(view: &str) -> String {
        view.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn comments_and_literals_are_not_code() {
        check_code("a // b\nc", "a c");
        check_code("a /* b /* c */ d */ e", "a e");
        check_code(r#"a("b \" c", 'd', '\'', b'e')"#, "a( , , , b )");
        check_code(r##"a(r"b\", r#"c " d"#, br"e")"##, "a( , , b )");
        check_code("a(\"b // c\") // \"d\ne", "a( ) e");
    }

    #[test]
    fn lifetimes_names_and_unfinished_literals_are_kept() {
        check_code("fn a<'b>(c: &'b str, r: r#type) {}", "fn a<'b>(c: &'b str, r: r#type) {}");
        check_code("für(\"ä\", 'ö')", "für( , )");
        check_code("a(\"b", "a(");
        check_code("a /* b", "a");
        check_code("a 'b", "a 'b");
    }

    #[test]
    fn tests_and_library_are_told_apart() {
        let text = "a();\n#[cfg(test)]\nuse b::{c, d};\ne(); // f\n\
                    #[cfg(test)]\nmod tests {\n g(\"}\"); // h\n}\ni();";
        let file = TextFile { path: "src/a.rs".to_owned(), text: text.to_owned() };
        let parsed = RustText::parse(&file);
        assert_eq!(squeezed(&parsed.library), "a(); ; e(); i();");
        assert!(squeezed(&parsed.tests).ends_with("mod tests { g( ); }"));
        assert!(squeezed(&parsed.tests_with_literals).ends_with("mod tests { g(\"}\"); }"));
        assert_eq!(squeezed(&parsed.comments), "// f // h");
        assert_eq!(lines_with(&parsed.library, "i("), [9]);
    }

    #[test]
    fn a_file_of_tests_has_no_library() {
        for path in ["crates/a/tests/it/b.rs", "crates/a/src/b/tests.rs"] {
            let file = TextFile { path: path.to_owned(), text: "a();".to_owned() };
            let parsed = RustText::parse(&file);
            assert_eq!((squeezed(&parsed.library).as_str(), &*parsed.tests), ("", "a();"));
        }
    }
}
