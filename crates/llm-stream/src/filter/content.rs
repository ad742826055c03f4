//! The filter of a whole stream of events: every choice and channel, calls and raw values too.

mod text;
mod waiting;

#[cfg(test)]
mod tests;

use super::arguments::Arguments;
use super::limits::TEXTS_MAX;
use super::pattern::{Blocked, Decision, FilterMatch};
use super::scan::{Scan, Tools};
use super::set::PatternSet;
use crate::event::{
    Delta, ErrorKind, EventBody, Metadata, RawJson, StreamError, StreamEvent, ToolCall,
};
use crate::processor::{ProcessError, Processor};
use text::{Key, Text};
use waiting::{Scope, Waiting};

/// Keeps patterns out of everything that a stream says.
///
/// The text, the reasoning and the refusal of each choice are one text each, over as many deltas
/// and parts as they take; so are the arguments of each tool call, whose JSON strings are filtered
/// as what they mean and whose JSON stays valid. Whole tool calls, the content of the end, error
/// messages, citations and payloads that the decoders do not interpret are filtered as well.
/// Token probabilities repeat the text token by token and are left out.
///
/// Events keep their order and their metadata. Where text is held back at the end of a delta, it
/// comes with the next one; a delta of which nothing may go yet is left out. What tells of the
/// text before it, such as the finish of its choice or the usage, waits until that has gone.
///
/// # Where a text ends
/// When a choice turns from one channel to another, or calls a tool, the text that it leaves is
/// over: what it held back goes, and a pattern is not looked for across such a turn.
/// So the last word before a call does not wait for the end of the stream.
/// Text blocks that follow each other are one text.
///
/// # Blocking
/// At a match of a pattern that blocks, or at text too long to be followed, `process` fails with
/// an error of [`ErrorKind::ContentFilter`], and nothing that was held back comes out any more;
/// [`blocked`](Self::blocked) has the reason. It stays so until [`reset`](Processor::reset).
///
/// # Examples
/// ```
/// use llm_stream::filter::{ContentFilter, Pattern, PatternSet};
/// use llm_stream::{Processor, StreamEvent};
///
/// let set = PatternSet::new([Pattern::literal("secret")])?;
/// let mut filter = ContentFilter::new(&set);
/// let mut out = Vec::new();
/// for delta in ["the sec", "ret is", " out"] {
///     filter.process(StreamEvent::delta(delta), &mut out)?;
/// }
/// filter.flush(&mut out)?;
/// let deltas: Vec<&str> = out.iter().map(StreamEvent::delta_text).collect();
/// assert_eq!(deltas, ["the ", "[FILTERED] i", "s out"]); // an `s` may begin the next secret
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct ContentFilter {
    tools: Tools,
    texts: Vec<Text>,
    waiting: Waiting,
    blocked: Option<Blocked>,
}

impl ContentFilter {
    /// A filter for one stream at a time.
    pub fn new(set: &PatternSet) -> Self {
        Self {
            tools: Tools::new(set.clone()),
            texts: Vec::new(),
            waiting: Waiting::default(),
            blocked: None,
        }
    }

    /// Sets who decides about the matches of patterns with [`Action::Ask`](super::Action::Ask).
    ///
    /// A match in a whole tool call is asked about once more, after those in its deltas.
    #[must_use]
    pub fn on_match(
        mut self,
        decide: impl FnMut(&FilterMatch<'_>) -> Decision + Send + Sync + 'static,
    ) -> Self {
        self.tools.set_callback(Box::new(decide));
        self
    }

    /// Why the stream has ended before its end, if it has.
    pub fn blocked(&self) -> Option<Blocked> {
        self.blocked
    }

    fn filter_event(
        &mut self,
        mut event: StreamEvent,
        out: &mut Vec<StreamEvent>,
    ) -> Result<(), Blocked> {
        match &mut event.body {
            EventBody::Delta(delta) => {
                let delta = std::mem::take(delta);
                return self.filter_delta(delta, event, out);
            }
            EventBody::Metadata(_) => return self.filter_metadata(event, out),
            EventBody::ToolCall(call) => {
                let key = Key::arguments(call.choice, call.part);
                let choice = call.choice;
                self.end_texts(out, |other| other == key || other.is_speech_of(choice))?;
                self.filter_call(call)?;
            }
            EventBody::Error(error) => self.filter_error(error)?,
            EventBody::Start(_) => self.end_texts(out, |_| true)?,
            EventBody::End(end) => {
                self.end_texts(out, |_| true)?;
                self.filter_text(&mut end.content)?;
            }
        }
        out.push(event);
        Ok(())
    }

    /// Filters the piece of text of an event whose delta was taken out.
    fn filter_delta(
        &mut self,
        delta: Delta,
        event: StreamEvent,
        out: &mut Vec<StreamEvent>,
    ) -> Result<(), Blocked> {
        let key = Key::of(&delta);
        let choice = delta.choice;
        self.end_texts(out, |other| other != key && other.is_speech_of(choice))?;
        if !self.texts.iter().any(|text| text.key() == key) {
            if self.texts.len() == TEXTS_MAX {
                return Err(Blocked::TooManyTexts { max: TEXTS_MAX });
            }
            self.texts.push(Text::new(key, delta.part, &self.tools));
        }
        let text = self.texts.iter_mut().find(|text| text.key() == key);
        let result = text.map_or(Ok(()), |text| text.push(&mut self.tools, delta, event, out));
        self.waiting.release(&self.texts, out);
        result
    }

    /// Ends the texts that `which` chooses: what they hold goes.
    fn end_texts(
        &mut self,
        out: &mut Vec<StreamEvent>,
        which: impl Fn(Key) -> bool,
    ) -> Result<(), Blocked> {
        if !self.texts.iter().any(|text| which(text.key())) {
            return Ok(());
        }
        for text in self.texts.iter_mut().filter(|text| which(text.key())) {
            text.finish(&mut self.tools, out)?;
        }
        self.texts.retain(|text| !which(text.key()));
        self.waiting.release(&self.texts, out);
        Ok(())
    }

    fn filter_metadata(
        &mut self,
        mut event: StreamEvent,
        out: &mut Vec<StreamEvent>,
    ) -> Result<(), Blocked> {
        let EventBody::Metadata(metadata) = &mut event.body else { return Ok(()) };
        let about: Option<Scope> = match &mut **metadata {
            Metadata::Logprobs(_) if !self.tools.set().is_empty() => return Ok(()),
            Metadata::ToolStart(start) => {
                let choice = start.choice;
                self.end_texts(out, |key| key.is_speech_of(choice))?;
                None
            }
            Metadata::Block(block) => {
                let choice = block.choice;
                self.end_texts(out, |key| key.is_speech_of(choice))?;
                self.filter_raw(&mut block.raw)?;
                None
            }
            Metadata::Citation(citation) => {
                self.filter_raw(&mut citation.raw)?;
                Some(Scope::Choice(citation.choice))
            }
            Metadata::Extra { choice, fields } => {
                fields.values_mut().try_for_each(|raw| self.filter_raw(raw))?;
                choice.map(Scope::Choice)
            }
            Metadata::Raw(raw) => {
                self.filter_raw(&mut raw.raw)?;
                None
            }
            Metadata::Signature(signature) => Some(Scope::Choice(signature.choice)),
            Metadata::Finish(finish) => Some(Scope::Choice(finish.choice)),
            Metadata::Usage(_) => Some(Scope::Stream),
            Metadata::Identity(_) | Metadata::Custom { .. } | Metadata::Logprobs(_) => None,
        };
        match about {
            Some(scope) => self.waiting.push(event, scope, &self.texts, out),
            None => out.push(event),
        }
        Ok(())
    }

    fn filter_call(&mut self, call: &mut ToolCall) -> Result<(), Blocked> {
        if call.custom {
            self.filter_text(&mut call.arguments)?;
        } else {
            call.arguments = Arguments::filter(&mut self.tools, &call.arguments)?;
        }
        call.raw.as_mut().map_or(Ok(()), |raw| self.filter_raw(raw))
    }

    fn filter_error(&mut self, error: &mut StreamError) -> Result<(), Blocked> {
        self.filter_text(&mut error.message)?;
        if let Some(payload) = &mut error.payload {
            self.filter_text(payload)?;
        }
        error.raw.as_mut().map_or(Ok(()), |raw| self.filter_raw(raw))
    }

    /// Filters a text that is complete.
    fn filter_text(&mut self, text: &mut String) -> Result<(), Blocked> {
        let mut scan = Scan::new(self.tools.set());
        let mut filtered = String::with_capacity(text.len());
        scan.push(&mut self.tools, text, &mut filtered)?;
        scan.finish(&mut self.tools, &mut filtered)?;
        *text = filtered;
        Ok(())
    }

    /// Filters the strings of a provider's own value.
    fn filter_raw(&mut self, raw: &mut RawJson) -> Result<(), Blocked> {
        let filtered = Arguments::filter(&mut self.tools, raw.as_str())?;
        if filtered != raw.as_str() {
            *raw = RawJson::from_valid(filtered);
        }
        Ok(())
    }

    /// Ends the stream for good if `result` says so.
    fn conclude(&mut self, result: Result<(), Blocked>) -> Result<(), ProcessError> {
        result.map_err(|blocked| {
            self.blocked = Some(blocked);
            self.texts.clear();
            self.waiting = Waiting::default();
            StreamError::new(ErrorKind::ContentFilter, blocked.to_string()).into()
        })
    }
}

impl Processor for ContentFilter {
    fn process(
        &mut self,
        event: StreamEvent,
        out: &mut Vec<StreamEvent>,
    ) -> Result<(), ProcessError> {
        let result = match self.blocked {
            Some(blocked) => Err(blocked),
            None => self.filter_event(event, out),
        };
        self.conclude(result)
    }

    fn flush(&mut self, out: &mut Vec<StreamEvent>) -> Result<(), ProcessError> {
        let result = match self.blocked {
            Some(blocked) => Err(blocked),
            None => self.end_texts(out, |_| true),
        };
        self.conclude(result)
    }

    fn reset(&mut self) {
        self.texts.clear();
        self.waiting = Waiting::default();
        self.blocked = None;
    }
}
