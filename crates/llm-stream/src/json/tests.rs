//! Tests of the JSON module as a whole: laws over random text.

mod laws;
mod text;

use super::{JsonError, JsonEventKind, PartialJson, PartialJsonOptions};
use serde_json::Value;

/// Reads `chunks` as one complete document.
fn read_whole<'a>(
    options: PartialJsonOptions,
    chunks: impl IntoIterator<Item = &'a [u8]>,
) -> Result<Value, JsonError> {
    let mut json = options.build();
    for chunk in chunks {
        json.push_bytes(chunk)?;
    }
    json.finish()?;
    Ok(json.to_value().expect("a complete document has a value"))
}

/// Rebuilds a document from the events that wait, into what the earlier ones have built.
fn replay(json: &mut PartialJson, document: &mut Option<Value>) {
    while let Some(event) = json.next_event() {
        let pointer = event.path.to_pointer();
        let place = || match event.path.segments().last() {
            Some(_) => pointer.rsplit_once('/').expect("a way has a last step").0,
            None => "",
        };
        match event.kind {
            JsonEventKind::Started(kind) => {
                let empty = match kind {
                    super::JsonKind::String => Value::from(""),
                    super::JsonKind::Array => Value::from(Vec::<Value>::new()),
                    _ => Value::Object(serde_json::Map::new()),
                };
                put(document, place(), event.path, empty);
            }
            JsonEventKind::StringDelta(text) => {
                let open = document.as_mut().and_then(|root| root.pointer_mut(&pointer));
                match open {
                    Some(Value::String(so_far)) => so_far.push_str(text),
                    other => panic!("delta for {other:?} at {pointer}"),
                }
            }
            JsonEventKind::Completed(node) => {
                let value = node.to_value().expect("complete");
                let known = document.as_ref().and_then(|root| root.pointer(&pointer));
                match node.kind() {
                    Some(super::JsonKind::String) => assert_eq!(known, Some(&value)),
                    Some(super::JsonKind::Array | super::JsonKind::Object) => {
                        assert_eq!(known, Some(&value));
                    }
                    _ => put(document, place(), event.path, value),
                }
            }
        }
    }
}

fn put(document: &mut Option<Value>, parent: &str, path: super::JsonPath<'_>, value: Value) {
    use super::JsonSegment;
    let Some(last) = path.segments().last().copied() else {
        assert!(document.replace(value).is_none(), "the root began twice");
        return;
    };
    match (last, document.as_mut().and_then(|root| root.pointer_mut(parent))) {
        (JsonSegment::Key(key), Some(Value::Object(members))) => {
            members.insert(key.to_owned(), value);
        }
        (JsonSegment::Index(index), Some(Value::Array(elements))) => {
            assert_eq!(index, elements.len());
            elements.push(value);
        }
        (last, parent) => panic!("{last:?} in {parent:?}"),
    }
}
