//! In-band errors: the shapes that providers give them, and the typed error they become.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::lenient::{Key, Raw, Text, missing, payload};
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
pub(super) struct Fault(pub(super) Option<StreamError>);

impl<'de> Deserialize<'de> for Fault {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Some(raw) = Raw::deserialize(deserializer)?.0 else { return Ok(Self(None)) };
        fault(raw).map(|error| Self(Some(error))).map_err(D::Error::custom)
    }
}

/// The typed form of a provider's error: a text, an object, or an object that holds one.
pub(super) fn fault(raw: &RawValue) -> Result<StreamError, serde_json::Error> {
    let mut error = if raw.get().starts_with('"') {
        let message: Text<'_> = serde_json::from_str(raw.get())?;
        StreamError::new(ErrorKind::Other, message.as_str())
    } else {
        from_object(serde_json::from_str(raw.get())?)
    };
    error.raw = Some(RawJson::from_raw(raw));
    Ok(error)
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
        return nested;
    }
    let message = object.message.non_empty();
    let message = message.unwrap_or("the provider reported an error without a message");
    let mut error = StreamError::new(kind.unwrap_or(ErrorKind::Other), message);
    error.code = words().find(|word| *word != "error").map(str::to_owned);
    error
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(json: &str, kind: ErrorKind, message: &str, code: Option<&str>) {
        let error = fault(serde_json::from_str(json).unwrap()).unwrap();
        assert_eq!((error.kind, &*error.message, error.code.as_deref()), (kind, message, code));
        assert_eq!(error.raw.unwrap().as_str(), json);
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
        check(
            "[1]",
            ErrorKind::Other,
            "the provider reported an error without a message",
            None,
        );
    }
}
