//! Tests of documents read as types.

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashMap},
    fmt::Debug,
};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::Partial;
use crate::json::{JsonState, PartialJson, PartialJsonOptions};

fn after(text: &str) -> PartialJson {
    let mut json = PartialJson::default();
    json.push(text).expect("valid so far");
    json
}

#[derive(Debug, PartialEq, Serialize, Deserialize, Default)]
#[serde(default)]
struct Order {
    id: Option<u64>,
    note: String,
    paid: Option<bool>,
    lines: Vec<Line>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize, Default)]
#[serde(default)]
struct Line {
    name: String,
    price: Option<f64>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Shape {
    Dot,
    Circle(f64),
    Box(f64, f64),
    Named { name: String },
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind")]
enum Tagged {
    Text { text: String },
    Count { n: i64 },
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum Either {
    Number(i64),
    Text(String),
    List(Vec<Either>),
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Meters(f64);

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Unit;

/// On a complete document, reading is what `serde_json` does, errors included.
#[track_caller]
fn check<T: DeserializeOwned + PartialEq + Debug>(text: &str) {
    let mut json = after(text);
    json.finish().expect("complete");
    match (json.read::<T>(), serde_json::from_str::<T>(text)) {
        (Ok(got), Ok(want)) => {
            assert_eq!(got, Partial { value: Some(want), state: JsonState::Complete }, "{text}");
        }
        (Err(_), Err(_)) => {}
        (got, want) => panic!("{text}: got {got:?}, want {want:?}"),
    }
}

#[test]
fn complete_documents_read_as_with_serde_json() {
    let texts = [
        "null",
        "true",
        "0",
        "-1",
        "300",
        "1.5",
        "18446744073709551615",
        "\"Dot\"",
        "\"x\"",
        "[]",
        "[1, 2]",
        "[1, 2, 3]",
        "[\"a\", [1]]",
        "{}",
        "{\"Circle\": 1}",
        "{\"Box\": [1, 2]}",
        "{\"Box\": [1]}",
        "{\"Named\": {\"name\": \"n\"}}",
        "{\"Dot\": null}",
        "{\"Dot\": null, \"Circle\": 1}",
        "{\"kind\": \"Text\", \"text\": \"t\"}",
        "{\"n\": 4, \"kind\": \"Count\"}",
        "{\"1\": \"a\", \"2\": \"b\"}",
        "{\"true\": 1}",
        "{\"id\": 1, \"note\": \"n\", \"paid\": false, \"lines\": [{\"name\": \"x\", \"price\": 2}]}",
        "{\"id\": 1, \"id\": 2}",
        "{\"other\": [{}], \"note\": \"n\"}",
    ];
    for text in texts {
        check::<Value>(text);
        check::<Option<bool>>(text);
        check::<u8>(text);
        check::<i64>(text);
        check::<u128>(text);
        check::<f32>(text);
        check::<String>(text);
        check::<char>(text);
        check::<Vec<i32>>(text);
        check::<(u8, u8)>(text);
        check::<Shape>(text);
        check::<Option<Shape>>(text);
        check::<Tagged>(text);
        check::<Either>(text);
        check::<Meters>(text);
        check::<Unit>(text);
        check::<()>(text);
        check::<Order>(text);
        check::<BTreeMap<u16, String>>(text);
        check::<BTreeMap<bool, u8>>(text);
        check::<HashMap<String, Value>>(text);
        check::<BTreeMap<String, Partial<Value>>>(text);
        check::<Partial<Partial<u8>>>(text);
    }
}

#[test]
fn a_document_is_read_at_every_byte() {
    let text =
        r#"{"id": 12, "note": "a\nb", "paid": true, "lines": [{"name": "x", "price": 2.5}, {}]}"#;
    let mut json = PartialJson::default();
    let mut seen = Vec::new();
    for char in text.chars() {
        json.push(char.encode_utf8(&mut [0; 4])).unwrap();
        let order = json.read::<Order>().unwrap().value.unwrap();
        let shown = serde_json::to_string(&order).unwrap();
        if seen.last() != Some(&shown) {
            seen.push(shown);
        }
    }
    let want = [
        r#"{"id":null,"note":"","paid":null,"lines":[]}"#,
        r#"{"id":12,"note":"","paid":null,"lines":[]}"#,
        r#"{"id":12,"note":"a","paid":null,"lines":[]}"#,
        r#"{"id":12,"note":"a\n","paid":null,"lines":[]}"#,
        r#"{"id":12,"note":"a\nb","paid":null,"lines":[]}"#,
        r#"{"id":12,"note":"a\nb","paid":true,"lines":[]}"#,
        r#"{"id":12,"note":"a\nb","paid":true,"lines":[{"name":"","price":null}]}"#,
        r#"{"id":12,"note":"a\nb","paid":true,"lines":[{"name":"x","price":null}]}"#,
        r#"{"id":12,"note":"a\nb","paid":true,"lines":[{"name":"x","price":2.5}]}"#,
        r#"{"id":12,"note":"a\nb","paid":true,"lines":[{"name":"x","price":2.5},{"name":"","price":null}]}"#,
    ];
    assert_eq!(seen, want);
}

#[track_caller]
fn check_partial<T: DeserializeOwned + PartialEq + Debug>(
    text: &str,
    value: Option<T>,
    state: JsonState,
) {
    assert_eq!(after(text).read::<T>(), Ok(Partial { value, state }), "{text}");
}

#[test]
fn what_needs_a_whole_value_waits_for_it() {
    use JsonState::{Complete, Partial as Open, Pending};
    check_partial::<Shape>("", None, Pending);
    check_partial::<Shape>("\"Do", None, Open);
    check_partial("\"Dot\"", Some(Shape::Dot), Complete);
    check_partial::<Shape>("{\"Circle\": 1", None, Open);
    check_partial("{\"Circle\": 1}", Some(Shape::Circle(1.0)), Complete);
    check_partial("{\"Named\": {\"name\": \"n", Some(Shape::Named { name: "n".into() }), Open);
    check_partial::<(u8, u8)>("[1, 2", None, Open);
    check_partial("[1, 2 ", Some((1, 2)), Open);
    check_partial::<u8>("12", None, Pending);
    check_partial("\"par", Some("par".to_owned()), Open);
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Answer {
    title: Partial<String>,
    shape: Partial<Shape>,
    nothing: Partial<Option<u8>>,
    steps: Partial<Vec<Partial<Line>>>,
}

#[test]
fn a_partial_field_tells_its_own_state() {
    use JsonState::{Complete, Partial as Open, Pending};
    let states = |text: &str| {
        let answer = after(text).read::<Answer>().unwrap().value.unwrap();
        (answer.title.state, answer.shape.state, answer.nothing.state, answer.steps.state)
    };
    assert_eq!(states("{\"title\": "), (Pending, Pending, Pending, Pending));
    assert_eq!(states("{\"title\": \"T"), (Open, Pending, Pending, Pending));
    assert_eq!(states("{\"title\": \"T\", \"shape\": \"Do"), (Complete, Open, Pending, Pending));
    assert_eq!(
        states("{\"shape\": \"Dot\", \"nothing\": nul"),
        (Pending, Complete, Pending, Pending)
    );
    assert_eq!(states("{\"nothing\": null, \"steps\": [{}"), (Pending, Pending, Complete, Open));

    let json = after("{\"nothing\": null, \"steps\": [{\"name\": \"a\"}, {\"name\": \"b");
    let answer = json.read::<Answer>().unwrap().value.unwrap();
    assert_eq!(answer.nothing.value, Some(None));
    let steps = answer.steps.value.unwrap();
    assert_eq!(steps[0].done().map(|line| line.name.as_str()), Some("a"));
    assert_eq!(steps[1].done(), None);
    assert_eq!(steps[1].value.as_ref().map(|line| line.name.as_str()), Some("b"));
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
struct Closed {
    a: u8,
}

#[derive(Deserialize)]
struct Borrowing<'a> {
    #[serde(borrow)]
    key: Cow<'a, str>,
}

#[test]
fn a_misfit_in_a_complete_value_is_an_error_at_once() {
    let json = after("{\"lines\": [{\"name\": 5, \"price\"");
    let error = json.read::<Order>().unwrap_err();
    assert_eq!(error.path, "$.lines[0].name");
    assert_eq!(error.message, "invalid type: integer `5`, expected a string");
    let error = after("{\"300\": 1").read::<BTreeMap<u8, Partial<u8>>>();
    assert_eq!(error.map(|partial| partial.value), Ok(Some(BTreeMap::new())), "300 is pending");
    let error = after("{\"300\": 1,").read::<BTreeMap<u8, Partial<u8>>>().unwrap_err();
    assert_eq!(error.path, "$[\"300\"]");
    assert_eq!(after("{").read::<Closed>(), Ok(Partial { value: None, state: JsonState::Partial }));
    assert!(after("{\"b\": 1,").read::<Closed>().is_err());
    let missing = after("{}").read::<Closed>().unwrap_err();
    assert_eq!(missing.to_string(), "missing field `a` at $");
}

#[test]
fn the_depth_limit_is_exact() {
    let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    let depth = crate::json::limits::READ_DEPTH_MAX;
    assert!(after(&nested(depth)).read::<Value>().unwrap().done().is_some());
    let mut json = PartialJsonOptions::default().depth_max(depth + 1).build();
    json.push(&"[".repeat(depth + 1)).unwrap();
    assert!(json.read::<Value>().is_err(), "nothing can mend it");
}

#[test]
fn text_without_escapes_or_with_is_borrowed() {
    let json = after("{\"k\\u0065y\": \"a\\nb\"}");
    let map = json.read::<BTreeMap<&str, &str>>().unwrap().value.unwrap();
    assert_eq!(map, BTreeMap::from([("key", "a\nb")]));
    let read = json.read::<Borrowing<'_>>().unwrap().value.unwrap();
    assert!(matches!(read.key, Cow::Borrowed("a\nb")));
}

#[test]
fn a_partial_is_its_value_to_other_formats() {
    let partial: Partial<u8> = serde_json::from_str("7").unwrap();
    assert_eq!(partial.done(), Some(&7));
    assert_eq!(serde_json::to_string(&partial).unwrap(), "7");
    assert_eq!(serde_json::to_string(&Partial::<u8>::default()).unwrap(), "null");
    let part = after("[1, {\"a\": \"x");
    let node = part.pointer("/1").unwrap();
    assert_eq!(node.read::<BTreeMap<String, String>>().unwrap().value.unwrap()["a"], "x");
}
