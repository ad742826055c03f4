//! Laws: results do not depend on the cuts, and agree with `serde_json`.

use proptest::{collection::vec, prelude::*, sample::Index};
use serde_json::Value;

use super::{
    super::{
        JsonDialect, JsonError, JsonExtract, JsonStreamOptions, PartialJson, PartialJsonOptions,
    },
    read_whole, replay,
    text::{cut, damage, damaged, json_text, prose},
};

fn tolerant() -> PartialJsonOptions {
    PartialJsonOptions::default().dialect(JsonDialect::Tolerant)
}

/// Everything that a stream parser has to say about a text.
fn extract(
    options: &JsonStreamOptions,
    chunks: &[&[u8]],
) -> (Vec<Value>, Vec<JsonError>, Result<(), JsonError>) {
    let mut parser = options.clone().build();
    for chunk in chunks {
        parser.feed_bytes(chunk);
    }
    let finished = parser.finish();
    let errors: Vec<_> = std::iter::from_fn(|| parser.next_error()).collect();
    (parser.get_objects(), errors, finished)
}

/// The value after `text`, fed in single bytes.
fn partial_bytewise(text: &[u8]) -> Option<Value> {
    let mut json = PartialJson::default();
    for byte in text {
        if json.push_bytes(&[*byte]).is_err() {
            break;
        }
    }
    json.to_value()
}

proptest! {
    #[test]
    fn accepts_refuses_and_reads_as_serde_json_does(
        text in json_text(),
        damage in damage(),
        cuts in vec(any::<Index>(), 0..8),
    ) {
        let bytes = damaged(&text, &damage);
        let want = serde_json::from_slice::<Value>(&bytes);
        let whole = read_whole(PartialJsonOptions::default(), [bytes.as_slice()]);
        prop_assert_eq!(whole.clone().ok(), want.as_ref().ok().cloned());
        let pieces = read_whole(PartialJsonOptions::default(), cut(&bytes, &cuts));
        prop_assert_eq!(&pieces, &whole, "result, error and offset are the same");
        let single = read_whole(PartialJsonOptions::default(), bytes.chunks(1));
        prop_assert_eq!(&single, &whole);
        if whole.is_err_and(|error| error.is_incomplete()) {
            // To serde_json the end of the text ends a number, which may be out of range.
            let is_cut = |error: serde_json::Error| {
                error.is_eof() || error.to_string().contains("out of range")
            };
            prop_assert!(want.is_err_and(is_cut));
        }
    }

    #[test]
    fn tolerance_does_not_depend_on_the_cuts_and_keeps_what_is_strict(
        text in prose(),
        damage in damage(),
        cuts in vec(any::<Index>(), 0..8),
    ) {
        let bytes = damaged(&text, &damage);
        let whole = read_whole(tolerant(), [bytes.as_slice()]);
        prop_assert_eq!(&read_whole(tolerant(), cut(&bytes, &cuts)), &whole);
        prop_assert_eq!(&read_whole(tolerant(), bytes.chunks(1)), &whole);
        if let Ok(value) = serde_json::from_slice::<Value>(&bytes) {
            prop_assert_eq!(whole, Ok(value));
        }
    }

    #[test]
    fn a_partial_depends_only_on_the_text_so_far(
        text in json_text(),
        damage in damage(),
        cuts in vec(any::<Index>(), 0..8),
    ) {
        let bytes = damaged(&text, &damage);
        let mut json = PartialJson::default();
        let mut len = 0;
        for chunk in cut(&bytes, &cuts) {
            let result = json.push_bytes(chunk);
            len += chunk.len();
            prop_assert_eq!(json.to_value(), partial_bytewise(&bytes[..len]));
            if result.is_err() {
                break;
            }
        }
    }

    #[test]
    fn events_rebuild_the_document(text in json_text(), cuts in vec(any::<Index>(), 0..8)) {
        // A repeated key begins one value twice, which the replay below takes as a fault.
        let mut json = PartialJsonOptions::default()
            .duplicate_keys(super::super::DuplicateKeys::Refuse)
            .build();
        let mut rebuilt = None;
        for chunk in cut(text.as_bytes(), &cuts) {
            if json.push_bytes(chunk).is_err() {
                return Ok(());
            }
            replay(&mut json, &mut rebuilt);
            prop_assert_eq!(&rebuilt, &json.to_value());
        }
    }

    #[test]
    fn what_a_stream_parser_finds_does_not_depend_on_the_cuts(
        text in prose(),
        damage in damage(),
        cuts in vec(any::<Index>(), 0..8),
        object_bytes_max in prop_oneof![Just(1 << 20), 1_usize..40],
        depth_max in prop_oneof![Just(127), 1_usize..4],
    ) {
        let bytes = damaged(&text, &damage);
        for dialect in [JsonDialect::Strict, JsonDialect::Tolerant] {
            for mode in [
                JsonExtract::Objects,
                JsonExtract::Containers,
                JsonExtract::Elements,
                JsonExtract::Values,
            ] {
                let options = JsonStreamOptions::default()
                    .extract(mode)
                    .dialect(dialect)
                    .depth_max(depth_max)
                    .object_bytes_max(object_bytes_max);
                let whole = extract(&options, &[bytes.as_slice()]);
                let pieces = extract(&options, &cut(&bytes, &cuts));
                prop_assert_eq!(&pieces, &whole, "{:?} {:?}", mode, dialect);
                let single: Vec<_> = bytes.chunks(1).collect();
                prop_assert_eq!(&extract(&options, &single), &whole, "{:?} {:?}", mode, dialect);
            }
        }
    }

    #[test]
    fn a_sequence_of_values_is_what_serde_json_makes_of_it(
        texts in vec(json_text(), 0..4),
        gaps in vec("[ \n]{0,2}", 4),
        damage in damage(),
    ) {
        let text: String = texts.iter().zip(&gaps).flat_map(|(a, b)| [a.as_str(), b]).collect();
        let bytes = damaged(&text, &damage);
        let want: Result<Vec<Value>, _> =
            serde_json::Deserializer::from_slice(&bytes).into_iter().collect();
        let options = JsonStreamOptions::default().extract(JsonExtract::Values);
        let (values, errors, finished) = extract(&options, &[bytes.as_slice()]);
        match want {
            Ok(want) => prop_assert_eq!((values, errors, finished), (want, vec![], Ok(()))),
            Err(_) => prop_assert!(!errors.is_empty() || finished.is_err()),
        }
    }

    #[test]
    fn objects_are_found_in_prose(
        prose in vec("[a-z \"'\\[\\]\n`:]{0,12}", 4),
        texts in vec(json_text(), 3),
        cuts in vec(any::<Index>(), 0..8),
    ) {
        let objects: Vec<String> =
            texts.iter().map(|text| format!("{{\"value\":{text}}}")).collect();
        let want: Result<Vec<Value>, _> =
            objects.iter().map(|text| serde_json::from_str(text)).collect();
        let Ok(want) = want else { return Ok(()) };
        let mut text = prose[0].clone();
        for (object, after) in objects.iter().zip(&prose[1..]) {
            text += object;
            text += after;
        }
        let got = extract(&JsonStreamOptions::default(), &cut(text.as_bytes(), &cuts));
        prop_assert_eq!(got, (want, vec![], Ok(())));
    }
}
