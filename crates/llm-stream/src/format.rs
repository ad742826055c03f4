//! The wire formats that the crate speaks, and their names.

use std::str::FromStr;

use crate::names::wire_names;

/// The wire format of a provider's stream.
///
/// Its text form is the hyphenated name in [`as_str`](Self::as_str); parsing accepts exactly
/// those names.
///
/// # Examples
/// ```
/// use llm_stream::Format;
///
/// assert_eq!("openai-chat".parse(), Ok(Format::OpenAiChat));
/// assert_eq!(Format::Anthropic.to_string(), "anthropic");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Format {
    /// OpenAI chat completions and the many dialects of it, as SSE.
    OpenAiChat,
    /// OpenAI's older text completions, as SSE.
    OpenAiCompletions,
    /// OpenAI Responses, as SSE.
    OpenAiResponses,
    /// Anthropic Messages, as SSE.
    Anthropic,
    /// Gemini `streamGenerateContent`, as SSE or as one JSON array.
    Gemini,
    /// Gemini's Interactions API, as SSE.
    GeminiInteractions,
    /// Ollama `/api/chat` and `/api/generate`, as NDJSON.
    Ollama,
    /// Cohere v2 chat, as SSE.
    Cohere,
}

impl Format {
    /// All formats.
    pub const ALL: [Self; 8] = [
        Self::OpenAiChat,
        Self::OpenAiCompletions,
        Self::OpenAiResponses,
        Self::Anthropic,
        Self::Gemini,
        Self::GeminiInteractions,
        Self::Ollama,
        Self::Cohere,
    ];
}

wire_names!(Format {
    OpenAiChat = "openai-chat",
    OpenAiCompletions = "openai-completions",
    OpenAiResponses = "openai-responses",
    Anthropic = "anthropic",
    Gemini = "gemini",
    GeminiInteractions = "gemini-interactions",
    Ollama = "ollama",
    Cohere = "cohere",
});

/// Why a text is not the name of a [`Format`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown stream format {name:?}")]
pub struct UnknownFormat {
    name: String,
}

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::from_name(name).ok_or_else(|| UnknownFormat { name: name.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip() {
        for format in Format::ALL {
            assert_eq!(format.as_str().parse(), Ok(format));
        }
    }

    #[test]
    fn other_spellings_are_refused() {
        for name in ["openai_chat", "OpenAI-Chat", "", "claude"] {
            let error = name.parse::<Format>().unwrap_err();
            assert_eq!(error.to_string(), format!("unknown stream format {name:?}"));
        }
    }
}
