//! Whether a decoded stream is what was expected of it.

use millstream::llm::{Assembly, Choice, EndStatus, Executor};
use serde_json::{Value, json};

/// What differs; nothing if the stream is right.
///
/// Calls that the provider ran itself are not compared.
/// Whole arguments are compared as JSON values, cut ones as text.
pub fn differences(assembly: &Assembly, expected: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let wanted: Vec<_> =
        items(&expected["choices"]).filter(|choice| says_something(choice)).collect();
    check(&mut found, "choices", json!(assembly.choices().len()), json!(wanted.len()));
    for (got, want) in assembly.choices().iter().zip(wanted) {
        compare_choice(&mut found, got, want);
    }
    let usage = assembly.usage().and_then(|usage| usage.raw.as_ref());
    let usage = usage.and_then(|raw| raw.parse().ok()).unwrap_or_default();
    check(&mut found, "usage", without_nulls(&usage), without_nulls(&expected["usage"]));
    let (theirs, ours): (Vec<_>, Vec<_>) =
        assembly.errors().iter().partition(|error| error.is_from_provider());
    let raw = theirs.iter().filter_map(|error| error.raw.as_ref()?.parse::<Value>().ok());
    check(&mut found, "errors", raw.collect(), expected["errors"].clone());
    check(&mut found, "errors of the decoder", json!(ours.len()), json!(0));
    let terminal = assembly.status() == Some(EndStatus::Complete);
    check(&mut found, "terminal", json!(terminal), expected["terminal"].clone());
    if expected["model"].is_string() {
        check(&mut found, "model", json!(assembly.model()), expected["model"].clone());
    }
    found
}

fn compare_choice(found: &mut Vec<String>, got: &Choice, want: &Value) {
    let mut check_field = |field: &str, value: Value, wanted: Value| {
        check(found, &format!("choice {} {field}", got.index), value, wanted);
    };
    check_field("index", json!(got.index), want["index"].clone());
    check_field("text", json!(got.text), want["text"].clone());
    check_field("reasoning", json!(got.reasoning), want["reasoning"].clone());
    check_field("refusal", json!(got.refusal), want["refusal"].clone());
    let finish = got.finish.as_ref().map(|finish| &finish.provider_reason);
    check_field("finish_reason", json!(finish), want["finish_reason"].clone());
    let ours = got.tool_calls.iter().filter(|call| call.by == Executor::Client);
    let ours = ours.map(|call| json!([call.id, call.name, value_or_text(&call.arguments)]));
    let theirs = items(&want["tool_calls"]).filter(|call| call["by"] == "client");
    let theirs = theirs.map(|call| {
        let arguments = value_or_text(call["arguments"].as_str().unwrap_or_default());
        json!([call["id"].as_str().unwrap_or_default(), call["name"], arguments])
    });
    check_field("tool_calls", ours.collect(), theirs.collect());
}

fn check(found: &mut Vec<String>, what: &str, got: Value, want: Value) {
    if got != want {
        found.push(format!("{what}: got {got}, want {want}"));
    }
}

fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// A choice of which nothing is said leaves no events.
fn says_something(choice: &Value) -> bool {
    let texts = ["text", "reasoning", "refusal", "finish_reason"];
    texts.into_iter().any(|field| choice[field].as_str().is_some_and(|text| !text.is_empty()))
        || items(&choice["tool_calls"]).next().is_some()
}

fn value_or_text(arguments: &str) -> Value {
    serde_json::from_str(arguments).unwrap_or_else(|_| arguments.into())
}

fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(fields) => fields
            .iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(k, v)| (k.clone(), v.clone()))
            .collect(),
        other => other.clone(),
    }
}
