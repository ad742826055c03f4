//! Bodies as they are stored, and stored appends as bodies (9.1).
//!
//! One append is stored as one piece: its bytes, or in JSON mode its messages with commas between
//! them, as they came.
//! So a page of JSON is the pieces with commas between them, in brackets, and no message is
//! parsed again to be read.

use bytes::{BufMut, Bytes, BytesMut};
use serde_json::value::RawValue;

use super::content_type::ContentType;
use super::refusal::Refusal;

/// What a body adds to a stream; `None` for a JSON array without messages.
///
/// In JSON mode, one level of an array is flattened (9.1.2).
///
/// # Errors
/// A refusal with status 400 if the stream holds JSON and the body is none.
pub(super) fn piece(content_type: &ContentType, body: Bytes) -> Result<Option<Bytes>, Refusal> {
    if !content_type.is_json() {
        return Ok(Some(body).filter(|body| !body.is_empty()));
    }
    let text = body.trim_ascii();
    let Some(inner) = text.strip_prefix(b"[").and_then(|text| text.strip_suffix(b"]")) else {
        return match serde_json::from_slice::<&RawValue>(text) {
            Ok(_) => Ok(Some(body.slice_ref(text))),
            Err(error) => Err(not_json(&error)),
        };
    };
    match serde_json::from_slice::<&RawValue>(text) {
        Ok(_) => {
            let inner = inner.trim_ascii();
            Ok((!inner.is_empty()).then(|| body.slice_ref(inner)))
        }
        Err(error) => Err(not_json(&error)),
    }
}

fn not_json(error: &serde_json::Error) -> Refusal {
    let detail = format!("expected a JSON value, or an array of messages: {error}");
    Refusal::invalid("json-invalid", "The body is not valid JSON", detail)
}

/// The first `count` messages or bytes of a stored piece; `None` if it holds fewer.
pub(super) fn prefix(content_type: &ContentType, piece: &Bytes, count: u64) -> Option<Bytes> {
    let count = usize::try_from(count).ok()?;
    if !content_type.is_json() {
        return (count <= piece.len()).then(|| piece.slice(..count));
    }
    let array = body(content_type, std::slice::from_ref(piece));
    let messages: Vec<&RawValue> = serde_json::from_slice(&array).ok()?;
    let taken: Vec<&str> = messages.get(..count)?.iter().map(|message| message.get()).collect();
    Some(taken.join(",").into())
}

/// The body that holds stored pieces, in order; an array in JSON mode.
pub(super) fn body(content_type: &ContentType, pieces: &[Bytes]) -> Bytes {
    if content_type.is_json() {
        let mut array = BytesMut::with_capacity(pieces.iter().map(|piece| piece.len() + 1).sum());
        array.put_u8(b'[');
        for (place, piece) in pieces.iter().enumerate() {
            if place > 0 {
                array.put_u8(b',');
            }
            array.put_slice(piece);
        }
        array.put_u8(b']');
        return array.freeze();
    }
    match pieces {
        // A lone piece is shared with the log, not copied.
        [piece] => piece.clone(),
        pieces => pieces.concat().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn json_mode() -> ContentType {
        ContentType::parse("application/json").unwrap()
    }

    /// What is read back after `bodies` were appended one by one.
    #[track_caller]
    fn check(bodies: &[&'static str], want: &str) {
        let pieces: Vec<Bytes> = bodies
            .iter()
            .filter_map(|body| piece(&json_mode(), Bytes::from_static(body.as_bytes())).unwrap())
            .collect();
        assert_eq!(body(&json_mode(), &pieces), want, "{bodies:?}");
    }

    #[test]
    fn one_level_is_flattened() {
        check(&["{\"a\":1}"], "[{\"a\":1}]");
        check(&[" [1, 2] ", "3"], "[1, 2,3]");
        check(&["[[1,2],[3,4]]", "[[[5]]]"], "[[1,2],[3,4],[[5]]]");
        check(&["\"[\"", "\"]\"", "null"], "[\"[\",\"]\",null]");
        check(&["[]", "[ \n]"], "[]");
        check(&[], "[]");
    }

    #[test]
    fn what_is_no_json_is_refused() {
        for bad in
            ["", "{", "[1,]", "[1]]", "1 2", "[1],[2]", "[1][2]", "\"\n\"", "[", "]", "\u{1}"]
        {
            assert!(piece(&json_mode(), Bytes::from(bad)).is_err(), "{bad:?}");
        }
        assert!(piece(&json_mode(), Bytes::from_static(b"\"\xff\"")).is_err());
    }

    #[test]
    fn bytes_are_kept_as_they_are() {
        let bytes = ContentType::default();
        assert_eq!(piece(&bytes, Bytes::from("[1]")).unwrap().unwrap(), "[1]");
        assert_eq!(piece(&bytes, Bytes::new()).unwrap(), None);
        assert_eq!(body(&bytes, &["a".into(), "".into(), "bc".into()]), "abc");
    }

    #[test]
    fn prefixes_count_bytes_or_messages() {
        let bytes = ContentType::default();
        assert_eq!(prefix(&bytes, &"hello".into(), 3).unwrap(), "hel");
        assert_eq!(prefix(&bytes, &"hello".into(), 5).unwrap(), "hello");
        assert_eq!(prefix(&bytes, &"hello".into(), 6), None);
        let messages = Bytes::from("{\"a\":[1,2]}, \"x,y\" ,3");
        assert_eq!(prefix(&json_mode(), &messages, 2).unwrap(), "{\"a\":[1,2]},\"x,y\"");
        assert_eq!(prefix(&json_mode(), &messages, 4), None);
        assert_eq!(prefix(&json_mode(), &messages, u64::MAX), None);
    }

    proptest! {
        #[test]
        fn messages_come_back_in_order(batches in proptest::collection::vec(
            proptest::collection::vec(".{0,8}", 1..4), 0..6,
        )) {
            let mut pieces = Vec::new();
            let mut want = Vec::new();
            for batch in &batches {
                let sent = json!(batch).to_string();
                pieces.extend(piece(&json_mode(), sent.into()).unwrap());
                want.extend(batch.iter().cloned().map(Value::from));
            }
            let read: Vec<Value> =
                serde_json::from_slice(&body(&json_mode(), &pieces)).unwrap();
            prop_assert_eq!(read, want);
        }

        #[test]
        fn no_body_makes_it_panic(bytes: Vec<u8>) {
            if let Ok(Some(stored)) = piece(&json_mode(), bytes.into()) {
                let read = body(&json_mode(), &[stored]);
                prop_assert!(serde_json::from_slice::<Vec<Value>>(&read).is_ok());
            }
        }
    }
}
