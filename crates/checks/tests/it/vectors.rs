//! The golden suites that the project keeps, and how their results are told.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use checks::vectors::{HOME, Suite, read};
use serde_json::{Value, json};

fn suites() -> Vec<Suite> {
    read(Path::new(HOME)).unwrap()
}

fn suite(name: &str) -> Suite {
    suites().into_iter().find(|suite| suite.name == name).unwrap()
}

#[test]
fn every_case_is_right() {
    let outcomes = suites().iter().map(Suite::run).collect::<Vec<_>>();
    let wrong = outcomes.iter().filter(|outcome| outcome.failed() > 0);
    let wrong: Vec<String> = wrong.map(ToString::to_string).collect();
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

#[test]
fn what_is_wrong_is_told_with_what_was_expected() {
    let mut suite = suite("chunk_stream");
    suite.cases.truncate(3);
    assert_eq!(suite.run().to_string(), "chunk_stream 3/3");

    suite.cases[0].expect = json!({"chunks": ["x"]});
    suite.cases[2].input["size"] = json!("many");
    let outcome = suite.run();
    assert_eq!((outcome.passed(), outcome.failed()), (1, 2));
    let text = outcome.to_string();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], r#"chunk_stream/001: chunks: expected ["x"], found []"#);
    assert!(lines[1].starts_with("chunk_stream/004: cannot be run: "), "{text}");
    assert_eq!(lines[2..], ["chunk_stream 1/3"]);
}

#[test]
fn a_suite_that_nobody_knows_is_not_counted() {
    let mut suite = suite("chunk_stream");
    suite.name = "tea_leaves".to_owned();
    let outcome = suite.run();
    assert_eq!((outcome.passed(), outcome.failed()), (0, 0));
    let cases = suite.cases.len();
    assert_eq!(outcome.to_string(), format!("tea_leaves not covered yet: {cases} cases"));
}

#[track_caller]
fn check_refused(file: &str, text: &str, want: &str) {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join(file), text).unwrap();
    let error = format!("{:#}", read(dir.path()).unwrap_err());
    assert!(error.contains(want), "{error}");
}

#[test]
fn a_folder_of_anything_else_is_refused() {
    check_refused("README.md", "nothing", "no suites in ");
    check_refused("broken.json", "{", "broken.json: EOF while parsing");
    let later = json!({"schema": 2, "suite": "s", "cases": Value::Array(Vec::new())});
    check_refused("later.json", &later.to_string(), "later.json: schema 2 is not 1");
    assert!(read(Path::new("/no/such/folder")).is_err());
}
