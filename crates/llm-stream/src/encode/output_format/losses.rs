//! What each output format cannot say.

use Loss::{
    Afterthoughts, Choices, CustomCalls, ErrorKinds, Errors, FinishReasons, Generations,
    IncompleteEnds, LateNames, Names, Reasoning, Refusals, ServerCalls, StopSequences, ToolCalls,
    Totals, Usage,
};

/// What an [`OutputFormat`](crate::OutputFormat) cannot say, and what becomes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Loss {
    /// Choices but the first are left out.
    Choices,
    /// Reasoning is left out.
    Reasoning,
    /// The words of a refusal become part of the text.
    Refusals,
    /// Tool calls are left out.
    ToolCalls,
    /// Calls that the provider runs itself are left out.
    ServerCalls,
    /// Calls of custom tools become ordinary ones; their free text is the arguments, which
    /// Anthropic's format, where arguments are an object, has as `{"input": TEXT}`.
    CustomCalls,
    /// A finish reason that the format has no word for becomes the nearest.
    FinishReasons,
    /// The stop sequence that was met is left out.
    StopSequences,
    /// What a provider adds to a call that was whole already is left out.
    Afterthoughts,
    /// Token counts are left out.
    Usage,
    /// The total of the tokens is left out, because it is the sum.
    Totals,
    /// The provider's id of the generation, and in some formats the model, are left out.
    Names,
    /// A name that becomes known or another after the first content is left out; OpenAI Responses
    /// still tells the model at its end.
    LateNames,
    /// What a generation said that was given up for another stays in the text.
    Generations,
    /// Errors are left out.
    Errors,
    /// What kind an error is, is left out where the decoder found it, and not the provider; the
    /// AI SDK and AG-UI have messages alone.
    ErrorKinds,
    /// An end without the provider's word for it becomes an error, so that no client takes the
    /// stream for a whole one; in OpenAI Responses a failed response.
    IncompleteEnds,
}

/// What OpenAI chat cannot say.
pub(super) const OPENAI_CHAT: &[Loss] = &[
    ServerCalls,
    CustomCalls,
    FinishReasons,
    StopSequences,
    Afterthoughts,
    Generations,
    ErrorKinds,
    IncompleteEnds,
];

/// What OpenAI Responses cannot say.
pub(super) const OPENAI_RESPONSES: &[Loss] = &[
    Choices,
    ServerCalls,
    CustomCalls,
    FinishReasons,
    StopSequences,
    Afterthoughts,
    LateNames,
    Generations,
    ErrorKinds,
    IncompleteEnds,
];

/// What Anthropic Messages cannot say.
pub(super) const ANTHROPIC: &[Loss] = &[
    Choices,
    Refusals,
    CustomCalls,
    FinishReasons,
    Afterthoughts,
    Totals,
    LateNames,
    Generations,
    ErrorKinds,
    IncompleteEnds,
];

/// What the AI SDK cannot say.
pub(super) const AI_SDK: &[Loss] = &[
    Choices,
    Refusals,
    CustomCalls,
    FinishReasons,
    StopSequences,
    Afterthoughts,
    Names,
    LateNames,
    ErrorKinds,
    IncompleteEnds,
];

/// What AG-UI cannot say.
pub(super) const AG_UI: &[Loss] = &[
    Choices,
    Refusals,
    ServerCalls,
    CustomCalls,
    FinishReasons,
    StopSequences,
    Afterthoughts,
    Names,
    LateNames,
    Generations,
    ErrorKinds,
    IncompleteEnds,
];

/// What plain text cannot say.
pub(super) const TEXT: &[Loss] = &[
    Choices,
    Reasoning,
    Refusals,
    ToolCalls,
    ServerCalls,
    CustomCalls,
    FinishReasons,
    StopSequences,
    Afterthoughts,
    Usage,
    Totals,
    Names,
    LateNames,
    Generations,
    Errors,
    ErrorKinds,
    IncompleteEnds,
];
