//! Token counts that come in several objects, each of which overwrites what it names.

use std::borrow::Cow;
use std::mem;

use super::super::emitter::Emitter;
use super::super::lenient::{Count, Raw, Rest, nested, payload};
use crate::event::{RawJson, Usage};
use crate::limits::USAGE_BYTES_MAX;

payload! {
    /// All fields that are not null.
    pub(super) struct Fields<'a> {
        ; rest
    }
}

/// The counts that have a meaning for every provider.
#[derive(Debug, Default)]
struct Tokens {
    input: Count,
    output: Count,
    cache_read: Count,
    cache_write: Count,
    thinking: Count,
}

payload! {
    struct Details<'a> {
        thinking: Count = "thinking_tokens",
    }
}

/// The usage object so far, as text: field by field as the provider wrote them.
#[derive(Debug, Default)]
pub(super) struct MergedUsage(String);

impl MergedUsage {
    /// Takes over the fields of `update` that are not null, and emits the whole.
    pub(super) fn merge(&mut self, update: Fields<'_>, out: &mut Emitter) {
        if update.rest.is_empty() {
            return;
        }
        let known = mem::take(&mut self.0);
        let Fields { rest: mut fields, .. } = nested(Raw(Some(&known)));
        overwrite(&mut fields, update.rest);
        self.0 = object_of(&fields);
        out.usage(Tokens::of(&fields).usage(RawJson::from_valid(&*self.0)));
    }
}

/// Puts `update` over `fields`, without what would make them longer than the limit.
fn overwrite<'a>(fields: &mut Rest<'a>, update: Rest<'a>) {
    let mut bytes: usize = fields.iter().map(|(key, value)| key.len() + value.len()).sum();
    for (key, value) in update {
        if bytes + key.len() + value.len() > USAGE_BYTES_MAX {
            continue;
        }
        if let Some((_, known)) = fields.iter_mut().find(|(known, _)| *known == key) {
            bytes = bytes - known.len() + value.len();
            *known = value;
        } else {
            bytes += key.len() + value.len();
            fields.push((key, value));
        }
    }
}

fn object_of(fields: &Rest<'_>) -> String {
    let quoted = |(key, value): &(Cow<'_, str>, &str)| key.len() + value.len() + "\"\":,".len();
    let mut text = Vec::with_capacity(fields.iter().map(quoted).sum::<usize>() + "{}".len());
    text.push(b'{');
    for (key, value) in fields {
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

impl Tokens {
    fn of(fields: &Rest<'_>) -> Self {
        let mut tokens = Self::default();
        for (key, value) in fields {
            let value = Raw(Some(*value));
            match &**key {
                "input_tokens" => tokens.input = nested(value),
                "output_tokens" => tokens.output = nested(value),
                "cache_read_input_tokens" => tokens.cache_read = nested(value),
                "cache_creation_input_tokens" => tokens.cache_write = nested(value),
                "output_tokens_details" => {
                    tokens.thinking = nested::<Details<'_>>(value).thinking;
                }
                _ => {}
            }
        }
        tokens
    }

    fn usage(&self, raw: RawJson) -> Usage {
        let cached = self.cache_read.0.unwrap_or(0).saturating_add(self.cache_write.0.unwrap_or(0));
        Usage {
            // The provider counts cached input apart.
            input_tokens: self.input.0.map(|input| input.saturating_add(cached)),
            output_tokens: self.output.0,
            total_tokens: None,
            cache_read_tokens: self.cache_read.0,
            cache_write_tokens: self.cache_write.0,
            reasoning_tokens: self.thinking.0,
            raw: Some(raw),
        }
    }
}
