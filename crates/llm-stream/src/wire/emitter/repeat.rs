//! Payloads that repeat the one before: when a template may be made, and what it gives.

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
pub(crate) enum Target {
    /// A part of a choice.
    Text(Part, Channel),
    /// A tool call, by its place with the assembler.
    Call(usize),
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

    /// Where in `data` it is, if it is a piece of it.
    fn within(self, data: &str) -> Option<Range<usize>> {
        let start = self.address.checked_sub(data.as_ptr().addr())?;
        let range = start..start.checked_add(self.length)?;
        data.get(range.clone()).map(|_| range)
    }
}

impl Emitter {
    /// Decodes a payload with `decode`, and makes a template of it if all it gave was one delta.
    pub(crate) fn observe(
        &mut self,
        name: Option<&[u8]>,
        data: &str,
        template: &mut Template,
        decode: impl FnOnce(&mut Self) -> Result<(), BadJson>,
    ) -> Result<Option<Target>, BadJson> {
        template.clear();
        self.ignored.clear();
        let before = self.emitted;
        decode(self)?;
        let Some(Origin { text, target, emitted }) = self.origin.take() else { return Ok(None) };
        if self.emitted != before + 1 || emitted != self.emitted || self.halves.are_expected() {
            return Ok(None);
        }
        let Some(text) = text.within(data) else { return Ok(None) };
        let ignored = self.ignored.iter().filter_map(|slice| slice.within(data));
        template.learn(name, data, text, ignored);
        Ok(Some(target))
    }

    /// Emits another text of the same kind as one before; returns whether it could.
    pub(crate) fn again(&mut self, target: Target, text: Cow<'_, str>) -> bool {
        match target {
            Target::Text(Part { choice, part }, channel) => {
                let text = text.into_owned();
                self.push(EventBody::Delta(Delta { choice, part, channel, text }).into());
                true
            }
            Target::Call(place) => {
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
}
