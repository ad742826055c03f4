//! JSON text whose strings are filtered, at every cut.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::super::arguments::Arguments;
use super::super::scan::Tools;
use super::super::{Action, Blocked, Pattern, PatternSet};
use super::{cut, literals, run, three_way_cuts};

fn filter<'a>(
    tools: &mut Tools,
    pieces: impl IntoIterator<Item = &'a str>,
) -> (String, Result<(), Blocked>) {
    let mut arguments = Arguments::new(tools);
    let mut out = String::new();
    let pushed = pieces.into_iter().try_for_each(|piece| arguments.push(tools, piece, &mut out));
    let ended = pushed.and_then(|()| arguments.finish(tools, &mut out));
    (out, ended)
}

/// Filters `text` cut in three in every way, for `secret` and for sixteen digits.
#[track_caller]
fn check(text: &str, want: &str) {
    let set = PatternSet::new([
        Pattern::literal("secret"),
        Pattern::literal("two words"),
        Pattern::regex("[0-9]{16}"),
    ])
    .unwrap();
    let mut tools = Tools::new(set);
    for cuts in three_way_cuts(text) {
        assert_eq!(filter(&mut tools, cuts), (want.to_owned(), Ok(())), "cut {cuts:?}");
    }
}

#[test]
fn clean_arguments_stay_as_they_are() {
    for text in [
        "",
        " ",
        "{}",
        r#"{"a": [1, -2.5e3, true, false, null, "x"], "b": {"c": ""}}"#,
        "{\n\t\"a\" : \"line\\nline \\\"quoted\\\" back\\\\slash\"\r\n}",
        r#""just a string""#,
        "12",
        "null",
        r#"{"cut": "off"#,
        r#"{"cut": tr"#,
        r#"{"cut": "\u00"#,
        r#"{"cut": 1.5 "#,
        "{}{}",
    ] {
        check(text, text);
    }
}

#[test]
fn strings_are_filtered_as_what_they_mean() {
    check(r#"{"a": "my secret"}"#, r#"{"a": "my [FILTERED]"}"#);
    check(r#"{"a": "se\u0063ret \u0053ECRET"}"#, r#"{"a": "[FILTERED] [FILTERED]"}"#);
    check(
        r#"{"secret": ["secret", "secre", "t"]}"#,
        r#"{"[FILTERED]": ["[FILTERED]", "secre", "t"]}"#,
    );
}

#[test]
fn escapes_mean_the_same_afterwards() {
    check(r#"["\b\f\n\r\t\/\"\\ \u0001"]"#, r#"["\u0008\u000c\n\r\t/\"\\ \u0001"]"#);
    check(r#"["\ud83d\ude00 \u00e9"]"#, r#"["😀 é"]"#);
    check(
        r#"["\ud83d", "\ude00\ud83d\ud83d\ude00", "\ud83dx"]"#,
        "[\"\u{fffd}\", \"\u{fffd}\u{fffd}😀\", \"\u{fffd}x\"]",
    );
}

#[test]
fn what_is_no_escape_stands_for_itself() {
    check(r#"["\d \u12x \secret"]"#, r#"["\\d \\u12x \\[FILTERED]"]"#);
    check("[\"a\nb\"]", r#"["a\nb"]"#);
}

#[test]
fn numbers_with_a_match_become_strings() {
    check("[4111111111111111, 12]", r#"["[FILTERED]", 12]"#);
    check("{\"card\":94111111111111111 \n}", "{\"card\":\"[FILTERED]1\" \n}");
    check("4111111111111111", r#""[FILTERED]""#);
}

#[test]
fn what_is_not_json_is_filtered_as_text() {
    check("ls two words secret", "ls [FILTERED] [FILTERED]");
    check("two words", "[FILTERED]");
    check("{ two words }", "{ [FILTERED] }");
    check("12 two words", "12 [FILTERED]");
    check("[\"a\" two words, \"secret\"]", "[\"a\" [FILTERED], \"[FILTERED]\"]");
    check("tr two words", "tr [FILTERED]");
    check("} secret", "} [FILTERED]");
    check("12, two words", "12, [FILTERED]");
}

#[test]
fn a_match_across_the_words_of_what_is_not_json_is_found() {
    let mut tools = Tools::new(PatternSet::new([Pattern::regex("1{4} 2{4}")]).unwrap());
    for cuts in three_way_cuts("[1111 2222]") {
        assert_eq!(filter(&mut tools, cuts).0, "[[FILTERED]]", "cut {cuts:?}");
    }
}

#[test]
fn a_block_lets_out_what_was_before() {
    let set = PatternSet::new([Pattern::literal("secret").action(Action::Block)]).unwrap();
    let mut tools = Tools::new(set);
    for cuts in three_way_cuts(r#"{"a": "my \"secret\""}"#) {
        let (out, ended) = filter(&mut tools, cuts);
        assert_eq!(out, r#"{"a": "my \""#, "cut {cuts:?}");
        assert!(ended.is_err());
    }
}

#[test]
fn a_number_without_end_is_taken_for_text() {
    let long = format!("[{}]", "1".repeat(2000));
    let filtered = format!("[{}]", "[FILTERED]".repeat(1000));
    assert_eq!(filter(&mut Tools::new(literals(["22"])), cut(&long, &[7])).0, long);
    assert_eq!(filter(&mut Tools::new(literals(["11"])), cut(&long, &[7])).0, filtered);
}

#[test]
fn inside_a_string_nothing_waits_longer_than_it_must() {
    let mut tools = Tools::new(literals(["secret"]));
    let mut arguments = Arguments::new(&tools);
    let mut out = String::new();
    for (piece, want) in [
        (r#"{"a": "x se"#, r#"{"a": "x "#),
        (r"\u0063", r#"{"a": "x "#),
        ("r", r#"{"a": "x "#),
        ("x", r#"{"a": "x secrx"#),
        (r"\", r#"{"a": "x secrx"#),
        (r#"""#, r#"{"a": "x secrx\""#),
        (r#"s""#, r#"{"a": "x secrx\"s""#),
        (", 12", r#"{"a": "x secrx\"s", "#),
        ("}", r#"{"a": "x secrx\"s", 12}"#),
    ] {
        arguments.push(&mut tools, piece, &mut out).unwrap();
        assert_eq!(out, want, "after {piece}");
        let held = arguments.released_bytes() < arguments.taken_bytes();
        assert_eq!(held, !matches!(piece, "x" | r#"""# | r#"s""# | "}"), "after {piece}");
    }
}

fn value() -> impl Strategy<Value = Value> {
    let text = "[abc\"\\\\\n é😀\u{1}]{0,8}";
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<i16>().prop_map(|number| json!(f64::from(number) / 8.0)),
        text.prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::btree_map(text, inner, 0..5)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// The value with each string filtered as a text of its own.
fn filtered(set: &PatternSet, value: &Value) -> Value {
    match value {
        Value::String(text) => run(set, [text.as_str()]).0.into(),
        Value::Array(items) => items.iter().map(|item| filtered(set, item)).collect(),
        Value::Object(map) => {
            let entries = map.iter();
            let entries =
                entries.map(|(key, item)| (run(set, [key.as_str()]).0, filtered(set, item)));
            Value::Object(entries.collect::<Map<_, _>>())
        }
        other => other.clone(),
    }
}

/// JSON text of `value`, with every other character of its strings written as an escape.
fn escaped(value: &Value) -> String {
    let mut every_other = false;
    let mut in_string = false;
    let mut out = String::new();
    let text = value.to_string();
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '"' => in_string = !in_string,
            '\\' => {
                let kind = letters.next().unwrap();
                out.extend([letter, kind]);
                out.extend(letters.by_ref().take(if kind == 'u' { 4 } else { 0 }));
                continue;
            }
            _ => {}
        }
        every_other = !every_other;
        if in_string && letter != '"' && every_other {
            let units = letter.encode_utf16(&mut [0; 2]).to_vec();
            out.extend(units.iter().map(|unit| format!("\\u{unit:04X}")));
        } else {
            out.push(letter);
        }
    }
    out
}

proptest! {
    #[test]
    fn arguments_stay_json_and_mean_what_filtering_their_strings_gives(
        value in value(), sizes in prop::collection::vec(0_usize..7, 1..5),
    ) {
        let set = PatternSet::new([
            Pattern::literal("ab"),
            Pattern::literal("\"\\").action(Action::Drop),
            Pattern::regex("(?s)c.?\"").action(Action::Replace("\"\n\u{2}".into())),
            Pattern::literal("é").action(Action::Mask('"')),
        ]).unwrap();
        let mut tools = Tools::new(set.clone());
        for text in [value.to_string(), escaped(&value)] {
            let (out, ended) = filter(&mut tools, cut(&text, &sizes));
            prop_assert_eq!(ended, Ok(()));
            let parsed: Value = serde_json::from_str(&out).map_err(|error| {
                TestCaseError::fail(format!("{error}: {out}"))
            })?;
            prop_assert_eq!(parsed, filtered(&set, &value), "{}", text);
        }
    }

    #[test]
    fn any_text_is_filtered_the_same_however_it_is_cut(
        text in "[{}\\[\\]:,\" \\\\u0-9tabc\n-]{0,40}",
        sizes in prop::collection::vec(0_usize..7, 1..5),
    ) {
        let set = PatternSet::new([
            Pattern::literal("ab"), Pattern::regex("[0-9]{2} [0-9]"), Pattern::regex("[a-c]{1,2}\"")
        ]).unwrap();
        let mut tools = Tools::new(set);
        let whole = filter(&mut tools, [text.as_str()]);
        prop_assert_eq!(filter(&mut tools, cut(&text, &sizes)), whole);
    }
}
