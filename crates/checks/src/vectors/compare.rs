//! What was expected, against what was found.

use millstream::model::now::now;
use serde_json::{Number, Value};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;

use super::{Case, Truth};

/// How much of a number with a fraction may be missing.
const RELATIVE_TOLERANCE: f64 = 1e-9;

/// Characters of a value that are shown.
const SHOWN_CHARS_MAX: usize = 200;

/// What differs, one line each, in a run that began at `begin`.
pub(super) fn differences(case: &Case, found: &Value, begin: OffsetDateTime) -> Vec<String> {
    let mut comparison = Comparison { begin, differences: Vec::new() };
    match (&case.expect, found) {
        (Value::Object(expect), Value::Object(found)) => {
            for (key, expect) in expect {
                let found = found.get(key);
                if key == "error" && takes_any_error(case.truth, expect) && is_error(found) {
                    continue;
                }
                comparison.compare(key, expect, found);
            }
        }
        (expect, found) => comparison.compare("", expect, Some(found)),
    }
    comparison.differences
}

/// Whether an expected error has no name that counts: those of the original are Python's, unless
/// they are sentences.
fn takes_any_error(truth: Truth, expect: &Value) -> bool {
    let is_name = expect.as_str().is_some_and(|error| error.ends_with("Error"));
    *expect == true || (truth == Truth::Original && is_name)
}

fn is_error(found: Option<&Value>) -> bool {
    found.is_some_and(|error| *error == true || error.is_string())
}

struct Comparison {
    begin: OffsetDateTime,
    differences: Vec<String>,
}

impl Comparison {
    /// Compares what is at `path`, whose last step is the name of the value.
    fn compare(&mut self, path: &str, expect: &Value, found: Option<&Value>) {
        match (expect, found) {
            (Value::Object(expect), Some(Value::Object(found))) => {
                for (key, expect) in expect {
                    self.compare(&format!("{path}/{key}"), expect, found.get(key));
                }
                let is_more = |key: &&String| path != "dict" && !expect.contains_key(*key);
                for key in found.keys().filter(is_more) {
                    self.report(&format!("{path}/{key}"), None, found.get(key));
                }
            }
            (Value::Array(expect), Some(Value::Array(found))) if expect.len() == found.len() => {
                for (place, (expect, found)) in expect.iter().zip(found).enumerate() {
                    self.compare(&format!("{path}/{place}"), expect, Some(found));
                }
            }
            (expect, Some(found)) if self.is_same(path, expect, found) => {}
            (expect, found) => self.report(path, Some(expect), found),
        }
    }

    fn is_same(&self, path: &str, expect: &Value, found: &Value) -> bool {
        match (expect, found) {
            (Value::Number(expect), Value::Number(found)) => is_same_number(expect, found),
            (Value::String(expect), Value::String(found)) => match expect.as_str() {
                "$uuid" => Uuid::try_parse(found).is_ok(),
                "$now" => instant(found).is_some_and(|time| (self.begin..=now()).contains(&time)),
                _ if path.rsplit('/').next() == Some("timestamp") => {
                    expect == found || instant(expect).is_some_and(|at| instant(found) == Some(at))
                }
                _ => expect == found,
            },
            _ => expect == found,
        }
    }

    fn report(&mut self, path: &str, expect: Option<&Value>, found: Option<&Value>) {
        let place = if path.is_empty() { String::new() } else { format!("{path}: ") };
        let (expect, found) = (shown(expect), shown(found));
        self.differences.push(format!("{place}expected {expect}, found {found}"));
    }
}

fn is_same_number(a: &Number, b: &Number) -> bool {
    let is_close = |(a, b): (f64, f64)| (a - b).abs() <= RELATIVE_TOLERANCE * a.abs().max(b.abs());
    let has_fraction = a.is_f64() || b.is_f64();
    a == b || (has_fraction && a.as_f64().zip(b.as_f64()).is_some_and(is_close))
}

fn instant(text: &str) -> Option<OffsetDateTime> {
    OffsetDateTime::parse(text, &Rfc3339).ok()
}

/// The value as JSON, the middle of a long one left out.
fn shown(value: Option<&Value>) -> String {
    let Some(value) = value else { return "nothing".to_owned() };
    let text = value.to_string();
    let chars = text.chars().count();
    if chars <= SHOWN_CHARS_MAX {
        return text;
    }
    let head: String = text.chars().take(SHOWN_CHARS_MAX / 2).collect();
    let tail: String = text.chars().skip(chars - SHOWN_CHARS_MAX / 2).collect();
    format!("{head} … {} more … {tail}", chars - SHOWN_CHARS_MAX)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(truth: Truth, expect: Value, found: Value, want: &[&str]) {
        let case = Case { id: "suite/001".to_owned(), truth, input: Value::Null, expect };
        assert_eq!(differences(&case, &found, OffsetDateTime::UNIX_EPOCH), want);
    }

    #[track_caller]
    fn check_same(expect: Value, found: Value) {
        check(Truth::Design, expect, found, &[]);
    }

    #[track_caller]
    fn check_different(expect: Value, found: Value, want: &str) {
        check(Truth::Design, expect, found, &[want]);
    }

    #[test]
    fn a_difference_says_where_it_is() {
        check_same(json!({"a": [{"b": "x"}]}), json!({"a": [{"b": "x"}]}));
        let found = json!({"a": [{"b": "y"}]});
        check_different(json!({"a": [{"b": "x"}]}), found, r#"a/0/b: expected "x", found "y""#);
        check_different(json!({"a": [1]}), json!({"a": []}), "a: expected [1], found []");
        check_different(json!({"a": 1}), json!({}), "a: expected 1, found nothing");
        check_different(json!({"a": {}}), json!({"a": null}), "a: expected {}, found null");
        check_different(json!(true), json!(false), "expected true, found false");
    }

    #[test]
    fn more_may_be_found_at_the_top_and_in_a_dict_alone() {
        check_same(json!({"a": 1}), json!({"a": 1, "b": 2}));
        check_same(json!({"dict": {"a": 1}}), json!({"dict": {"a": 1, "b": 2}}));
        let (expect, found) = (json!({"v": {"a": 1}}), json!({"v": {"a": 1, "b": 2}}));
        check_different(expect, found, "v/b: expected nothing, found 2");
        let (expect, found) = (json!({"dict": {"a": {}}}), json!({"dict": {"a": {"b": 2}}}));
        check_different(expect, found, "dict/a/b: expected nothing, found 2");
    }

    #[test]
    fn numbers_compare_by_value() {
        check_same(json!(10), json!(10.0));
        check_same(json!(21.005_251_312_828_207), json!(21.005_251_312_9));
        check_same(json!(0), json!(0.0));
        check_different(json!(1.0), json!(1.000_001), "expected 1.0, found 1.000001");
        check_different(
            json!(18_446_744_073_709_551_615_u64),
            json!(18_446_744_073_709_551_614_u64),
            "expected 18446744073709551615, found 18446744073709551614",
        );
    }

    #[test]
    fn placeholders_stand_for_ids_and_times() {
        check_same(json!("$uuid"), json!("0198f3c2-7a1b-7c3d-8e4f-5a6b7c8d9e0f"));
        check_different(json!("$uuid"), json!("e1"), r#"expected "$uuid", found "e1""#);
        let time = |time: OffsetDateTime| Value::from(time.format(&Rfc3339).unwrap());
        check_same(json!("$now"), time(now()));
        for other in [time(now() + time::Duration::minutes(1)), json!("1969-12-31T23:59:59Z")] {
            let want = format!(r#"expected "$now", found {other}"#);
            check_different(json!("$now"), other, &want);
        }
    }

    #[test]
    fn timestamps_compare_as_instants() {
        let (utc, berlin) = ("2026-02-03T04:05:06Z", "2026-02-03T05:05:06.000+01:00");
        check_same(json!({"timestamp": utc}), json!({"timestamp": berlin}));
        let want = format!(r#"data: expected "{utc}", found "{berlin}""#);
        check_different(json!({"data": utc}), json!({"data": berlin}), &want);
        let (expect, found) = (json!({"timestamp": "yesterday"}), json!({"timestamp": "today"}));
        check_different(expect, found, r#"timestamp: expected "yesterday", found "today""#);
    }

    #[test]
    fn errors_compare_by_name_unless_it_is_pythons() {
        let (python, ours) = (json!({"error": "ValueError"}), json!({"error": "syntax"}));
        check(Truth::Original, python.clone(), ours.clone(), &[]);
        check_different(python, ours, r#"error: expected "ValueError", found "syntax""#);
        check_same(json!({"error": true}), json!({"error": "syntax"}));
        for none in [json!({}), json!({"error": null}), json!({"error": false})] {
            let found = shown(none.get("error"));
            check_different(
                json!({"error": true}),
                none,
                &format!("error: expected true, found {found}"),
            );
        }
        check_different(
            json!({"error": null}),
            json!({"error": "x"}),
            r#"error: expected null, found "x""#,
        );
    }

    #[test]
    fn long_values_are_shown_in_part() {
        let long = Value::from("x".repeat(SHOWN_CHARS_MAX - 1));
        let text = shown(Some(&long));
        assert!(text.contains(" … 1 more … "), "{text}");
        assert_eq!(shown(Some(&json!([1]))), "[1]");
    }
}
