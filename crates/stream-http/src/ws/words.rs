//! How messages are worded on one connection: plainly, or as `CloudEvents`.

use bytes::{Bytes, BytesMut};
use serde_json::Value;
use stream_model::cloud_event::{CloudEventError, Source};
use stream_protocol::session::Notice;
use stream_protocol::ws::{Command, Refusal, cloud, parse};

use super::subscriptions::Place;
use crate::item::TopicItem;
use crate::message;

/// What a client has chosen when it came.
#[derive(Debug)]
pub(super) enum Words {
    /// One key that says what it is.
    Plain {
        /// Where messages are written, one behind the other.
        scratch: BytesMut,
    },
    /// The subprotocol `cloudevents.json`.
    CloudEvents(Source),
}

impl Words {
    /// The words of a connection that speaks this subprotocol, on a server of this address.
    pub(super) fn new(subprotocol: Option<&str>, public_url: Option<&str>) -> Self {
        if subprotocol != Some(cloud::SUBPROTOCOL) {
            return Self::Plain { scratch: BytesMut::new() };
        }
        let named = public_url.and_then(|url| Source::new(url).ok());
        #[expect(clippy::expect_used, reason = "a constant that tests go through")]
        let source = named.unwrap_or_else(|| Source::new("/").expect("a root is a reference"));
        Self::CloudEvents(source)
    }

    /// Reads what the client says.
    pub(super) fn parse(&self, text: &str) -> Result<Command, Refusal> {
        match self {
            Self::Plain { .. } => parse(text),
            Self::CloudEvents(_) => cloud::parse(text),
        }
    }

    /// An answer.
    pub(super) fn answer(&self, answer: &Value) -> Result<Bytes, CloudEventError> {
        Ok(match self {
            Self::Plain { .. } => answer.to_string(),
            Self::CloudEvents(source) => cloud::statement(answer, source)?,
        }
        .into())
    }

    /// An event of a subscription that stands at `resume` then.
    pub(super) fn event(
        &mut self,
        item: &TopicItem,
        subscription: &str,
        resume: &str,
    ) -> Result<Bytes, CloudEventError> {
        match (self, item.event()) {
            (Self::CloudEvents(source), Some(event)) => {
                let text = cloud::event(event, item.offset(), subscription, resume, source)?;
                Ok(text.into())
            }
            (words, _) => {
                words.say(|out| message::put_event(out, item, Some(subscription), &resume))
            }
        }
    }

    /// What the server itself says, of one subscription with its position or of all.
    pub(super) fn notice(
        &mut self,
        notice: &Notice<Place>,
        concerned: Option<(&str, &str)>,
    ) -> Result<Bytes, CloudEventError> {
        let (subscription, resume) = concerned.unzip();
        let resume = resume.as_ref().map(|token| token as &dyn std::fmt::Display);
        self.say(|out| message::put_notice(out, notice, subscription, resume))
    }

    fn say(&mut self, write: impl FnOnce(&mut BytesMut)) -> Result<Bytes, CloudEventError> {
        match self {
            Self::Plain { scratch } => {
                write(scratch);
                Ok(scratch.split().freeze())
            }
            Self::CloudEvents(source) => {
                let mut plain = BytesMut::new();
                write(&mut plain);
                let plain = serde_json::from_slice(&plain)?;
                Ok(cloud::statement(&plain, source)?.into())
            }
        }
    }
}
