//! A subscription as its owner and its workers see it.

use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;

use super::{Delivery, Link, Subscription};

impl Subscription {
    /// The streams that have something new.
    pub(super) fn pending_streams(&self) -> Value {
        self.links.iter().filter(|(_, link)| link.is_pending()).map(stream).collect()
    }

    /// The subscription as its owner sees it (6.3); `signing` tells how its webhooks are signed.
    pub fn to_json(&self, signing: &Value) -> Value {
        let streams: Value = self.links.iter().map(stream).collect();
        let (webhook, wake_stream) = match &self.config.delivery {
            Delivery::Webhook(url) => (json!({"url": url, "signing": signing}), Value::Null),
            Delivery::PullWake(stream) => (Value::Null, json!(stream)),
        };
        json!({
            "id": self.id,
            "subscription_id": self.id,
            "type": self.config.kind(),
            "pattern": self.config.pattern,
            "streams": streams,
            "webhook": webhook,
            "wake_stream": wake_stream,
            "lease_ttl_ms": self.config.lease_ms,
            "created_at": self.created_at.format(&Rfc3339).unwrap_or_default(),
            "status": if self.failures > 0 { "failed" } else { "active" },
            "description": self.config.description,
        })
    }
}

fn stream((path, link): (&String, &Link)) -> Value {
    json!({
        "path": path,
        "link_type": if link.explicit { "explicit" } else { "glob" },
        "acked_offset": link.acked.to_string(),
        "tail_offset": link.tail.to_string(),
        "has_pending": link.is_pending(),
    })
}
