//! The content filter as a list of words and one replacement.

use super::content::ContentFilter;
use super::pattern::{Action, Pattern, PatternError, REPLACEMENT};
use super::scan::{Scan, Tools};
use super::set::PatternSet;
use crate::event::{EventBody, StreamEvent};
use crate::processor::{ProcessError, Processor};

/// Replaces words in a stream, whatever the deltas that they are cut into.
///
/// The words are literal and ASCII letters match in either case. This is a
/// [`ContentFilter`] for the common case; that one has more kinds of patterns and actions.
///
/// # Whole deltas
/// [`whole_deltas`](Self::whole_deltas) is a simpler mode: a delta that has a word in it is
/// replaced as a whole, and a word that is cut into two deltas passes. It holds nothing back and
/// keeps nothing from getting out; it is there for those who relied on such a filter.
///
/// # Examples
/// ```
/// use llm_stream::filter::ContentFilterProcessor;
/// use llm_stream::{Processor, StreamEvent};
///
/// let mut filter = ContentFilterProcessor::new(["tulip"])?;
/// let mut out = Vec::new();
/// for delta in ["Project Tu", "lip is on."] {
///     filter.process(StreamEvent::delta(delta), &mut out)?;
/// }
/// filter.flush(&mut out)?;
/// let deltas: Vec<&str> = out.iter().map(StreamEvent::delta_text).collect();
/// assert_eq!(deltas, ["Project ", "[FILTERED] is on."]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct ContentFilterProcessor(Mode);

#[derive(Debug)]
enum Mode {
    Spans(Box<ContentFilter>),
    WholeDeltas { tools: Box<Tools>, replacement: String },
}

impl ContentFilterProcessor {
    /// Replaces each of `words` by [`REPLACEMENT`].
    ///
    /// # Errors
    /// [`PatternError`] if a word is empty, or they are too many.
    pub fn new<W: Into<String>>(words: impl IntoIterator<Item = W>) -> Result<Self, PatternError> {
        Self::with_replacement(words, REPLACEMENT)
    }

    /// Replaces each of `words` by `replacement`.
    ///
    /// # Errors
    /// As for [`new`](Self::new).
    pub fn with_replacement<W: Into<String>>(
        words: impl IntoIterator<Item = W>,
        replacement: impl Into<String>,
    ) -> Result<Self, PatternError> {
        let action = Action::Replace(replacement.into());
        let patterns = words.into_iter().map(|word| Pattern::literal(word).action(action.clone()));
        Ok(Self(Mode::Spans(Box::new(ContentFilter::new(&PatternSet::new(patterns)?)))))
    }

    /// Replaces each delta that has one of `words` in it, as a whole, by `replacement`.
    ///
    /// # Errors
    /// As for [`new`](Self::new).
    pub fn whole_deltas<W: Into<String>>(
        words: impl IntoIterator<Item = W>,
        replacement: impl Into<String>,
    ) -> Result<Self, PatternError> {
        let set = PatternSet::new(words.into_iter().map(Pattern::literal))?;
        let tools = Box::new(Tools::new(set));
        Ok(Self(Mode::WholeDeltas { tools, replacement: replacement.into() }))
    }
}

impl Processor for ContentFilterProcessor {
    fn process(
        &mut self,
        mut event: StreamEvent,
        out: &mut Vec<StreamEvent>,
    ) -> Result<(), ProcessError> {
        match &mut self.0 {
            Mode::Spans(filter) => return filter.process(event, out),
            Mode::WholeDeltas { tools, replacement } => {
                if let EventBody::Delta(delta) = &mut event.body
                    && Scan::new(tools.set()).finds(tools, &delta.text)
                {
                    delta.text.clone_from(replacement);
                }
            }
        }
        out.push(event);
        Ok(())
    }

    fn flush(&mut self, out: &mut Vec<StreamEvent>) -> Result<(), ProcessError> {
        match &mut self.0 {
            Mode::Spans(filter) => filter.flush(out),
            Mode::WholeDeltas { .. } => Ok(()),
        }
    }

    fn reset(&mut self) {
        if let Mode::Spans(filter) = &mut self.0 {
            filter.reset();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filter::REPLACEMENT;

    #[test]
    fn whole_deltas_leave_other_events_alone() {
        let mut filter = ContentFilterProcessor::whole_deltas(["end"], REPLACEMENT).unwrap();
        let mut out = vec![];
        for event in [StreamEvent::start(), StreamEvent::error("the end"), StreamEvent::end("end")]
        {
            filter.process(event.clone(), &mut out).unwrap();
            assert_eq!(out.pop(), Some(event));
        }
    }
}
