//! What an emitter says about a stream besides its text and tool calls.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::super::lenient::Raw;
use super::{Emitter, Part};
use crate::event::{
    Finish, FinishReason, Logprobs, Metadata, Opaque, RawEvent, RawJson, Signature, Usage,
};

/// How a choice ended, in the provider's words.
#[derive(Debug)]
pub(in crate::wire) struct Ending<'a> {
    pub(in crate::wire) word: &'a str,
    pub(in crate::wire) reason: FinishReason,
    pub(in crate::wire) stop_sequence: Option<&'a str>,
    pub(in crate::wire) details: Raw<'a>,
}

impl<'a> Ending<'a> {
    /// An ending of which the provider says one word.
    pub(in crate::wire) fn from_word(word: &'a str) -> Self {
        let reason = FinishReason::from_provider(word);
        Self { word, reason, stop_sequence: None, details: Raw::default() }
    }
}

impl Emitter {
    /// Emits the end of a choice, unless it is said again.
    pub(in crate::wire) fn finish(&mut self, choice: u64, word: &str) {
        self.finish_with(choice, Ending::from_word(word));
    }

    /// Emits the end of a choice with what else is said about it.
    pub(in crate::wire) fn finish_with(&mut self, choice: u64, ending: Ending<'_>) {
        let Ending { word, mut reason, stop_sequence, details } = ending;
        let Some(state) = self.choice(choice) else { return };
        if state.finish.as_ref().is_some_and(|(known, _)| known == word) {
            return;
        }
        state.finish = Some((word.to_owned(), reason));
        let choice = state.index;
        self.calls(|calls| calls.finish_choice(choice, reason != FinishReason::Length));
        if reason == FinishReason::Stop && self.calls.any_for_client(choice) {
            reason = FinishReason::ToolCalls;
        }
        self.emit(Metadata::Finish(Finish {
            choice,
            reason,
            provider_reason: word.to_owned(),
            stop_sequence: stop_sequence.map(str::to_owned),
            details: details.0.map(RawJson::from_valid),
        }));
    }

    /// Emits the token counts, unless they are as before.
    pub(in crate::wire) fn usage(&mut self, usage: Usage) {
        let text = usage.raw.as_ref().map_or("", RawJson::as_str);
        if text.starts_with('{') && text != self.usage {
            text.clone_into(&mut self.usage);
            self.emit(Metadata::Usage(usage));
        }
    }

    /// Emits those fields that are news.
    pub(in crate::wire) fn extra<'a>(
        &mut self,
        choice: Option<u32>,
        fields: impl IntoIterator<Item = (&'a str, Raw<'a>)>,
    ) {
        let mut news = BTreeMap::new();
        for (key, raw) in fields {
            let Some(raw) = raw.0 else { continue };
            if self.extras.is_news(choice, key, raw) {
                news.insert(key.to_owned(), RawJson::from_valid(raw));
            }
        }
        if !news.is_empty() {
            self.emit(Metadata::Extra { choice, fields: news });
        }
    }

    /// Emits fields that a payload struct does not know, those that are news.
    pub(in crate::wire) fn unknown(&mut self, choice: Option<u32>, rest: &[(Cow<'_, str>, &str)]) {
        self.extra(choice, rest.iter().map(|(key, raw)| (&**key, Raw(Some(*raw)))));
    }

    /// Emits a content block that is no text.
    pub(in crate::wire) fn block(&mut self, part: Part, kind: &str, raw: &str) {
        let Part { choice, part } = part;
        let kind = Some(kind).filter(|kind| !kind.is_empty()).map(str::to_owned);
        let raw = RawJson::from_valid(raw);
        self.emit(Metadata::Block(Opaque { choice, part, kind, raw }));
    }

    /// Emits a source of a part's text.
    pub(in crate::wire) fn citation(&mut self, part: Part, kind: &str, raw: &str) {
        let Part { choice, part } = part;
        let kind = Some(kind).filter(|kind| !kind.is_empty()).map(str::to_owned);
        let raw = RawJson::from_valid(raw);
        self.emit(Metadata::Citation(Opaque { choice, part, kind, raw }));
    }

    /// Emits proof of a part, if there is any.
    pub(in crate::wire) fn signature(&mut self, part: Part, signature: &str) {
        let Part { choice, part } = part;
        if !signature.is_empty() {
            let signature = signature.to_owned();
            self.emit(Metadata::Signature(Signature { choice, part, signature }));
        }
    }

    /// Emits token probabilities.
    pub(in crate::wire) fn logprobs(&mut self, choice: u64, raw: &str) {
        let choice = u32::try_from(choice).unwrap_or(u32::MAX);
        self.emit(Metadata::Logprobs(Logprobs { choice, raw: RawJson::from_valid(raw) }));
    }

    /// Emits a payload that the decoder does not interpret.
    pub(in crate::wire) fn raw(&mut self, event: Option<&str>, raw: &str) {
        let event = event.map(str::to_owned);
        self.emit(Metadata::Raw(RawEvent { event, raw: RawJson::from_valid(raw) }));
    }
}
