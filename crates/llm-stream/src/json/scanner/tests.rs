//! Tests of the tokenizer: each input runs at every cut.

use super::{JsonDialect, JsonScanner, JsonToken};
use crate::json::{JsonErrorKind, limits};

/// The tokens in short: pieces of text joined, in quotes; keys end in a colon.
fn tokens(dialect: JsonDialect, chunks: &[&str]) -> Result<String, (JsonErrorKind, u64)> {
    let mut scanner = JsonScanner::new(dialect, limits::DEPTH_MAX);
    let mut out = String::new();
    let mut write = |token: JsonToken<'_>| match token {
        JsonToken::ObjectStart => out.push('{'),
        JsonToken::ObjectEnd => out.push('}'),
        JsonToken::ArrayStart => out.push('['),
        JsonToken::ArrayEnd => out.push(']'),
        JsonToken::KeyStart | JsonToken::StringStart | JsonToken::StringEnd => out.push('"'),
        JsonToken::KeyEnd => out.push_str("\":"),
        JsonToken::Text(text) | JsonToken::Number(text) => out.push_str(text),
        JsonToken::Char(char) => out.push(char),
        JsonToken::NumberEnd => out.push('#'),
        JsonToken::Bool(value) => out.push_str(if value { "T" } else { "F" }),
        JsonToken::Null => out.push('N'),
    };
    for mut chunk in chunks.iter().copied() {
        while let Some(token) =
            scanner.next_token(&mut chunk).map_err(|error| (error.kind, error.offset))?
        {
            write(token);
        }
        assert!(chunk.is_empty(), "a chunk is used up");
    }
    let last = scanner.finish().map_err(|error| (error.kind, error.offset))?;
    last.into_iter().for_each(write);
    Ok(out)
}

#[track_caller]
fn check_in(dialect: JsonDialect, input: &str, want: Result<&str, (JsonErrorKind, u64)>) {
    let want = want.map(str::to_owned);
    for cut in (0..=input.len()).filter(|cut| input.is_char_boundary(*cut)) {
        let (head, tail) = input.split_at(cut);
        assert_eq!(tokens(dialect, &[head, tail]), want, "cut at byte {cut} of {input}");
    }
    let single: Vec<&str> = input.split_inclusive(|_| true).collect();
    assert_eq!(tokens(dialect, &single), want, "one character at a time");
}

#[track_caller]
fn accepts(input: &str, want: &str) {
    check_in(JsonDialect::Strict, input, Ok(want));
    check_in(JsonDialect::Tolerant, input, Ok(want));
}

#[track_caller]
fn tolerates(input: &str, want: &str) {
    assert!(tokens(JsonDialect::Strict, &[input]).is_err(), "strict refuses {input}");
    check_in(JsonDialect::Tolerant, input, Ok(want));
}

#[track_caller]
fn refuses(input: &str, kind: JsonErrorKind, offset: u64) {
    check_in(JsonDialect::Strict, input, Err((kind, offset)));
}

#[track_caller]
fn refuses_char(input: &str, found: char, expected: &'static str, offset: u64) {
    refuses(input, JsonErrorKind::Unexpected { found, expected }, offset);
}

#[test]
fn values() {
    accepts(" [ ] ", "[]");
    accepts("{\"a\" : [true,false , null], \"\":{}}", "{\"a\":[TFN]\"\":{}}");
    accepts("\"x\"", "\"x\"");
    accepts("[0,-0,12,-1.50,1e5,0E-10,1.0e+7]", "[0#-0#12#-1.50#1e5#0E-10#1.0e+7#]");
    accepts("12", "12#");
}

#[test]
fn strings() {
    accepts(r#""\"\\\/\b\f\n\r\t""#, "\"\"\\/\u{8}\u{c}\n\r\t\"");
    accepts(r#""\u0041\u00E9\u20ac\ud83D\uDe00""#, "\"Aé€\u{1f600}\"");
    accepts(r#""\uD83D\uDE00\ud83d\ude01""#, "\"\u{1f600}\u{1f601}\"");
    accepts("\"é€\u{1f600}\u{7f}\u{2028}\"", "\"é€\u{1f600}\u{7f}\u{2028}\"");
    accepts(
        "\"a long run of plain text, then \\n and on\"",
        "\"a long run of plain text, then \n and on\"",
    );
}

#[test]
fn punctuation_is_refused_where_it_does_not_belong() {
    refuses_char("[1,]", ']', "a value", 3);
    refuses_char("{\"a\":1,}", '}', "a key", 7);
    refuses_char("[1 2]", '2', "',' or a closing bracket", 3);
    refuses_char("[1}", '}', "',' or a closing bracket", 2);
    refuses_char("{\"a\" 1}", '1', "':'", 5);
    refuses_char("{a:1}", 'a', "a key or '}'", 1);
    refuses_char("{} {}", '{', "end of text", 3);
    refuses_char("]", ']', "a value", 0);
    refuses_char("[\u{a0}]", '\u{a0}', "a value or ']'", 1);
    refuses_char("\u{feff}1", '\u{feff}', "a value", 0);
}

#[test]
fn numbers_and_literals_are_refused() {
    refuses_char("[01]", '1', "',' or a closing bracket", 2);
    refuses_char("[1.]", ']', "a digit", 3);
    refuses_char("[-]", ']', "a digit", 2);
    refuses_char("[1e+]", ']', "a digit", 4);
    refuses_char("[+1]", '+', "a value or ']'", 1);
    refuses_char("[.5]", '.', "a value or ']'", 1);
    refuses_char("[NaN]", 'N', "a value or ']'", 1);
    refuses_char("[tru]", ']', "true", 4);
    refuses_char("[nULL]", 'U', "null", 2);
}

#[test]
fn strings_are_refused() {
    refuses("\"a\nb\"", JsonErrorKind::ControlCharacter { found: '\n' }, 2);
    refuses_char(r#""\x""#, 'x', "an escape", 2);
    refuses_char(r#""\u00g0""#, 'g', "a hex digit", 5);
    refuses(r#""\ud800""#, JsonErrorKind::LoneSurrogate, 7);
    refuses(r#""\ud800\n""#, JsonErrorKind::LoneSurrogate, 8);
    refuses(r#""\ud800\u0041""#, JsonErrorKind::LoneSurrogate, 13);
    refuses(r#""\udc00""#, JsonErrorKind::LoneSurrogate, 7);
}

#[test]
fn an_unfinished_text_is_incomplete() {
    for text in ["", "  ", "[", "[1", "{\"a\"", "\"x", "\"x\\", "\"\\ud83d", "tru", "-", "1.", "1e"]
    {
        refuses(text, JsonErrorKind::UnexpectedEnd, u64::try_from(text.len()).unwrap());
    }
}

#[test]
fn the_tolerant_dialect_accepts_the_slips_of_models() {
    tolerates("[1,2,]", "[1#2#]");
    tolerates("{\"a\":1,}", "{\"a\":1#}");
    tolerates("{'it': 'say \"hi\"', 'é': '\\''}", "{\"it\":\"say \"hi\"\"\"é\":\"'\"}");
    tolerates("{name: 1, $x-1: 2, größe:3}", "{\"name\":1#\"$x-1\":2#\"größe\":3#}");
    tolerates("[True, False, None]", "[TFN]");
    tolerates("[1, // one\n2 /* two * / **/, 3] // end", "[1#2#3#]");
    tolerates("// before\n{}", "{}");
    tolerates("\u{feff}[]", "[]");
    tolerates("\"a\nb\tc\"", "\"a\nb\tc\"");
    tolerates(r#""\x\é""#, "\"xé\"");
    tolerates(r#""\ud800""#, "\"\u{fffd}\"");
    tolerates(r#""\ud800\n""#, "\"\u{fffd}\n\"");
    tolerates(r#""\ud800\u0041""#, "\"\u{fffd}A\"");
    tolerates(r#""\ud800\ud83d\ude00""#, "\"\u{fffd}\u{1f600}\"");
    tolerates(r#""\ud800\ud800x\udc00""#, "\"\u{fffd}\u{fffd}x\u{fffd}\"");
}

#[test]
fn tolerance_has_an_end() {
    for text in ["[,]", "[1,,2]", "{,}", "[1 2]", "{a b:1}", "[NaN]", "[Infinity]", "[+1]", "[0x1]"]
    {
        assert!(tokens(JsonDialect::Tolerant, &[text]).is_err(), "{text}");
    }
    for text in ["[undefined]", "['a\"]", "[1] /", "[1] /* x", "{1:}", "[.5]", "\u{feff}\u{feff}1"]
    {
        assert!(tokens(JsonDialect::Tolerant, &[text]).is_err(), "{text}");
    }
}

#[test]
fn the_depth_limit_is_exact() {
    for depth in [1, 2, 127] {
        let mut scanner = JsonScanner::new(JsonDialect::Strict, depth);
        let text = "[".repeat(depth) + &"]".repeat(depth);
        let mut input = text.as_str();
        while scanner.next_token(&mut input).unwrap().is_some() {}
        assert!(scanner.is_complete());

        scanner.reset();
        let text = "[".repeat(depth + 1);
        let mut input = text.as_str();
        let error = loop {
            match scanner.next_token(&mut input) {
                Ok(token) => assert_eq!(token, Some(JsonToken::ArrayStart)),
                Err(error) => break error,
            }
        };
        assert_eq!(error.kind, JsonErrorKind::DepthLimit { limit: depth });
        assert_eq!(scanner.next_token(&mut "]"), Err(error), "an error stays");
        assert_eq!(scanner.finish(), Err(error));
    }
}
