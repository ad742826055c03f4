//! The filter of one text that arrives in pieces.

use super::pattern::{Blocked, Decision, FilterMatch};
use super::scan::{Scan, Tools};
use super::set::PatternSet;

/// Finds patterns in a text that arrives in pieces, however it is cut, and keeps them from
/// getting out.
///
/// What comes out is what replacing the matches in the whole text would give; see the
/// [module](super) for which matches that are.
/// A piece of text is let go as soon as it cannot become part of a match.
///
/// # Examples
/// ```
/// use llm_stream::filter::{Pattern, PatternFilter, PatternSet};
///
/// let set = PatternSet::new([Pattern::literal("secret"), Pattern::literal("secret key")])?;
/// let mut filter = PatternFilter::new(&set);
/// let mut out = String::new();
///
/// filter.push("my sec", &mut out)?;
/// assert_eq!(out, "my ");
/// filter.push("ret ", &mut out)?;
/// assert_eq!(out, "my ");
/// filter.push("keeper", &mut out)?;
/// assert_eq!(out, "my [FILTERED] keeper");
/// filter.finish(&mut out)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct PatternFilter {
    tools: Tools,
    scan: Scan,
}

impl PatternFilter {
    /// A filter at the beginning of a text.
    pub fn new(set: &PatternSet) -> Self {
        Self { tools: Tools::new(set.clone()), scan: Scan::new(set) }
    }

    /// Sets who decides about the matches of patterns with [`Action::Ask`](super::Action::Ask).
    #[must_use]
    pub fn on_match(
        mut self,
        decide: impl FnMut(&FilterMatch<'_>) -> Decision + Send + Sync + 'static,
    ) -> Self {
        self.tools.set_callback(Box::new(decide));
        self
    }

    /// Takes in the next piece of the text and appends to `out` what may go.
    ///
    /// # Errors
    /// [`Blocked`] if the text is blocked; `out` has then got everything before the place where
    /// it is. So do all later calls, which append nothing.
    pub fn push(&mut self, text: &str, out: &mut String) -> Result<(), Blocked> {
        self.scan.push(&mut self.tools, text, out)
    }

    /// Takes the text as complete and appends the rest of it to `out`.
    ///
    /// The filter is then ready for another text.
    ///
    /// # Errors
    /// As for [`push`](Self::push).
    pub fn finish(&mut self, out: &mut String) -> Result<(), Blocked> {
        self.scan.finish(&mut self.tools, out)
    }

    /// Bytes that came in and may still become part of a match.
    pub fn held_bytes(&self) -> usize {
        self.scan.held_bytes()
    }

    /// Bytes that the filter has taken for the text, used or not.
    #[cfg(test)]
    pub(super) fn buffer_bytes(&self) -> usize {
        self.scan.buffer_bytes()
    }

    /// Why the text has ended before its end, if it has.
    pub fn blocked(&self) -> Option<Blocked> {
        self.scan.blocked()
    }
}
