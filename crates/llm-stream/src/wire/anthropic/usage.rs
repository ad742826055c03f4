//! Token counts that come in several objects, each of which overwrites what it names.

use super::super::emitter::Emitter;
use super::super::lenient::{Count, Raw, nested, payload};
use crate::event::{RawJson, Usage};
use crate::limits::USAGE_BYTES_MAX;

payload! {
    /// All fields that are not null.
    struct Fields<'a> {
        ; rest
    }
}

payload! {
    struct Tokens<'a> {
        input: Count = "input_tokens",
        output: Count = "output_tokens",
        cache_read: Count = "cache_read_input_tokens",
        cache_write: Count = "cache_creation_input_tokens",
        details: Details<'a> = "output_tokens_details",
    }
}

payload! {
    struct Details<'a> {
        thinking: Count = "thinking_tokens",
    }
}

/// The usage object so far, field by field as the provider wrote them.
#[derive(Debug, Default)]
pub(super) struct MergedUsage(Vec<(String, String)>);

impl MergedUsage {
    /// Takes over the fields of `update` that are not null, and emits the whole.
    pub(super) fn merge(&mut self, update: Raw<'_>, out: &mut Emitter) {
        let Fields { rest, .. } = nested(update);
        if rest.is_empty() {
            return;
        }
        for (key, value) in rest {
            let value = value.to_owned();
            if self.bytes() + key.len() + value.len() > USAGE_BYTES_MAX {
                continue;
            }
            if let Some((_, known)) = self.0.iter_mut().find(|(known, _)| *known == key) {
                *known = value;
            } else {
                self.0.push((key.into_owned(), value));
            }
        }
        let text = self.text();
        let tokens: Tokens<'_> = nested(Raw(Some(&text)));
        out.usage(tokens.usage(RawJson::from_valid(&*text)));
    }

    fn bytes(&self) -> usize {
        self.0.iter().map(|(key, value)| key.len() + value.len()).sum()
    }

    fn text(&self) -> String {
        let mut text = b"{".to_vec();
        for (key, value) in &self.0 {
            if text.len() > 1 {
                text.push(b',');
            }
            crate::event::write_string(key, &mut text);
            text.push(b':');
            text.extend_from_slice(value.as_bytes());
        }
        text.push(b'}');
        String::from_utf8(text).unwrap_or_default()
    }
}

impl Tokens<'_> {
    fn usage(&self, raw: RawJson) -> Usage {
        let cached = self.cache_read.0.unwrap_or(0).saturating_add(self.cache_write.0.unwrap_or(0));
        Usage {
            // The provider counts cached input apart.
            input_tokens: self.input.0.map(|input| input.saturating_add(cached)),
            output_tokens: self.output.0,
            total_tokens: None,
            cache_read_tokens: self.cache_read.0,
            cache_write_tokens: self.cache_write.0,
            reasoning_tokens: self.details.thinking.0,
            raw: Some(raw),
        }
    }
}
