//! Items in batches.

use std::time::Instant;

use stream_async::{BatchOptions, Batcher};

use super::debug_by_name;
use crate::{Emit, Flow, Loader, Moment, SaveState, Saver, Stage, StateError};

/// Collects items into batches by count, weight and time.
pub struct Batch<T, W> {
    batcher: Batcher<T>,
    weigh: W,
    /// Where the first item of the unfinished batch came from.
    first: Option<u64>,
}

debug_by_name!(Batch<T, W>);

/// A clone begins with an empty batch.
impl<T, W: Clone> Batch<T, W> {
    pub(crate) fn new(options: BatchOptions, weigh: W) -> Self {
        Self { batcher: Batcher::new(options), weigh, first: None }
    }
}

impl<T, W> Batch<T, W> {
    fn hand_on<E: Emit<Vec<T>> + ?Sized>(&mut self, moment: &mut Moment, out: &mut E) -> Flow {
        while let Some(batch) = self.batcher.poll_output() {
            moment.joined(|moment| out.emit(batch, moment))?;
        }
        Flow::Continue(())
    }
}

impl<T, W: FnMut(&T) -> usize> Stage<T> for Batch<T, W> {
    type Out = Vec<T>;

    fn push<E>(&mut self, item: T, moment: &mut Moment, out: &mut E) -> Flow
    where
        E: Emit<Vec<T>> + ?Sized,
    {
        self.batcher.start(moment.now());
        let weight = (self.weigh)(&item);
        self.batcher.handle_input(moment.now(), item, weight);
        match self.batcher.items().len() {
            0 => self.first = None,
            1 => self.first = Some(moment.origin().position()),
            _ => {}
        }
        self.hand_on(moment, out)
    }

    fn advance<E>(&mut self, moment: &mut Moment, out: &mut E) -> Flow
    where
        E: Emit<Vec<T>> + ?Sized,
    {
        if self.batcher.poll_timeout().is_none_or(|deadline| deadline > moment.now()) {
            return Flow::Continue(());
        }
        self.batcher.handle_timeout(moment.now());
        self.first = None;
        self.hand_on(moment, out)
    }

    fn finish<E: Emit<Vec<T>> + ?Sized>(&mut self, moment: &mut Moment, out: &mut E) -> bool {
        self.batcher.flush();
        self.first = None;
        self.hand_on(moment, out).is_break() || self.batcher.outputs() == 0
    }

    fn deadline(&self) -> Option<Instant> {
        // A tick that runs freely has nothing to do while no item waits.
        self.first.and_then(|_| self.batcher.poll_timeout())
    }

    fn depth(&self) -> usize {
        self.batcher.items().len()
    }

    fn held(&self) -> Option<u64> {
        self.first
    }
}

/// It has nothing to write down while nothing waits for its batch to be full.
impl<T, W> SaveState for Batch<T, W> {
    fn is_settled(&self) -> bool {
        self.first.is_none()
    }

    fn save(&self, _to: &mut Saver) -> Result<(), StateError> {
        Ok(())
    }

    fn restore(&mut self, _from: &mut Loader<'_>) -> Result<(), StateError> {
        Ok(())
    }
}
