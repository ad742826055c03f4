//! Bytes of a provider in, events out: the whole way of one stream.

use std::borrow::Cow;

use stream_sse::{Decoded, DecoderLimits};

use crate::detect::Detector;
use crate::event::{ErrorKind, StreamError, StreamEvent};
use crate::format::Format;
use crate::framing::{ArrayFramer, Frame, LineFramer};
use crate::limits::{DETECT_BYTES_MAX, Limits};
use crate::wire::{Emitter, Wire, mark_lone_halves, wire};

/// Decodes one provider's stream.
///
/// Feed it bytes as they come, cut anywhere; take events until `None` after each piece; say
/// [`finish`](Self::finish) when the input ends, and take the last ones.
/// The events do not depend on how the bytes were cut.
///
/// # Examples
/// ```
/// use llm_stream::{Decoder, Format};
///
/// let mut decoder = Decoder::new(Format::OpenAiChat);
/// let mut text = String::new();
/// for piece in [&b"data: {\"choices\":[{\"delta\":{\"con"[..], b"tent\":\"Hi\"}}]}\n\n"] {
///     decoder.push(piece);
///     while let Some(event) = decoder.next_event() {
///         text.push_str(event.delta_text());
///     }
/// }
/// assert_eq!(text, "Hi");
/// ```
#[derive(Debug)]
pub struct Decoder {
    stage: Stage,
    limits: Limits,
    bytes: u64,
    finished: bool,
}

#[derive(Debug)]
enum Stage {
    /// The format is not known yet.
    Detecting(Box<Detector>),
    Decoding(Box<Engine>),
}

/// Framing and payload decoding of a known format.
#[derive(Debug)]
struct Engine {
    format: Option<Format>,
    framing: Framing,
    payloads: Payloads,
}

/// What stands before a payload on its line.
const DATA_FIELD: &str = "data: ";

#[derive(Debug)]
enum Framing {
    /// SSE, or one JSON array: the first byte decides.
    SseOrArray,
    Sse(Box<stream_sse::Decoder>),
    Lines(LineFramer),
    Array(ArrayFramer),
}

/// Decodes payloads, whatever framed them.
#[derive(Debug)]
struct Payloads {
    wire: Box<dyn Wire>,
    out: Emitter,
    limits: Limits,
}

impl Decoder {
    /// A decoder of `format` with the default limits.
    pub fn new(format: Format) -> Self {
        Self::with_limits(format, Limits::default())
    }

    /// A decoder of `format` with the bounds of `limits`.
    pub fn with_limits(format: Format, limits: Limits) -> Self {
        let engine = Engine::new(Some(format), limits);
        Self { stage: Stage::Decoding(Box::new(engine)), limits, bytes: 0, finished: false }
    }

    /// A decoder that finds out the format from the first bytes.
    ///
    /// It holds back at most [`DETECT_BYTES_MAX`] bytes until a payload tells.
    pub fn detect() -> Self {
        Self::detect_with_limits(Limits::default())
    }

    /// As [`detect`](Self::detect), with the bounds of `limits`.
    pub fn detect_with_limits(limits: Limits) -> Self {
        Self { stage: Stage::Detecting(Box::default()), limits, bytes: 0, finished: false }
    }

    /// The format, if it is known.
    pub fn format(&self) -> Option<Format> {
        match &self.stage {
            Stage::Detecting(_) => None,
            Stage::Decoding(engine) => engine.format,
        }
    }

    /// Whether the provider has said that it is done.
    ///
    /// A few send more after that, so a driver may read on, but need not wait long.
    pub fn is_done(&self) -> bool {
        match &self.stage {
            Stage::Detecting(_) => false,
            Stage::Decoding(engine) => engine.payloads.out.is_done(),
        }
    }

    /// Takes the next bytes; after [`finish`](Self::finish) they are ignored.
    pub fn push(&mut self, chunk: &[u8]) {
        if self.finished {
            return;
        }
        let room = self.limits.stream_bytes_max().saturating_sub(self.bytes);
        let length = usize::try_from(room).unwrap_or(usize::MAX).min(chunk.len());
        let (taken, excess) = chunk.split_at(length);
        self.bytes = self.bytes.saturating_add(u64::try_from(length).unwrap_or(u64::MAX));
        self.push_within_limit(taken);
        if !excess.is_empty() {
            let message = format!("stream longer than {} bytes", self.limits.stream_bytes_max());
            self.abort(StreamError::new(ErrorKind::Limit, message));
        }
    }

    /// The next event, until `None`.
    pub fn next_event(&mut self) -> Option<StreamEvent> {
        match &mut self.stage {
            Stage::Detecting(_) => None,
            Stage::Decoding(engine) => engine.payloads.out.next_event(),
        }
    }

    /// Says that the input has ended: emits what is still open, and the end event.
    ///
    /// An unfinished last payload counts if it can be decoded. Calling it again does nothing.
    pub fn finish(&mut self) {
        if self.finished {
            return;
        }
        if let Stage::Detecting(_) = self.stage {
            self.decode_as(None);
        }
        self.finished = true;
        if let Stage::Decoding(engine) = &mut self.stage {
            engine.finish();
        }
    }

    fn push_within_limit(&mut self, chunk: &[u8]) {
        match &mut self.stage {
            Stage::Decoding(engine) => engine.push(chunk),
            Stage::Detecting(detector) => match detector.push(chunk) {
                Some(format) => self.decode_as(Some(format)),
                None if detector.is_full() => {
                    let engine = Engine::new(None, self.limits);
                    self.stage = Stage::Decoding(Box::new(engine));
                    let message = format!("cannot tell the format by {DETECT_BYTES_MAX} bytes");
                    self.abort(StreamError::new(ErrorKind::UnknownFormat, message));
                }
                None => {}
            },
        }
    }

    /// Ends detection and decodes what it held back.
    fn decode_as(&mut self, format: Option<Format>) {
        let engine = Engine::new(format, self.limits);
        let detecting = std::mem::replace(&mut self.stage, Stage::Decoding(Box::new(engine)));
        if let (Stage::Detecting(detector), Stage::Decoding(engine)) = (detecting, &mut self.stage)
        {
            engine.push(detector.held_back());
        }
    }

    fn abort(&mut self, error: StreamError) {
        if let Stage::Detecting(_) = self.stage {
            self.decode_as(None);
        }
        if let Stage::Decoding(engine) = &mut self.stage {
            engine.payloads.out.abort(error);
        }
        self.finish();
    }
}

impl Engine {
    /// Without a format, errors are all that can be decoded.
    fn new(format: Option<Format>, limits: Limits) -> Self {
        let framing = match format {
            Some(Format::Gemini) => Framing::SseOrArray,
            Some(Format::Ollama) => Framing::Lines(LineFramer::new(limits.payload_bytes_max())),
            _ => Framing::sse(limits),
        };
        let payloads = Payloads {
            wire: wire(format.unwrap_or(Format::OpenAiChat)),
            out: Emitter::new(format, limits),
            limits,
        };
        Self { format, framing, payloads }
    }

    fn push(&mut self, chunk: &[u8]) {
        let payloads = &mut self.payloads;
        match &mut self.framing {
            Framing::Sse(decoder) => {
                let mut events = decoder.push(chunk);
                while let Some(item) = events.next() {
                    payloads.sse(item, false);
                }
            }
            Framing::Lines(framer) => framer.push(chunk, |frame| payloads.frame(&frame)),
            Framing::Array(framer) => framer.push(chunk, |frame| payloads.frame(&frame)),
            Framing::SseOrArray => {
                let start = chunk.iter().position(|byte| !is_blank(*byte));
                let Some(chunk) = start.and_then(|start| chunk.get(start..)) else { return };
                let bytes_max = payloads.limits.payload_bytes_max();
                self.framing = match chunk.first() {
                    Some(b'[' | b'{') => Framing::Array(ArrayFramer::new(bytes_max)),
                    _ => Framing::sse(payloads.limits),
                };
                self.push(chunk);
            }
        }
    }

    fn finish(&mut self) {
        let payloads = &mut self.payloads;
        match &mut self.framing {
            Framing::SseOrArray => {}
            Framing::Sse(decoder) => {
                while let Some(item) = decoder.finish() {
                    payloads.sse(item, true);
                }
            }
            Framing::Lines(framer) => payloads.last(framer.finish()),
            Framing::Array(framer) => payloads.last(framer.finish()),
        }
        payloads.wire.finish(&mut payloads.out);
        payloads.out.end();
    }
}

impl Framing {
    fn sse(limits: Limits) -> Self {
        let bytes = limits.payload_bytes_max();
        let line = bytes.saturating_add(DATA_FIELD.len());
        let limits = DecoderLimits::default().line_bytes(line).event_bytes(bytes);
        Self::Sse(Box::new(stream_sse::Decoder::with_limits(limits)))
    }
}

/// Whether a byte may stand before the first one that tells the framing.
pub(crate) fn is_blank(byte: u8) -> bool {
    // Line ends and spaces, and the bytes of a byte-order mark.
    byte.is_ascii_whitespace() || matches!(byte, 0xEF | 0xBB | 0xBF)
}

impl Payloads {
    fn sse(&mut self, item: Decoded<'_>, unfinished: bool) {
        match item {
            Decoded::Event(event) => {
                let name = event.is_named().then(|| event.event_type());
                self.payload(name, event.data(), unfinished);
            }
            Decoded::Damage(damage) => self.out.limit(damage.to_string()),
            _ => {}
        }
    }

    fn frame(&mut self, frame: &Frame<'_>) {
        match frame {
            Frame::Payload(data) => self.payload(None, data, false),
            Frame::TooLong => {
                let bytes_max = self.limits.payload_bytes_max();
                self.out.limit(format!("payload longer than {bytes_max} bytes"));
            }
        }
    }

    fn last(&mut self, data: Option<Vec<u8>>) {
        if let Some(data) = data {
            self.payload(None, &data, true);
        }
    }

    /// Decodes one payload; an unfinished one may be broken without this being an error.
    fn payload(&mut self, name: Option<&[u8]>, data: &[u8], unfinished: bool) {
        let data = data.trim_ascii();
        if data.is_empty() {
            return;
        }
        if data == b"[DONE]" {
            self.out.done();
            return;
        }
        let text = text_of(data);
        if self.out.repeat(name, &text) {
            return;
        }
        let event = name.map(text_of);
        let wire = &mut self.wire;
        let decode = |out: &mut Emitter| wire.payload(event.as_deref(), &text, out);
        let Err(cause) = self.out.observe(name, &text, decode) else { return };
        if let Some(marked) = mark_lone_halves(&text) {
            self.out.expect_halves();
            if self.wire.payload(event.as_deref(), &marked, &mut self.out).is_ok() {
                return;
            }
        }
        if !unfinished {
            self.out.malformed(&text, cause);
        }
    }
}

/// The text that bytes are, with U+FFFD for what is not UTF-8.
fn text_of(bytes: &[u8]) -> Cow<'_, str> {
    match simdutf8::basic::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => String::from_utf8_lossy(bytes),
    }
}

/// Decodes a whole stream at once.
///
/// # Examples
/// ```
/// use llm_stream::{Assembly, Format, decode};
///
/// let bytes = b"data: {\"choices\":[{\"delta\":{\"content\":\"Hi\"}}]}\n\ndata: [DONE]\n\n";
/// let assembly: Assembly = decode(Format::OpenAiChat, bytes).iter().collect();
/// assert_eq!(assembly.text(), "Hi");
/// ```
pub fn decode(format: Format, bytes: &[u8]) -> Vec<StreamEvent> {
    let mut decoder = Decoder::new(format);
    decoder.push(bytes);
    decoder.finish();
    std::iter::from_fn(|| decoder.next_event()).collect()
}
