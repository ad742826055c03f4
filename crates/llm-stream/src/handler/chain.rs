//! The processors of a handler, one after the other.

use std::mem;

use super::isolate::isolate;
use crate::event::StreamEvent;
use crate::processor::{ProcessError, Processor};

/// Processors in the order in which events go through them.
#[derive(Default)]
pub(super) struct Chain {
    processors: Vec<Box<dyn Processor>>,
    /// What comes into a step and what comes out of it; kept for their room.
    before: Vec<StreamEvent>,
    after: Vec<StreamEvent>,
}

impl Chain {
    pub(super) fn add(&mut self, processor: Box<dyn Processor>) {
        self.processors.push(processor);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.processors.is_empty()
    }

    /// Makes every processor ready for another stream.
    pub(super) fn reset(&mut self) -> Result<(), ProcessError> {
        self.processors.iter_mut().try_for_each(|processor| {
            guarded(|| {
                processor.reset();
                Ok(())
            })
        })
    }

    /// Appends to `out` what comes of an event; after an error too, of what came before it.
    pub(super) fn process(
        &mut self,
        event: StreamEvent,
        out: &mut Vec<StreamEvent>,
    ) -> Result<(), ProcessError> {
        self.before.push(event);
        let result = self.run_from(0);
        out.append(&mut self.before);
        result
    }

    /// Appends to `out` what the processors held back, first to last.
    pub(super) fn flush(&mut self, out: &mut Vec<StreamEvent>) -> Result<(), ProcessError> {
        for place in 0..self.processors.len() {
            let Some(processor) = self.processors.get_mut(place) else { break };
            let mut held = mem::take(&mut self.before);
            let flushed = guarded(|| processor.flush(&mut held));
            self.before = held;
            let passed = self.run_from(place + 1);
            out.append(&mut self.before);
            flushed.and(passed)?;
        }
        Ok(())
    }

    /// Sends what is in `before` through the processors from one on, and leaves it there.
    ///
    /// What a failing processor had let out still goes through those behind it.
    fn run_from(&mut self, first: usize) -> Result<(), ProcessError> {
        let Self { processors, before, after } = self;
        let mut result = Ok(());
        for processor in processors.iter_mut().skip(first) {
            let passed =
                before.drain(..).try_for_each(|event| guarded(|| processor.process(event, after)));
            result = result.and(passed);
            mem::swap(before, after);
        }
        result
    }
}

/// Calls a processor; its panic is an error like any other.
fn guarded(call: impl FnOnce() -> Result<(), ProcessError>) -> Result<(), ProcessError> {
    isolate(call)
        .unwrap_or_else(|words| Err(ProcessError::new(format!("processor panicked: {words}"))))
}

impl std::fmt::Debug for Chain {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Chain")
            .field("processors", &self.processors.len())
            .finish_non_exhaustive()
    }
}
