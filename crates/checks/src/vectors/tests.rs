//! That every difference is noticed, whatever the suite.

use std::path::Path;

use serde_json::json;

use super::*;

fn suites() -> Vec<Suite> {
    read(Path::new(HOME)).unwrap()
}

/// The JSON pointer of `value` and of everything in it.
fn places(value: &Value, pointer: String) -> Vec<String> {
    let escape = |key: &str| key.replace('~', "~0").replace('/', "~1");
    let within: Vec<_> = match value {
        Value::Array(items) => {
            let items = items.iter().enumerate();
            items.flat_map(|(at, item)| places(item, format!("{pointer}/{at}"))).collect()
        }
        Value::Object(fields) => {
            let place =
                |(key, field): (&String, _)| places(field, format!("{pointer}/{}", escape(key)));
            fields.iter().flat_map(place).collect()
        }
        _ => Vec::new(),
    };
    std::iter::once(pointer).chain(within).collect()
}

/// Makes `value` another one.
fn mutate(value: &mut Value) {
    match value {
        Value::Null => *value = json!("something"),
        Value::Bool(is) => *is = !*is,
        Value::Number(number) => *value = json!(number.as_f64().unwrap() * 2.0 + 0.25),
        Value::String(text) => text.push('?'),
        Value::Array(items) => items.push(Value::Null),
        Value::Object(fields) => drop(fields.insert("unexpected".to_owned(), json!(1))),
    }
}

#[test]
fn a_change_anywhere_in_an_expectation_is_noticed() {
    let mut mutants = 0;
    for suite in suites() {
        let Some((_, run)) = RUNNERS.iter().find(|(name, _)| *name == suite.name) else { continue };
        for case in suite.cases {
            let begin = now();
            let found = run(&case.input).unwrap();
            for place in places(&case.expect, String::new()) {
                let mut mutant = case.clone();
                mutate(mutant.expect.pointer_mut(&place).unwrap());
                let differences = compare::differences(&mutant, &found, begin);
                assert_eq!(differences.len(), 1, "{} at {place:?}: {differences:?}", case.id);
                mutants += 1;
            }
        }
    }
    assert!(mutants > RUNNERS.len());
}

#[test]
fn every_runner_has_a_suite() {
    let suites = suites();
    for (name, _) in RUNNERS {
        assert!(suites.iter().any(|suite| suite.name == *name), "{name}");
    }
}

fn case(input: Value) -> Case {
    Case { id: "suite/001".to_owned(), truth: Truth::Design, input, expect: json!({}) }
}

#[test]
fn an_unknown_form_of_input_fails() {
    for (name, run) in RUNNERS {
        let differences = case(json!({"unheard": "of"})).differences(*run);
        let is_told = differences.iter().any(|text| text.starts_with("cannot be run: "));
        assert!(is_told, "{name}: {differences:?}");
    }
}

#[test]
fn a_panic_fails_its_case_alone() {
    let differences = case(Value::Null).differences(|_| panic!("as the test wants"));
    assert_eq!(differences, ["panicked"]);
}
