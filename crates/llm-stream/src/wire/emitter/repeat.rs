//! Payloads that repeat one before: when a template may be made and kept, and what it gives.

use std::borrow::Cow;
use std::ops::Range;

use super::super::cursor::BadJson;
use super::super::lenient::Raw;
use super::{Emitter, Part};
use crate::event::{Channel, Delta, EventBody};
use crate::template::Template;

/// Where the text of a delta came from, and which event it became.
#[derive(Debug, Clone, Copy)]
pub(super) struct Origin {
    pub(super) text: Slice,
    pub(super) target: Target,
    /// How many events had been emitted with it.
    pub(super) emitted: u64,
}

/// What another text from the same place belongs to.
#[derive(Debug, Clone, Copy)]
pub(super) enum Target {
    /// A part of a choice.
    Text(Part, Channel),
    /// A tool call of a choice, by its place with the assembler.
    Call { choice: u32, place: usize },
}

/// A piece of memory, for finding out whether it is a piece of a payload.
#[derive(Debug, Clone, Copy)]
pub(super) struct Slice {
    address: usize,
    length: usize,
}

impl Slice {
    pub(super) fn of(text: &str) -> Self {
        Self { address: text.as_ptr().addr(), length: text.len() }
    }

    /// The same with the byte before it and the one after it.
    fn with_quotes(self) -> Self {
        Self { address: self.address.saturating_sub(1), length: self.length.saturating_add(2) }
    }

    /// Where in `data` it is, if it is a piece of it.
    fn within(self, data: &str) -> Option<Range<usize>> {
        let start = self.address.checked_sub(data.as_ptr().addr())?;
        let range = start..start.checked_add(self.length)?;
        data.get(range.clone()).map(|_| range)
    }
}

/// Payloads that are remembered, each of another choice; one more takes the place of the first.
const REMEMBERED_MAX: usize = 4;

/// The payloads that the next one may repeat.
///
/// Decoding depends on what has come before. So each payload that is decoded the long way makes
/// all others be forgotten, but for one case: where all it gave was a delta of one choice, nothing
/// has changed for the other choices. This keeps streams quick whose choices come by turns.
#[derive(Debug, Default)]
pub(super) struct Repeats(Vec<Remembered>);

#[derive(Debug)]
struct Remembered {
    template: Template,
    target: Target,
}

impl Repeats {
    /// What a payload gives, if it repeats another.
    #[inline]
    fn find<'a>(&self, name: Option<&[u8]>, data: &'a str) -> Option<(Target, Cow<'a, str>)> {
        let texts = self.0.iter().map(|known| (known.target, known.template.text_of(name, data)));
        texts.into_iter().find_map(|(target, text)| Some((target, text?)))
    }

    fn clear(&mut self) {
        self.0.iter_mut().for_each(|known| known.template.clear());
    }

    /// The place for a payload of `target`: that of the last one of the same choice.
    fn place_of(&mut self, target: Target) -> Option<&mut Template> {
        let same = self.0.iter().position(|known| known.target.choice() == target.choice());
        let place = match same {
            Some(place) => place,
            None if self.0.len() < REMEMBERED_MAX => {
                self.0.reserve_exact(1);
                self.0.push(Remembered { template: Template::default(), target });
                self.0.len() - 1
            }
            None => 0,
        };
        let known = self.0.get_mut(place)?;
        known.target = target;
        Some(&mut known.template)
    }
}

impl Target {
    fn choice(self) -> u32 {
        match self {
            Self::Text(Part { choice, .. }, _) | Self::Call { choice, .. } => choice,
        }
    }
}

impl Emitter {
    /// Decodes a payload with `decode`, and remembers it if all it gave was one delta.
    pub(crate) fn observe(
        &mut self,
        name: Option<&[u8]>,
        data: &str,
        decode: impl FnOnce(&mut Self) -> Result<(), BadJson>,
    ) -> Result<(), BadJson> {
        self.ignored.clear();
        let before = self.emitted;
        let decoded = decode(self);
        let origin = self.origin.take().filter(|origin| {
            let is_all = self.emitted == before + 1 && origin.emitted == self.emitted;
            decoded.is_ok() && is_all && !self.halves.are_expected()
        });
        match origin.and_then(|origin| Some((origin.target, origin.text.within(data)?))) {
            Some((target, text)) => {
                let ignored = self.ignored.iter().filter_map(|slice| slice.within(data));
                if let Some(template) = self.repeats.place_of(target) {
                    template.learn(name, data, text, ignored);
                }
            }
            None => self.repeats.clear(),
        }
        decoded
    }

    /// Emits what a payload gives, if it repeats one before; returns whether it does.
    pub(crate) fn repeat(&mut self, name: Option<&[u8]>, data: &str) -> bool {
        match self.repeats.find(name, data) {
            Some((target, text)) => self.again(target, text),
            None => false,
        }
    }

    /// Emits another text of the same kind as one before; returns whether it could.
    fn again(&mut self, target: Target, text: Cow<'_, str>) -> bool {
        match target {
            Target::Text(Part { choice, part }, channel) => {
                let text = text.into_owned();
                self.push(EventBody::Delta(Delta { choice, part, channel, text }).into());
                true
            }
            Target::Call { place, .. } => {
                let taken = self.calls.push_to(place, &text);
                self.drain_calls();
                taken
            }
        }
    }

    /// Notes a value that differs between payloads and that nobody reads.
    pub(in crate::wire) fn ignore(&mut self, value: Raw<'_>) {
        if let Some(raw) = value.0 {
            self.ignored.push(Slice::of(raw));
        }
    }

    /// As [`ignore`](Self::ignore), for the characters of a string.
    pub(in crate::wire) fn ignore_text(&mut self, text: &str) {
        self.ignored.push(Slice::of(text).with_quotes());
    }
}
