//! Steps between a source of events and its reader: each may change, drop, hold back or add.

mod sse;

#[cfg(test)]
mod tests;

pub use sse::SseProcessor;

use crate::event::{ErrorKind, StreamError, StreamEvent};

/// A step that every event of a stream goes through.
///
/// A processor sees all events in order but the first start and the end, and appends to `out` what
/// comes of each: nothing, the event, another one, or several.
/// A closure from an event to an optional event is a processor.
///
/// # End of the stream
/// A processor that holds something back lets it go in [`flush`](Self::flush), which comes after
/// the last event, and also where the source breaks off.
/// It does not come after this or another processor has failed.
///
/// # Examples
/// ```
/// use llm_stream::{EventBody, ProcessError, Processor, StreamEvent};
///
/// /// Joins two deltas to one.
/// #[derive(Debug, Default)]
/// struct Pairs(String);
///
/// impl Processor for Pairs {
///     fn process(
///         &mut self,
///         mut event: StreamEvent,
///         out: &mut Vec<StreamEvent>,
///     ) -> Result<(), ProcessError> {
///         match &mut event.body {
///             EventBody::Delta(delta) if self.0.is_empty() => {
///                 self.0 = std::mem::take(&mut delta.text);
///             }
///             EventBody::Delta(delta) => {
///                 delta.text.insert_str(0, &std::mem::take(&mut self.0));
///                 out.push(event);
///             }
///             _ => out.push(event),
///         }
///         Ok(())
///     }
///
///     fn flush(&mut self, out: &mut Vec<StreamEvent>) -> Result<(), ProcessError> {
///         out.push(StreamEvent::delta(std::mem::take(&mut self.0)));
///         Ok(())
///     }
///
///     fn reset(&mut self) {
///         self.0.clear();
///     }
/// }
/// ```
#[doc(alias = "StreamProcessor")]
pub trait Processor: Send + Sync {
    /// Takes the next event and appends to `out` what comes of it.
    ///
    /// # Errors
    /// If the stream must not go on. What was appended before is still delivered; then comes an
    /// error event, and nothing after it.
    fn process(
        &mut self,
        event: StreamEvent,
        out: &mut Vec<StreamEvent>,
    ) -> Result<(), ProcessError>;

    /// Appends to `out` what was held back: no further event comes.
    ///
    /// # Errors
    /// As for [`process`](Self::process).
    fn flush(&mut self, out: &mut Vec<StreamEvent>) -> Result<(), ProcessError> {
        let _ = out;
        Ok(())
    }

    /// Forgets the stream so far: another one begins.
    fn reset(&mut self) {}
}

/// Why a processor ends its stream: the error event that the reader gets.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{}", .0.message)]
pub struct ProcessError(Box<StreamError>);

impl ProcessError {
    /// An error of unknown kind with a message for people.
    pub fn new(message: impl Into<String>) -> Self {
        StreamError::new(ErrorKind::Other, message).into()
    }

    /// The error as a stream has it.
    pub fn into_stream_error(self) -> Box<StreamError> {
        self.0
    }
}

impl From<StreamError> for ProcessError {
    fn from(error: StreamError) -> Self {
        Self(Box::new(error))
    }
}

impl<F> Processor for F
where
    F: FnMut(StreamEvent) -> Option<StreamEvent> + Send + Sync,
{
    fn process(
        &mut self,
        event: StreamEvent,
        out: &mut Vec<StreamEvent>,
    ) -> Result<(), ProcessError> {
        out.extend(self(event));
        Ok(())
    }
}

/// A processor that lets every event through as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PassthroughProcessor;

impl Processor for PassthroughProcessor {
    fn process(
        &mut self,
        event: StreamEvent,
        out: &mut Vec<StreamEvent>,
    ) -> Result<(), ProcessError> {
        out.push(event);
        Ok(())
    }
}
