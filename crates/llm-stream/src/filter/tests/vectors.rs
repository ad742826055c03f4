//! The golden cases of the content filter.

use serde_json::Value;

use super::super::{ContentFilterProcessor, PatternError, PatternFilter, PatternSet, REPLACEMENT};
use super::{literals, run, three_way_cuts};
use crate::event::StreamEvent;
use crate::processor::Processor;

fn cases(file: &str) -> Vec<Value> {
    let path = format!("{}/testdata/vectors/{file}", env!("CARGO_MANIFEST_DIR"));
    let file: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    file["cases"].as_array().unwrap().clone()
}

fn strings(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect()
}

#[test]
fn spans_are_filtered_and_nothing_waits_longer_than_it_must() {
    let cases = cases("content_filter.json");
    for case in &cases {
        let patterns = strings(&case["input"]["patterns"]);
        if case["expect"]["error"] == "empty_pattern" {
            let refused = ContentFilterProcessor::new(patterns);
            assert!(matches!(refused, Err(PatternError::Empty { pattern: 0 })), "{case}");
            continue;
        }
        let set = literals(patterns);
        let chunks = strings(&case["input"]["chunks"]);
        let want = case["expect"]["output"].as_str().unwrap();
        check_emitted(&set, &chunks, want, &strings(&case["expect"]["emitted"]));
        let text = chunks.concat();
        let letters = text.char_indices().map(|(at, letter)| &text[at..at + letter.len_utf8()]);
        assert_eq!(run(&set, letters).0, want, "{case}");
        for cuts in three_way_cuts(&text) {
            assert_eq!(run(&set, cuts).0, want, "{case} cut {cuts:?}");
        }
    }
    assert_eq!(cases.len(), 27);
}

#[track_caller]
fn check_emitted(set: &PatternSet, chunks: &[&str], want: &str, emitted: &[&str]) {
    let mut filter = PatternFilter::new(set);
    let mut out = String::new();
    for (chunk, emitted) in chunks.iter().zip(emitted) {
        filter.push(chunk, &mut out).unwrap();
        assert_eq!(out, *emitted, "after {chunk:?} of {chunks:?}");
    }
    filter.finish(&mut out).unwrap();
    assert_eq!(out, want, "{chunks:?}");
}

#[test]
fn whole_deltas_are_replaced() {
    let cases = cases("content_filter_delta.json");
    for case in &cases {
        let patterns = strings(&case["input"]["patterns"]);
        let mut filter = ContentFilterProcessor::whole_deltas(patterns, REPLACEMENT).unwrap();
        let mut out = vec![];
        for chunk in strings(&case["input"]["chunks"]) {
            filter.process(StreamEvent::delta(chunk), &mut out).unwrap();
        }
        filter.flush(&mut out).unwrap();
        let output: String = out.iter().map(StreamEvent::delta_text).collect();
        assert_eq!(output, case["expect"]["output"].as_str().unwrap(), "{case}");
    }
    assert_eq!(cases.len(), 6);
}

#[test]
fn whole_deltas_leave_other_events_alone() {
    let mut filter = ContentFilterProcessor::whole_deltas(["end"], REPLACEMENT).unwrap();
    let mut out = vec![];
    for event in [StreamEvent::start(), StreamEvent::error("the end"), StreamEvent::end("end")] {
        filter.process(event.clone(), &mut out).unwrap();
        assert_eq!(out.pop(), Some(event));
    }
}
