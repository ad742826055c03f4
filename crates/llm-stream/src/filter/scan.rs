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

/// The state of the search in one text.
#[derive(Debug)]
pub(super) struct Scan {
    literals: Vec<LiteralScan>,
    regexes: Option<RegexScan>,
    /// What has come in and is not yet released.
    held: String,
    /// The byte before `held`.
    before: Option<u8>,
    /// Bytes of the text before `held`.
    offset: u64,
    blocked: Option<Blocked>,
}

impl Scan {
    pub(super) fn new(set: &PatternSet) -> Self {
        let compiled = set.compiled();
        Self {
            literals: compiled.literals.iter().map(LiteralScan::new).collect(),
            regexes: compiled.regexes.as_ref().map(|_| RegexScan::new()),
            held: String::new(),
            before: None,
            offset: 0,
            blocked: None,
        }
    }

    /// Bytes that came in and are not yet released.
    pub(super) fn held_bytes(&self) -> usize {
        self.held.len()
    }

    /// Why the text has ended before its end, if it has.
    pub(super) fn blocked(&self) -> Option<Blocked> {
        self.blocked
    }

    /// Takes in a piece of the text and appends to `out` what may go.
    pub(super) fn push(
        &mut self,
        tools: &mut Tools,
        text: &str,
        out: &mut String,
    ) -> Result<(), Blocked> {
        if self.held.is_empty() {
            let released = self.step(tools, text, false, out)?;
            self.held.push_str(text.get(released..).unwrap_or_default());
            return Ok(());
        }
        let mut held = mem::take(&mut self.held);
        held.push_str(text);
        let released = self.step(tools, &held, false, out)?;
        held.drain(..released);
        self.held = held;
        Ok(())
    }

    /// Takes the text as complete, appends the rest of it to `out`, and is ready for another.
    pub(super) fn finish(&mut self, tools: &mut Tools, out: &mut String) -> Result<(), Blocked> {
        let held = mem::take(&mut self.held);
        self.step(tools, &held, true, out)?;
        *self = Self::new(&tools.set);
        Ok(())
    }

    /// Filters a window and tells how much of it is done with.
    fn step(
        &mut self,
        tools: &mut Tools,
        text: &str,
        last: bool,
        out: &mut String,
    ) -> Result<usize, Blocked> {
        if let Some(blocked) = self.blocked {
            return Err(blocked);
        }
        let Tools { set, caches, callback } = tools;
        let compiled = set.compiled();
        let window = Window { text, before: self.before, last };
        let mut released = 0;
        loop {
            let (open, best) = self.search(compiled, caches, &window);
            let Some(found) = best.filter(|found| found.start < open) else {
                let open = best.map_or(open, |found| found.start.min(open));
                out.push_str(window.slice(released, open));
                self.forget(&window, open);
                return Ok(open);
            };
            out.push_str(window.slice(released, found.start));
            if let Err(blocked) = self.replace(compiled, callback, &window, found, out) {
                self.blocked = Some(blocked);
                return Err(blocked);
            }
            released = found.end;
            self.skip_to(compiled, released);
        }
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

    /// Forgets what is released of the window.
    fn forget(&mut self, window: &Window<'_>, released: usize) {
        if released == 0 {
            return;
        }
        self.before = window.byte_before(released);
        self.offset = self.offset.saturating_add(to_u64(released));
        for scan in &mut self.literals {
            scan.rebase(released);
        }
        if let Some(scan) = &mut self.regexes {
            scan.rebase(released);
        }
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
