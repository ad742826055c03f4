//! Tests of the search for values in text: what is found, reported, skipped and bounded.

use serde_json::{Value, json};

use super::{JsonExtract, JsonStreamOptions, JsonStreamParser};
use crate::json::{JsonDialect, JsonError, JsonErrorKind, JsonNode, limits};

/// Feeds `text` at every cut; all must agree with `values` and the offsets of `errors`.
#[track_caller]
fn check(options: &JsonStreamOptions, text: &str, values: &[Value], errors: &[u64]) {
    for cut in 0..=text.len() {
        let mut parser = options.clone().build();
        parser.feed_bytes(&text.as_bytes()[..cut]);
        parser.feed_bytes(&text.as_bytes()[cut..]);
        let finished = parser.finish();
        assert_eq!(parser.get_objects(), values, "cut at byte {cut} of {text}");
        let offsets: Vec<u64> = take_errors(&mut parser).iter().map(|error| error.offset).collect();
        assert_eq!(offsets, errors, "cut at byte {cut} of {text}");
        assert_eq!(finished, Ok(()), "cut at byte {cut} of {text}");
    }
}

fn take_errors(parser: &mut JsonStreamParser) -> Vec<JsonError> {
    std::iter::from_fn(|| parser.next_error()).collect()
}

fn objects() -> JsonStreamOptions {
    JsonStreamOptions::default()
}

fn extract(mode: JsonExtract) -> JsonStreamOptions {
    objects().extract(mode)
}

#[test]
fn objects_are_found_whatever_surrounds_them() {
    check(&objects(), "no json at all, but a \"quote and a } and ]", &[], &[]);
    check(&objects(), "[{\"a\":1},{\"b\":[{}]}]", &[json!({"a": 1}), json!({"b": [{}]})], &[]);
    check(&objects(), "}} {\"a\":1}", &[json!({"a": 1})], &[]);
    check(&objects(), "```json\n{\"a\":\"```\"}\n```", &[json!({"a": "```"})], &[]);
    check(&objects(), "é{\"é\":\"\u{1f600}\"}é", &[json!({"é": "\u{1f600}"})], &[]);
}

#[test]
fn arrays_are_found_whole_or_by_element() {
    let text = "list:\n```json\n[1, [2], {\"a\": [3]}]\n``` and {\"b\": [4]}";
    let list = json!([1, [2], {"a": [3]}]);
    check(&extract(JsonExtract::Containers), text, &[list, json!({"b": [4]})], &[]);
    let elements = [json!(1), json!([2]), json!({"a": [3]}), json!(4)];
    check(&extract(JsonExtract::Elements), text, &elements, &[]);
    check(
        &extract(JsonExtract::Elements),
        "[[], \"]\", -1.5e3]",
        &[json!([]), json!("]"), json!(-1500.0)],
        &[],
    );
}

#[test]
fn an_element_is_there_as_soon_as_it_is_complete() {
    let mut parser = extract(JsonExtract::Elements).build();
    parser.feed("[1");
    assert!(!parser.has_complete_objects());
    parser.feed(",");
    assert_eq!(parser.next_object(), Some(json!(1)));
    parser.feed("tru");
    parser.feed("e");
    assert_eq!(parser.next_object(), Some(json!(true)));
    parser.feed(", {\"a\": \"x");
    assert_eq!(parser.partial().and_then(JsonNode::to_value), Some(json!({"a": "x"})));
    parser.feed("\"}");
    assert_eq!(parser.get_objects(), [json!({"a": "x"})]);
    assert!(parser.partial().is_none());
    assert!(parser.is_incomplete());
    assert_eq!(parser.finish().unwrap_err().kind, JsonErrorKind::UnexpectedEnd);
}

#[test]
fn a_sequence_of_values_has_only_whitespace_between() {
    let values = extract(JsonExtract::Values);
    check(
        &values,
        "{\"a\":1}\n[2]\n\"s\"\n3\nnull\n",
        &[json!({"a": 1}), json!([2]), json!("s"), json!(3), json!(null)],
        &[],
    );
    check(
        &values,
        "{}[]\"a\"\"b\"1[2]true{}",
        &[
            json!({}),
            json!([]),
            json!("a"),
            json!("b"),
            json!(1),
            json!([2]),
            json!(true),
            json!({}),
        ],
        &[],
    );
    check(&values, "12px {\"a\":1}", &[json!({"a": 1})], &[2]);
    check(&values, "truefalse 1", &[json!(1)], &[4]);
    check(&values, "hello, {\"a\":1} tru 5", &[json!({"a": 1}), json!(5)], &[0, 18]);
    check(&values, "1, 2", &[json!(2)], &[1]);
    check(&values, "\"a\nb\" 2", &[json!(2)], &[2]);
}

#[test]
fn the_last_scalar_is_complete_at_the_end() {
    for (text, value) in [("12", json!(12)), ("true", json!(true)), ("null", json!(null))] {
        let mut parser = extract(JsonExtract::Values).build();
        parser.feed(text);
        assert!(!parser.has_complete_objects() && parser.is_incomplete());
        assert_eq!(parser.finish(), Ok(()));
        assert_eq!(parser.get_objects(), [value]);
    }
    for text in ["1.", "tru", "\"a", "[1", "{\"a\": 1"] {
        let mut parser = extract(JsonExtract::Values).build();
        parser.feed(text);
        let error = parser.finish().unwrap_err();
        assert!(error.is_incomplete());
        assert_eq!(error.offset, u64::try_from(text.len()).unwrap());
        assert!(!parser.has_complete_objects());
        parser.feed("{}");
        assert_eq!(parser.get_objects(), [json!({})], "finish readies the parser");
    }
}

#[test]
fn after_malformed_text_the_search_goes_on_behind_its_balanced_close() {
    let after = [json!({"b": 2})];
    for (text, offset) in [
        ("{bad}{\"b\":2}", 1),
        ("{\"a\":1,}{\"b\":2}", 7),
        ("{\"a\":\"x\ny}{\"}{\"b\":2}", 7),
        ("{\"a\":{\"x\":oops}}{\"b\":2}", 10),
        ("{\"a\":[}]}{\"b\":2}", 6),
        ("{\"a\":\"\\x\\\"}\"}{\"b\":2}", 7),
        ("{\"a\":\"\\ud800\\\"}\"}{\"b\":2}", 13),
        ("{\"a\" \"}\"}{\"b\":2}", 5),
        ("{\"a\":1e999}{\"b\":2}", 10),
        ("{\"a\":{{{}}}}{\"b\":2}", 6),
    ] {
        let after: &[Value] = if text.contains("[}]}") { &[json!({"b": 2})] } else { &after };
        check(&objects(), text, after, &[offset]);
    }
    let arrays = extract(JsonExtract::Containers);
    check(&arrays, "[1}{\"c\":[]}, 2] {\"b\":2}", &after, &[2]);
    check(
        &extract(JsonExtract::Elements),
        "[1, 2, x, [3], 4] [5]",
        &[json!(1), json!(2), json!(5)],
        &[7],
    );
}

#[test]
fn damaged_bytes_are_an_error_inside_and_prose_outside() {
    let mut parser = JsonStreamParser::default();
    parser.feed_bytes(b"\xff\xfe{\"a\":1}\xe2\x82 {\"b\":\"\xe2\"}{\"c\":3}\xf0\x9f");
    assert_eq!(parser.get_objects(), [json!({"a": 1}), json!({"c": 3})]);
    let error = parser.next_error().unwrap();
    assert_eq!((error.kind, error.offset), (JsonErrorKind::InvalidUtf8, 18));
    assert_eq!(parser.errors_count(), 1);
    assert_eq!(parser.finish(), Ok(()));
    let mut parser = extract(JsonExtract::Values).build();
    parser.feed_bytes(b"1 \xff 2");
    assert_eq!(parser.finish(), Ok(()));
    assert_eq!((parser.get_objects(), parser.errors_count()), (vec![json!(1), json!(2)], 1));
}

#[test]
fn reset_forgets_everything() {
    for open in ["{\"a\":\"\\", "{\"a\": 1} {bad", "{\"a\": [{\"b", "{\"a\": 1} {\"b\": \"\\ud83d"]
    {
        let mut parser = JsonStreamParser::default();
        parser.feed(open);
        parser.reset();
        assert!(!parser.has_complete_objects() && !parser.is_incomplete());
        assert_eq!((parser.next_error(), parser.errors_count()), (None, 0));
        parser.feed("x {bad} {\"b\":2}");
        assert_eq!(parser.get_objects(), [json!({"b": 2})]);
        assert_eq!(parser.next_error().map(|error| error.offset), Some(3), "from a new start");
    }
}

#[test]
fn the_size_limit_is_exact_and_the_rest_is_skipped() {
    let text = "{\"a\":\"é{\"} {\"b\":2}";
    let first_len = text.find(' ').unwrap();
    let first = json!({"a": "é{"});
    check(&objects().object_bytes_max(first_len), text, &[first, json!({"b": 2})], &[]);
    for limit in 7..first_len {
        let at = if limit == 7 { 6 } else { limit };
        let offset = u64::try_from(at).unwrap();
        check(&objects().object_bytes_max(limit), text, &[json!({"b": 2})], &[offset]);
    }
    let elements = extract(JsonExtract::Elements).object_bytes_max(6);
    check(&elements, "[1234,12,1234,[1]]", &[json!(1234), json!(12), json!(1234), json!([1])], &[]);
    check(&elements, "[1,12345,3] [4]", &[json!(1), json!(4)], &[8]);
    check(&extract(JsonExtract::Values).object_bytes_max(0), "{}", &[], &[1]);
}

#[test]
fn depth_has_a_limit_and_costs_no_stack() {
    let text = "[".repeat(1_000_000) + &"]".repeat(1_000_000) + "[1]";
    let mut parser = extract(JsonExtract::Containers).build();
    parser.feed(&text);
    assert_eq!(parser.get_objects(), [json!([1])]);
    let error = parser.next_error().unwrap();
    assert_eq!(error.kind, JsonErrorKind::DepthLimit { limit: limits::DEPTH_MAX });
    assert_eq!(parser.errors_count(), 1);
    check(&objects().depth_max(0), "{\"a\":{}}{\"b\":2}", &[json!({"b": 2})], &[5]);
}

#[test]
fn what_has_no_room_to_wait_is_reported() {
    let mut parser = objects().pending_objects_max(2).build();
    parser.feed("{\"a\":1}{\"a\":2}{\"a\":3}");
    let error = parser.next_error().unwrap();
    assert_eq!((error.kind, error.offset), (JsonErrorKind::PendingFull, 21));
    assert!(error.is_limit());
    assert_eq!(parser.next_object(), Some(json!({"a": 1})));
    parser.feed("{\"a\":4}");
    assert_eq!(parser.get_objects(), [json!({"a": 2}), json!({"a": 4})]);

    let mut parser = objects().pending_bytes_max(13).build();
    parser.feed("{\"a\":1}{\"a\":2}{}");
    assert_eq!(parser.errors_count(), 1);
    assert_eq!(parser.get_objects(), [json!({"a": 1}), json!({})]);
    parser.feed("{\"long\":\"than the limit\"}");
    assert_eq!(parser.get_objects().len(), 1, "one object always has room");
}

#[test]
fn errors_that_wait_are_bounded_and_counted() {
    let mut parser = JsonStreamParser::default();
    parser.feed(&"{x}".repeat(limits::PENDING_ERRORS_MAX + 9));
    assert_eq!(parser.errors_count(), 73);
    assert_eq!(take_errors(&mut parser).len(), limits::PENDING_ERRORS_MAX);
    parser.feed("{x}");
    assert_eq!(take_errors(&mut parser).len(), 1);
}

#[test]
fn text_outside_of_objects_is_not_kept() {
    let mut parser = JsonStreamParser::default();
    parser.feed("{\"a\":1}{bad}");
    let before = parser.tree.capacity_bytes();
    let prose = "words, \"quotes and [brackets] without end ".repeat(100);
    for _ in 0..1_000 {
        parser.feed(&prose);
    }
    parser.feed("{bad");
    for _ in 0..1_000 {
        parser.feed(&prose);
    }
    assert_eq!(parser.tree.capacity_bytes(), before);
    assert_eq!(parser.errors_count(), 2);
}

#[test]
fn an_open_object_takes_no_more_memory_than_promised() {
    let limit = 1 << 16;
    for filler in ["[],", "1,", "\"abcdef\",", "[[],[[]]],{\"a\":{}},", "\"", "\"\\n"] {
        let mut parser = objects().object_bytes_max(limit).build();
        parser.feed("{\"a\":[");
        let mut peak = 0;
        for _ in 0..limit {
            parser.feed(filler);
            peak = peak.max(parser.tree.capacity_bytes());
        }
        let values = limit / 2;
        assert!(peak <= 2 * (limit + 32 * values), "{filler}: {peak} bytes, doubled by growth");
    }
}

#[test]
fn the_tolerant_dialect_is_for_the_values_only() {
    let options = extract(JsonExtract::Objects).dialect(JsonDialect::Tolerant);
    check(
        &options,
        "it's {a: 'it', b: [1,], /* } */} it's {\"b\":2}",
        &[json!({"a": "it", "b": [1]}), json!({"b": 2})],
        &[],
    );
    let options = extract(JsonExtract::Values).dialect(JsonDialect::Tolerant);
    check(&options, "1/* one */'two' // end", &[json!(1), json!("two")], &[]);
}
