//! Tests of the tree that grows: states, events, limits, and the end.

use serde_json::{Value, json};

use super::{PartialJson, PartialJsonOptions};
use crate::json::{
    DuplicateKeys, JsonErrorKind, JsonEventKind, JsonKind, JsonNode, JsonSegment, JsonState, limits,
};

fn after(text: &str) -> PartialJson {
    let mut json = PartialJson::default();
    json.push(text).expect("valid so far");
    json
}

#[track_caller]
fn check_state(text: &str, pointer: &str, want: Option<(JsonState, Option<JsonKind>)>) {
    let json = after(text);
    let got = json.pointer(pointer).map(|node| (node.state(), node.kind()));
    assert_eq!(got, want, "{pointer} in {text}");
}

#[test]
fn a_field_goes_from_pending_to_complete() {
    use JsonState::{Complete, Partial, Pending};
    check_state("", "", Some((Pending, None)));
    check_state("{\"n", "/n", None);
    check_state("{\"n\"", "/n", Some((Pending, None)));
    check_state("{\"n\": 1", "/n", Some((Pending, Some(JsonKind::Number))));
    check_state("{\"n\": 1,", "/n", Some((Complete, Some(JsonKind::Number))));
    check_state("{\"n\": nul", "/n", Some((Pending, None)));
    check_state("{\"n\": null", "/n", Some((Complete, Some(JsonKind::Null))));
    check_state("{\"n\": \"", "/n", Some((Partial, Some(JsonKind::String))));
    check_state("{\"n\": \"x\"", "/n", Some((Complete, Some(JsonKind::String))));
    check_state("{\"n\": [1", "/n", Some((Partial, Some(JsonKind::Array))));
    check_state("{\"n\": [1", "/n/0", Some((Pending, Some(JsonKind::Number))));
    check_state("{\"n\": [1]", "/n", Some((Complete, Some(JsonKind::Array))));
    check_state("{\"n\": [1]", "", Some((Partial, Some(JsonKind::Object))));
    check_state("{\"n\": [1]}", "", Some((Complete, Some(JsonKind::Object))));
}

#[test]
fn nodes_are_found_by_key_index_and_pointer() {
    let json = after(r#"{"a": [[], [10, {"b": "x", "c/d~": true}], 7], "a": 1, "e": {}, "f": ["#);
    let root = json.root();
    assert_eq!(root.len(), 4);
    assert_eq!(root.get("a").and_then(JsonNode::as_number), Some(1.into()), "the last wins");
    let keys: Vec<_> = root.children().filter_map(JsonNode::key).collect();
    assert_eq!(keys, ["a", "a", "e", "f"]);
    let list = root.children().next().unwrap();
    assert_eq!(list.children().filter_map(JsonNode::index).collect::<Vec<_>>(), [0, 1, 2]);
    assert_eq!(list.at(2).and_then(JsonNode::as_number), Some(7.into()));
    assert!(list.at(3).is_none() && root.at(0).is_none() && list.get("0").is_none());
    let deep = list.pointer("/1/1/c~1d~0").unwrap();
    assert_eq!(deep.as_bool(), Some(true));
    assert_eq!(deep.path().to_pointer(), "/a/1/1/c~1d~0");
    assert_eq!(deep.path().to_string(), r#"$.a[1][1]["c/d~"]"#);
    assert_eq!(
        deep.path().segments(),
        [
            JsonSegment::Key("a"),
            JsonSegment::Index(1),
            JsonSegment::Index(1),
            JsonSegment::Key("c/d~"),
        ]
    );
    for wrong in ["/", "/x", "x", "/f/0", "/e/x"] {
        assert!(json.pointer(wrong).is_none(), "{wrong}");
    }
    for wrong in ["/01", "/+1", "/-", "/", "/3"] {
        assert!(list.pointer(wrong).is_none(), "{wrong}");
    }
    assert!(root.get("e").unwrap().is_empty());
    assert_eq!(root.path().to_string(), "$");
}

#[test]
fn events_tell_what_happened_and_where() {
    let mut json = PartialJson::default();
    let mut log = Vec::new();
    for chunk in ["{\"a\": [\"x", "y\\n", "z\", tr", "ue, -1", "], \"a b\": {\"n\": nul", "l}}"] {
        json.push(chunk).unwrap();
        log.push("|".to_owned());
        while let Some(event) = json.next_event() {
            log.push(match event.kind {
                JsonEventKind::Started(kind) => format!("{} {kind:?}", event.path),
                JsonEventKind::StringDelta(text) => format!("{} += {text:?}", event.path),
                JsonEventKind::Completed(node) => {
                    format!("{} = {}", event.path, node.to_value().unwrap())
                }
            });
        }
    }
    let want = [
        "|",
        "$ Object",
        "$.a Array",
        "$.a[0] String",
        "$.a[0] += \"x\"",
        "|",
        "$.a[0] += \"y\\n\"",
        "|",
        "$.a[0] += \"z\"",
        "$.a[0] = \"xy\\nz\"",
        "|",
        "$.a[1] = true",
        "|",
        "$.a[2] = -1",
        "$.a = [\"xy\\nz\",true,-1]",
        "$[\"a b\"] Object",
        "|",
        "$[\"a b\"].n = null",
        "$[\"a b\"] = {\"n\":null}",
        "$ = {\"a\":[\"xy\\nz\",true,-1],\"a b\":{\"n\":null}}",
    ];
    assert_eq!(log, want);
}

#[test]
fn unread_deltas_of_one_string_are_joined() {
    let mut json = after("[\"");
    for _ in 0..1_000 {
        json.push("abc").unwrap();
    }
    let mut events = 0;
    let mut text = 0;
    while let Some(event) = json.next_event() {
        events += 1;
        if let JsonEventKind::StringDelta(delta) = event.kind {
            text += delta.len();
        }
    }
    assert_eq!((events, text), (3, 3_000));
}

#[test]
fn nodes_and_events_are_as_small_as_documented() {
    assert!(size_of::<crate::json::tree::Node>() <= 32);
    assert!(size_of::<crate::json::event::Record>() <= 16);
}

#[test]
fn without_events_none_are_kept() {
    let mut json = PartialJsonOptions::default().events(false).build();
    json.push("[1, \"x\"]").unwrap();
    assert!(json.next_event().is_none());
    assert_eq!(json.to_value(), Some(json!([1, "x"])));
}

#[test]
fn an_error_stays_and_what_came_before_it_stays_readable() {
    let mut json = after("{\"a\": [1, \"two");
    let error = json.push("\", }").unwrap_err();
    assert_eq!(error.offset, 17);
    assert_eq!(json.push("3]}"), Err(error));
    assert_eq!(json.push_bytes(b"3]}"), Err(error));
    assert_eq!(json.finish(), Err(error));
    assert_eq!(json.error(), Some(error));
    assert_eq!(json.to_value(), Some(json!({"a": [1, "two"]})));
    json.reset();
    assert_eq!((json.error(), json.to_value(), json.state()), (None, None, JsonState::Pending));
    json.push("[true]").unwrap();
    assert_eq!(json.finish(), Ok(()));
    assert_eq!(json.to_value(), Some(json!([true])));
}

#[test]
fn reset_forgets_an_open_escape_string_and_character() {
    for open in [&b"{\"a\": \"x\\"[..], b"[\"\\ud83d\\", b"[\"\xe2\x82", b"[12", b"{\"a"] {
        let mut json = PartialJson::default();
        json.push_bytes(open).unwrap();
        json.reset();
        json.push("{\"b\": [\"n\", 1]}").unwrap();
        json.finish().unwrap();
        assert_eq!(json.to_value(), Some(json!({"b": ["n", 1]})));
        let mut events = 0;
        while json.next_event().is_some() {
            events += 1;
        }
        assert_eq!(events, 8);
    }
}

#[test]
fn a_number_is_complete_at_a_delimiter_or_at_the_end() {
    let mut json = after(" -12.5e1");
    assert_eq!(json.to_value(), None);
    json.finish().unwrap();
    assert_eq!(json.to_value(), Some(json!(-125.0)));
    assert_eq!(after("[1 ").to_value(), Some(json!([1])));
}

#[test]
fn numbers_are_as_exact_as_in_serde_json() {
    for text in [
        "18446744073709551615",
        "18446744073709551616",
        "-9223372036854775808",
        "-9223372036854775809",
        "-0",
        "0.1",
        "1e308",
        "123456789012345678901234567890",
        "2.2250738585072011e-308",
        "1e-400",
    ] {
        let mut json = after(text);
        json.finish().unwrap();
        assert_eq!(json.to_value(), serde_json::from_str::<Value>(text).ok(), "{text}");
    }
    let huge = "9".repeat(400);
    for text in ["1e309", "-1e999", huge.as_str()] {
        let mut json = after(text);
        assert_eq!(json.finish().unwrap_err().kind, JsonErrorKind::NumberOutOfRange, "{text}");
        assert!(serde_json::from_str::<Value>(text).is_err());
        let mut json = PartialJson::default();
        let error = json.push(&format!("[{text}]")).unwrap_err();
        assert_eq!(error.kind, JsonErrorKind::NumberOutOfRange);
        assert_eq!(json.to_value(), Some(json!([])));
    }
}

#[test]
fn bytes_may_be_cut_inside_a_character_and_must_be_text() {
    let text = "[\"é€\u{1f600}\"]".as_bytes();
    for cut in 0..=text.len() {
        let mut json = PartialJson::default();
        json.push_bytes(&text[..cut]).unwrap();
        json.push_bytes(&text[cut..]).unwrap();
        assert_eq!(json.to_value(), Some(json!(["é€\u{1f600}"])));
    }
    let broken = b"[\"a\xe2\x82\"]";
    for cut in 0..=broken.len() {
        let mut json = PartialJson::default();
        let head = json.push_bytes(&broken[..cut]);
        let error = head.and_then(|()| json.push_bytes(&broken[cut..])).unwrap_err();
        assert_eq!((error.kind, error.offset), (JsonErrorKind::InvalidUtf8, 3), "cut at {cut}");
        assert_eq!(json.to_value(), Some(json!(["a"])));
    }
    let mut json = PartialJson::default();
    json.push_bytes(b"1 \xe2").unwrap();
    assert_eq!(json.finish().unwrap_err().kind, JsonErrorKind::InvalidUtf8);
    let mut json = PartialJson::default();
    json.push_bytes(b"[\"\xe2\x82").unwrap();
    assert_eq!(json.push("\u{ac}").unwrap_err().kind, JsonErrorKind::InvalidUtf8);
}

#[test]
fn the_length_limit_is_exact() {
    let text = "[\"abcdé\"]";
    for limit in 0..text.len() + 2 {
        for chunk_len in [1, 2, 100] {
            let mut json = PartialJsonOptions::default().document_bytes_max(limit).build();
            let chunks = text.as_bytes().chunks(chunk_len);
            let result = chunks.map(|chunk| json.push_bytes(chunk)).find(Result::is_err);
            if limit >= text.len() {
                assert_eq!(result, None, "limit {limit}");
                continue;
            }
            let error = result.expect("too large").unwrap_err();
            assert_eq!(error.kind, JsonErrorKind::TooLarge { limit_bytes: limit });
            assert!(error.is_limit());
            let in_character = limit == text.find('é').unwrap() + 1;
            let want = if in_character { limit - 1 } else { limit };
            assert_eq!(error.offset, u64::try_from(want).unwrap());
        }
    }
}

#[test]
fn depth_has_a_limit_and_costs_no_stack() {
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let mut json = PartialJsonOptions::default().depth_max(usize::MAX).build();
        let error = json.push(&open.repeat(1_000_000)).unwrap_err();
        assert_eq!(error.kind, JsonErrorKind::DepthLimit { limit: limits::DEPTH_CEILING });
        assert!(json.to_value().is_some());

        json.reset();
        let depth = limits::DEPTH_CEILING;
        json.push(&(open.repeat(depth) + "1" + &close.repeat(depth))).unwrap();
        json.finish().unwrap();
        let value = json.to_value().unwrap();
        assert_eq!(json.pointer(&"/0".repeat(3)).is_some(), value.is_array());
        drop(value);
        let error = json.read::<Value>().unwrap_err();
        assert_eq!(error.message, "nested deeper than 127 levels");
    }
}

#[test]
fn the_default_depth_is_that_of_serde_json() {
    for depth in [limits::DEPTH_MAX, limits::DEPTH_MAX + 1] {
        let text = "[".repeat(depth) + &"]".repeat(depth);
        let accepted = serde_json::from_str::<Value>(&text).is_ok();
        assert_eq!(PartialJson::default().push(&text).is_ok(), accepted, "depth {depth}");
    }
}

#[test]
fn duplicate_keys_are_refused_on_demand() {
    let text = r#"{"a": {"a": 1, "b": {"b": 2}}, "b": [{"a": 1}, {"a": 2}], "\u0061": 3}"#;
    let mut json = after(text);
    json.finish().unwrap();
    assert_eq!(json.to_value(), serde_json::from_str(text).ok());

    let mut json = PartialJsonOptions::default().duplicate_keys(DuplicateKeys::Refuse).build();
    let error = json.push(text).unwrap_err();
    assert_eq!(error.kind, JsonErrorKind::DuplicateKey);
    assert_eq!(text.get(..usize::try_from(error.offset).unwrap()).unwrap().len(), 66);
    json.reset();
    json.push("{\"a\": 1}").unwrap();
}

#[test]
fn whitespace_may_follow_and_nothing_else() {
    let mut json = after("{} \n");
    json.push("\t").unwrap();
    json.finish().unwrap();
    let error = json.push("x").unwrap_err();
    assert_eq!(error.to_string(), "expected end of text, found 'x' at byte 5");
}
