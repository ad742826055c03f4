//! A handler over an iterator.

use super::{HandlerError, Input, StreamHandler};
use crate::event::StreamEvent;

impl StreamHandler {
    /// Begins a run over an iterator and returns its events, as the source yields them.
    pub fn iter_events<I>(&mut self, stream: I) -> HandlerEvents<'_, I::IntoIter>
    where
        I: IntoIterator<Item: Into<Input>>,
    {
        self.begin();
        HandlerEvents { handler: self, source: stream.into_iter() }
    }

    /// Runs over an iterator to its end, telling the callbacks, and returns the text; `None` if
    /// [`buffer_content`](Self::buffer_content) is off.
    ///
    /// # Errors
    /// If the stream is not whole; the text so far is in [`buffer`](Self::buffer).
    pub fn process_stream<I>(&mut self, stream: I) -> Result<Option<String>, HandlerError>
    where
        I: IntoIterator<Item: Into<Input>>,
    {
        self.begin();
        self.run.hand_out = false;
        for item in stream {
            self.push(item);
            if self.is_ended() {
                break;
            }
        }
        self.finish();
        self.result()
    }
}

/// The events of one run over an iterator; see [`StreamHandler::iter_events`].
///
/// Dropping it ends the run.
#[derive(Debug)]
#[must_use = "a run goes no further than it is iterated"]
pub struct HandlerEvents<'h, S> {
    handler: &'h mut StreamHandler,
    source: S,
}

impl<S> HandlerEvents<'_, S> {
    /// The handler, whose buffer and statistics tell how far the run has come.
    pub fn handler(&self) -> &StreamHandler {
        self.handler
    }
}

impl<S> Iterator for HandlerEvents<'_, S>
where
    S: Iterator<Item: Into<Input>>,
{
    type Item = StreamEvent;

    fn next(&mut self) -> Option<StreamEvent> {
        loop {
            if let Some(event) = self.handler.next_event() {
                return Some(event);
            }
            if self.handler.is_ended() {
                return None;
            }
            match self.source.next() {
                Some(item) => self.handler.push(item),
                None => self.handler.finish(),
            }
        }
    }
}

impl<S> Drop for HandlerEvents<'_, S> {
    fn drop(&mut self) {
        self.handler.abandon();
    }
}
