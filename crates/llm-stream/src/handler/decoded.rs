//! A decoder over a source of bytes: what a provider sends becomes a source of events.

use std::fmt::Display;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use crate::decoder::Decoder;
use crate::event::{ErrorKind, EventBody, StreamError, StreamEvent};

/// The events in a source of bytes, which is an iterator or a [`futures_core::Stream`] of results.
///
/// The last event is always an end.
/// If the source fails before the provider has said that it is done, an error event of
/// [`ErrorKind::Server`] stands before that end; a failure after it does no harm.
///
/// It reads to the end of the source, since a few providers send more after they are done.
/// A driver that will not wait for that long asks [`is_done`](Self::is_done).
///
/// # Examples
/// ```
/// use llm_stream::{DecodedEvents, Decoder, Format, stream_to_string};
///
/// let body = [
///     Ok("data: {\"choices\":[{\"delta\":{\"content\":\"Hi\"}}]}\n\n"),
///     Err("connection reset"),
/// ];
/// let events = DecodedEvents::new(Decoder::new(Format::OpenAiChat), body.into_iter());
/// let error = stream_to_string(events).unwrap_err();
/// assert_eq!(error.to_string(), "connection reset");
/// assert!(error.is_retryable());
/// ```
#[derive(Debug)]
#[must_use = "nothing is read until it is iterated or polled"]
pub struct DecodedEvents<S> {
    decoder: Decoder,
    source: S,
    failure: Option<StreamError>,
    /// The end, while the failure goes before it.
    held: Option<StreamEvent>,
    finished: bool,
}

impl<S> DecodedEvents<S> {
    /// Decodes what `source` yields.
    pub fn new(decoder: Decoder, source: S) -> Self {
        Self { decoder, source, failure: None, held: None, finished: false }
    }

    /// Whether the provider has said that it is done.
    pub fn is_done(&self) -> bool {
        self.decoder.is_done()
    }

    /// An event that is ready: the failure of the source comes just before the end.
    fn ready_event(&mut self) -> Option<StreamEvent> {
        let event = self.held.take().or_else(|| self.decoder.next_event())?;
        match (&event.body, self.failure.take()) {
            (EventBody::End(_), Some(error)) => {
                self.held = Some(event);
                Some(EventBody::Error(Box::new(error)).into())
            }
            (_, failure) => {
                self.failure = failure;
                Some(event)
            }
        }
    }

    /// Takes the next item of the source.
    fn push<B: AsRef<[u8]>, E: Display>(&mut self, item: Option<Result<B, E>>) {
        match item {
            Some(Ok(bytes)) => self.decoder.push(bytes.as_ref()),
            Some(Err(error)) => {
                if !self.decoder.is_done() {
                    self.failure = Some(StreamError::new(ErrorKind::Server, error.to_string()));
                }
                self.finish();
            }
            None => self.finish(),
        }
    }

    fn finish(&mut self) {
        self.finished = true;
        self.decoder.finish();
    }
}

impl<S, B, E> Iterator for DecodedEvents<S>
where
    S: Iterator<Item = Result<B, E>>,
    B: AsRef<[u8]>,
    E: Display,
{
    type Item = StreamEvent;

    fn next(&mut self) -> Option<StreamEvent> {
        loop {
            if let Some(event) = self.ready_event() {
                return Some(event);
            }
            if self.finished {
                return None;
            }
            let item = self.source.next();
            self.push(item);
        }
    }
}

impl<S, B, E> futures_core::Stream for DecodedEvents<S>
where
    S: futures_core::Stream<Item = Result<B, E>> + Unpin,
    B: AsRef<[u8]>,
    E: Display,
{
    type Item = StreamEvent;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<StreamEvent>> {
        let this = self.get_mut();
        loop {
            if let Some(event) = this.ready_event() {
                return Poll::Ready(Some(event));
            }
            if this.finished {
                return Poll::Ready(None);
            }
            let item = ready!(Pin::new(&mut this.source).poll_next(context));
            this.push(item);
        }
    }
}
