//! Events in, a client's format out: the way back from the one event model.

mod about;
mod ag_ui;
mod ai_sdk;
mod anthropic;
mod chat;
mod frame;
pub(crate) mod limits;
mod object;
mod output_format;
mod responses;
mod script;
mod target;
mod text;
mod usage;
mod words;

use stream_sse::{EventName, FrameRef};

pub use frame::{Frame, Frames};
pub use output_format::{Loss, OutputFormat, UnknownOutputFormat};

use crate::event::StreamEvent;
use frame::Out;
use script::Script;
use target::Target;

/// Encodes one stream in one format.
///
/// Give it every event in order; each becomes no, one or several frames.
/// What comes out depends on the events and the [stream's id](Self::stream_id) alone: there is no
/// clock and no randomness in it, and it is the same for every reader.
///
/// # Resuming
///
/// A log holds events, and a client reads frames, so a client that comes back after event `k`
/// must be given the frames of the events from `k + 1` on.
/// Feed an encoder the events up to `k`, dropping their frames: it is then where the first one
/// was, and what it says next fits on byte by byte.
/// Two things make that safe:
///
/// - Only the [last](Frame::is_last) frame of an event carries the event's position as its SSE id.
///   A client whose connection breaks between the frames of one event is still at the event
///   before, and is given all of them again.
/// - That repeats no words: of the frames of one event only the last adds to a text, or to the
///   arguments of a call that an earlier event began. The frames before it begin or end something,
///   with the same id each time, and can be taken twice.
///
/// An event without frames needs no id: the client comes back at an earlier event, and is given
/// nothing for this one again.
///
/// A client that has kept nothing, such as a library that is called anew, does not know what is
/// open: [`snapshot`](Self::snapshot) tells it.
///
/// # Repair
///
/// Whatever the provider left open is ended, in every format that knows beginnings and ends, when
/// the stream ends or another generation begins.
/// A stream that failed or broke off never looks like a whole one: it ends with an error, without
/// the format's mark of success.
/// An error in the middle is passed on when it comes, and again at the end if the stream failed;
/// most clients stop at the first.
///
/// # Limits
///
/// An encoder keeps no text but that which its format repeats: see
/// [`ENCODER_TEXT_BYTES_MAX`](crate::ENCODER_TEXT_BYTES_MAX) and the other constants of that name.
///
/// # Examples
/// ```
/// use llm_stream::{Encoder, OutputFormat, StreamEvent};
///
/// let mut encoder = Encoder::new(OutputFormat::AiSdk).stream_id("m1");
/// let mut lines = Vec::new();
/// for event in [StreamEvent::start(), StreamEvent::delta("Hi")] {
///     for frame in encoder.push(&event) {
///         lines.push(String::from_utf8_lossy(frame.data).into_owned());
///     }
/// }
/// assert_eq!(
///     lines,
///     [
///         r#"{"type":"start","messageId":"m1"}"#,
///         r#"{"type":"start-step"}"#,
///         r#"{"type":"text-start","id":"part-0"}"#,
///         r#"{"type":"text-delta","id":"part-0","delta":"Hi"}"#,
///     ],
/// );
/// ```
#[derive(Debug, Clone)]
pub struct Encoder {
    format: OutputFormat,
    script: Script,
    out: Out,
}

impl Encoder {
    /// An encoder for a stream of which nothing has been said.
    pub fn new(format: OutputFormat) -> Self {
        let target: Box<dyn Target> = match format {
            OutputFormat::OpenAiChat => Box::<chat::Chat>::default(),
            OutputFormat::OpenAiResponses => Box::<responses::Responses>::default(),
            OutputFormat::Anthropic => Box::<anthropic::Anthropic>::default(),
            OutputFormat::AiSdk => Box::<ai_sdk::AiSdk>::default(),
            OutputFormat::AgUi => Box::<ag_ui::AgUi>::default(),
            OutputFormat::Text => Box::<text::Text>::default(),
        };
        Self { format, script: Script::new(format, target), out: Out::default() }
    }

    /// Names the stream, before the first event: ids that the provider did not give are made from
    /// it. The AI SDK and AG-UI always call the message by it.
    ///
    /// Without it they are made from the provider's id of the generation.
    #[must_use]
    pub fn stream_id(mut self, id: impl Into<String>) -> Self {
        self.script.set_stream(id.into());
        self
    }

    /// The format of the frames.
    pub fn format(&self) -> OutputFormat {
        self.format
    }

    /// Takes the next event and gives its frames; what comes after an end event is ignored.
    pub fn push(&mut self, event: &StreamEvent) -> Frames<'_> {
        self.out.clear();
        self.script.event(event, &mut self.out);
        Frames::new(&self.out)
    }

    /// What a client that has seen no frame must be told before those of the next event: the
    /// beginning of the stream and of each block that is open.
    ///
    /// It does not change what comes next, and belongs to no event: its frames carry no id.
    /// The texts so far are not in it, but tool calls are: half a call would be of no use.
    /// Before the first frame and after the end it is empty.
    pub fn snapshot(&mut self) -> Frames<'_> {
        self.out.clear();
        self.script.snapshot(&mut self.out);
        Frames::new(&self.out)
    }
}

/// Encodes a whole stream at once, as the body of a response.
///
/// # Examples
/// ```
/// use llm_stream::{Format, OutputFormat, StreamEvent, decode, encode};
///
/// let events = [StreamEvent::delta("Hi"), StreamEvent::end("")];
/// let bytes = encode(OutputFormat::Anthropic, &events);
/// let text: String = decode(Format::Anthropic, &bytes).iter().map(|e| e.delta_text()).collect();
/// assert_eq!(text, "Hi");
/// ```
pub fn encode<'a>(
    format: OutputFormat,
    events: impl IntoIterator<Item = &'a StreamEvent>,
) -> Vec<u8> {
    let mut encoder = Encoder::new(format);
    let mut sse = stream_sse::Encoder::new();
    let mut body = Vec::new();
    for event in events {
        for frame in encoder.push(event) {
            if format.is_sse() {
                let name = frame.event.and_then(|name| EventName::parse(name).ok());
                let (event, data) = (name.as_ref(), Some(frame.data));
                sse.push(FrameRef { event, data, ..FrameRef::default() });
            } else {
                body.extend_from_slice(frame.data);
            }
        }
    }
    if format.is_sse() { sse.take() } else { body }
}
