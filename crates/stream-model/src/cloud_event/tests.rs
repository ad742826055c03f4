//! What goes out comes back, and what the specification forbids is refused.

use bytes::Bytes;
use proptest::prelude::*;
use serde_json::{Value, json};
use time::macros::datetime;

use super::*;
use crate::{Data, Event, EventId, EventType, Metadata};

fn source() -> Source {
    Source::new("/shop").unwrap()
}

fn sample() -> Event {
    Event::builder()
        .id(EventId::new("e1").unwrap())
        .event_type(EventType::Error)
        .data(json!({"n": 7}))
        .meta("topic", "orders.eu")
        .meta("traceparent", "00-1-2-03")
        .meta("sequence", 5)
        .meta("Deep", json!({"a": [1, null]}))
        .timestamp(datetime!(2026-02-03 04:05:06.789 +02:00))
        .build()
}

#[test]
fn the_json_form_is_the_specification_s() {
    let found: Value = serde_json::from_str(&to_json(&sample(), &source()).unwrap()).unwrap();
    let want = json!({
        "specversion": "1.0", "id": "e1", "source": "/shop", "type": "millstream.error",
        "time": "2026-02-03T04:05:06.789+02:00", "subject": "orders.eu", "sequence": 5,
        "traceparent": "00-1-2-03", "metadata": "{\"Deep\":{\"a\":[1,null]}}", "data": {"n": 7},
    });
    assert_eq!(found, want);
}

#[test]
fn a_subject_of_its_own_stands_beside_the_topic() {
    let event = sample().to_builder().meta("subject", "invoice 7").build();
    let found: Value = serde_json::from_str(&to_json(&event, &source()).unwrap()).unwrap();
    assert_eq!((&found["subject"], &found["topic"]), (&json!("invoice 7"), &json!("orders.eu")));
    let back = from_json(found.to_string().as_bytes()).unwrap();
    assert_eq!(back.topic(), Some("orders.eu"));
    assert_eq!(back.metadata().get_str("subject"), Some("invoice 7"));
}

#[test]
fn the_binary_form_has_texts_only() {
    let binary = to_binary(&sample(), &source()).unwrap();
    assert_eq!(binary.content_type.as_deref(), Some("application/json"));
    assert_eq!(binary.data, br#"{"n":7}"#.as_slice());
    let sequence = binary.attributes.iter().find(|(name, _)| name == "sequence");
    assert_eq!(sequence.map(|(_, value)| value.as_str()), Some("5"));
}

#[test]
fn an_event_of_others_keeps_its_attributes() {
    let json = json!({
        "specversion": "1.0", "type": "com.example.someevent", "source": "/mycontext",
        "id": "C234-1234-1234", "subject": null, "time": "2018-04-05T17:31:00Z",
        "comexampleextension1": "value", "comexampleothervalue": 5,
        "datacontenttype": "application/json", "data": {"appinfoA": "abc"},
    });
    let event = from_json(json.to_string().as_bytes()).unwrap();
    assert_eq!(event.event_type(), EventType::Message);
    assert_eq!(event.topic(), None);
    assert_eq!(event.metadata().get_str("type"), Some("com.example.someevent"));
    assert_eq!(event.metadata().get("comexampleothervalue"), Some(&json!(5)));
    // A type that only begins like those of ours is another's too.
    let similar = Event::builder().meta("type", "millstream.other").build();
    assert!(to_json(&similar, &source()).unwrap().contains(r#""type":"millstream.other""#));
    let mut again: Value = serde_json::from_str(&to_json(&event, &source()).unwrap()).unwrap();
    again["subject"] = Value::Null;
    assert_eq!(again, json);
}

#[track_caller]
fn check_data(fields: Value, want: Data) {
    let mut json = json!({"specversion": "1.0", "type": "t", "source": "s", "id": "i"});
    json.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    let event = from_json(json.to_string().as_bytes()).unwrap();
    assert_eq!(event.data(), &want, "{fields}");
}

#[test]
fn data_is_read_by_its_content_type() {
    let data = |json: &'static str| Data::json(json).unwrap();
    check_data(json!({}), Data::null());
    check_data(json!({"data": null}), Data::null());
    check_data(json!({"data": "text"}), data("\"text\""));
    check_data(json!({"data": "a", "datacontenttype": "text/plain"}), Data::text("a"));
    check_data(json!({"data": "a", "datacontenttype": "application/json"}), data("\"a\""));
    check_data(json!({"data": [1], "datacontenttype": "text/xml"}), data("[1]"));
    check_data(json!({"data_base64": "/wA="}), Data::binary(&b"\xff\0"[..]));
    check_data(
        json!({"data_base64": "WzFd", "datacontenttype": "application/vnd.x+json"}),
        data("[1]"),
    );
}

#[track_caller]
fn check_refused(change: Value, want: &str) {
    let mut json = json!({"specversion": "1.0", "type": "t", "source": "s", "id": "i"});
    json.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
    let error = from_json(json.to_string().as_bytes()).unwrap_err();
    assert_eq!(error.to_string(), want, "{change}");
}

#[test]
fn what_the_specification_forbids_is_refused() {
    check_refused(json!({"id": null}), "expected the attribute `id`");
    check_refused(json!({"source": ""}), "attribute `source` has an invalid value");
    check_refused(json!({"type": 7}), "attribute `type` has an invalid value");
    check_refused(json!({"specversion": "0.3"}), "expected specversion 1.0");
    check_refused(json!({"id": "a\nb"}), "cannot take the id");
    check_refused(json!({"time": "yesterday"}), "attribute `time` has an invalid value");
    check_refused(json!({"Upper": "x"}), "extension \"Upper\" has an invalid name or value");
    check_refused(json!({"deep": {}}), "extension \"deep\" has an invalid name or value");
    check_refused(json!({"data_base64": "?"}), "attribute `data_base64` has an invalid value");
    check_refused(
        json!({"data": 1, "data_base64": "AA=="}),
        "attribute `data_base64` has an invalid value",
    );
    for bad in ["[]", "{", "null", "{\"id\":\"a\",\"id\":\"b\"}", "{\"data\":1,\"data\":2}"] {
        assert!(from_json(bad.as_bytes()).is_err(), "{bad}");
    }
}

#[test]
fn a_repeated_attribute_is_refused_and_its_name_cut() {
    let name = "x".repeat(100);
    let pairs = [(name.as_str(), "1"), (name.as_str(), "2")];
    let error = from_binary(pairs, None, Bytes::new()).unwrap_err();
    assert_eq!(error.to_string(), format!("attribute {:?} came twice", "x".repeat(64)));
}

#[test]
fn a_batch_is_an_array() {
    let events = [sample(), sample().to_builder().id(EventId::new("e2").unwrap()).build()];
    let json = to_json_batch(&events, &source()).unwrap();
    let back = from_json_batch(json.as_bytes()).unwrap();
    assert_eq!(back.len(), 2);
    assert_eq!(back[1].id().to_string(), "e2");
    assert_eq!(from_json_batch(b"[]").unwrap(), []);
    assert!(from_json_batch(b"[{}]").is_err());
}

#[test]
fn sources_are_uri_references() {
    for good in ["/", "https://example.com/a?b#c", "urn:uuid:6e8bc430"] {
        assert_eq!(Source::new(good).unwrap().as_str(), good);
    }
    for bad in ["", "a b", "ä", "a\n"] {
        assert!(Source::new(bad).is_err(), "{bad:?}");
    }
}

fn data() -> impl Strategy<Value = Data> {
    prop_oneof![
        Just(Data::null()),
        ".{0,20}".prop_map(|text| Data::from(Value::from(text))),
        any::<i64>().prop_map(|number| Data::from(json!({"n": number}))),
        ".{0,20}".prop_map(Data::text),
        proptest::collection::vec(any::<u8>(), 0..20).prop_map(Data::binary),
    ]
}

fn metadata() -> impl Strategy<Value = Metadata> {
    let named = proptest::sample::select(&[
        "topic",
        "source",
        "type",
        "id",
        "time",
        "data",
        "subject",
        "metadata",
        "specversion",
        "dataschema",
    ]);
    let name = prop_oneof!["[a-z0-9]{1,6}", "[A-Za-z_ ä]{0,6}", named.prop_map(str::to_owned)];
    let value = prop_oneof![
        any::<i64>().prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
        Just(json!([1, {"a": null}])),
    ];
    let pairs = proptest::collection::vec((name, value), 0..5);
    pairs.prop_map(|pairs| pairs.into_iter().collect())
}

/// What both ways add: the source, and the content type of what is not JSON.
fn with_added(event: &Event) -> Event {
    let mut builder = event.to_builder();
    if let Some(text) = attributes::content_type(event) {
        builder = builder.meta("datacontenttype", text);
    }
    if event.metadata().get("source").is_none() {
        builder = builder.meta("source", "/shop");
    }
    builder.build()
}

proptest! {
    #[test]
    fn events_read_back_from_json(
        id in "[^\r\n\0]{1,40}", data in data(), metadata in metadata(), kind in 0_usize..5,
    ) {
        let event = Event::builder()
            .id(EventId::new(&id).unwrap())
            .event_type(EventType::ALL[kind])
            .data(data)
            .metadata(metadata)
            .timestamp(datetime!(2026-02-03 04:05:06.789 +02:00))
            .build();
        let json = to_json(&event, &source()).unwrap();
        prop_assert_eq!(from_json(json.as_bytes()).unwrap(), with_added(&event), "{}", json);
    }

    #[test]
    fn events_read_back_from_attributes(data in data(), topic in "[a-z.]{1,10}", flag: bool) {
        let event = Event::builder()
            .id(EventId::new("e").unwrap())
            .data(data)
            .meta("topic", topic)
            .meta("Flag", flag)
            .timestamp(datetime!(2026-02-03 04:05:06.789 UTC))
            .build();
        let BinaryEvent { attributes, content_type, data } = to_binary(&event, &source()).unwrap();
        let pairs = attributes.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let back = from_binary(pairs, content_type.as_deref(), data).unwrap();
        prop_assert_eq!(back, with_added(&event));
    }

    #[test]
    fn header_values_read_back(value in ".*") {
        let encoded = encode_header(&value);
        prop_assert!(encoded.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"'));
        prop_assert_eq!(decode_header(encoded.as_bytes()), Some(value));
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
        drop(from_json(&bytes));
        drop(from_json_batch(&bytes));
        drop(decode_header(&bytes));
    }
}
