//! The golden cases of the documents, each of them.

use serde_json::{Map, Value, json};
use stream_model::{Data, Event, EventType, Metadata, Subscription, create_event, now};
use time::OffsetDateTime;
use time::format_description::well_known::{Iso8601, Rfc3339};
use uuid::Uuid;

/// Runs every case of one suite, and says which ones are wrong.
#[track_caller]
fn run(suite: &str, check: impl Fn(&Value, &Value) -> Result<(), String>) {
    let suite: Value = serde_json::from_str(suite).unwrap();
    let cases = suite["cases"].as_array().unwrap();
    assert!(!cases.is_empty());
    let wrong: Vec<String> = cases
        .iter()
        .filter_map(|case| {
            let failure = check(&case["input"], &case["expect"]).err()?;
            Some(format!("{}: {failure}", case["id"]))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn event_dict() {
    run(include_str!("../../testdata/vectors/event_dict.json"), |input, expect| {
        if let Some(created) = input.get("create") {
            let data = Data::from(&created["data"]);
            let event = create_event(data, EventType::Message, Metadata::new());
            return same_keys(&event.to_dict().unwrap(), expect);
        }
        let event = Event::from_dict(&input["dict"]);
        match (event, expect.get("dict")) {
            (Ok(event), Some(want)) => same_keys(&event.to_dict().unwrap(), want),
            (Err(_), None) => Ok(()),
            (found, _) => Err(format!("found {found:?}")),
        }
    });
}

/// Compares the keys that are wanted.
fn same_keys(found: &Value, want: &Value) -> Result<(), String> {
    for (key, want) in want.as_object().unwrap() {
        let found = &found[key];
        let same = match (key.as_str(), want.as_str()) {
            ("id", Some("$uuid")) => Uuid::try_parse(found.as_str().unwrap()).is_ok(),
            ("timestamp", Some("$now")) => (now::now() - instant(found)).whole_minutes() == 0,
            ("timestamp", Some(_)) => instant(found) == instant(want),
            _ => found == want,
        };
        if !same {
            return Err(format!("{key}: expected {want}, found {found}"));
        }
    }
    Ok(())
}

fn instant(text: &Value) -> OffsetDateTime {
    let text = text.as_str().unwrap();
    let parsed = OffsetDateTime::parse(text, &Rfc3339);
    parsed.or_else(|_| OffsetDateTime::parse(text, &Iso8601::DEFAULT)).unwrap()
}

#[test]
fn should_receive() {
    run(include_str!("../../testdata/vectors/should_receive.json"), |input, expect| {
        let builder = Subscription::builder().topic(input["topic"].as_str().unwrap());
        let subscription = match input["filter"].as_str() {
            Some("true") => builder.filter(|_: &Event| true).build(),
            Some("false") => builder.filter(|_: &Event| false).build(),
            _ => builder.build(),
        };
        let cancels = input.get("cancel").and_then(Value::as_u64).unwrap_or(0);
        let inactive = u64::from(input["active"] == false);
        for _ in 0..cancels + inactive {
            subscription.cancel();
        }
        let topic = input["event_topic"].as_str().map(|topic| ("topic".to_owned(), json!(topic)));
        let metadata: Map<String, Value> = topic.into_iter().collect();
        let event = Event::builder().metadata(metadata.into()).build();
        let found = subscription.should_receive(&event);
        if found == *expect { Ok(()) } else { Err(format!("found {found}")) }
    });
}
