//! Deltas that hold server-sent events as text become the events in them.

use serde_json::{Map, Value};

use super::{ProcessError, Processor};
use crate::decoder::Decoder;
use crate::event::{Channel, Delta, EventBody, Identity, Metadata, StreamEvent};
use crate::format::Format;
use crate::limits::Limits;

/// A processor that takes the text of a stream as server-sent events, cut anywhere, and lets out
/// the events that are in it.
///
/// It reads the first choice's text; other events pass as they are.
/// A stream's first start has gone by when the text comes, so what the provider says in its own
/// start comes as [`Metadata::Identity`].
///
/// # Examples
/// ```
/// use std::time::Instant;
///
/// use llm_stream::{Format, SseProcessor, StreamHandler};
///
/// let mut handler =
///     StreamHandler::new(Instant::now).add_processor(SseProcessor::new(Format::OpenAiChat));
/// let body = [
///     "data: {\"choices\":[{\"delta\":{\"con",
///     "tent\":\"Hi\"}}]}\n\ndata: [DO",
///     "NE]\n\n",
/// ];
/// assert_eq!(handler.process_stream(body)?.as_deref(), Some("Hi"));
/// # Ok::<(), llm_stream::HandlerError>(())
/// ```
#[derive(Debug)]
pub struct SseProcessor {
    payloads: Payloads,
    limits: Limits,
    state: State,
}

/// What the payloads of the server-sent events are.
#[derive(Debug, Clone, Copy)]
enum Payloads {
    Text,
    Known(Format),
    Unknown,
}

#[derive(Debug)]
enum State {
    Text(Box<stream_sse::Decoder>),
    Provider { decoder: Box<Decoder>, started: bool },
}

impl SseProcessor {
    /// Reads the stream of a provider of `format`.
    ///
    /// A stream that stops before the provider has said that it is done is incomplete; see
    /// [`StreamHandler`](crate::StreamHandler) for what that means.
    pub fn new(format: Format) -> Self {
        Self::of(Payloads::Known(format))
    }

    /// Reads the stream of a provider, whose format is found out from the first bytes.
    pub fn detect() -> Self {
        Self::of(Payloads::Unknown)
    }

    /// Reads events of no particular provider.
    ///
    /// The data of an event without a name is a piece of text; `[DONE]` is not.
    /// One with a name becomes [`Metadata::Custom`] of that kind, with its text as `data`.
    pub fn plain() -> Self {
        Self::of(Payloads::Text)
    }

    /// Sets the bounds of decoding.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self.reset();
        self
    }

    fn of(payloads: Payloads) -> Self {
        let limits = Limits::default();
        Self { payloads, limits, state: State::new(payloads, limits) }
    }
}

impl Processor for SseProcessor {
    fn process(
        &mut self,
        event: StreamEvent,
        out: &mut Vec<StreamEvent>,
    ) -> Result<(), ProcessError> {
        match &event.body {
            EventBody::Delta(Delta { choice: 0, channel: Channel::Text, text, .. }) => {
                self.state.push(text, out);
            }
            _ => out.push(event),
        }
        Ok(())
    }

    fn flush(&mut self, out: &mut Vec<StreamEvent>) -> Result<(), ProcessError> {
        self.state.finish(out);
        Ok(())
    }

    fn reset(&mut self) {
        self.state = State::new(self.payloads, self.limits);
    }
}

impl State {
    fn new(payloads: Payloads, limits: Limits) -> Self {
        let decoder = match payloads {
            Payloads::Known(format) => Decoder::with_limits(format, limits),
            Payloads::Unknown => Decoder::detect_with_limits(limits),
            Payloads::Text => {
                let bytes = limits.payload_bytes_max();
                let limits =
                    stream_sse::DecoderLimits::default().line_bytes(bytes).event_bytes(bytes);
                return Self::Text(Box::new(stream_sse::Decoder::with_limits(limits)));
            }
        };
        Self::Provider { decoder: Box::new(decoder), started: false }
    }

    fn push(&mut self, text: &str, out: &mut Vec<StreamEvent>) {
        match self {
            Self::Text(decoder) => {
                let mut events = decoder.push(text.as_bytes());
                while let Some(item) = events.next() {
                    out.extend(plain_event(item));
                }
            }
            Self::Provider { decoder, started } => {
                decoder.push(text.as_bytes());
                drain(decoder, started, out);
            }
        }
    }

    fn finish(&mut self, out: &mut Vec<StreamEvent>) {
        match self {
            Self::Text(decoder) => {
                while let Some(item) = decoder.finish() {
                    out.extend(plain_event(item));
                }
            }
            Self::Provider { decoder, started } => {
                decoder.finish();
                drain(decoder, started, out);
            }
        }
    }
}

fn drain(decoder: &mut Decoder, started: &mut bool, out: &mut Vec<StreamEvent>) {
    while let Some(event) = decoder.next_event() {
        match event.body {
            EventBody::Start(start) if !*started => {
                *started = true;
                if start.id.is_some() || start.model.is_some() {
                    let identity = Identity { id: start.id, model: start.model };
                    out.push(Metadata::Identity(identity).into());
                }
            }
            _ => out.push(event),
        }
    }
}

fn plain_event(item: stream_sse::Decoded<'_>) -> Option<StreamEvent> {
    match item {
        stream_sse::Decoded::Event(event) if event.is_named() => {
            let kind = event.event_type_str().into_owned();
            let data = Value::String(event.data_str().into_owned());
            let mut named = StreamEvent::from(Metadata::Custom { kind });
            named.extra = Some(Box::new(Map::from_iter([("data".to_owned(), data)])));
            Some(named)
        }
        stream_sse::Decoded::Event(event) if event.data() == b"[DONE]" => None,
        stream_sse::Decoded::Event(event) => Some(StreamEvent::delta(event.data_str())),
        stream_sse::Decoded::Damage(damage) => Some(StreamEvent::error(damage.to_string())),
        _ => None,
    }
}
