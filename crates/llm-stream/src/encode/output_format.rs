//! The formats that streams are written in, and what each of them cannot say.

mod losses;

use std::str::FromStr;

use crate::names::wire_names;

pub use losses::Loss;

/// The format in which a client reads a stream.
///
/// Its text form is the hyphenated name in [`as_str`](Self::as_str); parsing accepts exactly
/// those names.
///
/// # What each cannot express
///
/// Everything that is not in the table arrives; [`cannot_express`](Self::cannot_express) is the
/// same table as values.
///
/// | | chat | Responses | Anthropic | AI SDK | AG-UI | text |
/// |---|---|---|---|---|---|---|
/// | [choices](Loss::Choices) but the first | | no | no | no | no | no |
/// | [reasoning](Loss::Reasoning) | | | | | | no |
/// | [refusals](Loss::Refusals) as such | | | no | no | no | no |
/// | [tool calls](Loss::ToolCalls) | | | | | | no |
/// | [calls that the provider runs](Loss::ServerCalls) | no | no | | | no | no |
/// | [calls of custom tools](Loss::CustomCalls) as such | no | no | no | no | no | no |
/// | [finish reasons](Loss::FinishReasons), all of them | no | no | no | no | no | no |
/// | [stop sequences](Loss::StopSequences) | no | no | | no | no | no |
/// | [more of a call](Loss::Afterthoughts) that was whole | no | no | no | no | no | no |
/// | [usage](Loss::Usage) | | | | | | no |
/// | [totals](Loss::Totals) of tokens | | | no | | | no |
/// | [names](Loss::Names) of the generation and the model | | | | no | no | no |
/// | [late names](Loss::LateNames) | | no | no | no | no | no |
/// | [generations](Loss::Generations) that were given up | no | no | no | | no | no |
/// | [errors](Loss::Errors) | | | | | | no |
/// | [kinds](Loss::ErrorKinds) of errors, all of them | no | no | no | no | no | no |
/// | [incomplete ends](Loss::IncompleteEnds) as such | no | no | no | no | no | no |
///
/// Beside these, no format has the timestamps and attached fields of events, and what a provider
/// alone knows (citations, signatures, token probabilities, its own blocks and fields) arrives
/// where the output format is the provider's own, or has a field for it.
/// Parts are numbered anew, and reasoning that OpenAI Responses divides into several summaries
/// arrives there as one.
///
/// # Examples
/// ```
/// use llm_stream::{Loss, OutputFormat};
///
/// assert_eq!("ai-sdk".parse(), Ok(OutputFormat::AiSdk));
/// assert!(OutputFormat::Anthropic.cannot_express().contains(&Loss::Choices));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum OutputFormat {
    /// OpenAI chat completion chunks, as SSE.
    OpenAiChat,
    /// OpenAI Responses, as SSE.
    OpenAiResponses,
    /// Anthropic Messages, as SSE.
    Anthropic,
    /// The Vercel AI SDK's UI message stream, version 1, as SSE.
    AiSdk,
    /// AG-UI events, as SSE.
    AgUi,
    /// The answer alone, as plain text.
    Text,
}

wire_names!(OutputFormat {
    OpenAiChat = "openai-chat",
    OpenAiResponses = "openai-responses",
    Anthropic = "anthropic",
    AiSdk = "ai-sdk",
    AgUi = "ag-ui",
    Text = "text",
});

impl OutputFormat {
    /// All formats.
    pub const ALL: [Self; 6] = [
        Self::OpenAiChat,
        Self::OpenAiResponses,
        Self::Anthropic,
        Self::AiSdk,
        Self::AgUi,
        Self::Text,
    ];

    /// What the format cannot say.
    pub const fn cannot_express(self) -> &'static [Loss] {
        match self {
            Self::OpenAiChat => losses::OPENAI_CHAT,
            Self::OpenAiResponses => losses::OPENAI_RESPONSES,
            Self::Anthropic => losses::ANTHROPIC,
            Self::AiSdk => losses::AI_SDK,
            Self::AgUi => losses::AG_UI,
            Self::Text => losses::TEXT,
        }
    }

    /// Whether frames are server-sent events; if not, their data is the body itself.
    pub const fn is_sse(self) -> bool {
        !matches!(self, Self::Text)
    }

    /// The `content-type` of a response in this format.
    pub const fn content_type(self) -> &'static str {
        if self.is_sse() { "text/event-stream" } else { "text/plain; charset=utf-8" }
    }

    /// The further response header that clients of this format look for: its name and value.
    ///
    /// # Examples
    /// ```
    /// use llm_stream::OutputFormat;
    ///
    /// let (name, value) = OutputFormat::AiSdk.header().unwrap();
    /// assert_eq!((name, value), ("x-vercel-ai-ui-message-stream", "v1"));
    /// ```
    pub const fn header(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::AiSdk => Some(("x-vercel-ai-ui-message-stream", "v1")),
            _ => None,
        }
    }
}

/// Why a text is not the name of an [`OutputFormat`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown output format {name:?}")]
pub struct UnknownOutputFormat {
    name: String,
}

impl FromStr for OutputFormat {
    type Err = UnknownOutputFormat;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::from_name(name).ok_or_else(|| UnknownOutputFormat { name: name.to_owned() })
    }
}
