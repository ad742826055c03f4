//! Message content of the chat format: a text, or a list of typed parts.

use std::borrow::Cow;

use super::super::cursor::{BadJson, Cursor, Read};
use super::super::emitter::Emitter;
use super::super::lenient::{List, Text, payload};
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

impl<'a> Read<'a> for Content<'a> {
    fn read(&mut self, cursor: &mut Cursor<'a>) -> Result<(), BadJson> {
        *self = match cursor.peek() {
            Some(b'"') => Self::Text(cursor.string()?),
            Some(b'[') => {
                let mut parts = List::default();
                parts.read(cursor)?;
                Self::Parts(parts.0)
            }
            _ => {
                cursor.skip()?;
                Self::Missing
            }
        };
        Ok(())
    }
}
