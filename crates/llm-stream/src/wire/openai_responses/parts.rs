//! Which part of the choice each place in the output is, and what has come of it.

use super::super::emitter::{Emitter, Part};
use crate::event::Channel;
use crate::limits::BLOCKS_OPEN_MAX;

/// A place in the output: which item, and which text of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) output: u64,
    pub(super) channel: Channel,
    pub(super) index: u64,
}

impl Place {
    pub(super) fn new(output: u64, channel: Channel, index: u64) -> Self {
        Self { output, channel, index }
    }
}

/// The parts of the items that have not ended.
#[derive(Debug, Default)]
pub(super) struct Parts(Vec<Known>);

#[derive(Debug)]
struct Known {
    place: Place,
    part: Part,
    bytes: usize,
    annotations: usize,
}

impl Parts {
    /// The part at `place`, a new one if there is none.
    pub(super) fn get(&mut self, place: Place, out: &mut Emitter) -> Option<Part> {
        self.known(place, out).map(|known| known.part)
    }

    /// Notes that `bytes` more have come at `place`.
    pub(super) fn grow(&mut self, place: Place, bytes: usize, out: &mut Emitter) -> Option<Part> {
        let known = self.known(place, out)?;
        known.bytes = known.bytes.saturating_add(bytes);
        Some(known.part)
    }

    /// Whether nothing has come at `place`.
    pub(super) fn is_untouched(&mut self, place: Place, out: &mut Emitter) -> bool {
        self.known(place, out).is_some_and(|known| known.bytes == 0)
    }

    /// Notes one more annotation of the text at `place`.
    pub(super) fn annotated(&mut self, place: Place, out: &mut Emitter) -> Option<Part> {
        let known = self.known(place, out)?;
        known.annotations = known.annotations.saturating_add(1);
        Some(known.part)
    }

    /// How many annotations the text at `place` has.
    pub(super) fn annotations(&self, place: Place) -> usize {
        self.find(place).and_then(|at| self.0.get(at)).map_or(0, |known| known.annotations)
    }

    /// Any part of an item, a new one if there is none.
    pub(super) fn of_item(&mut self, output: u64, out: &mut Emitter) -> Option<Part> {
        let known = self.0.iter().rfind(|known| known.place.output == output);
        known.map(|known| known.part).or_else(|| out.new_part(0))
    }

    /// Forgets the parts of an item.
    pub(super) fn end_item(&mut self, output: u64) {
        self.0.retain(|known| known.place.output != output);
    }

    fn find(&self, place: Place) -> Option<usize> {
        self.0.iter().rposition(|known| known.place == place)
    }

    fn known(&mut self, place: Place, out: &mut Emitter) -> Option<&mut Known> {
        let at = match self.find(place) {
            Some(at) => at,
            None => {
                let part = out.new_part(0)?;
                if self.0.len() >= BLOCKS_OPEN_MAX {
                    self.0.remove(0);
                }
                self.0.push(Known { place, part, bytes: 0, annotations: 0 });
                self.0.len() - 1
            }
        };
        self.0.get_mut(at)
    }
}
