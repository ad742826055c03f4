//! A handler over a [`futures_core::Stream`], on any runtime.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use futures_core::Stream as _;

use super::{HandlerError, Input, StreamHandler};
use crate::event::StreamEvent;

impl StreamHandler {
    /// Begins a run over a stream and returns its events, as the source yields them.
    ///
    /// A source that is not [`Unpin`] is pinned first, with [`std::pin::pin!`] or [`Box::pin`].
    pub fn stream_events<S>(&mut self, stream: S) -> HandlerStream<'_, S>
    where
        S: futures_core::Stream<Item: Into<Input>> + Unpin,
    {
        self.begin();
        HandlerStream { handler: self, source: stream }
    }

    /// Runs over a stream to its end, telling the callbacks, and returns the text; `None` if
    /// [`buffer_content`](Self::buffer_content) is off.
    ///
    /// # Errors
    /// If the stream is not whole; the text so far is in [`buffer`](Self::buffer).
    ///
    /// # Cancel safety
    /// Dropping the future ends the run; what the source had yielded is in the buffer and the
    /// statistics, and the source is dropped.
    ///
    /// # Examples
    /// ```
    /// use std::time::Instant;
    ///
    /// use llm_stream::{Decoder, DecodedEvents, Format, HandlerError, StreamHandler};
    ///
    /// /// Says what a provider answers, whichever client and runtime its bytes come from.
    /// async fn answer<S, B, E>(body: S) -> Result<String, HandlerError>
    /// where
    ///     S: futures_core::Stream<Item = Result<B, E>> + Unpin,
    ///     B: AsRef<[u8]>,
    ///     E: std::fmt::Display,
    /// {
    ///     let events = DecodedEvents::new(Decoder::new(Format::Anthropic), body);
    ///     let text = StreamHandler::new(Instant::now).process_stream_async(events).await?;
    ///     Ok(text.unwrap_or_default())
    /// }
    /// ```
    pub async fn process_stream_async<S>(
        &mut self,
        stream: S,
    ) -> Result<Option<String>, HandlerError>
    where
        S: futures_core::Stream<Item: Into<Input>>,
    {
        let source = pin!(stream);
        let mut events = self.stream_events(source);
        while poll_fn(|context| Pin::new(&mut events).poll_next(context)).await.is_some() {}
        drop(events);
        self.result()
    }
}

/// The events of one run over a stream; see [`StreamHandler::stream_events`].
///
/// Dropping it ends the run.
#[derive(Debug)]
#[must_use = "a run goes no further than it is polled"]
pub struct HandlerStream<'h, S> {
    handler: &'h mut StreamHandler,
    source: S,
}

impl<S> HandlerStream<'_, S> {
    /// The handler, whose buffer and statistics tell how far the run has come.
    pub fn handler(&self) -> &StreamHandler {
        self.handler
    }
}

impl<S> futures_core::Stream for HandlerStream<'_, S>
where
    S: futures_core::Stream<Item: Into<Input>> + Unpin,
{
    type Item = StreamEvent;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<StreamEvent>> {
        let Self { handler, source } = self.get_mut();
        loop {
            if let Some(event) = handler.next_event() {
                return Poll::Ready(Some(event));
            }
            if handler.is_ended() {
                return Poll::Ready(None);
            }
            match ready!(Pin::new(&mut *source).poll_next(context)) {
                Some(item) => handler.push(item),
                None => handler.finish(),
            }
        }
    }
}

impl<S> Drop for HandlerStream<'_, S> {
    fn drop(&mut self) {
        self.handler.abandon();
    }
}
