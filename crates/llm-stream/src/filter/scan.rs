//! The search of all patterns in one text: several searches side by side, one order of matches.
//!
//! Each search finds its own leftmost match. The leftmost of these is taken as soon as no other
//! search can still find one that begins before it, or one that begins with it and is longer;
//! then every search goes on behind it. Text before all of that is released.

use std::mem;

use super::limits::REGEX_CACHE_BYTES_MAX;
use super::literals::LiteralScan;
use super::pattern::{Action, Blocked, Callback, Decision, FilterMatch, REPLACEMENT};
use super::regexes::{Caches, RegexScan};
use super::set::{Compiled, PatternSet};
use super::window::{Found, Verdict, Window};

/// What all texts of one filter share.
pub(super) struct Tools {
    set: PatternSet,
    caches: Option<Caches>,
    callback: Option<Callback>,
}

impl Tools {
    pub(super) fn new(set: PatternSet) -> Self {
        let caches = set.compiled().regexes.as_ref().map(Caches::new);
        Self { set, caches, callback: None }
    }

    pub(super) fn set(&self) -> &PatternSet {
        &self.set
    }

    pub(super) fn set_callback(&mut self, callback: Callback) {
        self.callback = Some(callback);
    }
}

impl std::fmt::Debug for Tools {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Tools")
            .field("set", &self.set)
            .field("cache_bytes_max", &REGEX_CACHE_BYTES_MAX)
            .field("callback", &self.callback.is_some())
            .finish_non_exhaustive()
    }
}

/// Bytes of released text that stay in a scan's buffer until they are worth moving away.
const RELEASED_BYTES_MAX: usize = 1024;

/// Bytes of memory that a buffer keeps; a large delta takes more for a moment.
const BUFFER_BYTES_KEPT: usize = 4 * RELEASED_BYTES_MAX;

/// The state of the search in one text.
#[derive(Debug)]
pub(super) struct Scan {
    literals: Vec<LiteralScan>,
    regexes: Option<RegexScan>,
    /// The end of what has come in; all positions are in it.
    buffer: String,
    /// Up to where the buffer is released.
    released: usize,
    /// The byte before the buffer.
    before: Option<u8>,
    /// Bytes of the text before the buffer.
    offset: u64,
    /// Bytes of the last output that stem from what was held before.
    carried: usize,
    blocked: Option<Blocked>,
}

impl Scan {
    pub(super) fn new(set: &PatternSet) -> Self {
        let compiled = set.compiled();
        Self {
            literals: compiled.literals.iter().map(LiteralScan::new).collect(),
            regexes: compiled.regexes.as_ref().map(|_| RegexScan::new()),
            buffer: String::new(),
            released: 0,
            before: None,
            offset: 0,
            carried: 0,
            blocked: None,
        }
    }

    /// Makes the scan ready for another text.
    pub(super) fn reset(&mut self, set: &PatternSet) {
        for (scan, literals) in self.literals.iter_mut().zip(&set.compiled().literals) {
            *scan = LiteralScan::new(literals);
        }
        if let Some(scan) = &mut self.regexes {
            *scan = RegexScan::new();
        }
        self.buffer.clear();
        (self.released, self.before, self.offset, self.blocked) = (0, None, 0, None);
    }

    /// Bytes that came in and are not yet released.
    pub(super) fn held_bytes(&self) -> usize {
        self.buffer.len() - self.released
    }

    #[cfg(test)]
    pub(super) fn buffer_bytes(&self) -> usize {
        self.buffer.capacity()
    }

    /// Bytes that came in.
    pub(super) fn taken_bytes(&self) -> u64 {
        self.offset.saturating_add(to_u64(self.buffer.len()))
    }

    /// Bytes that came in and are released, or replaced by others.
    pub(super) fn released_bytes(&self) -> u64 {
        self.offset.saturating_add(to_u64(self.released))
    }

    /// Bytes of what was last appended to an output that stem from earlier pieces.
    pub(super) fn carried_bytes(&self) -> usize {
        self.carried
    }

    /// Why the text has ended before its end, if it has.
    pub(super) fn blocked(&self) -> Option<Blocked> {
        self.blocked
    }

    /// Takes in a piece of the text and appends to `out` what may go.
    #[inline]
    pub(super) fn push(
        &mut self,
        tools: &mut Tools,
        text: &str,
        out: &mut String,
    ) -> Result<(), Blocked> {
        if let Some(blocked) = self.blocked {
            return Err(blocked);
        }
        let border = self.buffer.len();
        self.buffer.push_str(text);
        let Some(open) = self.skim(tools.set.compiled(), text) else {
            return self.step(tools, border, false, out);
        };
        self.carried = open.min(border) - self.released;
        // Whether something is held is hard to foresee, and a part that never ends with the buffer
        // spares the question.
        self.buffer.push('.');
        out.push_str(self.buffer.get(self.released..open).unwrap_or_default());
        self.buffer.pop();
        self.released = open;
        if open > RELEASED_BYTES_MAX {
            self.forget();
        }
        Ok(())
    }

    /// Takes a quick look at `text`, the end of the buffer: if it shows that no match ends in it,
    /// tells where the oldest text begins that may still become one.
    #[inline]
    fn skim(&mut self, compiled: &Compiled, text: &str) -> Option<usize> {
        let window = Window { text: &self.buffer, before: self.before, last: false };
        let mut open = window.len();
        for (scan, literals) in self.literals.iter_mut().zip(&compiled.literals) {
            open = open.min(scan.skim(literals, &window, text)?);
        }
        if let (Some(scan), Some(regexes)) = (&mut self.regexes, &compiled.regexes) {
            open = open.min(scan.skim(regexes, &window, text)?);
        }
        Some(open)
    }

    /// Takes the text as complete, appends the rest of it to `out`, and is ready for another.
    pub(super) fn finish(&mut self, tools: &mut Tools, out: &mut String) -> Result<(), Blocked> {
        if let Some(blocked) = self.blocked {
            return Err(blocked);
        }
        self.step(tools, self.buffer.len(), true, out)?;
        self.reset(&tools.set);
        Ok(())
    }

    /// Searches what is held, and appends to `out` what may go and what takes the place of
    /// matches; what came in before `border` is carried.
    #[cold]
    fn step(
        &mut self,
        tools: &mut Tools,
        border: usize,
        last: bool,
        out: &mut String,
    ) -> Result<(), Blocked> {
        let Tools { set, caches, callback } = tools;
        let compiled = set.compiled();
        let buffer = mem::take(&mut self.buffer);
        let window = Window { text: &buffer, before: self.before, last };
        let begin = out.len();
        self.carried = 0;
        loop {
            let (open, best) = self.search(compiled, caches, &window);
            let found = best.filter(|found| found.start < open);
            let go = best.map_or(open, |found| found.start.min(open));
            if self.released < border {
                self.carried = out.len() - begin + go.min(border) - self.released;
            }
            out.push_str(window.slice(self.released, go));
            self.released = go;
            let Some(found) = found else { break };
            if let Err(blocked) = self.replace(compiled, callback, &window, found, out) {
                self.blocked = Some(blocked);
                self.released = 0;
                return Err(blocked);
            }
            if found.start < border {
                self.carried = out.len() - begin;
            }
            self.released = found.end;
            self.skip_to(compiled, found.end);
        }
        self.buffer = buffer;
        if self.released > RELEASED_BYTES_MAX {
            self.forget();
        }
        Ok(())
    }

    /// Where the text begins that some search may still find, and the best match found so far.
    fn search(
        &mut self,
        compiled: &Compiled,
        caches: &mut Option<Caches>,
        window: &Window<'_>,
    ) -> (usize, Option<Found>) {
        let mut open = window.len();
        let mut best: Option<Found> = None;
        let mut take = |verdict| match verdict {
            Verdict::Open(at) => open = open.min(at),
            Verdict::Found(found) => {
                if best.is_none_or(|best| found.beats(&best)) {
                    best = Some(found);
                }
            }
        };
        for (scan, literals) in self.literals.iter_mut().zip(&compiled.literals) {
            take(scan.advance(literals, window));
        }
        if let (Some(scan), Some(regexes), Some(caches)) =
            (&mut self.regexes, &compiled.regexes, caches)
        {
            take(scan.advance(regexes, caches, window));
        }
        (open, best)
    }

    fn skip_to(&mut self, compiled: &Compiled, to: usize) {
        for (scan, literals) in self.literals.iter_mut().zip(&compiled.literals) {
            scan.skip_to(literals, to);
        }
        if let Some(scan) = &mut self.regexes {
            scan.skip_to(to);
        }
    }

    /// Moves released text away.
    #[cold]
    fn forget(&mut self) {
        let bytes = mem::take(&mut self.released);
        if let Some(&last) = self.buffer.as_bytes().get(..bytes).and_then(<[u8]>::last) {
            self.before = Some(last);
        }
        self.buffer.drain(..bytes);
        if self.buffer.capacity() > BUFFER_BYTES_KEPT {
            self.buffer.shrink_to(BUFFER_BYTES_KEPT);
        }
        self.offset = self.offset.saturating_add(to_u64(bytes));
        for scan in &mut self.literals {
            scan.rebase(bytes);
        }
        if let Some(scan) = &mut self.regexes {
            scan.rebase(bytes);
        }
    }

    /// Whether a complete text has a match; the scan is for this alone.
    pub(super) fn finds(mut self, tools: &mut Tools, text: &str) -> bool {
        let window = Window { text, before: None, last: true };
        let (_, best) = self.search(tools.set.compiled(), &mut tools.caches, &window);
        best.is_some()
    }

    /// Appends what takes the place of a match.
    fn replace(
        &self,
        compiled: &Compiled,
        callback: &mut Option<Callback>,
        window: &Window<'_>,
        found: Found,
        out: &mut String,
    ) -> Result<(), Blocked> {
        let offset = self.offset.saturating_add(to_u64(found.start));
        let Some(pattern) = found.pattern else {
            return Err(Blocked::TooLong { offset, max_match: compiled.bound });
        };
        let text = window.slice(found.start, found.end);
        match compiled.actions.get(pattern) {
            Some(Action::Drop) => {}
            Some(Action::Replace(with)) => out.push_str(with),
            Some(Action::Mask(mask)) => out.extend(text.chars().map(|_| *mask)),
            Some(Action::Block) => return Err(Blocked::Found { pattern, offset }),
            Some(Action::Ask) | None => {
                let seen = FilterMatch { pattern, text, offset };
                match callback.as_mut().map(|decide| decide(&seen)) {
                    Some(Decision::Keep) => out.push_str(text),
                    Some(Decision::Replace(with)) => out.push_str(&with),
                    Some(Decision::Mask(mask)) => out.extend(text.chars().map(|_| mask)),
                    Some(Decision::Drop) => {}
                    Some(Decision::Block) => return Err(Blocked::Found { pattern, offset }),
                    None => out.push_str(REPLACEMENT),
                }
            }
        }
        Ok(())
    }
}

fn to_u64(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}
