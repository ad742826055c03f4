//! What a subscription is (6.2).

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::super::StreamPath;
use super::super::limits::{SUBSCRIPTION_STREAMS_MAX, SUBSCRIPTION_TEXT_BYTES_MAX};
use super::target::{self, Reach};
use super::{Fault, Glob};

/// Milliseconds of a lease, if the request does not say.
const LEASE_MS: u64 = 30_000;
/// The shortest and the longest lease, in milliseconds.
const LEASE_MS_RANGE: std::ops::RangeInclusive<u64> = 1_000..=600_000;

/// A subscription as it was asked for, in one form: two that mean the same are equal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Config {
    /// Which streams are followed, existing and future ones.
    pub pattern: Option<Glob>,
    /// Streams that are followed by name, sorted.
    pub streams: BTreeSet<String>,
    /// How workers are woken.
    pub delivery: Delivery,
    /// How long a worker may be silent, in milliseconds.
    pub lease_ms: u64,
    /// What its owner says of it.
    pub description: Option<String>,
}

/// How workers are woken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Delivery {
    /// By a request to this URL.
    Webhook(String),
    /// By an event in this stream, which they race to claim.
    PullWake(String),
}

/// The body of a `PUT`.
#[derive(Debug, Deserialize)]
struct Body {
    r#type: String,
    pattern: Option<String>,
    streams: Option<Vec<String>>,
    webhook: Option<Webhook>,
    wake_stream: Option<String>,
    lease_ttl_ms: Option<u64>,
    description: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Webhook {
    url: String,
}

/// The body of a `POST` that adds streams.
#[derive(Debug, Deserialize)]
struct Streams {
    streams: Vec<String>,
}

impl Config {
    /// Reads the body of a `PUT`.
    ///
    /// # Errors
    /// [`Fault::Invalid`] or [`Fault::WebhookUrl`].
    pub fn parse(body: &[u8], reach: Reach) -> Result<Self, Fault> {
        let body: Body = from_json(body)?;
        let pattern = match &body.pattern {
            None => None,
            Some(pattern) => Some(Glob::parse(pattern).map_err(|error| invalid(&error))?),
        };
        if pattern.is_none() && body.streams.is_none() {
            return Err(invalid(&"expected a pattern or streams"));
        }
        let lease_ms = body.lease_ttl_ms.unwrap_or(LEASE_MS);
        if !LEASE_MS_RANGE.contains(&lease_ms) {
            return Err(invalid(&"expected lease_ttl_ms of 1 second to 10 minutes"));
        }
        let too_long = |text: &String| text.len() > SUBSCRIPTION_TEXT_BYTES_MAX;
        if body.description.as_ref().is_some_and(too_long) {
            return Err(invalid(&format!(
                "expected a description of at most {SUBSCRIPTION_TEXT_BYTES_MAX} bytes"
            )));
        }
        let delivery = match (body.r#type.as_str(), body.webhook, body.wake_stream) {
            ("webhook", Some(webhook), None) => {
                target::check(&webhook.url, reach).map_err(Fault::WebhookUrl)?;
                Delivery::Webhook(webhook.url)
            }
            ("pull-wake", None, Some(stream)) => {
                Delivery::PullWake(path(&stream)?.as_str().to_owned())
            }
            ("webhook", ..) => return Err(invalid(&"expected webhook.url and no wake_stream")),
            ("pull-wake", ..) => return Err(invalid(&"expected wake_stream and no webhook")),
            _ => return Err(invalid(&"expected type to be webhook or pull-wake")),
        };
        let streams = paths(body.streams.unwrap_or_default())?;
        let streams = streams.iter().map(|path| path.as_str().to_owned()).collect();
        Ok(Self { pattern, streams, delivery, lease_ms, description: body.description })
    }

    /// Reads the body of a `POST` that adds streams.
    ///
    /// # Errors
    /// [`Fault::Invalid`].
    pub fn parse_streams(body: &[u8]) -> Result<Vec<StreamPath>, Fault> {
        paths(from_json::<Streams>(body)?.streams)
    }

    /// How long a worker may be silent.
    pub fn lease(&self) -> Duration {
        Duration::from_millis(self.lease_ms)
    }

    /// The kind, as it stands on the wire.
    pub fn kind(&self) -> &'static str {
        match self.delivery {
            Delivery::Webhook(_) => "webhook",
            Delivery::PullWake(_) => "pull-wake",
        }
    }
}

/// Reads a body of JSON.
pub(super) fn from_json<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, Fault> {
    serde_json::from_slice(body).map_err(|error| invalid(&error))
}

fn paths(texts: Vec<String>) -> Result<Vec<StreamPath>, Fault> {
    if texts.len() > SUBSCRIPTION_STREAMS_MAX {
        return Err(invalid(&format!("expected at most {SUBSCRIPTION_STREAMS_MAX} streams")));
    }
    texts.iter().map(|text| path(text)).collect()
}

/// A path below the root; a leading slash means nothing.
pub(super) fn path(text: &str) -> Result<StreamPath, Fault> {
    let text = text.strip_prefix('/').unwrap_or(text);
    StreamPath::new(text).map_err(|error| invalid(&error))
}

fn invalid(what: &dyn std::fmt::Display) -> Fault {
    Fault::Invalid(what.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn parse(body: serde_json::Value) -> Result<Config, Fault> {
        Config::parse(body.to_string().as_bytes(), Reach::Public)
    }

    #[test]
    fn the_same_in_other_words_is_the_same() {
        let url = "https://example.org/hook";
        let one = parse(json!({
            "type": "webhook", "pattern": "/events/*", "streams": ["b", "/a", "b"],
            "webhook": {"url": url}, "lease_ttl_ms": 30_000,
        }));
        let other = parse(json!({
            "type": "webhook", "pattern": "events/*", "streams": ["a", "b"],
            "webhook": {"url": url},
        }));
        assert!(one.is_ok());
        assert_eq!(one, other);
    }

    #[test]
    fn what_makes_no_subscription_is_refused() {
        let hook = json!({"url": "https://example.org/"});
        for bad in [
            json!({}),
            json!({"type": "webhook", "webhook": hook}),
            json!({"type": "webhook", "pattern": "a"}),
            json!({"type": "pull-wake", "pattern": "a"}),
            json!({"type": "pull-wake", "pattern": "a", "wake_stream": "__ds/x"}),
            json!({"type": "push", "pattern": "a", "webhook": hook}),
            json!({"type": "webhook", "pattern": "", "webhook": hook}),
            json!({"type": "webhook", "streams": [""], "webhook": hook}),
            json!({"type": "webhook", "pattern": "a", "webhook": hook, "lease_ttl_ms": 999}),
            json!({"type": "webhook", "pattern": "a", "webhook": hook, "lease_ttl_ms": 600_001}),
        ] {
            assert!(matches!(parse(bad.clone()), Err(Fault::Invalid(_))), "{bad}");
        }
        let inside =
            json!({"type": "webhook", "pattern": "a", "webhook": {"url": "http://10.0.0.1/"}});
        assert!(matches!(parse(inside), Err(Fault::WebhookUrl(_))));
        let most = vec!["a"; SUBSCRIPTION_STREAMS_MAX];
        assert!(parse(json!({"type": "pull-wake", "streams": most, "wake_stream": "w"})).is_ok());
        let more = vec!["a"; SUBSCRIPTION_STREAMS_MAX + 1];
        assert!(parse(json!({"type": "pull-wake", "streams": more, "wake_stream": "w"})).is_err());
    }
}
