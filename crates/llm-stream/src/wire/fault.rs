//! In-band errors: the shapes that providers give them, and the typed error they become.

use super::cursor::{BadJson, Cursor, Read};
use super::lenient::{Text, payload};
use crate::event::{ErrorKind, RawJson, StreamError};

payload! {
    struct Object<'a> {
        message: Text<'a> = "message" | "detail" | "msg" | "error_message",
        kind: Text<'a> = "type",
        code: Text<'a> = "code",
        status: Text<'a> = "status" | "status_code",
        error: Fault = "error",
    }
}

/// A provider's error; null reads as missing.
#[derive(Debug, Default)]
pub(super) struct Fault(pub(super) Option<Box<StreamError>>);

impl<'a> Read<'a> for Fault {
    /// Reads a text, an object, or an object that holds one.
    fn read(&mut self, cursor: &mut Cursor<'a>) -> Result<(), BadJson> {
        self.0 = None;
        let start = cursor.place();
        let mut error = match cursor.peek() {
            Some(b'n') => return cursor.skip(),
            Some(b'"') => StreamError::new(ErrorKind::Other, cursor.string()?),
            _ => {
                let mut object = Object::default();
                object.read(cursor)?;
                from_object(object)
            }
        };
        error.raw.get_or_insert_with(|| RawJson::from_valid(cursor.since(start)));
        self.0 = Some(Box::new(error));
        Ok(())
    }
}

fn from_object(object: Object<'_>) -> StreamError {
    let words = [&object.code, &object.kind, &object.status];
    let words = || words.into_iter().filter_map(Text::non_empty);
    let kinds = words().map(ErrorKind::from_provider);
    let kind = kinds.into_iter().find(|kind| *kind != ErrorKind::Other);
    if let (Some(mut nested), None) = (object.error.0, object.message.non_empty()) {
        if nested.kind == ErrorKind::Other {
            nested.kind = kind.unwrap_or(ErrorKind::Other);
        }
        return *nested;
    }
    let message = object.message.non_empty();
    let message = message.unwrap_or("the provider reported an error without a message");
    let mut error = StreamError::new(kind.unwrap_or(ErrorKind::Other), message);
    error.code = words().find(|word| *word != "error").map(str::to_owned);
    error
}

#[cfg(test)]
mod tests {
    use super::super::cursor::parse;
    use super::*;

    #[track_caller]
    fn check(json: &str, kind: ErrorKind, message: &str, code: Option<&str>) {
        let error = parse::<Fault>(json).unwrap().0.unwrap();
        assert_eq!((error.kind, &*error.message, error.code.as_deref()), (kind, message, code));
        let raw = error.raw.unwrap();
        assert!(json.contains(raw.as_str()) && raw.as_str().contains(message), "{raw:?}");
    }

    #[test]
    fn shapes_of_providers() {
        check(r#""boom""#, ErrorKind::Other, "boom", None);
        check(
            r#"{"message":"slow","type":"requests","code":"rate_limit_exceeded"}"#,
            ErrorKind::RateLimit,
            "slow",
            Some("rate_limit_exceeded"),
        );
        check(r#"{"code":400,"message":"no"}"#, ErrorKind::InvalidRequest, "no", Some("400"));
        check(
            r#"{"type":"overloaded_error","message":"Overloaded"}"#,
            ErrorKind::Overloaded,
            "Overloaded",
            Some("overloaded_error"),
        );
        check(
            r#"{"type":"error","error":{"type":"api_error","message":"oops"}}"#,
            ErrorKind::Server,
            "oops",
            Some("api_error"),
        );
        check(r#"{"error":"plain"}"#, ErrorKind::Other, "plain", None);
    }

    #[test]
    fn nonsense_is_an_error_too() {
        let error = parse::<Fault>("[1]").unwrap().0.unwrap();
        assert_eq!(error.message, "the provider reported an error without a message");
        assert_eq!(error.raw.unwrap().as_str(), "[1]");
    }
}
