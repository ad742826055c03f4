//! Message content of the chat format: a text, or a list of typed parts.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, SeqAccess, Visitor};

use super::super::emitter::Emitter;
use super::super::lenient::{Key, Text, missing, payload};
use crate::event::Channel;

/// The content of a delta.
#[derive(Debug, Default)]
pub(super) enum Content<'a> {
    /// None, or null.
    #[default]
    Missing,
    /// A text.
    Text(Cow<'a, str>),
    /// Parts, some of which may be reasoning.
    Parts(Vec<Part<'a>>),
}

payload! {
    pub(super) struct Part<'a> {
        text: Text<'a> = "text",
        refusal: Text<'a> = "refusal",
        thinking: Content<'a> = "thinking",
    }
}

impl Content<'_> {
    pub(super) fn is_missing(&self) -> bool {
        matches!(self, Self::Missing)
    }

    /// Emits the text on `channel`, and reasoning parts on their own.
    pub(super) fn emit(self, choice: u64, channel: Channel, out: &mut Emitter) {
        match self {
            Content::Missing => {}
            Content::Text(text) => out.text(choice, channel, text),
            Content::Parts(parts) => {
                for part in parts {
                    part.thinking.emit(choice, Channel::Reasoning, out);
                    out.text(choice, channel, part.text.0.unwrap_or_default());
                    out.text(choice, Channel::Refusal, part.refusal.0.unwrap_or_default());
                }
            }
        }
    }
}

impl<'de> Deserialize<'de> for Content<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Content<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a text or a list of parts")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Content::Text(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Content::Text(Cow::Owned(text.to_owned())))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                let mut parts = Vec::new();
                while let Some(part) = list.next_element()? {
                    parts.push(part);
                }
                Ok(Content::Parts(parts))
            }

            missing!(null bool number object);
        }
        deserializer.deserialize_any(Any)
    }
}
