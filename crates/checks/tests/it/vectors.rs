//! The golden suites, and that their runner notices what is wrong.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use checks::vectors::{Case, HOME, Suite, Truth, read};
use serde_json::{Value, json};

fn suites() -> Vec<Suite> {
    read(Path::new(HOME)).unwrap()
}

#[test]
fn every_case_is_right() {
    let outcomes = suites().iter().map(Suite::run).collect::<Vec<_>>();
    let wrong: Vec<String> = outcomes
        .iter()
        .filter(|outcome| outcome.failed() > 0)
        .map(ToString::to_string)
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(outcomes.iter().any(|outcome| outcome.passed() > 0));
}

#[test]
fn every_suite_has_cases_and_every_case_a_name_of_its_own() {
    let mut ids = BTreeSet::new();
    for suite in suites() {
        assert!(!suite.cases.is_empty(), "{}", suite.name);
        for case in suite.cases {
            assert!(case.id.starts_with(&format!("{}/", suite.name)), "{}", case.id);
            assert!(ids.insert(case.id.clone()), "{} stands twice", case.id);
        }
    }
}

/// Every value that differs from `value` in one place.
fn mutants(value: &Value) -> Vec<Value> {
    match value {
        Value::Null => vec![json!("something")],
        Value::Bool(is) => vec![json!(!is)],
        Value::Number(number) => vec![json!(number.as_f64().unwrap() + 1e6), Value::Null],
        Value::String(text) => vec![json!(format!("{text}?")), Value::Null],
        Value::Array(items) => {
            let mut all = vec![with(value, |items: &mut Vec<Value>| items.push(Value::Null))];
            for (place, item) in items.iter().enumerate() {
                let put = |mutant: Value| with(value, |items: &mut Vec<Value>| items[place] = mutant);
                all.extend(mutants(item).into_iter().map(put));
            }
            all
        }
        Value::Object(fields) => {
            let mut all = Vec::new();
            for (key, field) in fields {
                let put = |mutant: Value| {
                    let mut fields = fields.clone();
                    fields.insert(key.clone(), mutant);
                    Value::Object(fields)
                };
                all.extend(mutants(field).into_iter().map(put));
            }
            all.push(with_field(fields));
            all
        }
    }
}
