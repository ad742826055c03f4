//! The golden cases of the three JSON suites.

use serde_json::{Value, json};

use super::super::{JsonErrorKind, JsonExtract, JsonStreamOptions, JsonStreamParser, PartialJson};

fn cases(suite: &str) -> Vec<Value> {
    let suite: Value = serde_json::from_str(suite).expect("a suite is JSON");
    suite["cases"].as_array().expect("cases").clone()
}

/// Whether two values are equal, numbers by value.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => {
            let (x, y) = (a.as_f64().unwrap(), b.as_f64().unwrap());
            a == b || (x - y).abs() <= 1e-9 * x.abs().max(y.abs())
        }
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| same(a, b)))
        }
        _ => a == b,
    }
}

#[track_caller]
fn assert_same(got: &Value, want: &Value, case: &Value) {
    assert!(same(got, want), "{}: got {got}, want {want}", case["id"]);
}

fn parser(case: &Value) -> JsonStreamParser {
    let extract = match case["input"]["mode"].as_str().expect("mode") {
        "objects" => JsonExtract::Objects,
        "values" => JsonExtract::Values,
        "elements" => JsonExtract::Elements,
        mode => panic!("unknown mode {mode}"),
    };
    JsonStreamOptions::default().extract(extract).depth_max(1000).build()
}

/// Whole, one character at a time, and split in two at every byte.
fn cuttings(text: &str) -> Vec<Vec<&[u8]>> {
    let bytes = text.as_bytes();
    let mut all = vec![vec![bytes]];
    all.push(text.char_indices().map(|(at, c)| &bytes[at..at + c.len_utf8()]).collect());
    if bytes.len() < 4_096 {
        all.extend((0..=bytes.len()).map(|at| vec![&bytes[..at], &bytes[at..]]));
    }
    all
}

fn run_text(case: &Value, text: &str) {
    let expect = &case["expect"];
    for chunks in cuttings(text) {
        let mut parser = parser(case);
        for chunk in &chunks {
            parser.feed_bytes(chunk);
        }
        let incomplete = parser.finish().is_err();
        let values = Value::from(parser.get_objects());
        let error = parser.next_error();
        if let Some(kind) = expect["error"].as_str() {
            match (kind, error.expect("an error").kind) {
                ("depth_limit", JsonErrorKind::DepthLimit { limit: 1000 })
                | ("syntax", JsonErrorKind::Unexpected { .. }) => {}
                (want, got) => panic!("{}: got {got:?}, want {want}", case["id"]),
            }
            let after = expect.get("values_after").unwrap_or(&json!([])).clone();
            assert_same(&values, &after, case);
            assert_eq!(parser.errors_count(), 1);
            continue;
        }
        assert_same(&values, &expect["values"], case);
        assert_eq!(incomplete, expect["incomplete"].as_bool().unwrap(), "{}", case["id"]);
        if let Some(errors) = expect["errors"].as_u64() {
            assert_eq!(parser.errors_count(), errors, "{}", case["id"]);
        }
    }
}

fn run_operations(case: &Value, operations: &[Value]) {
    let mut parser = parser(case);
    let mut returns = Vec::new();
    for operation in operations {
        match operation[0].as_str().expect("name") {
            "feed" => parser.feed(operation[1].as_str().expect("text")),
            "reset" => parser.reset(),
            "has" => returns.push(Value::from(parser.has_complete_objects())),
            "get" => returns.push(Value::from(parser.get_objects())),
            name => panic!("unknown operation {name}"),
        }
    }
    let expect = &case["expect"];
    if let Some(want) = expect.get("returns") {
        assert_same(&Value::from(returns), want, case);
        return;
    }
    assert_eq!(parser.is_incomplete(), expect["incomplete"].as_bool().unwrap(), "{}", case["id"]);
    assert_same(&Value::from(parser.get_objects()), &expect["values"], case);
}

fn run_stream_case(case: &Value) {
    let input = &case["input"];
    if let Some(operations) = input["ops"].as_array() {
        run_operations(case, operations);
    } else if let Some(text) = input["text"].as_str() {
        run_text(case, text);
    } else {
        let repeat = &input["text_repeat"];
        let part = |name: &str| repeat[name].as_str().expect("text");
        let times = usize::try_from(repeat["n"].as_u64().expect("a number")).unwrap();
        let nested = part("open").repeat(times) + part("middle") + &part("close").repeat(times);
        run_text(case, &(nested + input["then"].as_str().expect("text")));
    }
}

#[test]
fn json_stream() {
    let cases = cases(include_str!("../../../testdata/vectors/json_stream.json"));
    assert_eq!(cases.len(), 39);
    cases.iter().for_each(run_stream_case);
}

#[test]
fn json_values() {
    let cases = cases(include_str!("../../../testdata/vectors/json_values.json"));
    assert_eq!(cases.len(), 10);
    cases.iter().for_each(run_stream_case);
}

#[test]
fn json_partial() {
    let cases = cases(include_str!("../../../testdata/vectors/json_partial.json"));
    assert_eq!(cases.len(), 9);
    for case in &cases {
        let mut json = PartialJson::default();
        let chunks = case["input"]["chunks"].as_array().expect("chunks");
        let partials = case["expect"]["partials"].as_array().expect("partials");
        assert_eq!(chunks.len(), partials.len());
        for (chunk, want) in chunks.iter().zip(partials) {
            json.push(chunk.as_str().expect("text")).expect("valid so far");
            assert_same(&json.to_value().unwrap_or_default(), want, case);
        }
    }
}
